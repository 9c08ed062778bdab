//! How the matrices of published models are stored, quantised ones included.
//!
//! Each format's formula stands at its variant. The GGUF type named there holds the same numbers: their scales are f16,
//! which holds every bf16 scale from 2^-14 to 65504 exactly and is off by less than 2^-25 below.

use half::{bf16, f16};

use super::nibbles::{BLOCK, push_block};
use super::{Matrix, RecipeError};
use crate::{BlockType, dequantize};

/// bitsandbytes' group of absolute maxima that share one of their own.
const NF4_NESTED_GROUP: usize = 256;

/// How a matrix is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Plain elements or GGUF blocks, row after row.
    Plain(BlockType),
    /// Plain elements, column after column, of several matrices of `rows` rows one after the other.
    Transposed {
        /// Type of the elements: F32, F16 or BF16.
        ty: BlockType,
        /// Rows of one of the matrices.
        rows: u64,
    },
    /// MLX: `w = scale[group] * q + bias[group]`, `group` columns of a row each, q packed from the lowest bits of 32-bit
    /// words. 4 bits are Q4_1's own formula. 8 bits fit no block type and become F16.
    /// Source: `mx.dequantize`.
    Affine {
        /// 4 or 8.
        bits: u64,
        /// Columns of a group.
        group: u64,
        /// Type of scales and biases.
        scales: BlockType,
    },
    /// GPTQ, 4 bits: `w[out, in] = scale[g, out] * (q[in, out] - zero[g, out])`, eight `in` a 32-bit word of `qweight`
    /// `[in / 8, out]`, eight `out` a word of `qzeros` `[groups, out / 8]`. With one zero point of 8 that is Q4_0, else
    /// Q5_0, whose 32 steps hold every `q - zero`. Where columns of one block belong to several groups (`desc_act`)
    /// no block type fits, and it becomes F16.
    /// Source: AutoGPTQ, `nn_modules/qlinear/qlinear_cuda_old.py`.
    Gptq {
        /// Columns of a group; with `g_idx` only their number counts.
        group: u64,
        /// Type of the scales.
        scales: BlockType,
        /// What is added to stored zero points: 1 in version 1 of the format, 0 in version 2.
        zero_bias: i32,
        /// Whether all zero points are 8.
        symmetric: bool,
        /// Whether `g_idx` says each column's group.
        act_order: bool,
    },
    /// AWQ's GEMM layout, 4 bits: as GPTQ, but eight `out` a word of `qweight` `[in, out / 8]` too, in the order 0, 2, 4,
    /// 6, 1, 3, 5, 7, and zero points stored as they are. Q5_0 holds it.
    /// Source: AutoAWQ, `awq/utils/packing_utils.py`.
    Awq {
        /// Columns of a group.
        group: u64,
        /// Type of the scales.
        scales: BlockType,
    },
    /// bitsandbytes NF4: `w = absmax[block] * table[q]`, blocks of elements in row-major order, the first of two elements
    /// in the higher bits. With `nested`, `absmax = nested_absmax[block / 256] * nested_table[absmax8] + offset`.
    /// It becomes F16.
    /// Source: bitsandbytes, `functional.py` (`dequantize_4bit`, `QuantState`).
    Nf4 {
        /// Elements of a block.
        block: u64,
        /// Whether the maxima are quantised too.
        nested: bool,
    },
    /// MXFP4 with `blocks` `[rows, cols / 32, 16]` (the first of two elements in the lower bits) and `scales` `[rows, cols / 32]`
    /// apart, as gpt-oss has it, and MLX in its mode `mxfp4`. Exactly GGUF's MXFP4.
    /// Source: transformers, `integrations/mxfp4.py` (`convert_moe_packed_tensors`); `mx.quantize`.
    Mxfp4,
}

