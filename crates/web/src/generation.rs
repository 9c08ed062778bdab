//! A reply in progress.

use wasm_bindgen::prelude::*;

use crate::engine::Shared;
use crate::error::{throw, to_js};
use crate::now;

/// A reply in progress.
#[wasm_bindgen]
pub struct Generation {
    engine: Shared,
    inner: sotto_engine::Generation,
    /// Whether a piece was given.
    begun: bool,
    /// What the next call is to say.
    failed: Option<JsValue>,
}

/// For how long [`Generation::next_few`] goes on, in milliseconds: less than what a page takes to show anything.
const FEW_MS: f64 = 4.0;

impl Generation {
    pub(crate) fn new(engine: Shared, inner: sotto_engine::Generation) -> Self {
        Generation { engine, inner, begun: false, failed: None }
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

    /// The logits that the next token is sampled from, for `nextFrom`.
    pub async fn logits(&mut self) -> Result<Vec<f32>, JsValue> {
        let Generation { engine, inner, .. } = self;
        engine.with(async |e| e.next_logits(inner).await).await
    }

    /// The next piece, as `nextFew` gives them, from these logits.
    #[wasm_bindgen(js_name = nextFrom)]
    pub async fn next_from(&mut self, logits: Vec<f32>) -> Result<JsValue, JsValue> {
        let Generation { engine, inner, .. } = self;
        let part = engine.with(async |e| e.next_from(inner, logits).await).await?;
        Ok(to_js(&part))
    }

    /// The next pieces, each `{ text, ids, done, finishReason? }`: the very first alone, then as many as come in some milliseconds, since
    /// each call keeps the engine waiting for JavaScript.
    #[wasm_bindgen(js_name = nextFew)]
    pub async fn next_few(&mut self) -> Result<JsValue, JsValue> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Generation { engine, inner, begun, failed } = self;
        let start = now();
        let (parts, error) = engine
            .with(async |e| {
                let mut parts = vec![e.next(inner).await?];
                while *begun && !parts.iter().any(|part| part.done) && now() - start < FEW_MS {
                    match e.next(inner).await {
                        Ok(part) => parts.push(part),
                        Err(error) => return Ok((parts, Some(error))),
                    }
                }
                Ok((parts, None))
            })
            .await?;
        *begun = true;
        *failed = error.map(throw);
        Ok(to_js(&parts))
    }

    /// Ends the reply before its end.
    pub async fn stop(&mut self) -> Result<(), JsValue> {
        let Generation { engine, inner, .. } = self;
        engine.with(async |e| e.stop(inner).await).await
    }
}
