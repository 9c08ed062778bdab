//! JSON Schema as rules of a grammar, as llama.cpp's converter makes them (`common/json-schema-to-grammar.cpp`): required properties
//! in the order in which they are declared and then the optional ones, little white space, numbers of at most 16 digits.
//!
//! What the grammar takes is JSON that the schema is true of, but for `oneOf`, which is read as `anyOf`, and for what says nothing of
//! JSON's form: formats other than dates, times and UUIDs, and annotations. It need not take all such JSON: an object of declared properties
//! has others only where `additionalProperties` is said, and what a pattern cannot be made of is an error.

mod merge;
mod object;
mod pattern;
mod range;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::GrammarError;
use super::gbnf;
use super::rules::{Node, Rules};

/// What schemas are made of: llama.cpp's, but for escapes, which are whole characters, so that lengths count those.
const PRELUDE: &str = r#"
space ::= | " " | "\n"{1,2} [ \t]{0,20}
boolean ::= "true" | "false"
null ::= "null"
integral ::= "0" | [1-9] [0-9]{0,15}
integer ::= "-"? integral
fraction ::= ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?
number ::= "-"? integral fraction
positive ::= integral fraction
hex ::= [0-9a-fA-F]
unit ::= [0-9a-ce-fA-CE-F] hex{3} | [dD] ([0-7] hex{2} | [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2})
char ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" unit)
string ::= "\"" char* "\""
value ::= object | array | string | number | boolean | null
object ::= "{" space (string space ":" space value ("," space string space ":" space value)*)? space "}"
array ::= "[" space (value ("," space value)*)? space "]"
uuid ::= "\"" hex{8} ("-" hex{4}){3} "-" hex{12} "\""
leap ::= [0-9]{2} ("0" [48] | [2468] [048] | [13579] [26]) | ([02468] [048] | [13579] [26]) "00"
to28 ::= "0" [1-9] | "1" [0-9] | "2" [0-8]
day-of ::= ("0" [1-9] | "1" [0-2]) "-" to28 | ("0" [13-9] | "1" [0-2]) "-" ("29" | "30") | ("0" [13578] | "1" [02]) "-31"
day ::= [0-9]{4} "-" day-of | leap "-02-29"
hour ::= ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]
clock ::= hour ":" [0-5] [0-9] ("." [0-9]{3})? ("Z" | [-+] hour)
date ::= "\"" day "\""
time ::= "\"" clock "\""
date-time ::= "\"" day "T" clock "\""
"#;

/// Schemas inside one another, at most.
const MAX_DEPTH: usize = 64;

/// Words of a schema that say nothing of what JSON it is true of.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "discriminator",
    "contentEncoding",
    "contentMediaType",
    "externalDocs",
    "xml",
];

/// The rules of what `schema` is true of, and the first of them.
pub(super) fn rules(schema: &Value) -> Result<(Rules, usize), GrammarError> {
    let mut rules = Rules::default();
    gbnf::read(PRELUDE, &mut rules)?;
    let mut writer =
        Writer { schema, rules, refs: BTreeMap::new(), pending: Vec::new(), depth: 0, path: "#".to_owned() };
    let node = writer.node(schema)?;
    let root = writer.rules.add(Some(node));
    while let Some((reference, target, rule)) = writer.pending.pop() {
        writer.path = reference;
        let node = writer.node(target)?;
        writer.rules.rules[rule].node = Some(node);
    }
    Ok((writer.rules, root))
}

struct Writer<'a> {
    schema: &'a Value,
    rules: Rules,
    /// The rules of what `$ref`s name.
    refs: BTreeMap<String, usize>,
    /// Those of them that are still to be written: what `$ref` says, the schema and its rule.
    pending: Vec<(String, &'a Value, usize)>,
    depth: usize,
    /// Where it is in the schema.
    path: String,
}

