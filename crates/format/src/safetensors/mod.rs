//! Safetensors: eight bytes of header length, a JSON object of tensors, then their bytes without gaps.
//!
//! [`parse_safetensors`] reads the header from a prefix of the file, as `parse_gguf` does. The file is hostile until
//! proven otherwise: the header's length is capped, sizes are computed with checked arithmetic, and the tensors must
//! cover the data exactly, which also rules out overlaps.
//!
//! The format: <https://github.com/huggingface/safetensors#format>.

mod dtype;
mod error;
mod header;
mod index;

use std::io::{self, Read, Seek, SeekFrom};

use crate::Parse;
pub use dtype::Dtype;
pub use error::SafetensorsError;
pub use index::ShardIndex;

/// The most bytes a header may take: the limit of the reference implementation.
pub const MAX_SAFETENSORS_HEADER_BYTES: u64 = 100_000_000;
/// Bytes of the header's length.
const LENGTH_BYTES: u64 = 8;

/// The header of one safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct SafetensorsHeader {
    /// Free text under `__metadata__`, such as `format: "pt"`.
    pub metadata: Vec<(String, String)>,
    /// The tensors, in the order their bytes lie.
    pub tensors: Vec<SafeTensor>,
    /// Where tensor data starts, in bytes from the start of the file.
    pub data_offset: u64,
    /// Length of the whole file.
    pub file_bytes: u64,
}

/// A tensor of a safetensors file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeTensor {
    /// Unique in its file.
    pub name: String,
    /// How elements are stored, little-endian.
    pub dtype: Dtype,
    /// Row-major, outermost first; empty for a scalar.
    pub shape: Vec<u64>,
    /// Byte offset from the start of the file.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// Parses a header from the first bytes of a file of `file_len` bytes, where that is known.
pub fn parse_safetensors(
    prefix: &[u8],
    file_len: Option<u64>,
) -> Result<Parse<SafetensorsHeader>, SafetensorsError> {
    if let Some(len) = file_len.filter(|&len| len < LENGTH_BYTES) {
        return Err(SafetensorsError::TooShort { bytes: len });
    }
    let Some((length, rest)) = prefix.split_first_chunk::<8>() else {
        return Ok(Parse::Incomplete { need: LENGTH_BYTES });
    };
    if prefix.starts_with(b"GGUF") {
        return Err(SafetensorsError::IsGguf);
    }
    let length = u64::from_le_bytes(*length);
    if length > MAX_SAFETENSORS_HEADER_BYTES {
        return Err(SafetensorsError::HeaderTooLong { bytes: length, limit: MAX_SAFETENSORS_HEADER_BYTES });
    }
    let data_offset = LENGTH_BYTES + length;
    if let Some(file_len) = file_len.filter(|&len| len < data_offset) {
        return Err(SafetensorsError::HeaderOutOfRange { bytes: length, file_len });
    }
    match rest.get(..length as usize) {
        Some(json) => Ok(Parse::Complete(header::read(json, data_offset, file_len)?)),
        None => Ok(Parse::Incomplete { need: data_offset }),
    }
}

/// Why a header could not be read from a reader.
#[derive(Debug, thiserror::Error)]
pub enum ReadSafetensorsError {
    /// The reader failed.
    #[error("reading the file failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no usable header.
    #[error(transparent)]
    Format(#[from] SafetensorsError),
}

/// Parses the header of a whole file, reading no more of it than the header.
pub fn read_safetensors<R: Read + Seek>(reader: &mut R) -> Result<SafetensorsHeader, ReadSafetensorsError> {
    let file_len = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut prefix = Vec::new();
    let mut need = LENGTH_BYTES.min(file_len);
    loop {
        let missing = need - prefix.len() as u64;
        if (reader.by_ref().take(missing).read_to_end(&mut prefix)? as u64) < missing {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match parse_safetensors(&prefix, Some(file_len))? {
            Parse::Complete(header) => return Ok(header),
            Parse::Incomplete { need: more } => need = more,
        }
    }
}

#[cfg(test)]
mod tests;
