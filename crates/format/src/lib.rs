//! Model files: bytes to config, tokenizer and tensors.
//!
//! - [`parse_gguf`] reads a GGUF header from a prefix of a file, [`ModelFile`] merges the parts of a split.
//! - [`parse_safetensors`] does the same for safetensors, [`ShardIndex`] says which file holds what.
//! - A [`Recipe`] makes a tensor that no file holds as it is read.
//! - [`BlockType`], [`dequantize`] and [`quantize`] know how tensors are stored.
//! - [`Manifest`] lists a model's files with a SHA-256 for each chunk.
//! - [`mod@write`] makes GGUF files, [`convert`] re-quantises them.
//!
//! Every file is treated as hostile. Nothing here opens files: the caller brings bytes, readers and writers, so all
//! of it also runs in a browser.

mod block;
pub mod convert;
mod error;
mod gguf;
pub mod imatrix;
pub mod manifest;
mod metadata;
mod model_file;
pub mod order;
mod recipe;
mod safetensors;
mod sha256;
pub mod write;

pub use block::{
    BlockError, BlockType, check_rows, dequantize, is_finite, quantize, quantize_weighted, takes_importance,
};
pub use error::FormatError;
pub use gguf::{
    DEFAULT_ALIGNMENT, GgufHeader, MAX_HEADER_BYTES, Parse, ReadError, TensorInfo, parse_gguf, read_gguf,
};
pub use imatrix::{ImatrixError, ImportanceMatrix};
pub use manifest::{Manifest, ManifestError, ManifestFile};
pub use metadata::{Array, Metadata, Value};
pub use model_file::{ModelFile, split_part_names};
pub use recipe::{Assembly, ElementMap, InTurns, Matrix, Recipe, RecipeError, RowOrder, Span, Storage};
pub use safetensors::{
    Dtype, MAX_SAFETENSORS_HEADER_BYTES, ReadSafetensorsError, SafeTensor, SafetensorsError,
    SafetensorsHeader, ShardIndex, parse_safetensors, read_safetensors,
};
pub use sha256::{Hasher, ParseSha256Error, Sha256};