impl Writer<'_> {
    fn error<T>(&self, problem: &'static str) -> Result<T, GrammarError> {
        Err(GrammarError::Schema { path: self.path.clone(), problem })
    }

    /// An error at `key` of where it is.
    fn error_at<T>(&mut self, key: &str, problem: &'static str) -> Result<T, GrammarError> {
        self.enter(key);
        self.error(problem)
    }

    /// Goes to `key` of where it is; [`Writer::leave`] takes what this gives, unless there was an error.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        self.path.push('/');
        for c in key.chars() {
            match c {
                '~' => self.path.push_str("~0"),
                '/' => self.path.push_str("~1"),
                c => self.path.push(c),
            }
        }
        length
    }

    fn leave(&mut self, length: usize) {
        self.path.truncate(length);
    }

    /// What is as the schema at `key` of where it is says.
    fn node_at(&mut self, key: &str, schema: &Value) -> Result<Node, GrammarError> {
        let at = self.enter(key);
        let node = self.node(schema)?;
        self.leave(at);
        Ok(node)
    }

    /// The rule of this name in the prelude.
    fn given(&self, name: &str) -> Node {
        match self.rules.find(name) {
            Some(rule) => Node::Rule(rule),
            None => Node::Choice(Vec::new()),
        }
    }

    /// What is as `schema` says.
    fn node(&mut self, schema: &Value) -> Result<Node, GrammarError> {
        if self.depth == MAX_DEPTH {
            return self.error("it is nested too deep");
        }
        self.depth += 1;
        let node = match schema {
            Value::Bool(true) => self.given("value"),
            Value::Bool(false) => Node::Choice(Vec::new()),
            Value::Object(schema) => self.object_schema(schema)?,
            _ => return self.error("a schema is an object, true or false"),
        };
        self.depth -= 1;
        Ok(node)
    }

    fn object_schema(&mut self, schema: &Map<String, Value>) -> Result<Node, GrammarError> {
        if let Some(merged) = self.merged(schema)? {
            return self.node(&merged);
        }
        if let Some(reference) = schema.get("$ref") {
            return match reference.as_str() {
                Some(reference) => self.reference(reference),
                None => self.error("$ref is a string"),
            };
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(key) {
                let at = self.enter(key);
                let node = self.choices(schema, key, choices)?;
                self.leave(at);
                return Ok(node);
            }
        }
        let types = self.types(schema)?;
        if let Some(values) = schema.get("enum") {
            let Some(values) = values.as_array() else { return self.error("enum is a list of values") };
            return Ok(Node::Choice(
                values.iter().filter(|v| types.iter().any(|t| is(v, t))).map(constant).collect(),
            ));
        }
        if let Some(value) = schema.get("const") {
            return Ok(constant(value));
        }
        let mut choices = types.iter().map(|&ty| self.typed(schema, ty)).collect::<Result<Vec<_>, _>>()?;
        Ok(if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) })
    }

    /// The types of a value; without one said, what its other words are about, or all.
    fn types<'s>(&self, schema: &'s Map<String, Value>) -> Result<Vec<&'s str>, GrammarError> {
        const BY_WORD: [(&str, &str); 14] = [
            ("properties", "object"),
            ("required", "object"),
            ("additionalProperties", "object"),
            ("items", "array"),
            ("prefixItems", "array"),
            ("minItems", "array"),
            ("maxItems", "array"),
            ("pattern", "string"),
            ("minLength", "string"),
            ("maxLength", "string"),
            ("format", "string"),
            ("minimum", "number"),
            ("maximum", "number"),
            ("multipleOf", "number"),
        ];
        let mut types = match schema.get("type") {
            Some(Value::String(ty)) => vec![ty.as_str()],
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(_) => return self.error("type is a string or a list of strings"),
            None if schema.contains_key("enum") => vec!["any"],
            None => {
                vec![BY_WORD.iter().find(|(word, _)| schema.contains_key(*word)).map_or("any", |(_, ty)| ty)]
            }
        };
        if schema.get("nullable") == Some(&Value::Bool(true)) && !types.contains(&"null") {
            types.push("null");
        }
        Ok(types)
    }

    fn typed(&mut self, schema: &Map<String, Value>, ty: &str) -> Result<Node, GrammarError> {
        let words: &[&str] = match ty {
            "object" => &["properties", "required", "additionalProperties"],
            "array" => &["items", "prefixItems", "minItems", "maxItems"],
            "string" => &["minLength", "maxLength", "pattern", "format"],
            "integer" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
            "number" => &["minimum"],
            "boolean" | "null" | "any" => &[],
            _ => return self.error("type is none that JSON has"),
        };
        // With several types, a word is about one of them.
        let one = schema.get("type").is_none_or(Value::is_string);
        for (word, value) in schema {
            let harmless = match word.as_str() {
                "type" | "nullable" => true,
                "uniqueItems" => *value == Value::Bool(false),
                "minProperties" => value.as_u64() == Some(0),
                word => words.contains(&word) || ANNOTATIONS.contains(&word) || word.starts_with("x-"),
            };
            if !harmless && (one || is_constraint_of(word, ty)) {
                return self.error_at(word, "this is not supported here");
            }
        }
        match ty {
            "object" => self.object(schema),
            "array" => self.array(schema),
            "string" => self.string(schema),
            "integer" => self.integer(schema),
            "number" => match schema.get("minimum").map(Value::as_f64) {
                None => Ok(self.given("number")),
                Some(Some(0.0)) => Ok(self.given("positive")),
                Some(_) => self.error_at("minimum", "of a number that is no integer it may be 0 alone"),
            },
            "any" => Ok(self.given("value")),
            ty => Ok(self.given(ty)),
        }
    }

    /// What a `$ref` names, in a rule of its own: it may name what it is a part of.
    fn reference(&mut self, reference: &str) -> Result<Node, GrammarError> {
        if let Some(&rule) = self.refs.get(reference) {
            return Ok(Node::Rule(rule));
        }
        let whole = self.schema;
        let target = match reference.strip_prefix('#') {
            Some(pointer) => whole.pointer(pointer),
            None => return self.error_at("$ref", "it leads out of the schema"),
        };
        let Some(target) = target else {
            return self.error_at("$ref", "it leads to nothing");
        };
        let rule = self.rules.add(None);
        self.refs.insert(reference.to_owned(), rule);
        self.pending.push((reference.to_owned(), target, rule));
        if self.refs.len() > MAX_REFS {
            return self.error("there are too many $refs");
        }
        Ok(Node::Rule(rule))
    }

    fn choices(
        &mut self,
        schema: &Map<String, Value>,
        key: &str,
        choices: &Value,
    ) -> Result<Node, GrammarError> {
        let Some(choices) = choices.as_array() else { return self.error("it is a list of schemas") };
        let rest: Map<String, Value> = schema
            .iter()
            .filter(|(k, _)| *k != key && !ANNOTATIONS.contains(&k.as_str()))
            .map(clone)
            .collect();
        let mut nodes = Vec::with_capacity(choices.len());
        for (i, choice) in choices.iter().enumerate() {
            let both;
            let choice = if rest.is_empty() {
                choice
            } else {
                let parts = Value::Array(vec![rest.clone().into(), choice.clone()]);
                both = Value::Object(Map::from_iter([("allOf".to_owned(), parts)]));
                &both
            };
            let node = self.node_at(&i.to_string(), choice)?;
            nodes.push(node);
        }
        Ok(Node::Choice(nodes))
    }

    /// A whole number that a word says.
    fn count(&mut self, schema: &Map<String, Value>, word: &str) -> Result<Option<u32>, GrammarError> {
        let Some(value) = schema.get(word) else { return Ok(None) };
        let number = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n));
        match number {
            Some(number) => Ok(Some(number as u32)),
            None => self.error_at(word, "it is a whole number, at least 0"),
        }
    }

    fn string(&mut self, schema: &Map<String, Value>) -> Result<Node, GrammarError> {
        let (least, most) = (self.count(schema, "minLength")?, self.count(schema, "maxLength")?);
        let format = schema.get("format").and_then(Value::as_str);
        let format = format.filter(|format| ["date", "time", "date-time", "uuid"].contains(format));
        let lengths = least.is_some_and(|least| least > 0) || most.is_some();
        let node = match (schema.get("pattern"), format) {
            (Some(_), _) if lengths || format.is_some() => {
                return self.error_at("pattern", "it cannot be together with a length or a format");
            }
            (Some(pattern), _) => {
                return match pattern.as_str().map(pattern::node) {
                    Some(Ok(node)) => Ok(quoted(node)),
                    Some(Err(problem)) => self.error_at("pattern", problem),
                    None => self.error_at("pattern", "it is a string"),
                };
            }
            (None, Some(_)) if lengths => {
                return self.error_at("format", "it cannot be together with a length");
            }
            (None, Some(format)) => return Ok(self.given(format)),
            (None, None) if !lengths => return Ok(self.given("string")),
            (None, None) => self.given("char"),
        };
        if most.is_some_and(|most| most < least.unwrap_or(0)) {
            return Ok(Node::Choice(Vec::new()));
        }
        Ok(quoted(node.times(least.unwrap_or(0), most)))
    }

    fn integer(&mut self, schema: &Map<String, Value>) -> Result<Node, GrammarError> {
        let mut bounds = [None; 4];
        for (bound, word) in
            bounds.iter_mut().zip(["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"])
        {
            *bound = match schema.get(word) {
                None | Some(Value::Bool(false)) => None,
                Some(value) => match value.as_f64().filter(|n| n.abs() < 1e15) {
                    Some(number) => Some(number),
                    None => {
                        return self.error_at(word, "it is a number of at most 15 digits");
                    }
                },
            };
        }
        let [minimum, above, maximum, below] = bounds;
        let least = minimum.map(f64::ceil).into_iter().chain(above.map(|n| n.floor() + 1.0)).reduce(f64::max);
        let most = maximum.map(f64::floor).into_iter().chain(below.map(|n| n.ceil() - 1.0)).reduce(f64::min);
        match (least, most) {
            (None, None) => Ok(self.given("integer")),
            (least, most) => Ok(range::integers(least.map(|n| n as i64), most.map(|n| n as i64))),
        }
    }
}

