//! What a model's output is for.

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
}
