//! What was replaced by what.

use js_sys::JsString;
use wasm_bindgen::prelude::*;

use crate::error::no_vault;
use crate::text::{from_js, json, to_js};

/// Values and their replacements.
#[wasm_bindgen]
#[derive(Default)]
pub struct Vault {
    inner: sotto_pii::Vault,
}

impl Vault {
    pub(crate) fn inner(&self) -> &sotto_pii::Vault {
        &self.inner
    }

    pub(crate) fn inner_mut(&mut self) -> &mut sotto_pii::Vault {
        &mut self.inner
    }
}

#[wasm_bindgen]
impl Vault {
    /// An empty vault; `seed` is what its stand-ins are drawn with.
    #[wasm_bindgen(constructor)]
    pub fn new(seed: &[u8]) -> Vault {
        Vault { inner: sotto_pii::Vault::with_seed(seed) }
    }

    /// Number of values.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> usize {
        self.inner.entries().len()
    }

    /// All values, as JSON: `[{ label, value, replacement }]`.
    pub fn entries(&self) -> String {
        json(&self.inner.entries())
    }

    /// Puts the values back into a text.
    pub fn restore(&self, text: &JsString) -> JsString {
        to_js(&self.inner.restore(&from_js(text)))
    }

    /// All of it, values in the clear.
    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.to_json().into_bytes()
    }

    /// Reads what [`Vault::to_bytes`] gave.
    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &[u8]) -> Result<Vault, JsValue> {
        let malformed = sotto_pii::VaultError::Malformed { line: 1, column: 1 };
        let json = std::str::from_utf8(bytes).map_err(|_| no_vault(&malformed))?;
        Ok(Vault { inner: sotto_pii::Vault::from_json(json).map_err(|error| no_vault(&error))? })
    }
}
