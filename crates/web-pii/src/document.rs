//! JSON, chat messages and CSV.

use js_sys::JsString;
use serde::Deserialize;
use sotto_pii::Label;
use sotto_pii::structured::{FieldAction, Fields, Format};
use wasm_bindgen::prelude::*;

use crate::config::configured;
use crate::entities;
use crate::error::{invalid, malformed};
use crate::redaction::Redaction;
use crate::text::{from_js, json, to_js};
use crate::vault::Vault;

/// How a document is to be read, as JSON: `{ kind, header?, fields?, others? }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    kind: Kind,
    #[serde(default)]
    header: Option<bool>,
    /// Path to `"find"`, `"skip"`, `"json"`, or a label that the whole value has.
    #[serde(default)]
    fields: Vec<(String, String)>,
    /// What happens to the values that no rule names: `find` or `skip`.
    #[serde(default)]
    others: Option<Others>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Json,
    Chat,
    Csv,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Others {
    Find,
    Skip,
}

fn format(shape: &str) -> Result<Format, JsValue> {
    let shape: Shape = serde_json::from_str(shape).map_err(|error| invalid(format!("document: {error}")))?;
    let mut fields = match shape.others {
        Some(Others::Skip) => Fields::none(),
        Some(Others::Find) | None => Fields::all(),
    };
    for (path, action) in &shape.fields {
        let action = match action.as_str() {
            "find" => FieldAction::Find,
            "skip" => FieldAction::Skip,
            "json" => FieldAction::Json,
            label => FieldAction::Whole(Label::custom(label).map_err(|_| {
                invalid(format!(
                    "fields: {path:?} must be \"find\", \"skip\", \"json\" or a label such as \"PERSON\""
                ))
            })?),
        };
        fields = fields.with(path, action).map_err(invalid)?;
    }
    Ok(match shape.kind {
        Kind::Json => Format::Json(fields),
        Kind::Chat => Format::Chat,
        Kind::Csv => Format::Csv { header: shape.header.unwrap_or(true), fields },
    })
}

/// The values of a document to look into, as JSON: `[{ text, field? }]`.
#[wasm_bindgen]
pub fn values(config: &str, shape: &str, text: &JsString) -> Result<String, JsValue> {
    let values = format(shape)?.values(&configured(config)?.redactor, &from_js(text)).map_err(malformed)?;
    Ok(json(&values))
}

/// Replaces what was found in each value; `found` holds what [`Analysis::finish`](crate::Analysis::finish) gave for each.
#[wasm_bindgen(js_name = redactDocument)]
pub fn redact_document(
    config: &str,
    shape: &str,
    text: &JsString,
    found: Vec<String>,
    vault: &mut Vault,
) -> Result<Redaction, JsValue> {
    let found = found.iter().map(|one| crate::redaction::found(one)).collect::<Result<Vec<_>, _>>()?;
    let redacted = format(shape)?
        .redact_found(&configured(config)?.redactor, &from_js(text), found, vault.inner_mut())
        .map_err(malformed)?;
    let shown: Vec<_> = redacted.entities.iter().map(entities::in_document).collect();
    Ok(Redaction::new(&redacted.text, &shown))
}

/// Puts the values of a vault back into a document.
#[wasm_bindgen(js_name = restoreDocument)]
pub fn restore_document(shape: &str, text: &JsString, vault: &Vault) -> Result<JsString, JsValue> {
    Ok(to_js(&format(shape)?.restore(&from_js(text), vault.inner()).map_err(malformed)?))
}
