//! A loaded model and its conversation with a backend.
//!
//! [`ModelHeader`] is what a file's first bytes say: config, plan, tokenizer, chat template. A [`Loader`]
//! takes the file's bytes in order and gives each tensor's to the backend. An [`Engine`] is the loaded
//! model: it tokenises, prefills what the last prompt does not share with the new one, and generates
//! token by token. A [`Classifier`] or an [`Embedder`] is made of an engine whose model does that ([`Engine::task`]).

mod backend;
mod chat;
mod checked;
mod classifier;
mod constraint;
mod cpu;
mod defaults;
mod device;
mod drafting;
mod embedder;
mod engine;
mod error;
mod folder;
mod generation;
mod header;
mod info;
mod loader;
mod lookup;
mod making;
mod perplexity;
#[cfg(not(target_arch = "wasm32"))]
mod profile;
mod reads;
pub mod synthetic;
mod tuning;

pub use backend::{Counters, DeviceChoice, DeviceInfo};
pub use classifier::{Classifier, ClassifyProgress, OnProgress, OnRow};
pub use defaults::SamplingDefaults;
pub use device::{Device, MemoryNeed, TOLD_CONTEXTS};
pub use embedder::{Embedder, Embedding};
pub use engine::Engine;
pub use error::{EngineError, ErrorCode};
pub use folder::{Folder, FolderFiles};
pub use generation::{FinishReason, GenerateOptions, Generation, Part, Prompt};
pub use header::ModelHeader;
pub use info::ModelInfo;
pub use loader::{LoadOptions, Loader};
pub use perplexity::Perplexity;
#[cfg(not(target_arch = "wasm32"))]
pub use profile::ProfiledStep;
pub use reads::Read;
#[cfg(target_arch = "wasm32")]
pub use sotto_cpu::new_helper_stack;
pub use sotto_format as format;
pub use sotto_gpu::bench as kernel_bench;
#[cfg(target_arch = "wasm32")]
pub use sotto_gpu::set_clock;
pub use sotto_gpu::{DeviceFacts, DeviceOptions, GpuDevice, GpuError, KvType, Tuning};
#[cfg(not(target_arch = "wasm32"))]
pub use sotto_gpu::{Profile, Profiled};
pub use sotto_model::hf::HfError;
pub use sotto_model::hf::{SentenceFiles, pooling_config};
pub use sotto_model::{Pooling, Task};
pub use sotto_plan::{Outputs, Sampling};
pub use sotto_text as text;
pub use tuning::{TuningChoice, TuningMemory};
