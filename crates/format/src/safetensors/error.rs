//! What is wrong with a safetensors file or its index.

use super::Dtype;

/// A fault of a safetensors header or of `model.safetensors.index.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum SafetensorsError {
    /// Not even room for the header's length.
    #[error(
        "a file of {bytes} bytes is no safetensors file: the header's length alone takes 8; get it again"
    )]
    TooShort { bytes: u64 },
    /// Another format.
    #[error("this is a GGUF file, not a safetensors file; name it directly")]
    IsGguf,
    /// A header length that no model needs.
    #[error(
        "the header says it is {bytes} bytes long; the limit is {limit}. This is no safetensors file, or a damaged one"
    )]
    HeaderTooLong { bytes: u64, limit: u64 },
    /// A header that reaches past the file's end.
    #[error(
        "the header says it is {bytes} bytes long, but the file has {file_len}; it is cut off or damaged: download it again"
    )]
    HeaderOutOfRange { bytes: u64, file_len: u64 },
    /// The header is not the JSON it should be.
    #[error("the header is not valid: {message}")]
    Json { message: String },
    /// A name that comes twice.
    #[error("tensor {name:?} comes twice; names must be unique")]
    DuplicateTensor { name: String },
    /// An element type nobody knows.
    #[error("tensor {name:?} has element type {dtype:?}, which is unknown; known are {known}", known = known_dtypes())]
    UnknownDtype { name: String, dtype: String },
    /// A shape whose size cannot be counted, or is no whole number of bytes.
    #[error(
        "tensor {name:?} of shape {shape:?} and type {dtype} has no size that can be counted in whole bytes"
    )]
    BadShape { name: String, shape: Vec<u64>, dtype: Dtype },
    /// Offsets that contradict the shape.
    #[error(
        "tensor {name:?} of shape {shape:?} and type {dtype} takes {expected} bytes, but its offsets are {begin} to {end}"
    )]
    Length { name: String, shape: Vec<u64>, dtype: Dtype, expected: u64, begin: u64, end: u64 },
    /// Bytes that belong to no tensor, or to two.
    #[error(
        "tensor {name:?} begins at byte {begin} of the data, but the tensor before it ends at {expected}; tensors must lie without gaps or overlaps"
    )]
    NotContiguous { name: String, begin: u64, expected: u64 },
    /// The tensors end elsewhere than the file.
    #[error(
        "the tensors end at byte {end} of the file, but the file has {file_len}; it is cut off or damaged: download it again"
    )]
    FileLength { end: u64, file_len: u64 },
    /// An index that is not the JSON it should be.
    #[error("model.safetensors.index.json is not valid: {message}")]
    Index { message: String },
    /// A shard that could lie outside the folder.
    #[error(
        "model.safetensors.index.json names the file {file:?}; it must be a plain name ending in .safetensors"
    )]
    ShardName { file: String },
    /// A tensor that is not where the index says.
    #[error(
        "model.safetensors.index.json says that tensor {tensor:?} is in {file:?}, which does not hold it; the files are of different versions"
    )]
    NotInShard { tensor: String, file: String },
    /// A tensor that the index does not name, or names elsewhere.
    #[error(
        "{file:?} holds tensor {tensor:?}, which model.safetensors.index.json does not place there; the files are of different versions"
    )]
    NotInIndex { tensor: String, file: String },
    /// More shards than a model can have.
    #[error("model.safetensors.index.json names {files} files; the limit is {limit}")]
    TooManyShards { files: usize, limit: usize },
    /// A tensor in two files.
    #[error("tensor {tensor:?} is in both {first:?} and {second:?}; names must be unique")]
    InTwoShards { tensor: String, first: String, second: String },
}

fn known_dtypes() -> String {
    Dtype::ALL.iter().map(|dtype| dtype.name()).collect::<Vec<_>>().join(", ")
}
