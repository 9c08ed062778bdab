//! Redaction of values inside a structure, leaving the structure byte for byte as it was: JSON, chat messages, CSV.
//! A field's name is context for its value.

mod csv;
mod fields;
mod json;

pub use csv::{redact_csv, restore_csv};
pub use fields::{FieldAction, Fields, PathError};
pub use json::{redact_chat, redact_json, restore_json};

use crate::{By, Entity, Redacted, Redactor, Vault};

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

/// Redacts one value of a document; `None` when nothing changes.
fn redact_value(
    redactor: &Redactor,
    value: &str,
    field: Option<&str>,
    action: &FieldAction,
    vault: &mut Vault,
) -> Option<Redacted> {
    let entities = match action {
        FieldAction::Skip => return None,
        FieldAction::Whole(label) if !value.trim().is_empty() => {
            vec![Entity::new(label.clone(), 0, value.len(), 1.0, By::User, "field_rule")]
        }
        FieldAction::Find | FieldAction::Json | FieldAction::Whole(_) => {
            redactor.analyze_with(value, Vec::new(), field)
        }
    };
    let redacted = redactor.apply(value, entities, vault);
    (redacted.text != value || !redacted.entities.is_empty()).then_some(redacted)
}
