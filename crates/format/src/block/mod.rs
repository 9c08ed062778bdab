//! Block types: how a tensor's elements are stored.
//!
//! A tensor is a run of equal blocks; a block holds [`BlockType::block_len`] elements of one row in
//! [`BlockType::block_bytes`] bytes. Plain floats are blocks of one. [`dequantize`] gives, bit for bit,
//! what `gguf.quants.dequantize` of the Python package `gguf` gives; [`quantize`] gives its bytes where that
//! package can quantise, and follows llama.cpp's search for the K types.

mod finite;
mod float;
mod iq4;
mod k;
mod k_encode;
mod k_search;
mod legacy;
mod mxfp4;
mod ternary;
mod weighted;

use std::fmt;

pub use finite::{check_rows, is_finite};
pub use weighted::{quantize_weighted, takes_importance};

/// Elements in a block of the K family (and of the other 256-element types).
pub(crate) const QK_K: usize = 256;
/// No type stores more: the greatest f16 times Q6_K's largest scale and quant. Below it no encoder's sums overflow.
const LARGEST: f32 = 65504.0 * 128.0 * 32.0;

macro_rules! block_types {
    ($($variant:ident = $id:literal, $len:expr, $bytes:expr, $doc:literal;)*) => {
        /// The element formats that tensors come in, named as ggml names them.
        #[allow(non_camel_case_types, reason = "ggml's own names, which every tool of the field prints")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum BlockType {
            $(#[doc = $doc] $variant,)*
        }

        impl BlockType {
            /// Every block type, in the order of ggml's ids.
            pub const ALL: &'static [BlockType] = &[$(BlockType::$variant),*];

            /// The type with ggml's id `id`, if it is one that this crate reads.
            pub fn from_ggml(id: u32) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)* _ => None }
            }

            /// ggml's id, as GGUF files store it.
            pub fn ggml_id(self) -> u32 {
                match self { $(Self::$variant => $id,)* }
            }

            /// ggml's name, such as `"Q4_0"`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            /// Elements in one block; rows hold a whole number of blocks.
            pub fn block_len(self) -> usize {
                match self { $(Self::$variant => $len,)* }
            }

            /// Bytes in one block.
            pub fn block_bytes(self) -> usize {
                match self { $(Self::$variant => $bytes,)* }
            }
        }
    };
}

block_types! {
    F32 = 0, 1, 4, "IEEE single precision.";
    F16 = 1, 1, 2, "IEEE half precision.";
    Q4_0 = 2, 32, 18, "4 bits: `d * (q - 8)`.";
    Q4_1 = 3, 32, 20, "4 bits: `d * q + m`.";
    Q5_0 = 6, 32, 22, "5 bits: `d * (q - 16)`.";
    Q5_1 = 7, 32, 24, "5 bits: `d * q + m`.";
    Q8_0 = 8, 32, 34, "8 bits: `d * q`, q signed.";
    Q2_K = 10, QK_K, 84, "2 bits, 16 groups of 16 with 4-bit scales and minima.";
    Q3_K = 11, QK_K, 110, "3 bits, 16 groups of 16 with 6-bit scales.";
    Q4_K = 12, QK_K, 144, "4 bits, 8 groups of 32 with 6-bit scales and minima.";
    Q5_K = 13, QK_K, 176, "5 bits, 8 groups of 32 with 6-bit scales and minima.";
    Q6_K = 14, QK_K, 210, "6 bits, 16 groups of 16 with 8-bit scales.";
    IQ4_NL = 20, 32, 18, "4 bits that index a fixed non-linear table.";
    IQ4_XS = 23, QK_K, 136, "IQ4_NL's table, 8 groups of 32 with 6-bit scales.";
    BF16 = 30, 1, 2, "The upper half of IEEE single precision.";
    TQ1_0 = 34, QK_K, 54, "Ternary, five trits a byte.";
    TQ2_0 = 35, QK_K, 66, "Ternary, two bits a weight.";
    MXFP4 = 39, 32, 17, "OCP microscaling: E2M1 elements under an E8M0 scale.";
}

