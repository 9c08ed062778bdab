//! Redaction of values inside a structure, leaving the structure byte for byte as it was: JSON, chat messages, CSV.
//! A field's name is context for its value.
//!
//! A model takes its time, and no document can be half rewritten meanwhile. So with one, a document is read twice:
//! [`Format::values`] lists what is to be looked into, the caller finds entities in each, and
//! [`Format::redact_found`] replaces them, and the names among them wherever else in the document they stand.

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

use crate::again::FIELD_RULE;
use crate::redactor::Place;
use crate::texts::Texts;
use crate::{By, Entity, Label, Redacted, Redactor, Replaced, Vault};

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
        let values = self.values(redactor, text)?;
        let find = |value: &Value| redactor.analyze_with(&value.text, Vec::new(), value.field.as_deref());
        self.redact_found(redactor, text, values.iter().map(find).collect(), vault)
    }

    /// The values to look into, in the order that [`Format::redact_found`] wants their entities in.
    pub fn values(&self, redactor: &Redactor, text: &str) -> Result<Vec<Value>, StructureError> {
        let mut values = Vec::new();
        let mut list = |text: &str, asked: Asked<'_>| {
            if let Asked::Find { field } = asked {
                values.push(Value { text: text.to_owned(), field: field.map(str::to_owned) });
            }
            Vec::new()
        };
        self.redact_with(redactor, text, &mut Vault::new(), &mut list)?;
        Ok(values)
    }

    /// Redacts what was found in each of the document's [`values`](Format::values), and the names among that in all of them: a value
    /// by itself says little of what is in it.
    pub fn redact_found(
        &self,
        redactor: &Redactor,
        text: &str,
        found: Vec<Vec<Entity>>,
        vault: &mut Vault,
    ) -> Result<Redacted, StructureError> {
        let mut found = found.into_iter();
        let mut all = Texts::default();
        let mut read = |value: &str, asked: Asked<'_>| {
            match asked {
                Asked::Find { .. } => all.push(value, found.next().unwrap_or_default()),
                Asked::Whole(label) => {
                    let (end, start) = (value.trim_end().len(), value.len() - value.trim_start().len());
                    let name = Entity { start, end, by: By::Pattern, ..whole(label, value) };
                    let known = redactor.looks_for(label, value, name.score);
                    all.push(value, if known { vec![name] } else { Vec::new() });
                }
            }
            Vec::new()
        };
        self.redact_with(redactor, text, &mut Vault::new(), &mut read)?;
        all.know(redactor, vault);
        let mut found = all.again(redactor).into_iter();
        self.redact_with(redactor, text, vault, &mut |value, asked| {
            let found = found.next().unwrap_or_default();
            if let Asked::Whole(label) = asked { vec![whole(label, value)] } else { found }
        })
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

/// What is to be done with a value.
enum Asked<'a> {
    /// Look into it; `field` is the name of what it stands in.
    Find { field: Option<&'a str> },
    /// Replace all of it, as what has this label.
    Whole(&'a Label),
}

/// Gives the entities to replace in a value.
type Find<'f> = dyn FnMut(&str, Asked<'_>) -> Vec<Entity> + 'f;

