//! What can go wrong on a GPU.

/// A context that takes less memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smaller {
    /// Its positions.
    pub context: usize,
    /// Bytes of what could not be had, with that context.
    pub bytes: u64,
}

fn advice(smaller: &Option<Smaller>) -> String {
    match smaller {
        Some(Smaller { context, bytes }) => {
            format!(
                "; with a context of {context} positions it would be {bytes}: load the model with a smaller context"
            )
        }
        None => String::new(),
    }
}

/// An error of the GPU backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// There is no WebGPU, or no adapter behind it.
    #[error("no GPU can be used: {message}")]
    NoAdapter {
        /// What the platform said.
        message: String,
    },
    /// The device went away (driver reset, tab in the background for long, GPU removed).
    #[error("the GPU device was lost: {message}; load the model again")]
    DeviceLost {
        /// What the platform said.
        message: String,
    },
    /// An allocation failed.
    #[error("the GPU is out of memory: {what} of {bytes} bytes could not be had{}", advice(.smaller))]
    OutOfMemory {
        /// What was being allocated.
        what: String,
        /// Bytes asked for.
        bytes: u64,
        /// What would need less.
        smaller: Option<Smaller>,
    },
    /// A buffer would be larger than the device allows.
    #[error("{what} takes {bytes} bytes, but this GPU allows {limit}")]
    TooLarge {
        /// What was being allocated.
        what: String,
        /// Bytes it takes.
        bytes: u64,
        /// The device's limit.
        limit: u64,
    },
    /// More positions are needed than the context holds.
    #[error("{needed} positions are needed, but the context holds {limit}")]
    ContextLength {
        /// Positions needed.
        needed: usize,
        /// Positions there are.
        limit: usize,
    },
    /// Tokens cannot be appended to what an encoder has read: its attention looks ahead.
    #[error(
        "this model reads a sequence as a whole and cannot continue one; truncate to 0 and give it all tokens at once"
    )]
    WholeSequence,
    /// The logits hold NaN: the weights are damaged, or the model overflowed.
    #[error("the model's logits are not numbers; its weights are damaged")]
    NotANumber,
    /// A token id that the embedding table does not have.
    #[error("token id {id} is outside the vocabulary of {vocab}")]
    TokenId {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        vocab: usize,
    },
    /// The bytes of a weight came out of order or beyond its end.
    #[error("tensor \"{tensor}\": bytes written at {offset}, expected {expected} of {bytes}")]
    WriteOrder {
        /// The tensor's name.
        tensor: String,
        /// Where the bytes were to go.
        offset: u64,
        /// Where the next bytes should go.
        expected: u64,
        /// Bytes of the tensor.
        bytes: u64,
    },
    /// Loading ended before all bytes of a weight were written.
    #[error("tensor \"{tensor}\": {written} of {bytes} bytes were written")]
    MissingBytes {
        /// The tensor's name.
        tensor: String,
        /// Bytes written.
        written: u64,
        /// Bytes of the tensor.
        bytes: u64,
    },
    /// The plan asks for something that this backend does not do.
    #[error("{what} is not supported on the GPU")]
    Unsupported {
        /// What is not supported.
        what: String,
    },
    /// A call came at a time when it has no meaning.
    #[error("{what}")]
    State {
        /// What was wrong.
        what: &'static str,
    },
    /// A shader or pipeline was refused.
    #[error("shader {name}: {message}")]
    Shader {
        /// The shader.
        name: String,
        /// What the platform said.
        message: String,
    },
    /// The platform refused something else: a fault in this crate or in a driver.
    #[error("the GPU reported an error: {message}")]
    Device {
        /// What the platform said.
        message: String,
    },
}

impl GpuError {
    /// The same, with what would need less memory where memory was the fault.
    pub(crate) fn or_smaller(self, smaller: Smaller) -> GpuError {
        match self {
            GpuError::OutOfMemory { what, bytes, .. } => {
                GpuError::OutOfMemory { what, bytes, smaller: Some(smaller) }
            }
            other => other,
        }
    }
}
