//! Replacing what was found.

use js_sys::JsString;
use serde::Deserialize;
use sotto_pii::{By, Entity, Explain, Label, Redacted};
use wasm_bindgen::prelude::*;

use crate::config::configured;
use crate::entities::{self, Counts, Shown, bytes_of_units};
use crate::error::invalid;
use crate::text::{from_js, json, to_js};
use crate::vault::Vault;

/// A redacted text.
#[wasm_bindgen]
pub struct Redaction {
    text: JsString,
    entities: String,
}

impl Redaction {
    pub(crate) fn new(text: &str, entities: &[Shown]) -> Self {
        Redaction { text: to_js(text), entities: json(&entities) }
    }
}

#[wasm_bindgen]
impl Redaction {
    /// The text after replacement.
    #[wasm_bindgen(getter)]
    pub fn text(&self) -> JsString {
        self.text.clone()
    }

    /// The entities, as JSON.
    #[wasm_bindgen(getter)]
    pub fn entities(&self) -> String {
        self.entities.clone()
    }
}

/// What [`Analysis::finish`](crate::Analysis::finish) gave.
pub(crate) fn found(json: &str) -> Result<Vec<Entity>, JsValue> {
    serde_json::from_str(json).map_err(|error| invalid(format!("entities: {error}")))
}

/// What was found in a text, as [`Analysis::finish`](crate::Analysis::finish) gave it, with the names that the vault knows.
#[wasm_bindgen(js_name = withKnown)]
pub fn with_known(config: &str, text: &JsString, found: &str, vault: &Vault) -> Result<String, JsValue> {
    if vault.inner().entries().is_empty() {
        return Ok(found.to_owned());
    }
    let redactor = &configured(config)?.redactor;
    Ok(json(&redactor.with_known(&from_js(text), self::found(found)?, vault.inner())))
}

/// Replaces what was found in a text.
#[wasm_bindgen]
pub fn redact(config: &str, text: &JsString, found: &str, vault: &mut Vault) -> Result<Redaction, JsValue> {
    let text = from_js(text);
    let redacted = configured(config)?.redactor.apply(&text, self::found(found)?, vault.inner_mut());
    Ok(shown(&text, &redacted))
}

fn shown(text: &str, redacted: &Redacted) -> Redaction {
    Redaction::new(&redacted.text, &entities::replaced(text, &redacted.entities, Counts::default(), 0))
}

/// An entity as the page has it, perhaps one of its own making.
#[derive(Deserialize)]
struct Chosen {
    label: Label,
    /// UTF-16 units.
    start: usize,
    end: usize,
    #[serde(default = "certain")]
    score: f32,
    #[serde(default = "by_user")]
    by: By,
    #[serde(default)]
    explain: Explain,
}

fn certain() -> f32 {
    1.0
}

fn by_user() -> By {
    By::User
}

/// The entities that a page hands back, as JSON, in the form of [`Analysis::finish`](crate::Analysis::finish).
#[wasm_bindgen]
pub fn chosen(text: &JsString, entities: &str) -> Result<String, JsValue> {
    let text = from_js(text);
    let mut chosen: Vec<Chosen> =
        serde_json::from_str(entities).map_err(|error| invalid(format!("entities: {error}")))?;
    chosen.sort_by_key(|entity| (entity.start, entity.end));
    let mut units: Vec<usize> = chosen.iter().flat_map(|entity| [entity.start, entity.end]).collect();
    units.sort_unstable();
    let bytes = bytes_of_units(&text, &units);
    let byte = |unit: usize| units.binary_search(&unit).map_or(0, |at| bytes[at]);
    let found: Vec<Entity> = chosen
        .into_iter()
        .map(|Chosen { label, start, end, score, by, explain }| Entity {
            label,
            start: byte(start),
            end: byte(end),
            score,
            by,
            explain,
        })
        .filter(|entity| entity.start < entity.end)
        .collect();
    Ok(json(&found))
}

/// What was found, for the page to show: JSON.
#[wasm_bindgen]
pub fn describe(text: &JsString, found: &str) -> Result<String, JsValue> {
    Ok(json(&entities::found(&from_js(text), &self::found(found)?)))
}

/// Replaces what was found in a text that stands in parts, such as the text nodes of a paragraph: each replacement goes
/// into the part in which its entity starts, and the rest of the entity out of the parts it goes on in.
/// Returns the parts.
#[wasm_bindgen(js_name = redactParts)]
pub fn redact_parts(
    config: &str,
    parts: Vec<JsString>,
    found: &str,
    vault: &mut Vault,
) -> Result<Vec<JsString>, JsValue> {
    let parts: Vec<String> = parts.iter().map(from_js).collect();
    let text = parts.concat();
    let redacted = configured(config)?.redactor.apply(&text, self::found(found)?, vault.inner_mut());
    Ok(spread(&parts, &redacted).iter().map(|part| to_js(part)).collect())
}

fn spread(parts: &[String], redacted: &Redacted) -> Vec<String> {
    let mut entities = redacted.entities.iter().peekable();
    let mut start = 0;
    let mut spread = Vec::with_capacity(parts.len());
    // Where the text that is still to be written starts.
    let mut at = 0;
    for part in parts {
        let end = start + part.len();
        let mut out = String::new();
        while let Some(replaced) = entities.next_if(|r| r.entity.start < end) {
            out.push_str(part.get(at.max(start) - start..replaced.entity.start - start).unwrap_or_default());
            out.push_str(&replaced.replacement);
            at = replaced.entity.end;
        }
        if at < end {
            out.push_str(part.get(at.max(start) - start..).unwrap_or_default());
            at = end;
        }
        spread.push(out);
        start = end;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_pii::{By, Label, Policy, Recognisers, Redactor};

    #[test]
    fn an_entity_across_parts_goes_into_its_first() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let spread_of = |parts: &[&str], names: &[(usize, usize)]| {
            let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            let names = names
                .iter()
                .map(|&(start, end)| Entity::new(Label::Person, start, end, 1.0, By::User, "test"));
            let redacted = redactor.apply(&parts.concat(), names.collect(), &mut sotto_pii::Vault::new());
            spread(&parts, &redacted)
        };
        assert_eq!(
            spread_of(&["Dear ", "Ana", " Ruiz, hello"], &[(5, 13)]),
            ["Dear ", "[PERSON_1]", ", hello"]
        );
        assert_eq!(spread_of(&["Ana", "", " R", "uiz", "!"], &[(0, 8)]), ["[PERSON_1]", "", "", "", "!"]);
        assert_eq!(spread_of(&["a Bo b Cy", " c"], &[(2, 4), (7, 9)]), ["a [PERSON_1] b [PERSON_2]", " c"]);
        assert_eq!(spread_of(&["", "x"], &[]), ["", "x"]);
    }
}
