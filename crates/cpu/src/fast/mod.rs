//! The fast engine: SIMD kernels over repacked weights, threads, and no allocation per token.
//!
//! Weights are repacked once, as they arrive, into [`panel`]s of sixteen rows; activations are quantised to eight
//! bits where weights are quantised, so that products are of integers. What an operation has no fast form for runs
//! in the plain interpreter, on the same values: a new operation works here from its first day.

mod activations;
mod attention;
mod blocks;
mod elementwise;
mod loader;
mod matmul;
mod matrix;
mod model;
mod panel;
mod rope;
mod run;
mod schedule;
mod weights;

#[cfg(test)]
mod tests;

pub use loader::Loader;
pub use model::Model;

use sotto_plan::Plan;

use crate::simd::Level;

/// How to run a model.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads, the caller's among them.
    pub threads: usize,
    /// Instructions to use; `None` takes the best that the processor has.
    pub level: Option<Level>,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, level: None }
    }
}

/// Bytes that the weights of `plan` and its caches of `context_length` positions take.
pub fn bytes_needed(plan: &Plan, context_length: usize) -> u64 {
    /// Of a cached element, a half float.
    const CACHE_BYTES: u64 = 2;
    let floats = weights::holds_floats(plan);
    let weights: u64 = plan.weights.iter().map(|weight| matrix::bytes_needed(weight, floats)).sum();
    weights + plan.kv_elements_per_position() as u64 * context_length as u64 * CACHE_BYTES
}
