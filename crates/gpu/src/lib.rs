//! Runs plans on WebGPU.
//!
//! A [`sotto_plan::Plan`] is lowered once, when a model loads, to lists of prebuilt dispatches over buffers
//! that are allocated once. A step of decoding encodes one list; it creates nothing, and the GPU
//! itself carries the state (token id, position, random step) from one step to the next.

#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::arc_with_non_send_sync, reason = "WebGPU objects stay on one thread in a browser")
)]

pub mod bench;
#[cfg(target_arch = "wasm32")]
mod browser;
mod clock;
mod decode;
mod device;
mod error;
mod kernel;
mod kernels;
mod kv;
mod layout;
mod loader;
mod lower;
mod model;
mod options;
#[cfg(not(target_arch = "wasm32"))]
mod profile;
mod runtime;
mod sampler;
mod shader;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timestamps;
mod tuning;
mod weights;

#[cfg(target_arch = "wasm32")]
pub use clock::set_clock;
pub use device::{DeviceFacts, DeviceOptions, GpuDevice};
pub use error::{GpuError, Smaller};
pub use layout::memory_needed;
pub use loader::Loader;
pub use model::{Counters, GpuModel, Memory};
pub use options::{KvType, ModelOptions};
#[cfg(not(target_arch = "wasm32"))]
pub use profile::{Profile, Profiled};
pub use tuning::{NotATuning, Tiles, Tuning};