impl Storage {
    /// The endings of the tensors that [`Matrix::spans`] lists after the elements, for people.
    pub fn side_names(&self) -> &'static [&'static str] {
        match self {
            Storage::Plain(_) | Storage::Transposed { .. } => &[],
            Storage::Affine { .. } => &["scales", "biases"],
            Storage::Gptq { act_order: false, .. } | Storage::Awq { .. } => &["qzeros", "scales"],
            Storage::Gptq { act_order: true, .. } => &["qzeros", "scales", "g_idx"],
            Storage::Nf4 { nested: false, .. } => &["absmax", "quant_map"],
            Storage::Nf4 { nested: true, .. } => {
                &["absmax", "quant_map", "nested_absmax", "nested_quant_map", "quant_state"]
            }
            Storage::Mxfp4 => &["scales"],
        }
    }

    /// Whether the elements are stored as `ty`.
    pub(super) fn holds(&self, ty: BlockType) -> bool {
        matches!(*self, Storage::Plain(stored) | Storage::Transposed { ty: stored, .. } if stored == ty)
    }

    /// The type that holds a matrix of `cols` columns best.
    pub fn natural_type(&self, cols: u64) -> BlockType {
        let fits = |group: u64| group.is_multiple_of(BLOCK as u64) && cols.is_multiple_of(BLOCK as u64);
        match *self {
            Storage::Plain(ty) | Storage::Transposed { ty, .. } => ty,
            Storage::Affine { bits: 4, group, scales } if fits(group) && scales != BlockType::F32 => {
                BlockType::Q4_1
            }
            Storage::Gptq { group, scales, symmetric, act_order: false, .. }
                if fits(group) && scales != BlockType::F32 =>
            {
                if symmetric {
                    BlockType::Q4_0
                } else {
                    BlockType::Q5_0
                }
            }
            Storage::Awq { group, scales } if fits(group) && scales != BlockType::F32 => BlockType::Q5_0,
            Storage::Mxfp4 => BlockType::MXFP4,
            _ => BlockType::F16,
        }
    }

    /// Bytes that a row takes of the first source; `None` where a row's elements do not lie together.
    pub(super) fn row_bytes(&self, cols: u64) -> Option<u64> {
        match *self {
            Storage::Plain(ty) => ty.byte_len(cols),
            Storage::Affine { bits, .. } => Some(cols * bits / 8),
            Storage::Mxfp4 => Some(cols / 2),
            Storage::Transposed { .. } | Storage::Gptq { .. } | Storage::Awq { .. } | Storage::Nf4 { .. } => {
                None
            }
        }
    }
}

/// A matrix's sources, complete but for elements of rows that are not asked for.
pub(super) struct Sources<'a> {
    matrix: &'a Matrix,
    bytes: &'a [Vec<u8>],
    /// Bytes of the first source that are gone.
    taken: u64,
    /// Rows as they are stored.
    stored_rows: u64,
    /// What NF4's maxima are, one a block.
    maxima: Vec<f32>,
}

