//! Texts that come in parts.

use std::rc::Rc;

use js_sys::JsString;
use sotto_pii::structured::SseRestorer;
use sotto_pii::{StreamRedactor, StreamRestorer};
use wasm_bindgen::prelude::*;

use crate::config::{Configured, configured};
use crate::entities::{self, Counts};
use crate::redaction::{Redaction, found};
use crate::text::{Parts, to_js};
use crate::vault::Vault;

/// Redacts a text that comes in parts.
#[wasm_bindgen]
pub struct RedactStream {
    configured: Rc<Configured>,
    stream: StreamRedactor,
    parts: Parts,
    /// Of what was let go.
    counts: Counts,
}

#[wasm_bindgen]
impl RedactStream {
    /// A stream at its start; `model` tells whether a model reads along.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, model: bool) -> Result<RedactStream, JsValue> {
        let configured = configured(config)?;
        let redactor = &configured.redactor;
        let stream = if model { StreamRedactor::with_model(redactor) } else { StreamRedactor::new(redactor) };
        Ok(RedactStream { configured, stream, parts: Parts::default(), counts: Counts::default() })
    }

    /// Takes a part. Returns whether [`RedactStream::known`] should be analysed now.
    pub fn append(&mut self, part: &JsString) -> bool {
        let part = self.parts.take(part);
        self.stream.append(&part);
        self.stream.due()
    }

    /// Says that no more comes.
    pub fn close(&mut self) {
        let part = self.parts.finish();
        self.stream.append(&part);
    }

    /// The text to analyse.
    pub fn known(&self) -> JsString {
        to_js(self.stream.known())
    }

    /// Lets go what is decided, all of it if this is the last; `found` is of the analysis of [`RedactStream::known`].
    pub fn advance(&mut self, found: &str, last: bool, vault: &mut Vault) -> Result<Redaction, JsValue> {
        let held = self.stream.held().to_owned();
        let base = self.stream.position();
        let redactor = &self.configured.redactor;
        let found = redactor.with_known(self.stream.known(), self::found(found)?, vault.inner());
        let redacted = self.stream.advance(redactor, found, last, vault.inner_mut());
        let gone = held.get(..self.stream.position() - base).unwrap_or_default();
        let shown = entities::replaced(gone, &redacted.entities, self.counts, base);
        self.counts = self.counts.with(gone);
        Ok(Redaction::new(&redacted.text, &shown))
    }
}

/// Restores a text that comes in parts.
#[wasm_bindgen]
#[derive(Default)]
pub struct RestoreStream {
    stream: StreamRestorer,
    parts: Parts,
}

#[wasm_bindgen]
impl RestoreStream {
    /// A stream at its start.
    #[wasm_bindgen(constructor)]
    pub fn new() -> RestoreStream {
        RestoreStream::default()
    }

    /// Takes a part; gives what is settled.
    pub fn push(&mut self, part: &JsString, vault: &Vault) -> JsString {
        let part = self.parts.take(part);
        to_js(&self.stream.push(&part, vault.inner()))
    }

    /// Gives the rest.
    pub fn finish(&mut self, vault: &Vault) -> JsString {
        let last = self.parts.finish();
        let settled = self.stream.push(&last, vault.inner()) + &self.stream.finish(vault.inner());
        to_js(&settled)
    }
}

/// Restores an endpoint's server-sent events.
#[wasm_bindgen]
#[derive(Default)]
pub struct SseStream {
    events: SseRestorer,
}

#[wasm_bindgen]
impl SseStream {
    /// A reply at its start.
    #[wasm_bindgen(constructor)]
    pub fn new() -> SseStream {
        SseStream::default()
    }

    /// Takes a part, cut anywhere; gives the events that are whole, restored.
    pub fn push(&mut self, part: &str, vault: &Vault) -> String {
        self.events.push(part, vault.inner())
    }

    /// Gives the rest.
    pub fn finish(&mut self, vault: &Vault) -> String {
        self.events.finish(vault.inner())
    }
}
