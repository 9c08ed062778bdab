//! Finding entities in a text, piece by piece: between pieces a worker can hear that it is called off, tell how far it is,
//! and ask a model.

use std::rc::Rc;

use js_sys::JsString;
use serde::Deserialize;
use sotto_pii::eval::LabelMap;
use sotto_pii::{ClassSpan, Entity, Pieces, Reading, entities};
use wasm_bindgen::prelude::*;

use crate::config::{Configured, configured};
use crate::entities::bytes_of_units;
use crate::error::invalid;
use crate::text::{from_js, json, to_js};

/// What a model found, in UTF-16 units of what it was given.
#[derive(Deserialize)]
struct ModelSpan {
    label: String,
    start: usize,
    end: usize,
    score: f32,
}

/// An analysis under way.
#[wasm_bindgen]
pub struct Analysis {
    configured: Rc<Configured>,
    text: String,
    field: Option<String>,
    pieces: Pieces,
    found: Vec<Entity>,
}

#[wasm_bindgen]
impl Analysis {
    /// Starts on a text. `field`: the name of the field or column it is the value of.
    #[wasm_bindgen(constructor)]
    pub fn new(
        config: &str,
        text: &JsString,
        field: Option<String>,
        piece_bytes: usize,
    ) -> Result<Analysis, JsValue> {
        let configured = configured(config)?;
        let pieces = Pieces::new(&configured.redactor, piece_bytes);
        Ok(Analysis { configured, text: from_js(text), field, pieces, found: Vec::new() })
    }

    /// The piece to read next, as a model reads it best; `undefined` at the end.
    pub fn piece(&self) -> Option<JsString> {
        let piece = self.pieces.next(&self.text).and_then(|part| self.text.get(part));
        piece.map(|piece| to_js(Reading::new(piece).text()))
    }

    /// Reads the next piece; `model` is JSON of what a model found in [`Analysis::piece`]. Returns whether there is more.
    pub fn step(&mut self, model: Option<String>, model_name: Option<String>) -> Result<bool, JsValue> {
        let Some(part) = self.pieces.next(&self.text) else { return Ok(false) };
        let piece = self.text.get(part).unwrap_or_default();
        let model = match model {
            Some(spans) => {
                of_model(piece, &spans, &self.configured.classes, model_name.as_deref().unwrap_or("model"))?
            }
            None => Vec::new(),
        };
        let redactor = &self.configured.redactor;
        self.found.extend(self.pieces.analyze(redactor, &self.text, model, self.field.as_deref()));
        Ok(self.pieces.decided() < self.text.len())
    }

    /// 0 to 1: how much of the text is read.
    pub fn progress(&self) -> f64 {
        if self.text.is_empty() { 1.0 } else { self.pieces.decided() as f64 / self.text.len() as f64 }
    }

    /// What was found, as JSON for [`redact`](crate::redact) and its kin.
    pub fn finish(self) -> String {
        json(&self.configured.redactor.with_again(&self.text, self.found))
    }
}

fn of_model(piece: &str, spans: &str, classes: &LabelMap, model: &str) -> Result<Vec<Entity>, JsValue> {
    let spans: Vec<ModelSpan> =
        serde_json::from_str(spans).map_err(|error| invalid(format!("a model's findings: {error}")))?;
    let mut units: Vec<usize> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
    units.sort_unstable();
    units.dedup();
    let reading = Reading::new(piece);
    let bytes = bytes_of_units(reading.text(), &units);
    let byte = |unit: usize| units.binary_search(&unit).map_or(0, |at| bytes[at]);
    let span = |span: ModelSpan| ClassSpan {
        start: byte(span.start),
        end: byte(span.end),
        class: span.label,
        score: span.score,
    };
    let spans = reading.back(spans.into_iter().map(span).collect());
    Ok(entities(&spans, classes, model))
}
