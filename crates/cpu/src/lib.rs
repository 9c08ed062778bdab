//! Runs plans on the CPU.
//!
//! [`mod@reference`] is the oracle: plain loops in f32 that follow the formulas of [`sotto_plan::Op`] to the
//! letter. Every kernel of every other backend is checked against it, so it is written to be read beside a
//! shader, not to be fast.

mod error;
pub mod reference;

pub use error::CpuError;
