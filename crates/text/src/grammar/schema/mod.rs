//! JSON Schema as rules of a grammar, as llama.cpp's converter makes them (`common/json-schema-to-grammar.cpp`): required properties
//! in the order in which they are declared and then the optional ones, little white space, numbers of at most 16 digits.
//!
//! What the grammar takes is JSON that the schema is true of, but for `oneOf`, which is read as `anyOf`, and for what says nothing of
//! JSON's form: formats other than dates, times and UUIDs, formats beside a pattern, and annotations. It need not take all such JSON: an
//! object of declared properties has others only where `additionalProperties` is said, and what a pattern cannot be made of is an error. A
//! schema that nothing is true of is an error too, and a part of one is never begun.

mod merge;
mod object;
mod pattern;
mod range;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::GrammarError;
use super::gbnf;
use super::rules::{Node, Rules};

/// What schemas are made of: llama.cpp's, but for escapes, which are whole characters, so that lengths count those.
const PRELUDE: &str = include_str!("prelude.gbnf");

/// Schemas inside one another, at most.
const MAX_DEPTH: usize = 64;
/// Bytes of schemas that are read, at most, with those that `$ref`, `allOf` and `anyOf` make of them.
const MAX_WORK: usize = 1 << 24;
/// What a schema counts as, at least, of those bytes.
const SCHEMA: usize = 256;
/// `$ref`s to different places, and schemas that are made of several, at most.
const MAX_REFS: usize = 1 << 12;
/// Of a path, so many bytes are told.
const MAX_PATH: usize = 300;

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
    let mut writer = Writer {
        schema,
        rules,
        made: BTreeMap::new(),
        pending: Vec::new(),
        depth: 0,
        work: 0,
        path: "#".to_owned(),
    };
    let node = writer.node(schema)?;
    let root = writer.rules.add(Some(node));
    while let Some((path, schema, rule)) = writer.pending.pop() {
        writer.path = path;
        let node = writer.node(&schema)?;
        writer.rules.rules[rule].node = Some(node);
    }
    Ok((writer.rules, root))
}

struct Writer<'a> {
    schema: &'a Value,
    rules: Rules,
    /// The rules of what `$ref`s name, by what they say, and of schemas that are made of several, by their JSON.
    made: BTreeMap<String, usize>,
    /// Those of them that are still to be written: the path, the schema and its rule.
    pending: Vec<(String, Cow<'a, Value>, usize)>,
    depth: usize,
    /// Of `MAX_WORK`.
    work: usize,
    /// Where it is in the schema.
    path: String,
}

impl<'a> Writer<'a> {
    fn error<T>(&self, problem: &'static str) -> Result<T, GrammarError> {
        let mut path = self.path.clone();
        if path.len() >= MAX_PATH {
            path.push('…');
        }
        Err(GrammarError::Schema { path, problem })
    }

    /// An error at `key` of where it is.
    fn error_at<T>(&mut self, key: &str, problem: &'static str) -> Result<T, GrammarError> {
        self.enter(key);
        self.error(problem)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), GrammarError> {
        self.work = self.work.saturating_add(bytes);
        if self.work > MAX_WORK {
            let what = "bytes of schemas, with those that $ref, allOf and anyOf make of them,";
            return Err(GrammarError::TooLarge { what, limit: MAX_WORK });
        }
        Ok(())
    }