/// `$ref`s to different places, at most.
const MAX_REFS: usize = 1 << 12;

fn quoted(node: Node) -> Node {
    Node::Sequence(vec![Node::literal("\""), node, Node::literal("\"")])
}

/// A value as JSON without spaces.
fn constant(value: &Value) -> Node {
    Node::literal(&value.to_string())
}

fn clone((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// Whether `value` is of type `ty`.
fn is(value: &Value, ty: &str) -> bool {
    match value {
        _ if ty == "any" => true,
        Value::Null => ty == "null",
        Value::Bool(_) => ty == "boolean",
        Value::Number(n) => {
            ty == "number" || (ty == "integer" && n.as_f64().is_some_and(|n| n.fract() == 0.0))
        }
        Value::String(_) => ty == "string",
        Value::Array(_) => ty == "array",
        Value::Object(_) => ty == "object",
    }
}

/// Whether a word that is not supported constrains values of type `ty`.
fn is_constraint_of(word: &str, ty: &str) -> bool {
    match word {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            ["integer", "number"].contains(&ty)
        }
        "minLength" | "maxLength" | "pattern" | "format" => ty == "string",
        "items" | "prefixItems" | "additionalItems" | "minItems" | "maxItems" | "uniqueItems"
        | "contains" => ty == "array",
        "properties"
        | "required"
        | "additionalProperties"
        | "patternProperties"
        | "propertyNames"
        | "minProperties"
        | "maxProperties"
        | "dependentRequired" => ty == "object",
        _ => true,
    }
}
