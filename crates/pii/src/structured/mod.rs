//! Redaction of values inside a structure, leaving the structure byte for byte as it was: JSON, chat messages, CSV.
//! A field's name is context for its value.
//!
//! A model takes its time, and no document can be half rewritten meanwhile. So with one, a document is read twice:
//! [`Format::values`] lists what is to be looked into, the caller finds entities in each, and
//! [`Format::redact_found`] replaces them.

mod chat;
mod csv;
mod fields;
mod json;
mod sse;

pub use chat::{redact_chat, restore_chat};
pub use csv::{redact_csv, restore_csv};
pub use fields::{FieldAction, Fields, PathError};
pub use json::{redact_json, restore_json};
pub use sse::SseRestorer;

use std::sync::Arc;

use crate::redactor::Place;
use crate::{By, Entity, Redacted, Redactor, Replaced, Vault};

/// A document that is not what it was said to be. Says where, never what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// Not JSON, or nested too deeply.
    #[error("not valid JSON (or nested deeper than {max}): line {line}, column {column}", max = json::MAX_DEPTH)]
    Json {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// A quoted CSV field that does not end.
    #[error("the quoted field that starts in CSV row {row} does not end")]
    Csv {
        /// Row, from 1.
        row: usize,
    },
}

/// What a document is.
#[derive(Clone, Debug)]
pub enum Format {
    /// JSON text and the values in it.
    Json(Fields),
    /// Chat messages, or a request that holds them.
    Chat,
    /// Delimiter-separated values.
    Csv {
        /// Whether the first row names the columns.
        header: bool,
        /// The columns.
        fields: Fields,
    },
}

/// A value to look into.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub struct Value {
    /// Its text.
    pub text: String,
    /// The name of its field or column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Format {
    /// Redacts with recognisers alone.
    pub fn redact(
        &self,
        redactor: &Redactor,
        text: &str,
        vault: &mut Vault,
    ) -> Result<Redacted, StructureError> {
        let mut find = |value: &str, field: Option<&str>| redactor.analyze_with(value, Vec::new(), field);
        self.redact_with(redactor, text, vault, &mut find)
    }

    /// The values to look into, in the order that [`Format::redact_found`] wants their entities in.
    pub fn values(&self, redactor: &Redactor, text: &str) -> Result<Vec<Value>, StructureError> {
        let mut values = Vec::new();
        let mut list = |value: &str, field: Option<&str>| {
            values.push(Value { text: value.to_owned(), field: field.map(str::to_owned) });
            Vec::new()
        };
        self.redact_with(redactor, text, &mut Vault::new(), &mut list)?;
        Ok(values)
    }

    /// Redacts what was found in each of the document's [`values`](Format::values).
    pub fn redact_found(
        &self,
        redactor: &Redactor,
        text: &str,
        found: Vec<Vec<Entity>>,
        vault: &mut Vault,
    ) -> Result<Redacted, StructureError> {
        let mut found = found.into_iter();
        self.redact_with(redactor, text, vault, &mut |_, _| found.next().unwrap_or_default())
    }

    /// Puts the values of a vault back.
    pub fn restore(&self, text: &str, vault: &Vault) -> Result<String, StructureError> {
        match self {
            Format::Json(_) => restore_json(text, vault),
            Format::Chat => restore_chat(text, vault),
            Format::Csv { .. } => restore_csv(text, vault),
        }
    }

    fn redact_with(
        &self,
        redactor: &Redactor,
        text: &str,
        vault: &mut Vault,
        find: &mut Find<'_>,
    ) -> Result<Redacted, StructureError> {
        let mut values = Values { redactor, vault, find, entities: Vec::new() };
        let text = match self {
            Format::Json(fields) => values.json(text, fields)?,
            Format::Chat => values.json(text, chat::fields())?,
            Format::Csv { header, fields } => values.csv(text, *header, fields)?,
        };
        Ok(Redacted { text, entities: values.entities })
    }
}

/// Gives the entities to replace in a value, and is told the field it stands in.
type Find<'f> = dyn FnMut(&str, Option<&str>) -> Vec<Entity> + 'f;

/// A document's values on their way through redaction.
struct Values<'a, 'f> {
    redactor: &'a Redactor,
    vault: &'a mut Vault,
    find: &'a mut Find<'f>,
    entities: Vec<Replaced>,
}

impl Values<'_, '_> {
    /// What one value becomes; `None` when nothing changes. `path` is called when an entity needs to say where it is.
    fn value(
        &mut self,
        value: &str,
        field: Option<&str>,
        action: &FieldAction,
        path: impl Fn() -> String,
    ) -> Option<String> {
        let entities = match action {
            FieldAction::Skip => return None,
            FieldAction::Whole(label) if !value.trim().is_empty() => {
                vec![Entity::new(label.clone(), 0, value.len(), 1.0, By::User, "field_rule")]
            }
            FieldAction::Find | FieldAction::Json | FieldAction::Whole(_) => (self.find)(value, field),
        };
        let redacted = self.redactor.apply(value, entities, self.vault);
        if !redacted.entities.is_empty() {
            let place = Arc::new(Place { path: path(), value: value.to_owned() });
            let placed = |replaced| Replaced { place: Some(place.clone()), ..replaced };
            self.entities.extend(redacted.entities.into_iter().map(placed));
        }
        (redacted.text != value).then_some(redacted.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Policy, Recognisers};

    #[test]
    fn reading_twice_gives_what_reading_once_does() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let fields = Fields::all().with("**.name", FieldAction::Whole(Label::Person)).unwrap();
        for (format, text) in [
            (
                Format::Json(fields.clone()),
                r#"{"name":"Ana","phone":"0612345678","x":["ana@example.com",4111111111111111,true]}"#,
            ),
            (
                Format::Chat,
                r#"[{"role":"user","content":"I am ana@example.com"},{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"to\":\"bo@example.com\"}"}}]}]"#,
            ),
            (Format::Csv { header: true, fields }, "name,phone\nAna,0612345678\n"),
        ] {
            let once = format.redact(&redactor, text, &mut Vault::new()).unwrap();
            let values = format.values(&redactor, text).unwrap();
            let found = values
                .iter()
                .map(|v| redactor.analyze_with(&v.text, Vec::new(), v.field.as_deref()))
                .collect();
            let mut vault = Vault::new();
            let twice = format.redact_found(&redactor, text, found, &mut vault).unwrap();
            assert_eq!(once, twice);
            assert_ne!(once.text, text);
            assert!(once.entities.iter().all(|e| e.place.is_some()));
            // A number that became a placeholder comes back as the text it then was.
            assert_eq!(
                format
                    .restore(&twice.text, &vault)
                    .unwrap()
                    .replace("\"4111111111111111\"", "4111111111111111"),
                text
            );
        }
    }
}
