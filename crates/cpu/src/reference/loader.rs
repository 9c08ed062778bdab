//! Takes a model's weights in pieces, as they come from a file.

use sotto_plan::{Plan, WeightId};

use super::Model;
use crate::CpuError;

/// A model whose weights are still arriving.
pub struct Loader {
    plan: Plan,
    context_length: usize,
    weights: Vec<Vec<u8>>,
}

impl Loader {
    /// Makes room for the weights of `plan`. The model will hold at most `context_length` positions.
    pub fn new(plan: Plan, context_length: usize) -> Self {
        let weights = plan.weights.iter().map(|w| Vec::with_capacity(w.bytes() as usize)).collect();
        Loader { plan, context_length, weights }
    }

    /// The next bytes of weight `id` as stored in the file; `offset` counts from the tensor's first byte.
    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), CpuError> {
        let weight = self.plan.weight(id);
        let stored = &mut self.weights[id.0 as usize];
        let expected = stored.len() as u64;
        if offset != expected || bytes.len() as u64 > weight.bytes() - expected {
            return Err(CpuError::WriteOutOfOrder {
                name: weight.name.clone(),
                offset,
                expected,
                total: weight.bytes(),
            });
        }
        stored.extend_from_slice(bytes);
        Ok(())
    }

    /// The loaded model.
    pub fn finish(self) -> Result<Model, CpuError> {
        for (weight, stored) in self.plan.weights.iter().zip(&self.weights) {
            if stored.len() as u64 != weight.bytes() {
                return Err(CpuError::MissingBytes {
                    name: weight.name.clone(),
                    got: stored.len() as u64,
                    total: weight.bytes(),
                });
            }
        }
        Ok(Model::new(self.plan, self.weights, self.context_length))
    }
}
