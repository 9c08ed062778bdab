//! GGUF, versions 2 and 3: magic, counts, metadata, tensor table, then aligned tensor data.
//!
//! [`parse_gguf`] reads the header from a prefix of the file and asks for a longer one until it is whole, so a
//! browser can parse while it downloads. The file is hostile until proven otherwise: no count is believed before the
//! bytes for it are there, so memory stays within a small multiple of the prefix.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod cursor;
mod ggml_types;
mod tensors;
mod value;

use crate::{FormatError, Metadata};
use cursor::{Cursor, Stop};
use std::io::{self, Read, Seek, SeekFrom};
pub use tensors::TensorInfo;
pub(crate) use value::type_id;

/// The most bytes a header may take. The largest vocabularies in use take about 10 MiB.
pub const MAX_HEADER_BYTES: u64 = 256 << 20;
/// Alignment of tensor data where `general.alignment` does not say.
pub const DEFAULT_ALIGNMENT: u64 = 32;
/// First bytes of the file.
pub(crate) const MAGIC: [u8; 4] = *b"GGUF";
/// A first read of this size holds the whole header of a model with a small vocabulary.
const FIRST_READ: u64 = 1 << 16;

/// The header of one GGUF file.
#[derive(Clone, Debug, PartialEq)]
pub struct GgufHeader {
    /// GGUF's version: 2 or 3.
    pub version: u32,
    /// All metadata, in the file's order.
    pub metadata: Metadata,
    /// The tensor table, in the file's order.
    pub tensors: Vec<TensorInfo>,
    /// Every tensor starts on a multiple of this many bytes after `data_offset`.
    pub alignment: u64,
    /// Where tensor data starts, in bytes from the start of the file.
    pub data_offset: u64,
}

/// What a prefix gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Parse<H = GgufHeader> {
    /// The header is whole.
    Complete(H),
    /// The header goes on: try again with the first `need` bytes of the file.
    Incomplete {
        /// Length in bytes of the next prefix: more than this one's, at most the file's where that is known.
        need: u64,
    },
}

/// Parses a header from the first bytes of a file.
///
/// With `file_len`, the length of the whole file, tensors are checked to lie inside it, and a header that cannot
/// end before it is refused at once. `need` at least doubles the prefix, so all tries together cost no more than
/// two passes over the header.
pub fn parse_gguf(prefix: &[u8], file_len: Option<u64>) -> Result<Parse, FormatError> {
    match read_header(&mut Cursor::new(prefix, file_len), file_len) {
        Ok(header) => Ok(Parse::Complete(header)),
        Err(Stop::Bad(error)) => Err(error),
        Err(Stop::Need(exact)) => {
            let worth_trying = exact.max(2 * prefix.len() as u64).max(FIRST_READ);
            // `exact` lies within the file, so this never asks for less than it.
            Ok(Parse::Incomplete { need: worth_trying.min(file_len.unwrap_or(u64::MAX)) })
        }
    }
}

fn read_header(cursor: &mut Cursor, file_len: Option<u64>) -> Result<GgufHeader, Stop> {
    let magic: [u8; 4] = cursor.array("the magic number")?;
    if magic != MAGIC {
        return Err(FormatError::NotGguf { found: magic.to_vec(), looks_like: looks_like(magic) }.into());
    }
    let version = cursor.u32("the version")?;
    if version != 0 && version & 0xffff == 0 {
        return Err(FormatError::BigEndian { raw: version }.into());
    }
    if !(2..=3).contains(&version) {
        return Err(FormatError::UnsupportedVersion { version }.into());
    }
    let tensor_count = cursor.u64("the tensor count")?;
    let metadata_count = cursor.u64("the metadata count")?;
    let metadata = value::read_metadata(cursor, metadata_count)?;
    let alignment = alignment(&metadata)?;
    let mut tensors = tensors::read_tensors(cursor, tensor_count)?;
    let data_offset = cursor.at().checked_next_multiple_of(alignment);
    let data_offset = data_offset.ok_or(FormatError::BadAlignment { alignment })?;
    tensors::place_tensors(&mut tensors, data_offset, alignment, file_len)?;
    Ok(GgufHeader { version, metadata, tensors, alignment, data_offset })
}

/// The alignment that `metadata` asks for.
pub(crate) fn alignment(metadata: &Metadata) -> Result<u64, FormatError> {
    let alignment = metadata.u32_opt("general.alignment")?.map_or(DEFAULT_ALIGNMENT, u64::from);
    if !alignment.is_power_of_two() {
        return Err(FormatError::BadAlignment { alignment });
    }
    Ok(alignment)
}

/// What people most often take for a GGUF file.
fn looks_like(magic: [u8; 4]) -> &'static str {
    match &magic {
        b"<!DO" | b"<!do" | b"<htm" | b"<HTM" => "an HTML page",
        b"PK\x03\x04" => "a zip archive or a PyTorch checkpoint",
        b"vers" => "a Git LFS pointer, not the file itself",
        b"lmgg" | b"fmgg" | b"tjgg" => "a ggml file from before GGUF",
        [_, _, _, 0] => "a safetensors file or another binary format",
        [b'{', ..] => "JSON",
        _ => "another format",
    }
}

/// Why a header could not be read from a reader.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reader failed.
    #[error("reading the file failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no usable GGUF header.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Parses the header of a whole file, reading no more of it than about twice the header.
pub fn read_gguf<R: Read + Seek>(reader: &mut R) -> Result<GgufHeader, ReadError> {
    let file_len = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut prefix = Vec::new();
    let mut need = FIRST_READ.min(file_len);
    loop {
        let missing = need - prefix.len() as u64;
        let got = reader.by_ref().take(missing).read_to_end(&mut prefix)?;
        if (got as u64) < missing {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match parse_gguf(&prefix, Some(file_len))? {
            Parse::Complete(header) => return Ok(header),
            Parse::Incomplete { need: more } => need = more,
        }
    }
}

#[cfg(test)]
mod tests;