impl BlockType {
    /// The type called `name`, in any letter case (`"q4_0"` is `Q4_0`).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ty| ty.name().eq_ignore_ascii_case(name))
    }

    /// Bytes that `elements` elements take; `None` when they are no whole number of blocks or overflow u64.
    pub fn byte_len(self, elements: u64) -> Option<u64> {
        let block_len = self.block_len() as u64;
        if !elements.is_multiple_of(block_len) {
            return None;
        }
        (elements / block_len).checked_mul(self.block_bytes() as u64)
    }

    /// Whether [`quantize`] can make this type.
    pub fn can_quantize(self) -> bool {
        use BlockType::*;
        matches!(self, F32 | F16 | BF16 | Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q8_0 | Q2_K | Q3_K | Q4_K | Q5_K | Q6_K)
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a run of blocks could not be decoded or encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The element count is no whole number of blocks.
    #[error("{elements} elements are not a whole number of {ty} blocks of {block_len}; pass whole rows", block_len = ty.block_len())]
    PartialBlock {
        /// The block type.
        ty: BlockType,
        /// Elements given.
        elements: usize,
    },
    /// The byte count does not belong to the element count.
    #[error("{elements} elements of {ty} take {expected} bytes, but {actual} were given")]
    ByteLength {
        /// The block type.
        ty: BlockType,
        /// Elements asked for.
        elements: usize,
        /// Bytes they take.
        expected: u64,
        /// Bytes given.
        actual: usize,
    },
    /// A value that the type cannot store.
    #[error("value {index} is NaN or infinite, which {ty} cannot store; keep this tensor as F32 or F16")]
    NotFinite {
        /// The block type.
        ty: BlockType,
        /// Index of the value.
        index: usize,
    },
    /// A block's values are so large that its f16 scale overflows.
    #[error(
        "the values of block {block} are too large for {ty}'s f16 scale; keep this tensor as F32 or BF16"
    )]
    ScaleOverflow {
        /// The block type.
        ty: BlockType,
        /// Index of the block.
        block: usize,
    },
    /// There is no encoder for the type.
    #[error(
        "cannot quantise to {ty}: it can only be read; choose Q4_0, Q8_0, Q4_K or another type with an encoder"
    )]
    NoEncoder {
        /// The block type.
        ty: BlockType,
    },
}

/// Decodes whole blocks of `ty` into `out`.
///
/// `bytes` must be exactly what `out.len()` elements take.
pub fn dequantize(ty: BlockType, bytes: &[u8], out: &mut [f32]) -> Result<(), BlockError> {
    let elements = out.len();
    let expected = ty.byte_len(elements as u64).ok_or(BlockError::PartialBlock { ty, elements })?;
    if bytes.len() as u64 != expected {
        return Err(BlockError::ByteLength { ty, elements, expected, actual: bytes.len() });
    }
    match ty {
        BlockType::F32 => decode_each(bytes, out, float::decode_f32),
        BlockType::F16 => decode_each(bytes, out, float::decode_f16),
        BlockType::BF16 => decode_each(bytes, out, float::decode_bf16),
        BlockType::Q4_0 => decode_each(bytes, out, legacy::decode_q4_0),
        BlockType::Q4_1 => decode_each(bytes, out, legacy::decode_q4_1),
        BlockType::Q5_0 => decode_each(bytes, out, legacy::decode_q5_0),
        BlockType::Q5_1 => decode_each(bytes, out, legacy::decode_q5_1),
        BlockType::Q8_0 => decode_each(bytes, out, legacy::decode_q8_0),
        BlockType::Q2_K => decode_each(bytes, out, k::decode_q2_k),
        BlockType::Q3_K => decode_each(bytes, out, k::decode_q3_k),
        BlockType::Q4_K => decode_each(bytes, out, k::decode_q4_k),
        BlockType::Q5_K => decode_each(bytes, out, k::decode_q5_k),
        BlockType::Q6_K => decode_each(bytes, out, k::decode_q6_k),
        BlockType::IQ4_NL => decode_each(bytes, out, iq4::decode_iq4_nl),
        BlockType::IQ4_XS => decode_each(bytes, out, iq4::decode_iq4_xs),
        BlockType::TQ1_0 => decode_each(bytes, out, ternary::decode_tq1_0),
        BlockType::TQ2_0 => decode_each(bytes, out, ternary::decode_tq2_0),
        BlockType::MXFP4 => decode_each(bytes, out, mxfp4::decode),
    }
    Ok(())
}

