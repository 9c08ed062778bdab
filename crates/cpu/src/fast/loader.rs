//! Takes a model's weights in pieces, as they come from a file.

use sotto_plan::{Plan, WeightId};

use super::weights::{Filling, holds_floats};
use super::{Model, Options};
use crate::CpuError;

/// A model whose weights are still arriving.
pub struct Loader {
    plan: Plan,
    context_length: usize,
    options: Options,
    weights: Filling,
}

impl Loader {
    /// Makes room for the weights of `plan`. The model will hold at most `context_length` positions.
    pub fn new(plan: Plan, context_length: usize, options: Options) -> Result<Self, CpuError> {
        super::memory_needed(&plan, context_length, options.threads).check_now()?;
        let weights = Filling::new(&plan, options.floats.unwrap_or_else(|| holds_floats(&plan)));
        Ok(Loader { plan, context_length, options, weights })
    }

    /// The next bytes of weight `id` as stored in the file; `offset` counts from the tensor's first byte.
    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), CpuError> {
        self.weights.write(&self.plan, id, offset, bytes)
    }

    /// The model is to run on this many threads, the caller's among them.
    pub fn set_threads(&mut self, threads: usize) {
        self.options.threads = threads;
    }

    /// The loaded model.
    pub fn finish(self) -> Result<Model, CpuError> {
        let weights = self.weights.finish(&self.plan)?;
        Ok(Model::new(self.plan, weights, self.context_length, &self.options))
    }
}
