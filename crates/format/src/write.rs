//! Writing GGUF version 3, tensor data streamed.

use crate::gguf::{MAGIC, alignment, type_id};
use crate::{Array, BlockType, FormatError, Metadata, Value};
use std::collections::HashSet;
use std::io::{self, Write};

const VERSION: u32 = 3;

/// A tensor to be written: its bytes come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Unique name.
    pub name: String,
    /// Row-major, outermost first.
    pub shape: Vec<u64>,
    /// How the bytes are to be read.
    pub ty: BlockType,
}

impl TensorSpec {
    /// Length in bytes; `None` when a row is no whole number of blocks or the size overflows.
    pub fn byte_len(&self) -> Option<u64> {
        let row = self.shape.last().copied().unwrap_or(1);
        self.ty.byte_len(row)?;
        let elements = self.shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        self.ty.byte_len(elements?)
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum WriteError {
    /// The writer failed.
    #[error("writing failed: {0}")]
    Io(#[from] io::Error),
    /// The metadata names an alignment that GGUF does not allow, or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] FormatError),
    /// A shape that cannot be stored as that type.
    #[error("tensor {name:?} of shape {shape:?} cannot be stored as {ty}: its rows are no whole number of blocks of {block_len}, a dimension is 0, there are more than 4, or its size overflows", block_len = ty.block_len())]
    BadShape { name: String, shape: Vec<u64>, ty: BlockType },
    /// Two tensors of one name.
    #[error("tensor {name:?} comes twice; names must be unique")]
    DuplicateTensor { name: String },
    /// More bytes than the tensors take.
    #[error("{extra} bytes were written past the last tensor")]
    TooManyBytes { extra: usize },
    /// Fewer bytes than the tensors take.
    #[error("tensor {name:?} lacks {missing} bytes; write all tensors before finishing")]
    MissingBytes { name: String, missing: u64 },
}

/// Writes one GGUF file: the header at once, then the tensors' bytes in the order of the table.
pub struct GgufWriter<W: Write> {
    out: W,
    alignment: u64,
    /// Names and lengths of the tensors, in order.
    tensors: Vec<(String, u64)>,
    /// The tensor that comes next, and how many of its bytes are written.
    current: usize,
    written: u64,
}

impl<W: Write> GgufWriter<W> {
    /// Writes the header. Tensors are aligned as `general.alignment` in `metadata` says, else to 32 bytes.
    pub fn new(mut out: W, metadata: &Metadata, tensors: &[TensorSpec]) -> Result<Self, WriteError> {
        let alignment = alignment(metadata)?;
        let mut header = Vec::new();
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend((tensors.len() as u64).to_le_bytes());
        header.extend((metadata.len() as u64).to_le_bytes());
        for (key, value) in metadata.iter() {
            put_string(&mut header, key);
            put_value(&mut header, value);
        }
        let mut names = HashSet::new();
        let mut offset = 0u64;
        let mut table = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            let TensorSpec { name, shape, ty } = tensor;
            let bad_shape = || WriteError::BadShape { name: name.clone(), shape: shape.clone(), ty: *ty };
            if !names.insert(name) {
                return Err(WriteError::DuplicateTensor { name: name.clone() });
            }
            if shape.len() > 4 || shape.contains(&0) {
                return Err(bad_shape());
            }
            let bytes = tensor.byte_len().ok_or_else(bad_shape)?;
            put_string(&mut header, name);
            header.extend((shape.len() as u32).to_le_bytes());
            // GGUF lists the innermost dimension first.
            shape.iter().rev().for_each(|dim| header.extend(dim.to_le_bytes()));
            header.extend(ty.ggml_id().to_le_bytes());
            header.extend(offset.to_le_bytes());
            let end = offset.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(alignment));
            offset = end.ok_or_else(bad_shape)?;
            table.push((name.clone(), bytes));
        }
        out.write_all(&header)?;
        pad(&mut out, header.len() as u64, alignment)?;
        Ok(GgufWriter { out, alignment, tensors: table, current: 0, written: 0 })
    }

    /// Writes the next bytes of tensor data. A call may end inside a tensor or run over several.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let Some((_, len)) = self.tensors.get(self.current) else {
                return Err(WriteError::TooManyBytes { extra: bytes.len() });
            };
            let missing = usize::try_from(len - self.written).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(missing.min(bytes.len()));
            self.out.write_all(now)?;
            self.written += now.len() as u64;
            if self.written == *len {
                pad(&mut self.out, self.written, self.alignment)?;
                self.current += 1;
                self.written = 0;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Checks that every tensor is written, flushes, and gives the writer back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        if let Some((name, len)) = self.tensors.get(self.current) {
            return Err(WriteError::MissingBytes { name: name.clone(), missing: len - self.written });
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes zeros from `position` to the next multiple of `alignment`.
fn pad(out: &mut impl Write, position: u64, alignment: u64) -> io::Result<()> {
    let missing = position.next_multiple_of(alignment) - position;
    io::copy(&mut io::Read::take(io::repeat(0), missing), out)?;
    Ok(())
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    macro_rules! put {
        ($id:ident, $bytes:expr) => {{
            out.extend(type_id::$id.to_le_bytes());
            out.extend($bytes);
        }};
    }
    match value {
        Value::U8(v) => put!(U8, v.to_le_bytes()),
        Value::I8(v) => put!(I8, v.to_le_bytes()),
        Value::U16(v) => put!(U16, v.to_le_bytes()),
        Value::I16(v) => put!(I16, v.to_le_bytes()),
        Value::U32(v) => put!(U32, v.to_le_bytes()),
        Value::I32(v) => put!(I32, v.to_le_bytes()),
        Value::F32(v) => put!(F32, v.to_le_bytes()),
        Value::Bool(v) => put!(BOOL, [u8::from(*v)]),
        Value::U64(v) => put!(U64, v.to_le_bytes()),
        Value::I64(v) => put!(I64, v.to_le_bytes()),
        Value::F64(v) => put!(F64, v.to_le_bytes()),
        Value::String(v) => {
            out.extend(type_id::STRING.to_le_bytes());
            put_string(out, v);
        }
        Value::Array(v) => {
            out.extend(type_id::ARRAY.to_le_bytes());
            put_array(out, v);
        }
    }
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    macro_rules! put {
        ($id:ident, $elements:expr, |$element:ident| $bytes:expr) => {{
            put_array_head(out, type_id::$id, $elements.len());
            $elements.iter().for_each(|$element| out.extend($bytes));
        }};
    }
    match array {
        Array::U8(v) => put!(U8, v, |e| e.to_le_bytes()),
        Array::I8(v) => put!(I8, v, |e| e.to_le_bytes()),
        Array::U16(v) => put!(U16, v, |e| e.to_le_bytes()),
        Array::I16(v) => put!(I16, v, |e| e.to_le_bytes()),
        Array::U32(v) => put!(U32, v, |e| e.to_le_bytes()),
        Array::I32(v) => put!(I32, v, |e| e.to_le_bytes()),
        Array::F32(v) => put!(F32, v, |e| e.to_le_bytes()),
        Array::Bool(v) => put!(BOOL, v, |e| [u8::from(*e)]),
        Array::U64(v) => put!(U64, v, |e| e.to_le_bytes()),
        Array::I64(v) => put!(I64, v, |e| e.to_le_bytes()),
        Array::F64(v) => put!(F64, v, |e| e.to_le_bytes()),
        Array::String(v) => {
            put_array_head(out, type_id::STRING, v.len());
            v.iter().for_each(|text| put_string(out, text));
        }
        Array::Array(v) => {
            put_array_head(out, type_id::ARRAY, v.len());
            v.iter().for_each(|inner| put_array(out, inner));
        }
    }
}

fn put_array_head(out: &mut Vec<u8>, id: u32, len: usize) {
    out.extend(id.to_le_bytes());
    out.extend((len as u64).to_le_bytes());
}

#[cfg(test)]
mod tests;
