//! The tensor table: names, shapes, block types and where the bytes are.

use super::cursor::{Cursor, Stop};
use super::ggml_types;
use crate::order::sort_by;
use crate::{BlockType, FormatError};
use std::collections::HashSet;

/// ggml's limit on dimensions.
const MAX_DIMS: u32 = 4;
/// llama.cpp allows 63 bytes, some builds of it 127; the limit keeps messages short.
const MAX_NAME_BYTES: u64 = 255;
/// The least an entry takes: the name's length, the dimension count, the type, the offset.
const MIN_ENTRY_BYTES: u64 = 8 + 4 + 4 + 8;

/// Where a tensor is and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Unique name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Row-major, outermost first: `[out, in]` for a matrix. Empty for a scalar. No dimension is 0.
    pub shape: Vec<u64>,
    /// How elements are stored; a row (the last dimension) is a whole number of blocks.
    pub ty: BlockType,
    /// Index of the file that holds it, in a split; else 0.
    pub file: u32,
    /// Byte offset from the start of that file.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Elements in a row: the last dimension, 1 for a scalar.
    pub fn row_len(&self) -> u64 {
        self.shape.last().copied().unwrap_or(1)
    }
}

/// Reads `count` entries. Their offsets are still relative to the data's start.
pub fn read_tensors(cursor: &mut Cursor, count: u64) -> Result<Vec<TensorInfo>, Stop> {
    let count = cursor.expect(count, MIN_ENTRY_BYTES, "the tensors that the header counts")?;
    let mut tensors = Vec::with_capacity(count);
    for _ in 0..count {
        tensors.push(read_tensor(cursor)?);
    }
    Ok(tensors)
}

fn read_tensor(cursor: &mut Cursor) -> Result<TensorInfo, Stop> {
    const WHAT: &str = "an entry of the tensor table";
    let at = cursor.at();
    let name = cursor.name(MAX_NAME_BYTES, "a tensor name")?;
    let dims = cursor.u32(WHAT)?;
    if dims > MAX_DIMS {
        return Err(FormatError::TooManyDims { name, at, dims, limit: MAX_DIMS }.into());
    }
    let mut shape = Vec::with_capacity(dims as usize);
    for _ in 0..dims {
        shape.push(cursor.u64(WHAT)?);
    }
    // GGUF lists the innermost dimension first.
    shape.reverse();
    let id = cursor.u32(WHAT)?;
    let offset = cursor.u64(WHAT)?;

    if shape.contains(&0) {
        return Err(FormatError::EmptyDim { name, at, shape }.into());
    }
    let Some(ty) = BlockType::from_ggml(id) else {
        let type_name = ggml_types::name(id).unwrap_or("unknown");
        return Err(FormatError::UnsupportedBlockType { name, id, type_name }.into());
    };
    let row = shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(ty.block_len() as u64) {
        return Err(FormatError::PartialRow { name, row, ty }.into());
    }
    let elements = shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
    let Some(bytes) = elements.and_then(|elements| ty.byte_len(elements)) else {
        return Err(FormatError::TensorTooLarge { name, at, shape }.into());
    };
    Ok(TensorInfo { name, shape, ty, file: 0, offset, bytes })
}

/// Makes offsets absolute and checks that names are unique and ranges aligned, disjoint and inside the file.
pub fn place_tensors(
    tensors: &mut [TensorInfo],
    data_offset: u64,
    alignment: u64,
    file_len: Option<u64>,
) -> Result<(), FormatError> {
    let mut names = HashSet::with_capacity(tensors.len());
    for tensor in tensors.iter_mut() {
        let (name, relative, bytes) = (|| tensor.name.clone(), tensor.offset, tensor.bytes);
        if !relative.is_multiple_of(alignment) {
            return Err(FormatError::MisalignedTensor { name: name(), offset: relative, alignment });
        }
        let offset = relative.checked_add(data_offset);
        let end = offset.and_then(|offset| offset.checked_add(bytes));
        let limit = file_len.unwrap_or(u64::MAX);
        let (Some(offset), true) = (offset, end.is_some_and(|end| end <= limit)) else {
            let offset = relative.saturating_add(data_offset);
            return Err(FormatError::TensorOutOfRange { name: name(), offset, bytes, file_len: limit });
        };
        tensor.offset = offset;
    }
    for tensor in tensors.iter() {
        if !names.insert(tensor.name.as_str()) {
            return Err(FormatError::DuplicateTensor { name: tensor.name.clone() });
        }
    }
    let mut by_offset: Vec<&TensorInfo> = tensors.iter().collect();
    sort_by(&mut by_offset, &|a, b| a.offset.cmp(&b.offset));
    for pair in by_offset.windows(2) {
        if let [first, second] = pair
            && first.offset + first.bytes > second.offset
        {
            let (first, second) = (first.name.clone(), second.name.clone());
            return Err(FormatError::OverlappingTensors { first, second, at: pair[1].offset });
        }
    }
    Ok(())
}
