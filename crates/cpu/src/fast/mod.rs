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
mod together;
mod weights;

#[cfg(test)]
mod tests;

pub use loader::Loader;
pub use model::Model;

use sotto_plan::Plan;

use crate::CpuError;
use crate::simd::Level;

/// How to run a model.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads, the caller's among them.
    pub threads: usize,
    /// Instructions to use; `None` takes the best that the processor has.
    pub level: Option<Level>,
    /// Whether quantised weights are multiplied as floats, and activations are not rounded to eight bits. `None` does so
    /// for small models only; what [`memory_needed`] tells is of that.
    pub floats: Option<bool>,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, level: None, floats: None }
    }
}

/// Memory that a model takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Weights.
    pub weights: u64,
    /// Keys and values of all positions.
    pub caches: u64,
    /// Activations of a step, the output's rows, and each thread's scores of all positions.
    pub activations: u64,
}

/// Bytes that the program can have: 4 GiB in WebAssembly.
const ADDRESSABLE: u64 = usize::MAX as u64;
/// What everything but a model may take of them.
const RESERVE: u64 = 64 << 20;

impl Memory {
    /// All of it.
    pub fn total(self) -> u64 {
        self.weights + self.caches + self.activations
    }

    /// Refuses what no program can have.
    ///
    /// # Errors
    /// [`CpuError::OutOfMemory`].
    pub fn check(self) -> Result<(), CpuError> {
        let (needed, limit) = (self.total(), ADDRESSABLE - RESERVE);
        if needed > limit { Err(CpuError::OutOfMemory { needed, limit }) } else { Ok(()) }
    }

    /// Refuses what this program cannot have now: asks for all of it and gives it back, for the model to take bit by bit.
    ///
    /// # Errors
    /// [`CpuError::OutOfMemory`].
    pub fn check_now(self) -> Result<(), CpuError> {
        /// Asked for at a time: an allocation cannot be half of what a program can address.
        const PIECE: u64 = 256 << 20;
        self.check()?;
        let needed = self.total();
        let (mut pieces, mut limit) = (Vec::new(), 0);
        while limit < needed {
            let bytes = PIECE.min(needed - limit);
            let mut piece = Vec::<u8>::new();
            piece.try_reserve_exact(bytes as usize).map_err(|_| CpuError::OutOfMemory { needed, limit })?;
            pieces.push(piece);
            limit += bytes;
        }
        Ok(())
    }
}

/// The memory that `plan` takes with `context_length` positions on so many threads.
pub fn memory_needed(plan: &Plan, context_length: usize, threads: usize) -> Memory {
    let positions = context_length.min(plan.max_positions().unwrap_or(usize::MAX));
    Memory {
        weights: weights::bytes_needed(plan),
        caches: run::cache_bytes_needed(plan, positions),
        activations: schedule::bytes_needed(plan, positions.min(model::chunk(plan)))
            + run::score_bytes_needed(plan, positions, threads),
    }
}
