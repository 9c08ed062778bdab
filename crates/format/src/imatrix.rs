//! Importance matrices: for each column of a model's matrices, the mean square of the activations that it met on some
//! text. llama.cpp's `llama-imatrix` writes them, as a GGUF file or in an older format of its own.
//! Source: llama.cpp, `tools/imatrix/imatrix.cpp` and `common/imatrix-loader.cpp`.

use std::collections::BTreeMap;

use crate::{BlockType, FormatError, ReadError, dequantize, read_gguf};

const SUMS: &str = ".in_sum2";
const COUNTS: &str = ".counts";

/// The importances of a model's columns, by the names of its tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportanceMatrix {
    entries: BTreeMap<String, Vec<f32>>,
}

/// Why a file is no importance matrix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum ImatrixError {
    /// It begins as GGUF and is none.
    #[error(transparent)]
    Header(#[from] ReadError),
    /// Its metadata is of the wrong type.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is a GGUF file of something else.
    #[error("general.type is {found:?}; an importance matrix says \"imatrix\"")]
    OtherFile { found: String },
    /// It is of the older format, and ends too early or says what cannot be.
    #[error("byte {offset} is where {what} should be; the file is damaged or no importance matrix")]
    Damaged { offset: usize, what: &'static str },
    /// A tensor's sums without its counts, or of a size that does not fit them.
    #[error("{name:?} has {sums} sums and {counts} counts; each count belongs to a row of sums")]
    Counts { name: String, sums: usize, counts: usize },
    /// A number that no mean of squares can be.
    #[error("an importance of {name:?} is {value}; they are finite and at least 0")]
    Value { name: String, value: f32 },
    /// The matrix is for another model.
    #[error(
        "{name:?} has {found} importances, but the model's tensor has {columns} columns in {matrices} matrices"
    )]
    Size { name: String, found: usize, columns: u64, matrices: u64 },
    /// None of its names is a matrix that was to be quantised.
    #[error("none of its {entries} tensors is a matrix of this model")]
    OtherModel { entries: usize },
}

impl ImportanceMatrix {
    /// Reads a file of either format.
    pub fn parse(file: &[u8]) -> Result<Self, ImatrixError> {
        let entries = if file.starts_with(b"GGUF") { read_sums(file)? } else { read_means(file)? };
        for (name, values) in &entries {
            if let Some(&value) = values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
                return Err(ImatrixError::Value { name: name.clone(), value });
            }
        }
        Ok(ImportanceMatrix { entries })
    }

    /// Tensors that it has importances for.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it knows the tensor called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The importances of `name`, `[matrices, columns]`; those of all matrices may be the same.
    pub fn of(&self, name: &str, columns: u64, matrices: u64) -> Result<Option<&[f32]>, ImatrixError> {
        let Some(values) = self.entries.get(name) else { return Ok(None) };
        let found = values.len();
        if found as u64 == columns || columns.checked_mul(matrices) == Some(found as u64) {
            return Ok(Some(values));
        }
        Err(ImatrixError::Size { name: name.to_owned(), found, columns, matrices })
    }
}

/// `<tensor>.in_sum2` `[matrices, columns]` by `<tensor>.counts` `[matrices, 1]`. What never met an activation is as
/// important as anything.
fn read_sums(file: &[u8]) -> Result<BTreeMap<String, Vec<f32>>, ImatrixError> {
    let header = read_gguf(&mut std::io::Cursor::new(file))?;
    let found = header.metadata.str_or("general.type", "model")?;
    if found != "imatrix" {
        return Err(ImatrixError::OtherFile { found: found.to_owned() });
    }
    let floats = |name: &str| -> Option<Vec<f32>> {
        let tensor = header.tensors.iter().find(|tensor| tensor.name == name)?;
        let bytes = file.get(tensor.offset as usize..)?.get(..tensor.bytes as usize)?;
        let mut values = vec![0.0; tensor.elements() as usize];
        (tensor.ty == BlockType::F32 && dequantize(tensor.ty, bytes, &mut values).is_ok()).then_some(values)
    };
    let mut entries = BTreeMap::new();
    for name in header.tensors.iter().filter_map(|tensor| tensor.name.strip_suffix(SUMS)) {
        let mut sums = floats(&format!("{name}{SUMS}")).unwrap_or_default();
        let counts = floats(&format!("{name}{COUNTS}")).unwrap_or_default();
        if sums.is_empty() || counts.is_empty() || !sums.len().is_multiple_of(counts.len()) {
            let (sums, counts) = (sums.len(), counts.len());
            return Err(ImatrixError::Counts { name: name.to_owned(), sums, counts });
        }
        let columns = sums.len() / counts.len();
        for (sums, count) in sums.chunks_mut(columns).zip(counts) {
            sums.iter_mut().for_each(|sum| *sum = if count > 0.0 { *sum / count } else { 1.0 });
        }
        entries.insert(name.to_owned(), sums);
    }
    Ok(entries)
}

/// The older format: a number of entries; of each the length of its name, the name, a divisor, a number of values and
/// the values. Integers are i32, all little-endian.
fn read_means(file: &[u8]) -> Result<BTreeMap<String, Vec<f32>>, ImatrixError> {
    let mut at = 0;
    let mut take = |bytes: usize, what: &'static str| -> Result<&[u8], ImatrixError> {
        let taken = file.get(at..).and_then(|rest| rest.get(..bytes));
        let taken = taken.ok_or(ImatrixError::Damaged { offset: at, what })?;
        at += bytes;
        Ok(taken)
    };
    let mut entries = BTreeMap::new();
    let count = int(take(4, "a number of entries")?);
    for _ in 0..count {
        let length = int(take(4, "the length of a name")?);
        let name = take(length, "a name")?;
        let name = String::from_utf8_lossy(name).into_owned();
        let calls = int(take(4, "a number of calls")?).max(1) as f32;
        let values = int(take(4, "a number of values")?);
        let bytes = take(values.saturating_mul(4), "values")?;
        let means = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes) / calls);
        entries.insert(name, means.collect());
    }
    Ok(entries)
}

/// An i32 as a size; what is negative is more than any file has.
fn int(bytes: &[u8]) -> usize {
    let value = bytes.as_chunks().0.first().map_or(0, |bytes| i32::from_le_bytes(*bytes));
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