/// Encodes `values` as whole blocks of `ty` and appends them to `out`.
///
/// On error `out` is as it was. F16 rounds to nearest even and overflows to infinity, as IEEE says; the
/// quantised types refuse values that are not finite.
pub fn quantize(ty: BlockType, values: &[f32], out: &mut Vec<u8>) -> Result<(), BlockError> {
    check(ty, values)?;
    let start = out.len();
    let done = match ty {
        BlockType::F32 => encode_each(values, out, float::encode_f32),
        BlockType::F16 => encode_each(values, out, float::encode_f16),
        BlockType::BF16 => encode_each(values, out, float::encode_bf16),
        BlockType::Q4_0 => encode_each(values, out, legacy::encode_q4_0),
        BlockType::Q4_1 => encode_each(values, out, legacy::encode_q4_1),
        BlockType::Q5_0 => encode_each(values, out, legacy::encode_q5_0),
        BlockType::Q5_1 => encode_each(values, out, legacy::encode_q5_1),
        BlockType::Q8_0 => encode_each(values, out, legacy::encode_q8_0),
        BlockType::Q2_K => encode_each(values, out, k_encode::encode_q2_k),
        BlockType::Q3_K => encode_each(values, out, k_encode::encode_q3_k),
        BlockType::Q4_K => encode_each(values, out, k_encode::encode_q4_k),
        BlockType::Q5_K => encode_each(values, out, k_encode::encode_q5_k),
        BlockType::Q6_K => encode_each(values, out, k_encode::encode_q6_k),
        BlockType::IQ4_NL | BlockType::IQ4_XS | BlockType::TQ1_0 | BlockType::TQ2_0 | BlockType::MXFP4 => {
            return Err(BlockError::NoEncoder { ty });
        }
    };
    done.map_err(|block| {
        out.truncate(start);
        BlockError::ScaleOverflow { ty, block }
    })
}

/// Whether these values can be blocks of `ty` at all.
fn check(ty: BlockType, values: &[f32]) -> Result<(), BlockError> {
    if !values.len().is_multiple_of(ty.block_len()) {
        return Err(BlockError::PartialBlock { ty, elements: values.len() });
    }
    if ty.block_len() > 1 {
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(BlockError::NotFinite { ty, index });
        }
        if let Some(index) = values.iter().position(|v| v.abs() > LARGEST) {
            return Err(BlockError::ScaleOverflow { ty, block: index / ty.block_len() });
        }
    }
    Ok(())
}

/// The scale of a block does not fit f16.
pub(crate) struct ScaleOverflow;

fn decode_each<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    decode: impl Fn(&[u8; B], &mut [f32; N]),
) {
    for (block, values) in bytes.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
        decode(block, values);
    }
}

/// Returns the index of the block that failed.
fn encode_each<const N: usize, const B: usize>(
    values: &[f32],
    out: &mut Vec<u8>,
    encode: impl Fn(&[f32; N], &mut [u8; B]) -> Result<(), ScaleOverflow>,
) -> Result<(), usize> {
    let start = out.len();
    out.resize(start + values.len() / N * B, 0);
    let blocks = out[start..].as_chunks_mut().0;
    for (i, (values, block)) in values.as_chunks().0.iter().zip(blocks).enumerate() {
        encode(values, block).map_err(|_| i)?;
    }
    Ok(())
}

/// As [`encode_each`], with a weight for each value.
fn encode_each_with<const N: usize, const B: usize>(
    values: &[f32],
    weights: &[f32],
    out: &mut Vec<u8>,
    encode: impl Fn(&[f32; N], &[f32; N], &mut [u8; B]) -> Result<(), ScaleOverflow>,
) -> Result<(), usize> {
    let start = out.len();
    out.resize(start + values.len() / N * B, 0);
    let blocks = out[start..].as_chunks_mut().0;
    let each = values.as_chunks().0.iter().zip(weights.as_chunks().0).zip(blocks);
    for (i, ((values, weights), block)) in each.enumerate() {
        encode(values, weights, block).map_err(|_| i)?;
    }
    Ok(())
}

/// The little-endian f16 at `block[at..at + 2]`.
fn read_f16<const B: usize>(block: &[u8; B], at: usize) -> f32 {
    half::f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Stores `value` as f16 at `block[at..at + 2]` and returns what was stored, as f32.
fn write_f16<const B: usize>(block: &mut [u8; B], at: usize, value: f32) -> Result<f32, ScaleOverflow> {
    let stored = half::f16::from_f32(value);
    if !stored.is_finite() {
        return Err(ScaleOverflow);
    }
    block[at..at + 2].copy_from_slice(&stored.to_le_bytes());
    Ok(stored.to_f32())
}

/// `1 / d`, and 0 for 0: a block of zeros has scale 0 and decodes to zeros whatever its quants are.
fn inverse(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

#[cfg(test)]
mod tests;
