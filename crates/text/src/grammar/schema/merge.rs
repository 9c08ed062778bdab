//! `allOf`, and words beside `$ref`: one schema that says what several say.

use serde_json::{Map, Value};

use super::{ANNOTATIONS, MAX_DEPTH, MAX_REFS, Writer};
use crate::grammar::GrammarError;

impl Writer<'_> {
    /// The schema without `allOf`, where it has one, or a `$ref` beside other words.
    pub(super) fn merged(&mut self, schema: &Map<String, Value>) -> Result<Option<Value>, GrammarError> {
        let says = schema.keys().filter(|key| !ANNOTATIONS.contains(&key.as_str())).count();
        let several = schema.contains_key("allOf") || (schema.contains_key("$ref") && says > 1);
        if !several {
            return Ok(None);
        }
        let mut merged = Map::new();
        let mut left = MAX_REFS;
        self.add(&mut merged, schema, &mut left)?;
        Ok(Some(merged.into()))
    }

    /// Adds what `schema` says, with `left` schemas to be looked at.
    fn add(
        &mut self,
        merged: &mut Map<String, Value>,
        schema: &Map<String, Value>,
        left: &mut usize,
    ) -> Result<(), GrammarError> {
        *left = match left.checked_sub(1) {
            Some(left) if self.depth < MAX_DEPTH => left,
            _ => return self.error("what it is made of leads back to it, or is too much"),
        };
        self.depth += 1;
        for (word, value) in schema {
            match word.as_str() {
                "allOf" => {
                    let Some(parts) = value.as_array() else {
                        return self.error("allOf is a list of schemas");
                    };
                    for (i, part) in parts.iter().enumerate() {
                        let at = self.enter("allOf");
                        self.enter(&i.to_string());
                        self.add_part(merged, part, left)?;
                        self.leave(at);
                    }
                }
                "$ref" => {
                    let whole = self.schema;
                    let target =
                        value.as_str().and_then(|r| r.strip_prefix('#')).and_then(|r| whole.pointer(r));
                    match target {
                        Some(target) => self.add_part(merged, target, left)?,
                        None => return self.error_at("$ref", "it leads to nothing here"),
                    }
                }
                word if ANNOTATIONS.contains(&word) => {}
                word => {
                    let at = self.enter(word);
                    self.add_word(merged, word, value)?;
                    self.leave(at);
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn add_part(
        &mut self,
        merged: &mut Map<String, Value>,
        part: &Value,
        left: &mut usize,
    ) -> Result<(), GrammarError> {
        match part {
            Value::Object(part) => self.add(merged, part, left),
            Value::Bool(true) => Ok(()),
            _ => self.error("a part of allOf is an object"),
        }
    }

    fn add_word(
        &mut self,
        merged: &mut Map<String, Value>,
        word: &str,
        value: &Value,
    ) -> Result<(), GrammarError> {
        let Some(had) = merged.get_mut(word) else {
            merged.insert(word.to_owned(), value.clone());
            return Ok(());
        };
        match (word, had, value) {
            (_, had, value) if had == value => Ok(()),
            ("properties", Value::Object(had), Value::Object(new)) => {
                for (name, schema) in new {
                    match had.get_mut(name) {
                        // Both hold of the property.
                        Some(before) if before != schema => {
                            let both = vec![before.take(), schema.clone()];
                            *before = Map::from_iter([("allOf".to_owned(), both.into())]).into();
                        }
                        _ => drop(had.insert(name.clone(), schema.clone())),
                    }
                }
                Ok(())
            }
            ("required", Value::Array(had), Value::Array(new)) => {
                had.extend(new.iter().cloned());
                Ok(())
            }
            ("enum", Value::Array(had), Value::Array(new)) => {
                had.retain(|value| new.contains(value));
                Ok(())
            }
            ("type", Value::String(had), Value::Array(new)) if new.contains(&Value::String(had.clone())) => {
                Ok(())
            }
            ("type", Value::Array(had), Value::Array(new)) => {
                had.retain(|ty| new.contains(ty));
                Ok(())
            }
            ("minimum" | "minLength" | "minItems", had, value) => {
                if value.as_f64() > had.as_f64() {
                    *had = value.clone();
                }
                Ok(())
            }
            ("maximum" | "maxLength" | "maxItems", had, value) => {
                if value.as_f64() < had.as_f64() {
                    *had = value.clone();
                }
                Ok(())
            }
            _ => self.error("it is said twice, and not alike"),
        }
    }
}
