//! Runs plans on the CPU, twice.
//!
//! [`mod@reference`] is the oracle: plain loops in f32 that follow the formulas of [`sotto_plan::Op`] to the
//! letter. Every kernel of every other backend is checked against it, so it is written to be read beside a
//! shader, not to be fast. [`fast`] is what people run where there is no GPU.

mod error;
pub mod fast;
mod pool;
pub mod reference;
pub mod simd;

pub use error::CpuError;
#[cfg(target_arch = "wasm32")]
pub use pool::web::new_stack as new_helper_stack;
