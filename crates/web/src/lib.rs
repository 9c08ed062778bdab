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

/// Makes room for the stack of a worker that helps on this memory, and returns the address of its top. The worker sets its
/// instance's `__stack_pointer` to it and calls `sotto_help` with its number, from 1 on.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen(js_name = newHelperStack)]
pub fn new_helper_stack() -> usize {
    sotto_engine::new_helper_stack()
}

/// Runs once when the module is instantiated: a panic prints its message and place to the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    #[cfg(target_arch = "wasm32")]
    sotto_engine::set_clock(now);
}

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page or worker began: a clock that nobody sets back.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}
