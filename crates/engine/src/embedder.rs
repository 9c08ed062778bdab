//! One vector a text.

use sotto_model::{Pooling, Task};
use sotto_plan::Outputs;

use crate::{Engine, EngineError, ModelInfo};

/// A loaded embedding model.
pub struct Embedder {
    engine: Engine,
    pooling: Pooling,
    normalise: bool,
}

/// A text's vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// `[dim]`.
    pub vector: Vec<f32>,
    /// Tokens of the text, the special ones around it among them.
    pub tokens: usize,
    /// Whether the text was longer than the model reads, so that its end had no part in the vector.
    pub truncated: bool,
}

impl Embedder {
    /// Takes a loaded model that embeds.
    ///
    /// # Errors
    /// [`EngineError::Task`] for any other model.
    pub fn new(engine: Engine) -> Result<Self, EngineError> {
        match *engine.task() {
            Task::Embed { pooling, normalise } => Ok(Embedder { engine, pooling, normalise }),
            ref other => Err(EngineError::Task { needed: "embed", found: other.name() }),
        }
    }

    /// What to show of the model.
    pub fn info(&self) -> &ModelInfo {
        self.engine.info()
    }

    /// The model itself.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The vector of `text`. Of a longer text than the context holds, the beginning is read, as in sentence-transformers.
    pub async fn embed(&mut self, text: &str) -> Result<Embedding, EngineError> {
        let tokenizer = self.engine.tokenizer();
        let mut ids = tokenizer.encode(text, false, false)?;
        let (prefix, suffix) = tokenizer.specials_around();
        let room = self.engine.context_length().saturating_sub(prefix.len() + suffix.len()).max(1);
        let truncated = ids.len() > room;
        ids.truncate(room);
        let ids = [prefix, &ids[..], suffix].concat();
        if ids.is_empty() {
            return Err(EngineError::EmptyPrompt);
        }
        let states = self.engine.logits(&ids, Outputs::All).await?;
        let mut vector = pool(&states, ids.len(), self.pooling);
        if self.normalise {
            normalise(&mut vector);
        }
        Ok(Embedding { vector, tokens: ids.len(), truncated })
    }
}

/// `states`: `[n_tokens, dim]`, at least one token.
fn pool(states: &[f32], n_tokens: usize, pooling: Pooling) -> Vec<f32> {
    let dim = states.len() / n_tokens.max(1);
    match pooling {
        Pooling::Cls => states[..dim].to_vec(),
        Pooling::Last => states[states.len() - dim..].to_vec(),
        Pooling::Mean => {
            let mut sums = vec![0.0; dim];
            for state in states.chunks_exact(dim.max(1)) {
                sums.iter_mut().zip(state).for_each(|(sum, v)| *sum += f64::from(*v));
            }
            sums.iter().map(|sum| (sum / n_tokens as f64) as f32).collect()
        }
    }
}

/// To length 1; a zero vector stays one.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt().max(1e-12) as f32;
    vector.iter_mut().for_each(|v| *v /= length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_takes_what_its_name_says() {
        let states = [1.0, 2.0, 3.0, 4.0, 8.0, 0.0];
        assert_eq!(pool(&states, 3, Pooling::Cls), [1.0, 2.0]);
        assert_eq!(pool(&states, 3, Pooling::Last), [8.0, 0.0]);
        assert_eq!(pool(&states, 3, Pooling::Mean), [4.0, 2.0]);
        let mut vector = [3.0, 4.0];
        normalise(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 2];
        normalise(&mut zero);
        assert_eq!(zero, [0.0; 2]);
    }
}
