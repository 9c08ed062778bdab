//! Architectures: what a model file says of itself, to a [`Plan`].
//!
//! Each architecture is one file with one function from a file's numbers and tensors to a plan, put together from
//! the parts in `layer`; what Llama's kin share stands in `decoder`. To add one, write its file and name it in
//! [`ARCHITECTURES`]. Encoders, which read a text as a whole, are in `encoders`, and named there.

mod decoder;
mod encoders;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt_oss;
mod granite;
pub mod hf;
mod hyperparameters;
mod keys;
mod layer;
mod lfm2;
mod llama;
mod mistral3;
mod olmo2;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen35;
mod rope;
mod smollm3;
mod source;
mod task;

pub use hyperparameters::{Hyperparameters, LayerSizes};
pub use task::{Pooling, Task};

use encoders::{BuildEncoder, ENCODERS};
use keys::Keys;
use sotto_format::{FormatError, ModelFile};
use sotto_plan::{Plan, PlanBuilder, PlanError};
use source::Source;

/// An architecture this crate knows.
pub struct Architecture {
    /// `general.architecture` in a GGUF file.
    pub name: &'static str,
    build: BuildDecoder,
}

/// All decoders, by name.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "gemma2", build: gemma2::plan },
    Architecture { name: "gemma3", build: gemma3::plan },
    Architecture { name: "gpt-oss", build: gpt_oss::plan },
    Architecture { name: "granite", build: granite::plan },
    Architecture { name: "lfm2", build: lfm2::plan },
    Architecture { name: "llama", build: llama::plan },
    Architecture { name: "mistral3", build: mistral3::plan },
    Architecture { name: "olmo2", build: olmo2::plan },
    Architecture { name: "phi3", build: phi3::plan },
    Architecture { name: "qwen2", build: qwen2::plan },
    Architecture { name: "qwen3", build: qwen3::plan },
    Architecture { name: "qwen35", build: qwen35::plan },
    Architecture { name: "qwen3moe", build: qwen3::plan_moe },
    Architecture { name: "smollm3", build: smollm3::plan },
];

/// Why a file's model cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// An architecture that this crate does not know.
    #[error("architecture \"{name}\" is not supported; supported are {}", known_names())]
    UnsupportedArchitecture {
        /// `general.architecture`.
        name: String,
    },
    /// A setting that this crate does not know, of an architecture it does.
    #[error("{key} is \"{value}\", which is not supported; supported are {supported}")]
    UnsupportedSetting {
        /// The metadata key.
        key: String,
        /// Its value.
        value: String,
        /// What would be.
        supported: &'static str,
    },
    /// A number that no model can have.
    #[error("{key} is {value}; it must be {range}")]
    Hyperparameter {
        /// The metadata key.
        key: String,
        /// Its value.
        value: u64,
        /// What it may be.
        range: &'static str,
    },
    /// An array with a number for each layer has another length.
    #[error("{key} has {values} values, but the model has {layers} layers")]
    LayerCount {
        /// The metadata key.
        key: String,
        /// Values there are.
        values: usize,
        /// Layers there are.
        layers: usize,
    },
    /// Metadata is missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] FormatError),
    /// Tensors contradict the metadata.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// How an architecture makes its plan.
enum Build {
    Decoder(BuildDecoder),
    Encoder(BuildEncoder),
}

type BuildDecoder = fn(Source<'_>) -> Result<Plan, ModelError>;

fn builder(name: &str) -> Option<Build> {
    let decoder = ARCHITECTURES.iter().find(|a| a.name == name).map(|a| Build::Decoder(a.build));
    decoder.or_else(|| {
        ENCODERS.iter().find(|(encoder, _)| *encoder == name).map(|(_, build)| Build::Encoder(*build))
    })
}

fn known_names() -> String {
    let decoders = ARCHITECTURES.iter().map(|a| a.name);
    decoders.chain(ENCODERS.iter().map(|(name, _)| *name)).collect::<Vec<_>>().join(", ")
}

/// A model's numbers and its plan.
#[derive(Debug)]
pub struct Model {
    /// The model's numbers.
    pub hyperparameters: Hyperparameters,
    /// Its computation.
    pub plan: Plan,
    /// What the computation's output is for.
    pub task: Task,
}

/// Plans the model that `file` holds, for contexts of up to the length it was trained for. Reads metadata and the
/// tensor table only.
pub fn build(file: &ModelFile) -> Result<Model, ModelError> {
    build_for(file, None)
}

/// As [`build`], for a model that will hold at most `context_length` positions: some choose their RoPE by it.
pub fn build_for(file: &ModelFile, context_length: Option<usize>) -> Result<Model, ModelError> {
    let name = file.metadata.str("general.architecture")?;
    let build = builder(name).ok_or_else(|| ModelError::UnsupportedArchitecture { name: name.to_owned() })?;
    let h = Hyperparameters::read(name, file)?;
    let context_length = context_length.unwrap_or(h.context_length);
    let b = PlanBuilder::new(&file.tensors);
    let source = Source { keys: Keys::new(name, file), h: h.clone(), context_length, b };
    let (plan, task) = match build {
        Build::Decoder(build) => (build(source)?, Task::Generate),
        Build::Encoder(build) => build(source)?,
    };
    Ok(Model { hyperparameters: h, plan, task })
}
