//! What an architecture builds a plan from.

use sotto_plan::{Plan, PlanBuilder, ValueId};

use crate::keys::Keys;
use crate::layer::Layer;
use crate::{Hyperparameters, ModelError};

/// A model file as an architecture sees it, and the plan that is being built.
pub(crate) struct Source<'a> {
    pub keys: Keys<'a>,
    pub h: Hyperparameters,
    /// Positions that the model will hold at most; some choose their RoPE by it.
    pub context_length: usize,
    pub b: PlanBuilder<'a>,
}

impl<'a> Source<'a> {
    /// The state of each token before the first layer: its row of the embedding table, times `scale`.
    pub fn embed(&mut self, scale: f32) -> Result<ValueId, ModelError> {
        let table = self.b.weight("token_embd.weight", &[self.h.vocab_size, self.h.dim])?;
        Ok(self.b.embed(table, scale))
    }

    /// Layer `index`, to add its operations.
    pub fn layer(&mut self, index: usize) -> Layer<'_, 'a> {
        Layer::new(self, index)
    }

    /// What is outside of the layers: embeddings' norms and heads.
    pub fn outside(&mut self) -> Layer<'_, 'a> {
        Layer::outside(self)
    }

    /// The rows of `x` whose output is wanted, in the last layer: what comes before the last attention is needed
    /// for every token, what comes after it is not.
    pub fn select_in_last_layer(&mut self, index: usize, x: ValueId) -> ValueId {
        if index + 1 == self.h.n_layers { self.b.select_outputs(x) } else { x }
    }

    /// The final norm and the projection to the vocabulary. A file without an output projection ties it to the
    /// embedding table.
    pub fn logits(&mut self, x: ValueId, norm: &str) -> Result<ValueId, ModelError> {
        let (vocab, dim) = (self.h.vocab_size, self.h.dim);
        let norm = self.b.weight(norm, &[dim])?;
        let x = self.b.rms_norm(x, norm, self.h.norm_eps)?;
        let head = match self.b.weight_if_present("output.weight", &[vocab, dim])? {
            Some(head) => head,
            None => self.b.weight("token_embd.weight", &[vocab, dim])?,
        };
        let bias = self.b.weight_if_present("output.bias", &[vocab])?;
        Ok(self.b.linear(x, head, bias)?)
    }

    /// The plan whose result is `logits`.
    pub fn finish(self, logits: ValueId) -> Plan {
        self.b.finish(logits)
    }
}
