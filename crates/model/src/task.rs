//! What a model's output is for.

use sotto_format::{Metadata, Value};

use crate::ModelError;

/// What a model's output is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Logits `[outputs, vocab]` of the token that comes next.
    Generate,
    /// Logits `[tokens, labels]` of each token's own label.
    ClassifyTokens {
        /// The labels, in the order of the logits: `O`, `B-PERSON`, ...
        labels: Vec<String>,
    },
    /// States `[tokens, dim]`, which pooling makes one vector of.
    Embed {
        /// How.
        pooling: Pooling,
        /// Whether the vector is then divided by its length.
        normalise: bool,
    },
}

/// How the states of a text's tokens become one vector (sentence-transformers' `Pooling`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The first token's.
    Cls,
    /// The mean over all tokens.
    Mean,
    /// The last token's.
    Last,
}

impl Task {
    /// `generate`, `classify` or `embed`.
    pub fn name(&self) -> &'static str {
        match self {
            Task::Generate => "generate",
            Task::ClassifyTokens { .. } => "classify",
            Task::Embed { .. } => "embed",
        }
    }
}

impl Pooling {
    /// `cls`, `mean` or `last`.
    pub fn name(self) -> &'static str {
        match self {
            Pooling::Cls => "cls",
            Pooling::Mean => "mean",
            Pooling::Last => "last",
        }
    }

    /// From `<architecture>.pooling_type` as llama.cpp counts them: 1 mean, 2 the first token's, 3 the last's.
    pub(crate) fn from_gguf(architecture: &str, metadata: &Metadata) -> Result<Self, ModelError> {
        let key = format!("{architecture}.pooling_type");
        match metadata.get(&key).map(Value::as_integer) {
            // llama.cpp's converter leaves it out where modules.json does, and then means the mean.
            None | Some(Some(0 | 1)) => Ok(Pooling::Mean),
            Some(Some(2)) => Ok(Pooling::Cls),
            Some(Some(3)) => Ok(Pooling::Last),
            Some(other) => Err(ModelError::UnsupportedSetting {
                key,
                value: other.map_or_else(|| "no number".to_owned(), |n| n.to_string()),
                supported: "1 (mean), 2 (cls), 3 (last)",
            }),
        }
    }
}
