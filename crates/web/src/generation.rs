//! A reply in progress.

use wasm_bindgen::prelude::*;

use crate::engine::Shared;
use crate::error::to_js;

/// A reply in progress.
#[wasm_bindgen]
pub struct Generation {
    engine: Shared,
    inner: sotto_engine::Generation,
}

impl Generation {
    pub(crate) fn new(engine: Shared, inner: sotto_engine::Generation) -> Self {
        Generation { engine, inner }
    }
}

#[wasm_bindgen]
impl Generation {
    /// Tokens of the prompt.
    #[wasm_bindgen(getter, js_name = promptTokens)]
    pub fn prompt_tokens(&self) -> usize {
        self.inner.prompt_tokens()
    }

    /// Tokens of the prompt that were still in the cache.
    #[wasm_bindgen(getter, js_name = reusedTokens)]
    pub fn reused_tokens(&self) -> usize {
        self.inner.reused_tokens()
    }

    /// The next piece, `{ text, ids, done, finishReason? }`.
    pub async fn next(&mut self) -> Result<JsValue, JsValue> {
        let Generation { engine, inner } = self;
        let part = engine.with(async |e| e.next(inner).await).await?;
        Ok(to_js(&part))
    }

    /// The logits that the next token is sampled from, for `nextFrom`.
    pub async fn logits(&mut self) -> Result<Vec<f32>, JsValue> {
        let Generation { engine, inner } = self;
        engine.with(async |e| e.next_logits(inner).await).await
    }

    /// As `next`, from these logits.
    #[wasm_bindgen(js_name = nextFrom)]
    pub async fn next_from(&mut self, logits: Vec<f32>) -> Result<JsValue, JsValue> {
        let Generation { engine, inner } = self;
        let part = engine.with(async |e| e.next_from(inner, logits).await).await?;
        Ok(to_js(&part))
    }

    /// Ends the reply before its end.
    pub async fn stop(&mut self) -> Result<(), JsValue> {
        let Generation { engine, inner } = self;
        engine.with(async |e| e.stop(inner).await).await
    }
}
