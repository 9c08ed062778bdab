//! What can be wrong with a model file. Every message names the value, the limit or place, and what to do.
//!
//! Offsets are bytes from the start of the file that holds the fault.

use crate::{BlockType, MAX_HEADER_BYTES};

/// Why a GGUF file cannot be used.
///
/// The caller knows the file's name and puts it in front; for a split, [`FormatError::InPart`] says which part.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum FormatError {
    /// The first four bytes are not `GGUF`.
    #[error(
        "not a GGUF file: it starts with {found:02x?} at byte 0, which looks like {looks_like}; expected \"GGUF\". Check the address or path"
    )]
    NotGguf { found: Vec<u8>, looks_like: &'static str },
    /// Neither version 2 nor 3.
    #[error(
        "GGUF version {version} at byte 4 is not supported; versions 2 and 3 are. Convert the file again with a current tool"
    )]
    UnsupportedVersion { version: u32 },
    /// Written for a big-endian machine.
    #[error("the GGUF file is big-endian (version field {raw:#010x} at byte 4); convert it to little-endian")]
    BigEndian { raw: u32 },
    /// The file ends inside its header.
    #[error(
        "the file ends at byte {file_len}, but {what} at byte {at} needs {need} bytes; it is cut off or damaged: download it again"
    )]
    Truncated { what: &'static str, at: u64, need: u64, file_len: u64 },
    /// The header claims more than any real model has.
    #[error("{what} at byte {at} needs {need} bytes, which takes the header past its limit of {limit} bytes; the file is damaged: download it again", limit = MAX_HEADER_BYTES)]
    HeaderTooLarge { what: &'static str, at: u64, need: u64 },
    /// Text that is not UTF-8.
    #[error("{what} at byte {at} is not valid UTF-8; the file is damaged or was written by a faulty tool")]
    InvalidUtf8 { what: &'static str, at: u64 },
    /// A metadata key or tensor name beyond its limit.
    #[error(
        "{what} at byte {at} has {len} bytes; the limit is {limit}. The file is damaged or was written by a faulty tool"
    )]
    NameTooLong { what: &'static str, at: u64, len: u64, limit: u64 },
    /// A metadata value of a type that GGUF does not define.
    #[error("metadata type {id} at byte {at} is unknown; GGUF defines 0 to 12")]
    UnknownValueType { id: u32, at: u64 },
    /// Arrays of arrays beyond the limit.
    #[error("arrays are nested deeper than {limit} levels at byte {at}")]
    ArrayTooDeep { at: u64, limit: u32 },
    /// A boolean that is neither 0 nor 1.
    #[error("boolean at byte {at} is {value}; it must be 0 or 1")]
    InvalidBool { value: u8, at: u64 },
    /// A metadata key that comes twice.
    #[error("metadata key {key:?} comes again at byte {at}; keys must be unique")]
    DuplicateKey { key: String, at: u64 },
    /// `general.alignment` is no power of two.
    #[error("general.alignment is {alignment}; it must be a power of two")]
    BadAlignment { alignment: u64 },
    /// A tensor name that comes twice, in one file or in two parts of a split.
    #[error("tensor {name:?} comes twice; names must be unique")]
    DuplicateTensor { name: String },
    /// A tensor with more dimensions than ggml has.
    #[error("tensor {name:?} at byte {at} has {dims} dimensions; the limit is {limit}")]
    TooManyDims { name: String, at: u64, dims: u32, limit: u32 },
    /// A dimension of zero.
    #[error("tensor {name:?} at byte {at} has an empty dimension; its shape is {shape:?}, outermost first")]
    EmptyDim { name: String, at: u64, shape: Vec<u64> },
    /// A tensor whose elements or bytes cannot be counted in 64 bits.
    #[error("tensor {name:?} at byte {at} is too large: the size of shape {shape:?} overflows 64 bits")]
    TensorTooLarge { name: String, at: u64, shape: Vec<u64> },
    /// A block type that this build does not read.
    #[error("tensor {name:?} has block type {type_name} (ggml id {id}), which is not supported; use a file in one of {supported}", supported = supported_types())]
    UnsupportedBlockType { name: String, id: u32, type_name: &'static str },
    /// A row that ends inside a block.
    #[error("tensor {name:?} has rows of {row} elements, which is not a multiple of {ty}'s block of {block_len}", block_len = ty.block_len())]
    PartialRow { name: String, row: u64, ty: BlockType },
    /// A tensor that does not start on the file's alignment.
    #[error(
        "tensor {name:?} starts at offset {offset} of the data, which is not a multiple of the alignment {alignment}"
    )]
    MisalignedTensor { name: String, offset: u64, alignment: u64 },
    /// A tensor that reaches past the end of the file.
    #[error(
        "tensor {name:?} takes {bytes} bytes from byte {offset}, but the file has {file_len}; it is cut off or damaged: download it again"
    )]
    TensorOutOfRange { name: String, offset: u64, bytes: u64, file_len: u64 },
    /// Two tensors that share bytes.
    #[error("tensors {first:?} and {second:?} overlap at byte {at}")]
    OverlappingTensors { first: String, second: String, at: u64 },
    /// A metadata key that is needed and not there.
    #[error("metadata key {key:?} is missing; the model cannot be run without it")]
    MissingKey { key: String },
    /// A metadata value of the wrong type.
    #[error("metadata key {key:?} is {found}; expected {expected}")]
    WrongType { key: String, expected: &'static str, found: String },
    /// A metadata integer that does not fit what it is used as.
    #[error("metadata key {key:?} is {value}, which is out of range for {expected}")]
    OutOfRange { key: String, expected: &'static str, value: i128 },
    /// No file was given.
    #[error("a model needs at least one file")]
    NoParts,
    /// The parts given are not as many as the first says.
    #[error(
        "the model is split over {expected} files (split.count), but {given} were given; give all of them"
    )]
    SplitCount { expected: u64, given: usize },
    /// A part in the wrong place.
    #[error("file {given} of the split says it is file {found} (split.no + 1); give the parts in order")]
    SplitOrder { given: u64, found: u64 },
    /// The parts' tensors are not as many as the first says.
    #[error(
        "the parts hold {found} tensors, but split.tensors.count is {expected}; a part is missing or from another model"
    )]
    SplitTensorCount { expected: u64, found: usize },
    /// A fault in one part of a split.
    #[error("file {part} of the split: {error}", part = index + 1)]
    InPart { index: usize, error: Box<FormatError> },
}

fn supported_types() -> String {
    BlockType::ALL.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(", ")
}
