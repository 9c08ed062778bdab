//! What can go wrong with a model on the CPU.

/// Why a model could not be loaded or run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CpuError {
    /// A weight's bytes came out of order or beyond its end.
    #[error("bytes for tensor \"{name}\" at offset {offset}, but {expected} of its {total} bytes are next")]
    WriteOutOfOrder {
        /// The tensor.
        name: String,
        /// Offset of the bytes that came.
        offset: u64,
        /// Offset of the bytes that were due.
        expected: u64,
        /// The tensor's size in bytes.
        total: u64,
    },
    /// A weight is not complete.
    #[error("tensor \"{name}\" has {got} of its {total} bytes; load the rest of the file")]
    MissingBytes {
        /// The tensor.
        name: String,
        /// Bytes that came.
        got: u64,
        /// The tensor's size in bytes.
        total: u64,
    },
    /// The model is larger than the memory that a program can have.
    #[error(
        "the model takes {needed} bytes with its context, and at most {limit} can be had; \
         choose a smaller one, a smaller quantisation or a shorter context, or run it on a GPU"
    )]
    OutOfMemory {
        /// Bytes of weights and caches.
        needed: u64,
        /// Bytes there can be.
        limit: u64,
    },
    /// A weight holds what is no number.
    #[error("tensor \"{name}\" holds scales that are not numbers; the file is damaged, download it again")]
    DamagedWeight {
        /// The tensor.
        name: String,
    },
    /// A token id outside the vocabulary.
    #[error("token id {id} is outside the vocabulary of {vocab}")]
    TokenId {
        /// The id.
        id: u32,
        /// The vocabulary's size.
        vocab: usize,
    },
    /// The step does not fit the context.
    #[error(
        "{asked} tokens do not fit a context of {limit}; shorten the prompt or load with a longer context"
    )]
    ContextLength {
        /// Positions that would be used.
        asked: usize,
        /// Positions there are.
        limit: usize,
    },
    /// Tokens cannot be appended to what an encoder has read: its attention looks ahead.
    #[error(
        "this model reads a sequence as a whole and cannot continue one; truncate to 0 and give it all tokens at once"
    )]
    WholeSequence,
}