impl<'a> Sources<'a> {
    pub fn new(matrix: &'a Matrix, bytes: &'a [Vec<u8>], taken: u64) -> Result<Sources<'a>, RecipeError> {
        let words = |at: usize| bytes.get(at).map_or(0, |b| b.len() as u64) / 4;
        let stored_rows = match matrix.storage {
            // `out` of the format's own layout.
            Storage::Gptq { .. } => words(0) / (matrix.cols / 8).max(1),
            Storage::Awq { .. } => words(0) / matrix.cols.max(1) * 8,
            _ => matrix.rows,
        };
        let mut sources = Sources { matrix, bytes, taken, stored_rows, maxima: Vec::new() };
        if let Storage::Nf4 { nested, .. } = matrix.storage {
            sources.maxima = sources.nf4_maxima(nested)?;
        }
        Ok(sources)
    }

    /// The elements of stored row `row`.
    pub fn decode(&self, row: u64, values: &mut [f32]) -> Result<(), RecipeError> {
        let first = row * self.matrix.cols;
        match self.matrix.storage {
            Storage::Plain(ty) => return Ok(dequantize(ty, self.row(row), values)?),
            Storage::Transposed { ty, rows } => {
                let first = row / rows * self.matrix.cols * rows + row % rows;
                for (col, value) in (0..).zip(values.iter_mut()) {
                    *value = self.float(0, first + col * rows, ty);
                }
            }
            Storage::Affine { bits, group, scales } => {
                let groups = self.matrix.cols / group;
                let packed = self.row(row);
                for (col, value) in values.iter_mut().enumerate() {
                    let q = if bits == 8 { packed[col] } else { packed[col / 2] >> (4 * (col % 2)) & 15 };
                    let at = row * groups + col as u64 / group;
                    *value = self.float(1, at, scales) * f32::from(q) + self.float(2, at, scales);
                }
            }
            Storage::Gptq { scales, .. } | Storage::Awq { scales, .. } => {
                for (col, value) in values.iter_mut().enumerate() {
                    let group = self.group(col as u64)?;
                    let q = i32::from(self.quant(row, col as u64));
                    let scale = self.float(2, group * self.stored_rows + row, scales);
                    *value = scale * (q - self.zero(row, group)) as f32;
                }
            }
            Storage::Nf4 { block, .. } => {
                for (at, value) in (first..).zip(values.iter_mut()) {
                    let q = self.bytes[0][(at / 2) as usize] >> (4 * (1 - at % 2)) & 15;
                    *value = self.float(2, q.into(), BlockType::F32) * self.maxima[(at / block) as usize];
                }
            }
            Storage::Mxfp4 => {
                let mut blocks = Vec::new();
                self.push_exact(row, BlockType::MXFP4, &mut blocks)?;
                return Ok(dequantize(BlockType::MXFP4, &blocks, values)?);
            }
        }
        Ok(())
    }

    /// Appends stored row `row` as blocks of `ty` that hold the same numbers; `false` when there are none.
    pub fn push_exact(&self, row: u64, ty: BlockType, out: &mut Vec<u8>) -> Result<bool, RecipeError> {
        let cols = self.matrix.cols;
        let blocks = (0..cols).step_by(BLOCK);
        match self.matrix.storage {
            Storage::Plain(stored) if stored == ty => out.extend_from_slice(self.row(row)),
            Storage::Affine { bits: 4, group, scales } if ty == BlockType::Q4_1 => {
                let packed = self.row(row);
                for col in blocks {
                    let at = row * (cols / group) + col / group;
                    let d = self.f16(1, at, scales, row, col)?;
                    let m = self.f16(2, at, scales, row, col)?;
                    let bytes = &packed[col as usize / 2..];
                    let q = std::array::from_fn(|i| bytes[i / 2] >> (4 * (i % 2)) & 15);
                    push_block(ty, d, m, &q, out);
                }
            }
            Storage::Gptq { scales, symmetric, .. } if matches!(ty, BlockType::Q4_0 | BlockType::Q5_0) => {
                for col in blocks {
                    self.push_centred(row, col, ty, scales, symmetric, out)?;
                }
            }
            Storage::Awq { scales, .. } if ty == BlockType::Q5_0 => {
                for col in blocks {
                    self.push_centred(row, col, ty, scales, false, out)?;
                }
            }
            Storage::Mxfp4 => {
                let (packed, per_row) = (self.row(row), cols / BLOCK as u64);
                for (block, bytes) in (0..).zip(packed.chunks_exact(BLOCK / 2)) {
                    let scale = self.bytes[1][(row * per_row + block) as usize];
                    out.push(scale);
                    // Pairs to halves: GGUF keeps element i beside element i + 16.
                    let element = |i: usize| bytes[i / 2] >> (4 * (i % 2)) & 15;
                    out.extend((0..BLOCK / 2).map(|i| element(i) | element(i + BLOCK / 2) << 4));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A block of GPTQ or AWQ: quants less their zero point, around the type's own.
    fn push_centred(
        &self,
        row: u64,
        col: u64,
        ty: BlockType,
        scales: BlockType,
        symmetric: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), RecipeError> {
        let group = self.group(col)?;
        let zero = self.zero(row, group);
        if symmetric && zero != 8 {
            return Err(RecipeError::Asymmetric { row, col, zero });
        }
        let centre = if ty == BlockType::Q4_0 { 8 } else { 16 };
        let d = self.f16(2, group * self.stored_rows + row, scales, row, col)?;
        let q = std::array::from_fn(|i| (i32::from(self.quant(row, col + i as u64)) - zero + centre) as u8);
        push_block(ty, d, f16::ZERO, &q, out);
        Ok(())
    }

    fn row(&self, row: u64) -> &[u8] {
        let length = self.matrix.storage.row_bytes(self.matrix.cols).unwrap_or_default();
        let start = (row * length - self.taken) as usize;
        &self.bytes[0][start..][..length as usize]
    }

    /// Element `at` of source `place`, whose elements are of `ty`.
    fn float(&self, place: usize, at: u64, ty: BlockType) -> f32 {
        let bytes = &self.bytes[place];
        let at = at as usize;
        match ty {
            BlockType::F16 => f16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]).to_f32(),
            BlockType::BF16 => bf16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]).to_f32(),
            _ => f32::from_le_bytes(std::array::from_fn(|i| bytes[4 * at + i])),
        }
    }

    /// The same as f16, in which blocks keep their scales.
    fn f16(&self, place: usize, at: u64, ty: BlockType, row: u64, col: u64) -> Result<f16, RecipeError> {
        let value = self.float(place, at, ty);
        let half = f16::from_f32(value);
        if half.is_finite() {
            Ok(half)
        } else {
            Err(RecipeError::Scale { row, col, scale: value.to_string() })
        }
    }

    /// Nibble `nibble` of 32-bit word `word` of source `place`.
    fn nibble(&self, place: usize, word: u64, nibble: u64) -> u8 {
        self.bytes[place][(4 * word + nibble / 2) as usize] >> (4 * (nibble % 2)) & 15
    }

    /// The stored quant of a weight of GPTQ or AWQ.
    fn quant(&self, out: u64, input: u64) -> u8 {
        match self.matrix.storage {
            Storage::Awq { .. } => self.nibble(0, input * (self.stored_rows / 8) + out / 8, awq_nibble(out)),
            _ => self.nibble(0, input / 8 * self.stored_rows + out, input % 8),
        }
    }

    fn zero(&self, out: u64, group: u64) -> i32 {
        let word = group * (self.stored_rows / 8) + out / 8;
        match self.matrix.storage {
            Storage::Gptq { zero_bias, .. } => i32::from(self.nibble(1, word, out % 8)) + zero_bias,
            _ => i32::from(self.nibble(1, word, awq_nibble(out))),
        }
    }

    /// The group of a column of GPTQ or AWQ.
    fn group(&self, col: u64) -> Result<u64, RecipeError> {
        match self.matrix.storage {
            Storage::Gptq { group, act_order: true, .. } => {
                let bytes = &self.bytes[3];
                let at = 4 * col as usize;
                let index = i32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
                let groups = self.matrix.cols.div_ceil(group);
                u64::try_from(index).ok().filter(|&index| index < groups).ok_or(RecipeError::Group {
                    col,
                    group: index.into(),
                    groups,
                })
            }
            Storage::Gptq { group, .. } | Storage::Awq { group, .. } => Ok(col / group),
            _ => Ok(0),
        }
    }

    fn nf4_maxima(&self, nested: bool) -> Result<Vec<f32>, RecipeError> {
        if !nested {
            let count = self.bytes[1].len() as u64 / 4;
            return Ok((0..count).map(|at| self.float(1, at, BlockType::F32)).collect());
        }
        let state: Nf4State = serde_json::from_slice(&self.bytes[5])
            .map_err(|e| RecipeError::QuantState { what: e.to_string() })?;
        if state.nested_blocksize != NF4_NESTED_GROUP {
            let what = format!("nested_blocksize is {}, not {NF4_NESTED_GROUP}", state.nested_blocksize);
            return Err(RecipeError::QuantState { what });
        }
        let maxima = self.bytes[1].iter().enumerate().map(|(block, &code)| {
            let scale = self.float(3, (block / NF4_NESTED_GROUP) as u64, BlockType::F32);
            self.float(4, code.into(), BlockType::F32) * scale + state.nested_offset
        });
        Ok(maxima.collect())
    }
}

/// What of bitsandbytes' `quant_state` is needed and stands nowhere else.
#[derive(serde::Deserialize)]
struct Nf4State {
    nested_blocksize: usize,
    nested_offset: f32,
}

/// Where in a word AWQ keeps output `out`: words hold outputs 0, 2, 4, 6, 1, 3, 5, 7 from the lowest bits on.
fn awq_nibble(out: u64) -> u64 {
    let at = out % 8;
    at / 2 + at % 2 * 4
}
