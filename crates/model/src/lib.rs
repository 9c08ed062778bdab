//! Architectures: what a model file says of itself, to a [`Plan`].
//!
//! Each architecture is one file with one function from [`Hyperparameters`] and tensors to a plan; what
//! several share stands in `decoder`. To add one, write its file and name it in [`ARCHITECTURES`]. Encoders, which read a
//! text as a whole, are in `encoders`, and named there.

mod decoder;
mod encoders;
mod hyperparameters;
mod llama;
mod qwen2;
mod qwen3;
mod task;

pub use hyperparameters::Hyperparameters;
pub use task::{Pooling, Task};

use encoders::ENCODERS;
use sotto_format::{FormatError, ModelFile};
use sotto_plan::{Plan, PlanBuilder, PlanError};

/// An architecture this crate knows.
pub struct Architecture {
    /// `general.architecture` in a GGUF file.
    pub name: &'static str,
    build: fn(&Hyperparameters, PlanBuilder<'_>) -> Result<Plan, ModelError>,
}

/// All decoders, by name.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "llama", build: llama::plan },
    Architecture { name: "qwen2", build: qwen2::plan },
    Architecture { name: "qwen3", build: qwen3::plan },
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
    /// Metadata is missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] FormatError),
    /// Tensors contradict the metadata.
    #[error(transparent)]
    Plan(#[from] PlanError),
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

/// Plans the model that `file` holds. Reads metadata and the tensor table only.
pub fn build(file: &ModelFile) -> Result<Model, ModelError> {
    let name = file.metadata.str("general.architecture")?;
    if let Some((_, build)) = ENCODERS.iter().find(|(encoder, _)| *encoder == name) {
        let hyperparameters = Hyperparameters::read(name, file)?;
        let (plan, task) = build(&hyperparameters, file, PlanBuilder::new(&file.tensors))?;
        return Ok(Model { hyperparameters, plan, task });
    }
    let architecture = ARCHITECTURES
        .iter()
        .find(|a| a.name == name)
        .ok_or_else(|| ModelError::UnsupportedArchitecture { name: name.to_owned() })?;
    let hyperparameters = Hyperparameters::read(name, file)?;
    let plan = (architecture.build)(&hyperparameters, PlanBuilder::new(&file.tensors))?;
    Ok(Model { hyperparameters, plan, task: Task::Generate })
}
