//! How well a model predicts a text: `exp` of the mean negative log-likelihood of its tokens.
//!
//! A text longer than the context goes in windows that overlap: each token is scored once, in the first window that holds it,
//! so that all but those of the first window have at least `context - stride` tokens before them.

use sotto_plan::Outputs;

use crate::{Engine, EngineError};

/// Logits held at a time, in bytes.
const LOGIT_BYTES: usize = 64 << 20;

/// What [`Engine::perplexity`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perplexity {
    /// Sum of the natural logarithms of the scored tokens' probabilities.
    pub log_likelihood: f64,
    /// Tokens scored: all but the first.
    pub tokens: usize,
    /// Windows that the text took.
    pub windows: usize,
}

impl Perplexity {
    /// `exp(-log_likelihood / tokens)`.
    pub fn value(&self) -> f64 {
        (-self.log_likelihood / self.tokens as f64).exp()
    }
}

impl Engine {
    /// Scores `ids`, all but the first, in windows of `context` tokens, each `stride` after the one before.
    ///
    /// # Errors
    /// [`EngineError::Option`] when there are fewer than two ids, when `context` is not 2 to the engine's context
    /// length, or `stride` not 1 to `context - 1`; and what a backend may report.
    pub async fn perplexity(
        &mut self,
        ids: &[u32],
        context: usize,
        stride: usize,
    ) -> Result<Perplexity, EngineError> {
        let limit = self.context_length();
        let refuse =
            |name, value: usize, range| EngineError::Option { name, value: value.to_string(), range };
        if ids.len() < 2 {
            return Err(refuse(
                "tokens",
                ids.len(),
                "at least 2: each is scored by those before it".to_owned(),
            ));
        }
        if !(2..=limit).contains(&context) {
            return Err(refuse("context", context, format!("at least 2 and at most {limit}")));
        }
        if !(1..context).contains(&stride) {
            return Err(refuse("stride", stride, format!("at least 1 and below the context, {context}")));
        }
        let mut result = Perplexity { log_likelihood: 0.0, tokens: 0, windows: 0 };
        // The first token that no window has scored.
        let mut next = 1;
        let mut start = 0;
        while next < ids.len() {
            let window = &ids[start..ids.len().min(start + context)];
            result.log_likelihood += self.log_likelihood(window, next - start).await?;
            result.windows += 1;
            result.tokens += start + window.len() - next;
            next = start + window.len();
            start += stride;
        }
        Ok(result)
    }

    /// The log-likelihood of `ids[first..]` after those before them.
    async fn log_likelihood(&mut self, ids: &[u32], first: usize) -> Result<f64, EngineError> {
        self.reset();
        let vocab = self.info().vocab_size;
        let mut sum = 0.0;
        // The logits of token i score token i + 1; those of the last score none.
        let (unscored, scored) = ids[..ids.len() - 1].split_at(first - 1);
        if !unscored.is_empty() {
            self.append(unscored, Outputs::None).await?;
        }
        let batch = (LOGIT_BYTES / (4 * vocab.max(1))).max(1);
        for (at, ids_of_batch) in scored.chunks(batch).enumerate() {
            let logits = self.append(ids_of_batch, Outputs::All).await?;
            let targets = &ids[first + at * batch..];
            sum += logits
                .chunks_exact(vocab)
                .zip(targets)
                .map(|(row, &id)| log_probability(row, id))
                .sum::<f64>();
        }
        Ok(sum)
    }
}

/// The logarithm of `softmax(logits)[id]`.
fn log_probability(logits: &[f32], id: u32) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&v| f64::from(v - max).exp()).sum();
    f64::from(logits[id as usize] - max) - sum.ln()
}