    /// Goes to `key` of where it is; [`Writer::leave`] takes what this gives, unless there was an error.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        self.tell('/');
        for c in key.chars() {
            match c {
                '~' => ['~', '0'].map(|c| self.tell(c)),
                '/' => ['~', '1'].map(|c| self.tell(c)),
                c => [self.tell(c), ()],
            };
        }
        length
    }

    /// Adds to the path, as far as it is told.
    fn tell(&mut self, c: char) {
        if self.path.len() < MAX_PATH {
            if c.is_control() { self.path.extend(c.escape_unicode()) } else { self.path.push(c) }
        }
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
        self.spend(SCHEMA)?;
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
        let mut says = 0;
        for (word, value) in schema {
            if !is_harmless(word, value) {
                says += 1;
                if about(word).is_none() {
                    return self.error_at(word, "this is not supported");
                }
            }
        }
        match (schema.get("allOf"), schema.get("$ref")) {
            (Some(Value::Array(all)), None) if says == 1 && all.len() == 1 => {
                let at = self.enter("allOf");
                let node = self.node_at("0", &all[0])?;
                self.leave(at);
                return Ok(node);
            }
            (None, Some(reference)) if says == 1 => {
                let target = self.target(reference)?;
                let reference = reference.as_str().unwrap_or_default();
                let path = std::mem::take(&mut self.path);
                reference.chars().for_each(|c| self.tell(c));
                let path = std::mem::replace(&mut self.path, path);
                return self.rule(reference.to_owned(), path, Cow::Borrowed(target));
            }
            (None, None) => {}
            _ => {
                let merged = self.merged(schema)?;
                let text = merged.to_string();
                self.spend(text.len())?;
                return self.rule(text, self.path.clone(), Cow::Owned(merged));
            }
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
        if schema.contains_key("enum") || schema.contains_key("const") {
            return self.values(schema, &types);
        }
        let one = types.len() == 1;
        let mut choices =
            types.iter().map(|&ty| self.typed(schema, ty, one)).collect::<Result<Vec<_>, _>>()?;
        Ok(if one { choices.remove(0) } else { Node::Choice(choices) })
    }

    /// One of the values of `enum` and `const`, beside which nothing else is taken that would constrain them but `type`.
    fn values(&mut self, schema: &Map<String, Value>, types: &[&str]) -> Result<Node, GrammarError> {
        for (word, value) in schema {
            let taken = match word.as_str() {
                "enum" | "const" | "type" | "nullable" => true,
                "format" => format(value).is_none(),
                word => is_harmless(word, value),
            };
            if !taken {
                return self.error_at(word, "this is not supported beside enum and const");
            }
        }
        let one = schema.get("const");
        let values = match (schema.get("enum"), one) {
            (Some(Value::Array(values)), _) => &values[..],
            (None, Some(one)) => std::slice::from_ref(one),
            _ => return self.error_at("enum", "it is a list of values"),
        };
        let values =
            values.iter().filter(|&v| one.is_none_or(|one| one == v) && types.iter().any(|t| is(v, t)));
        Ok(Node::Choice(values.map(|value| Node::literal(&value.to_string())).collect()))
    }

    /// The types of a value; without one said, what its other words are about, or all.
    fn types<'s>(&self, schema: &'s Map<String, Value>) -> Result<Vec<&'s str>, GrammarError> {
        let mut types = Vec::new();
        match schema.get("type") {
            Some(said) => {
                let said = said.as_array().map_or(std::slice::from_ref(said), Vec::as_slice);
                for ty in said {
                    match ty.as_str().filter(|ty| TYPES.contains(ty)) {
                        Some(ty) => types.push(ty),
                        None => {
                            return self
                                .error("type is a string or a list of strings, each a type that JSON has");
                        }
                    }
                }
            }
            None if schema.contains_key("enum") || schema.contains_key("const") => types.push("any"),
            None => {
                let mut words = schema.iter().filter(|(word, value)| !is_harmless(word, value));
                let about = words.find_map(|(word, _)| about(word).filter(|ty| !ty.is_empty()));
                types.push(about.unwrap_or("any"));
            }
        }
        if schema.get("nullable") == Some(&Value::Bool(true)) && !types.contains(&"null") {
            types.push("null");
        }
        Ok(types)
    }

    /// What is of type `ty`, which may be the `one` type of the schema.
    fn typed(&mut self, schema: &Map<String, Value>, ty: &str, one: bool) -> Result<Node, GrammarError> {
        let words: &[&str] = match ty {
            "object" => &["properties", "required", "additionalProperties"],
            "array" => &["items", "prefixItems", "minItems", "maxItems"],
            "string" => &["minLength", "maxLength", "pattern", "format"],
            "integer" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
            "number" => &["minimum"],
            _ => &[],
        };
        for (word, value) in schema {
            let about = about(word).unwrap_or_default();
            // With several types, a word is about one of them.
            let constrains = one || about == ty || ty == "any" || (about == "number" && ty == "integer");
            if constrains && !about.is_empty() && !words.contains(&word.as_str()) && !is_harmless(word, value)
            {
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

    /// The schema that a `$ref` names.
    fn target(&mut self, reference: &Value) -> Result<&'a Value, GrammarError> {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        let Some(pointer) = pointer else {
            return self.error_at("$ref", "it leads out of the schema, or is no string");
        };
        let whole = self.schema;
        match decoded(pointer).and_then(|pointer| whole.pointer(&pointer)) {
            Some(target) => Ok(target),
            None => self.error_at("$ref", "it leads to nothing"),
        }
    }

    /// The rule of a schema, known by `key`: it may be a part of itself.
    fn rule(&mut self, key: String, path: String, schema: Cow<'a, Value>) -> Result<Node, GrammarError> {
        if let Some(&rule) = self.made.get(&key) {
            return Ok(Node::Rule(rule));
        }
        if self.made.len() == MAX_REFS {
            return Err(GrammarError::TooLarge {
                what: "schemas that $ref, allOf and anyOf make,",
                limit: MAX_REFS,
            });
        }
        let rule = self.rules.add(None);
        self.made.insert(key, rule);
        self.pending.push((path, schema, rule));
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
            .filter(|(k, value)| *k != key && !is_harmless(k, value))
            .map(|(k, value)| (k.clone(), value.clone()))
            .collect();
        let length = Value::Object(rest.clone()).to_string().len();
        let mut nodes = Vec::with_capacity(choices.len());
        for (i, choice) in choices.iter().enumerate() {
            let both;
            let choice = if rest.is_empty() {
                choice
            } else {
                self.spend(length)?;
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
        let format = schema.get("format").and_then(format);
        let lengths = least.is_some_and(|least| least > 0) || most.is_some();
        let node = match (schema.get("pattern"), format) {
            (Some(_), _) if lengths => {
                return self.error_at("pattern", "it cannot be together with a length");
            }
            // A format is a remark beside it.
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
        let mut bound = |word: &str, round: fn(f64) -> f64, further: i64| match schema.get(word) {
            None | Some(Value::Bool(false)) => Ok(None),
            Some(value) => match value.as_i64().or_else(|| value.as_f64().map(|n| round(n) as i64)) {
                Some(number) => Ok(Some(number.saturating_add(further))),
                None => self.error_at(word, "it is a number"),
            },
        };
        let least = bound("minimum", f64::ceil, 0)?.max(bound("exclusiveMinimum", f64::floor, 1)?);
        let (most, below) = (bound("maximum", f64::floor, 0)?, bound("exclusiveMaximum", f64::ceil, -1)?);
        let most = most.into_iter().chain(below).min();
        match (least, most) {
            (None, None) => Ok(self.given("integer")),
            (least, most) => Ok(range::integers(least, most)),
        }
    }
}

fn quoted(node: Node) -> Node {
    Node::Sequence(vec![Node::literal("\""), node, Node::literal("\"")])
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

/// The types of JSON.
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// The format, where strings are made as it says.
fn format(value: &Value) -> Option<&str> {
    value.as_str().filter(|format| ["date", "time", "date-time", "uuid"].contains(format))
}

/// A part of a URI without `%`.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(pattern::hex(hex)? as u8);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Whether a word says nothing of what JSON the schema is true of.
fn is_harmless(word: &str, value: &Value) -> bool {
    match word {
        "uniqueItems" => *value == Value::Bool(false),
        "minProperties" => value.as_u64() == Some(0),
        "propertyNames" => match value {
            Value::Object(names) => names.len() == 1 && names.get("type").is_some_and(|ty| ty == "string"),
            names => *names == Value::Bool(true),
        },
        word => ANNOTATIONS.contains(&word) || word.starts_with("x-"),
    }
}

/// The type of values that a word is about, or none in particular; nothing, where the word is unknown.
fn about(word: &str) -> Option<&'static str> {
    Some(match word {
        "type" | "nullable" | "enum" | "const" | "anyOf" | "oneOf" | "allOf" | "$ref" => "",
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => "number",
        "minLength" | "maxLength" | "pattern" | "format" => "string",
        "items" | "prefixItems" | "additionalItems" | "minItems" | "maxItems" | "uniqueItems"
        | "contains" => "array",
        "properties"
        | "required"
        | "additionalProperties"
        | "patternProperties"
        | "propertyNames"
        | "minProperties"
        | "maxProperties"
        | "dependentRequired" => "object",
        _ => return None,
    })
}
