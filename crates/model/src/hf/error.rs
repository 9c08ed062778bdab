//! What is wrong with a folder of safetensors.

use sotto_format::SafetensorsError;

/// Why a Hugging Face model cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum HfError {
    /// A file that is not the JSON it should be.
    #[error("{file} is not valid: {message}")]
    Json { file: &'static str, message: String },
    /// A setting that is needed.
    #[error("{key} is missing; the model cannot be run without it")]
    MissingSetting { key: String },
    /// A setting of the wrong type, or one that is not supported.
    #[error("{key} is {value}; supported is {expected}")]
    Setting { key: String, value: String, expected: &'static str },
    /// A kind of model that is not known.
    #[error("config.json: model_type \"{model_type}\" is not supported; supported are {known}")]
    UnsupportedModelType { model_type: String, known: String },
    /// A way of quantising that is not known.
    #[error(
        "config.json: this model is quantised by {method}, which is not supported; supported are {known}"
    )]
    UnsupportedQuantization { method: String, known: &'static str },
    /// The index.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// A tensor that the model has no place for.
    #[error(
        "tensor {name:?} has no place in a model of type \"{model_type}\"; the file is of another model, or of a newer version of it"
    )]
    UnknownTensor { name: String, model_type: String },
    /// A tensor that another one needs.
    #[error("tensor {name:?} is missing; {why}")]
    MissingTensor { name: String, why: String },
    /// A shape that cannot be.
    #[error("tensor {name:?} has shape {shape:?}; expected {expected}")]
    Shape { name: String, shape: Vec<u64>, expected: String },
    /// Elements that cannot be weights.
    #[error("tensor {name:?} is {dtype}; expected {expected}")]
    Dtype { name: String, dtype: &'static str, expected: &'static str },
    /// A name in two shards.
    #[error("tensor {name:?} comes twice; names must be unique")]
    DuplicateTensor { name: String },
}
