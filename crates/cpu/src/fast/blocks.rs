//! Blocks of a file as integers: 32 weights, each `scale * (q - offset) + min`.

use half::f16;
use sotto_format::{BlockType, dequantize};

use super::activations::BLOCK;

/// How the weights of a type are stored in panels, and the offset of its integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bits a weight: 4, 5, 6 or 8.
    pub bits: u32,
    /// Subtracted from each integer.
    pub offset: i32,
    /// Whether each block has a minimum.
    pub mins: bool,
    /// Scales a block: one, or one for each 16 weights.
    pub scales: usize,
}

impl Layout {
    /// The layout of weights stored as `ty`: types without one of their own become eight bits.
    pub fn of(ty: BlockType) -> Layout {
        let (bits, offset, mins, scales) = match ty {
            BlockType::Q4_0 => (4, 8, false, 1),
            BlockType::Q4_1 | BlockType::Q4_K => (4, 0, true, 1),
            BlockType::Q5_0 => (5, 16, false, 1),
            BlockType::Q5_1 | BlockType::Q5_K => (5, 0, true, 1),
            BlockType::Q6_K => (6, 32, false, 2),
            _ => (8, 128, false, 1),
        };
        Layout { bits, offset, mins, scales }
    }
}

/// 32 weights of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Integers {
    /// `q`.
    pub quants: [u8; BLOCK],
    /// Of either half; the same where the layout has one.
    pub scales: [f16; 2],
    /// 0 where the layout has none.
    pub min: f16,
}

/// Calls `put(index, block)` for each 32 weights of `row`, whole blocks of `ty`.
///
/// Scales of the K types are products of a half float and a small integer, rounded to half floats here: by less than
/// one part in 2000, where activations are rounded by one in 250.
pub fn integers(ty: BlockType, row: &[u8], mut put: impl FnMut(usize, &Integers)) {
    match ty {
        BlockType::Q4_0 | BlockType::Q4_1 | BlockType::Q5_0 | BlockType::Q5_1 | BlockType::Q8_0 => {
            for (index, block) in row.chunks_exact(ty.block_bytes()).enumerate() {
                put(index, &simple(ty, block));
            }
        }
        BlockType::Q4_K | BlockType::Q5_K | BlockType::Q6_K => {
            for (super_block, bytes) in row.chunks_exact(ty.block_bytes()).enumerate() {
                for group in 0..8 {
                    let block = if ty == BlockType::Q6_K {
                        six_bits(bytes, group)
                    } else {
                        four_or_five(ty, bytes, group)
                    };
                    put(8 * super_block + group, &block);
                }
            }
        }
        _ => {
            let mut values = vec![0.0; row.len() / ty.block_bytes() * ty.block_len()];
            dequantize(ty, row, &mut values).expect("a row is whole blocks");
            for (index, values) in values.as_chunks().0.iter().enumerate() {
                put(index, &eight_bits(values));
            }
        }
    }
}

fn half_at(bytes: &[u8], at: usize) -> f16 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The types of one scale: nibbles `j` and `j + 16` share a byte, fifth bits are a little-endian u32.
fn simple(ty: BlockType, block: &[u8]) -> Integers {
    let (mins, fifths) = match ty {
        BlockType::Q4_1 => (true, false),
        BlockType::Q5_0 => (false, true),
        BlockType::Q5_1 => (true, true),
        _ => (false, false),
    };
    let min = if mins { half_at(block, 2) } else { f16::ZERO };
    let mut quants = [0; BLOCK];
    let rest = &block[if mins { 4 } else { 2 }..];
    if ty == BlockType::Q8_0 {
        quants.iter_mut().zip(rest).for_each(|(q, byte)| *q = byte ^ 0x80);
    } else {
        let (fifth, rest) = rest.split_at(if fifths { 4 } else { 0 });
        let fifth = fifth.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let (low, high) = quants.split_at_mut(BLOCK / 2);
        for (j, byte) in rest.iter().enumerate() {
            low[j] = byte & 15 | ((fifth >> j & 1) << 4) as u8;
            high[j] = byte >> 4 | ((fifth >> (j + 16) & 1) << 4) as u8;
        }
    }
    Integers { quants, scales: [half_at(block, 0); 2], min }
}

/// Group `group` of a Q4_K or Q5_K block; see the decoders of `sotto_format` for where its parts lie.
fn four_or_five(ty: BlockType, bytes: &[u8], group: usize) -> Integers {
    let packed = &bytes[4..16];
    let (scale, min) = if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        let nibbles = packed[group + 4];
        (nibbles & 15 | packed[group - 4] >> 6 << 4, nibbles >> 4 | packed[group] >> 6 << 4)
    };
    let (fifths, nibbles) =
        if ty == BlockType::Q5_K { (Some(&bytes[16..48]), &bytes[48..]) } else { (None, &bytes[16..]) };
    let nibbles = &nibbles[32 * (group / 2)..][..BLOCK];
    let mut quants = [0; BLOCK];
    for (j, q) in quants.iter_mut().enumerate() {
        let fifth = fifths.map_or(0, |bits| bits[j] >> group & 1);
        *q = nibbles[j] >> (4 * (group % 2)) & 15 | fifth << 4;
    }
    let times = |d: f16, n: u8| f16::from_f32(d.to_f32() * f32::from(n));
    Integers { quants, scales: [times(half_at(bytes, 0), scale); 2], min: times(-half_at(bytes, 2), min) }
}

/// Groups `2 * pair` and `2 * pair + 1` of a Q6_K block, 16 weights each.
fn six_bits(bytes: &[u8], pair: usize) -> Integers {
    let (half, row) = (pair / 4, pair % 4);
    let lows = &bytes[64 * half + 32 * (row % 2)..][..BLOCK];
    let highs = &bytes[128 + 32 * half..][..BLOCK];
    let mut quants = [0; BLOCK];
    for (q, (low, high)) in quants.iter_mut().zip(lows.iter().zip(highs)) {
        *q = low >> (4 * (row / 2)) & 15 | (high >> (2 * row) & 3) << 4;
    }
    let d = half_at(bytes, 208).to_f32();
    let scale = |group: usize| f16::from_f32(d * f32::from(bytes[192 + group] as i8));
    Integers { quants, scales: [scale(2 * pair), scale(2 * pair + 1)], min: f16::ZERO }
}

/// Any values as eight bits.
fn eight_bits(values: &[f32; BLOCK]) -> Integers {
    let largest = values.iter().fold(0.0, |max, v| if v.abs() <= max { max } else { v.abs() });
    let scale = f16::from_f32(largest / 127.0);
    let inverse = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
    let quants = values.map(|v| ((v * inverse).round().clamp(-127.0, 127.0) as i32 + 128) as u8);
    Integers { quants, scales: [scale; 2], min: f16::ZERO }
}
