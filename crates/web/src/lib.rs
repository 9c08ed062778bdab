//! What JavaScript sees of the engine. Nothing else knows JavaScript; this crate knows nothing else.
//!
//! Everything that fails throws a plain object `{ code, message }`; the package turns it into an error class.

mod engine;
mod error;
mod generation;
mod heap;
mod loader;
mod options;
mod parse;

pub use engine::Engine;
pub use generation::Generation;
pub use loader::{Loader, inspect};
pub use parse::{Folder, parse_header, parse_manifest, parse_shard, split_part_names};

use wasm_bindgen::prelude::*;

/// Runs once when the module is instantiated: a panic prints its message and place to the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    #[cfg(target_arch = "wasm32")]
    sotto_engine::set_clock(now);
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page or worker began.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}