fn whole(label: &Label, value: &str) -> Entity {
    Entity::new(label.clone(), 0, value.len(), 1.0, By::User, FIELD_RULE)
}

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
        let asked = match action {
            FieldAction::Skip => return None,
            FieldAction::Whole(label) if !value.trim().is_empty() => Asked::Whole(label),
            FieldAction::Find | FieldAction::Json | FieldAction::Whole(_) => Asked::Find { field },
        };
        let entities = (self.find)(value, asked);
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
    use crate::{Policy, Recognisers};

    #[test]
    fn what_is_found_in_a_value_goes_into_that_value() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let fields = Fields::all()
            .with("**.name", FieldAction::Whole(Label::Person))
            .unwrap()
            .with("**.left", FieldAction::Skip)
            .unwrap()
            .with("**.held", FieldAction::Json)
            .unwrap();
        let json = r#"{"name":"q","a":"first","left":"second","held":"{\"b\":\"third\",\"n\":12}","n":12345678,"c":["fourth",true,5],"bad":{"held":"{fifth"},"d":"sixth"}"#;
        let chat = r#"[{"role":"user","content":"first"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"to\":\"second\"}"}}]}]"#;
        for (format, text, wanted) in [
            (
                Format::Json(fields.clone()),
                json,
                r#"{"[EMAIL_1]":"[PERSON_1]","[EMAIL_2]":"[EMAIL_3]","left":"second","[EMAIL_4]":"{\"[EMAIL_5]\":\"[EMAIL_6]\",\"[EMAIL_7]\":12}","[EMAIL_7]":"[EMAIL_8]","[EMAIL_9]":["[EMAIL_10]",true,5],"[EMAIL_11]":{"[EMAIL_4]":"[EMAIL_12]"},"[EMAIL_13]":"[EMAIL_14]"}"#,
            ),
            (
                Format::Chat,
                chat,
                r#"[{"role":"user","[EMAIL_1]":"[EMAIL_2]"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","[EMAIL_3]":"{\"[EMAIL_4]\":\"[EMAIL_5]\"}"}}]}]"#,
            ),
            (
                Format::Csv { header: true, fields },
                "name,a,left\nq,first,second\nr,third,\n",
                "name,a,left\n[PERSON_1],[EMAIL_1],second\n[PERSON_2],[EMAIL_2],\n",
            ),
        ] {
            let values = format.values(&redactor, text).unwrap();
            let all = |value: &Value| {
                vec![Entity::new(Label::Email, 0, value.text.len(), 0.9, By::Pattern, "test")]
            };
            let mut vault = Vault::new();
            let redacted =
                format.redact_found(&redactor, text, values.iter().map(all).collect(), &mut vault).unwrap();
            assert!(redacted.entities.iter().all(|e| e.place.is_some()));
            let back = format.restore(&redacted.text, &vault).unwrap();
            assert_eq!(back.replace("\"12345678\"", "12345678"), text);
            assert_eq!(redacted.text, wanted);
        }
    }

    #[test]
    fn a_name_of_one_value_is_found_in_the_others() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let fields = Fields::all().with("**.name", FieldAction::Whole(Label::Person)).unwrap();
        let text = r#"{"name":"Ilse Zelikova","id":7,"note":"spoke to ZELIKOVA, and Zelikova's son\nQorvin","skip":{"name":"Bo"},"by":"Mr. Orrinder","cc":["Orrinder, B","Qorvin","Zelikova"]}"#;
        let mut vault = Vault::new();
        let redacted = Format::Json(fields).redact(&redactor, text, &mut vault).unwrap();
        assert_eq!(
            redacted.text,
            r#"{"name":"[PERSON_1]","id":7,"note":"spoke to [PERSON_2], and [PERSON_3]'s son\nQorvin","skip":{"name":"[PERSON_4]"},"by":"Mr. [PERSON_5]","cc":["[PERSON_5], B","Qorvin","[PERSON_3]"]}"#
        );
        assert_eq!(restore_json(&redacted.text, &vault).unwrap(), text);
        let csv = "name,note\nIlse Zelikova,\"then Zelikova, and Bo\"\n";
        let fields = Fields::all().with("name", FieldAction::Whole(Label::Person)).unwrap();
        let redacted = redact_csv(&redactor, csv, true, &fields, &mut Vault::new()).unwrap();
        assert_eq!(redacted.text, "name,note\n[PERSON_1],\"then [PERSON_2], and Bo\"\n");
        assert_eq!(redacted.entities[1].entity.explain.recogniser, "again");
        assert_eq!(redacted.entities[1].place.as_ref().unwrap().path, "[2].note");
    }
}
