//! Why a plan could not be built.

/// A contradiction between what an architecture needs and what its file holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A tensor that the architecture reads is not in the file.
    #[error("tensor \"{name}\" is missing from the file; the file is damaged or of another architecture")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape than the model's metadata implies.
    #[error("tensor \"{name}\" has shape {found:?}, but the model's metadata implies {expected:?}")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// Shape in the file, outermost first.
        found: Vec<u64>,
        /// Shape the metadata implies, outermost first.
        expected: Vec<u64>,
    },
    /// Two activations, or an activation and a weight, do not fit together.
    #[error("operation {op}: {what} is {found}, expected {expected}")]
    Shape {
        /// The operation's name.
        op: &'static str,
        /// What does not fit.
        what: &'static str,
        /// What it is.
        found: usize,
        /// What it would have to be.
        expected: usize,
    },
}
