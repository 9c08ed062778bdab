//! `allOf`, and words beside `$ref` or `anyOf`: one schema that says what several say.

use serde_json::{Map, Value};

use super::{MAX_DEPTH, SCHEMA, Writer, is_harmless};
use crate::grammar::GrammarError;

impl Writer<'_> {
    /// The schema without `allOf`, where it has one, or a `$ref` beside other words.
    pub(super) fn merged(&mut self, schema: &Map<String, Value>) -> Result<Value, GrammarError> {
        let mut merged = Map::new();
        self.add(&mut merged, schema)?;
        // Without a type beside it, it lets nothing through that a type of another part does not.
        if merged.contains_key("type") {
            merged.remove("nullable");
        }
        Ok(merged.into())
    }

    /// Adds what `schema` says.
    fn add(
        &mut self,
        merged: &mut Map<String, Value>,
        schema: &Map<String, Value>,
    ) -> Result<(), GrammarError> {
        self.spend(SCHEMA)?;
        if self.depth == MAX_DEPTH {
            return self.error("what it is made of leads back to it, or is too much");
        }
        self.depth += 1;
        let mut own = false;
        for (word, value) in schema {
            match word.as_str() {
                "allOf" => {
                    let Some(parts) = value.as_array() else {
                        return self.error("allOf is a list of schemas");
                    };
                    for (i, part) in parts.iter().enumerate() {
                        let at = self.enter("allOf");
                        self.enter(&i.to_string());
                        self.add_part(merged, part)?;
                        self.leave(at);
                    }
                }
                "$ref" => {
                    let target = self.target(value)?;
                    self.add_part(merged, target)?;
                }
                // All of its own words at once, where the first of them stands.
                word if !own && !is_harmless(word, value) => {
                    own = true;
                    self.add_words(merged, schema)?;
                }
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn add_part(&mut self, merged: &mut Map<String, Value>, part: &Value) -> Result<(), GrammarError> {
        match part {
            Value::Object(part) => self.add(merged, part),
            Value::Bool(true) => Ok(()),
            Value::Bool(false) => {
                merged.insert("type".to_owned(), Vec::<Value>::new().into());
                Ok(())
            }
            _ => self.error("a part of allOf is a schema"),
        }
    }

    /// Adds the words of `schema` but for `allOf` and `$ref`.
    fn add_words(
        &mut self,
        merged: &mut Map<String, Value>,
        schema: &Map<String, Value>,
    ) -> Result<(), GrammarError> {
        let mut part = Map::new();
        for (word, value) in schema {
            if ["allOf", "$ref"].contains(&word.as_str()) || is_harmless(word, value) {
                continue;
            }
            self.spend(value.to_string().len())?;
            let (word, value) = match word.as_str() {
                "nullable" if schema.contains_key("type") => continue,
                "type" => {
                    let types = self.types(schema)?;
                    (word.as_str(), types.into_iter().map(Value::from).collect())
                }
                "const" => ("enum", vec![value.clone()].into()),
                "items" if value.is_array() => ("prefixItems", value.clone()),
                word => (word, value.clone()),
            };
            self.add_word(&mut part, word, value)?;
        }
        self.spread(&part, merged)?;
        self.spread(merged, &mut part)?;
        part.into_iter().try_for_each(|(word, value)| self.add_word(merged, &word, value))
    }

    /// What one says of properties and items that it does not list holds of those that only the other one lists.
    fn spread(&mut self, from: &Map<String, Value>, to: &mut Map<String, Value>) -> Result<(), GrammarError> {
        if let (Some(others), Some(Value::Object(properties))) =
            (from.get("additionalProperties"), to.get_mut("properties"))
        {
            self.spend(properties.len().saturating_mul(others.to_string().len()))?;
            for (name, schema) in properties {
                if from.get("properties").and_then(|listed| listed.get(name)).is_none() {
                    *schema = both(schema.take(), others.clone());
                }
            }
        }
        if let (Some(items), Some(Value::Array(first))) = (from.get("items"), to.get_mut("prefixItems")) {
            self.spend(first.len().saturating_mul(items.to_string().len()))?;
            let listed = from.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
            for schema in first.iter_mut().skip(listed) {
                *schema = both(schema.take(), items.clone());
            }
        }
        Ok(())
    }

    fn add_word(
        &mut self,
        merged: &mut Map<String, Value>,
        word: &str,
        value: Value,
    ) -> Result<(), GrammarError> {
        let Some(had) = merged.get_mut(word) else {
            merged.insert(word.to_owned(), value);
            return Ok(());
        };
        match (word, had, value) {
            (_, had, value) if *had == value => {}
            ("properties", Value::Object(had), Value::Object(new)) => {
                for (name, schema) in new {
                    let schema = match had.get_mut(&name) {
                        Some(before) => both(before.take(), schema),
                        None => schema,
                    };
                    had.insert(name, schema);
                }
            }
            ("prefixItems", Value::Array(had), Value::Array(new)) => {
                for (i, schema) in new.into_iter().enumerate() {
                    match had.get_mut(i) {
                        Some(before) => *before = both(before.take(), schema),
                        None => had.push(schema),
                    }
                }
            }
            ("additionalProperties" | "items", had, new) => *had = both(had.take(), new),
            ("required", Value::Array(had), Value::Array(new)) => had.extend(new),
            ("enum", Value::Array(had), Value::Array(new)) => had.retain(|value| new.contains(value)),
            // An integer is a number.
            ("type", Value::Array(had), Value::Array(new)) => {
                let has = |types: &[Value], ty: &str| types.iter().any(|t| t == ty);
                let was = std::mem::take(had);
                for ty in ["object", "array", "string", "number", "integer", "boolean", "null"] {
                    let says = |types| has(types, ty) || (ty == "integer" && has(types, "number"));
                    // Where both have numbers, integers are among them.
                    if says(&was) && says(&new) && !(ty == "integer" && has(had, "number")) {
                        had.push(ty.into());
                    }
                }
            }
            ("minimum" | "minLength" | "minItems", had, value) => {
                if value.as_f64() > had.as_f64() {
                    *had = value;
                }
            }
            ("maximum" | "maxLength" | "maxItems", had, value) => {
                if value.as_f64() < had.as_f64() {
                    *had = value;
                }
            }
            _ => {
                return self.error_at(word, "it is said twice, and not alike");
            }
        }
        Ok(())
    }
}

/// Schemas of which one is not put twice into `allOf`, at most.
const COMPARED: usize = 64;

/// What both schemas are true of.
fn both(one: Value, other: Value) -> Value {
    match (one, other) {
        (one, other) if one == other => one,
        (Value::Bool(true), schema) | (schema, Value::Bool(true)) => schema,
        (Value::Bool(false), _) | (_, Value::Bool(false)) => false.into(),
        (one, other) => {
            let mut all = parts(one);
            for part in parts(other) {
                if all.len() > COMPARED || !all.contains(&part) {
                    all.push(part);
                }
            }
            // Not `into`, which goes through all of them again.
            Value::Object(Map::from_iter([("allOf".to_owned(), Value::Array(all))]))
        }
    }
}

fn parts(schema: Value) -> Vec<Value> {
    match schema {
        Value::Object(mut map) if map.len() == 1 => match map.get_mut("allOf") {
            Some(Value::Array(parts)) => std::mem::take(parts),
            _ => vec![map.into()],
        },
        schema => vec![schema],
    }
}
