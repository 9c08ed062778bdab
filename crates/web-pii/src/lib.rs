//! What JavaScript sees of `sotto-pii`. A wasm module of its own: who redacts with recognisers alone does not
//! download the engine, and the page can hold a vault, restore and replace while the engine works in a worker.
//!
//! Plain data crosses as JSON text, so what the worker found goes into the page's module as it came. Texts cross with every
//! UTF-16 unit they have ([`text`]). What fails throws a plain object `{ code, message, details? }`.

mod analysis;
mod config;
mod document;
mod entities;
mod error;
mod redaction;
mod stream;
mod text;
mod vault;

pub use analysis::Analysis;
pub use config::{check_config, labels};
pub use document::{redact_document, restore_document, values};
pub use redaction::{Redaction, chosen, describe, redact, redact_parts};
pub use stream::{RedactStream, RestoreStream, SseStream};
pub use vault::Vault;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Runs once when the module is instantiated: a panic prints its place to the console. Its message may quote a text, so
/// that stays out.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        console_error(&format!("sotto/pii broke at {place}"));
    }));
}
