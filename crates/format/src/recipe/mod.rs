//! Tensors that no file holds as they are read: made, while they load, from what the files do hold.
//!
//! A [`Recipe`] names the byte ranges of its sources and what becomes of them: rows reordered, matrices stacked,
//! another tool's quantisation repacked into a GGUF block type. An [`Assembly`] takes the bytes as they arrive and
//! gives the tensor's own bytes, in order. Where a row can be made from its own bytes and small side tensors, rows
//! are given as soon as they are there, so memory does not grow with the tensor.

mod assembly;
mod nibbles;
mod order;
mod storage;

pub use assembly::Assembly;
pub use order::{InTurns, RowOrder};
pub use storage::Storage;

use crate::{BlockError, BlockType};

/// A run of bytes of one of a model's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the file.
    pub file: u32,
    /// Byte offset from the start of that file.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// How a tensor is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipe {
    /// Its bytes are known from the header already.
    Constant(Vec<u8>),
    /// Matrices one after the other, all of equally many columns.
    Stack(Vec<Matrix>),
}

/// Rows to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows of the result.
    pub rows: u64,
    /// Elements of a row.
    pub cols: u64,
    /// How the sources hold them.
    pub storage: Storage,
    /// The sources: first the elements, then what [`Storage::side_names`] lists.
    pub spans: Vec<Span>,
    /// Which stored row each row of the result is.
    pub order: RowOrder,
    /// Which stored column each column of the result is, where they change places.
    pub columns: Option<InTurns>,
    /// What becomes of every element.
    pub map: ElementMap,
}

/// A function of each element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ElementMap {
    /// Itself.
    #[default]
    Same,
    /// `1 + x`: norms that multiply by it.
    AddOne,
    /// `-exp(x)`: decays that are kept as logarithms.
    NegativeExp,
}

impl ElementMap {
    /// The function at `x`.
    fn apply(self, x: f32) -> f32 {
        match self {
            ElementMap::Same => x,
            ElementMap::AddOne => 1.0 + x,
            ElementMap::NegativeExp => -x.exp(),
        }
    }
}

/// Why a tensor could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum RecipeError {
    /// A source's bytes came in another order, or too many of them.
    #[error("byte {offset} of a source came when byte {expected} of {bytes} was expected")]
    Order { offset: u64, expected: u64, bytes: u64 },
    /// Values do not fit the type.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A scale that f16 cannot hold.
    #[error("the scale of row {row}, columns {col} and on, is {scale}, which f16 cannot hold")]
    Scale { row: u64, col: u64, scale: String },
    /// A zero point that contradicts the config.
    #[error(
        "row {row}, columns {col} and on, has zero point {zero}, but the config says that it is symmetric, with zero point 8"
    )]
    Asymmetric { row: u64, col: u64, zero: i32 },
    /// A group that is not there.
    #[error("column {col} is in group {group} (g_idx), but there are {groups} groups")]
    Group { col: u64, group: i64, groups: u64 },
    /// bitsandbytes' own description of a tensor contradicts what it describes.
    #[error("its quant_state is not what bitsandbytes writes for NF4: {what}")]
    QuantState { what: String },
}

impl Recipe {
    /// The type that holds the result best: exactly, where a block type can.
    pub fn natural_type(&self) -> BlockType {
        match self {
            Recipe::Constant(_) => BlockType::F32,
            Recipe::Stack(matrices) => {
                let mut types = matrices.iter().map(Matrix::natural_type);
                let first = types.next().unwrap_or(BlockType::F32);
                if types.all(|ty| ty == first) { first } else { BlockType::F32 }
            }
        }
    }

    /// The smallest type of floats that holds every element exactly; `None` where the result is no matrix of floats.
    pub fn float_type(&self) -> Option<BlockType> {
        let Recipe::Stack(matrices) = self else { return None };
        let natural = self.natural_type();
        let exact = |matrix: &Matrix| matrix.map == ElementMap::Same && matrix.storage.holds(natural);
        match natural {
            BlockType::F16 | BlockType::BF16 if matrices.iter().all(exact) => Some(natural),
            BlockType::F32 | BlockType::F16 | BlockType::BF16 => Some(BlockType::F32),
            _ => None,
        }
    }

    /// All sources with the matrix and the place in it that each belongs to.
    pub fn spans(&self) -> impl Iterator<Item = (usize, usize, Span)> + '_ {
        let matrices = match self {
            Recipe::Constant(_) => &[][..],
            Recipe::Stack(matrices) => matrices,
        };
        matrices.iter().enumerate().flat_map(|(matrix, made)| {
            made.spans.iter().enumerate().map(move |(place, span)| (matrix, place, *span))
        })
    }
}

impl Matrix {
    fn natural_type(&self) -> BlockType {
        match self.storage.natural_type(self.cols) {
            _ if self.map != ElementMap::Same => BlockType::F32,
            // Blocks of columns that change places are others.
            ty if self.columns.is_some() && ty.block_len() > 1 => BlockType::F16,
            ty => ty,
        }
    }

    /// Whether rows can be made one after the other as their bytes arrive.
    fn streams(&self) -> bool {
        self.order == RowOrder::AsStored && self.storage.row_bytes(self.cols).is_some()
    }
}

#[cfg(test)]
mod tests;
