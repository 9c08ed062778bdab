//! The plain interpreter: one operation after the other, f32 throughout, weights dequantised row by row.

mod interpret;
mod loader;
mod model;
pub mod ops;

pub use interpret::{Cache, Interpreter, Step};
pub use loader::Loader;
pub use model::{Model, check_ids};
