//! The simple types: 32 elements under one f16 scale `d`, and in the `_1` types one f16 minimum `m`.
//!
//! Byte `j` of the 16 bytes of quants holds element `j` in its low nibble and element `j + 16` in its high
//! one. The 5-bit types keep the fifth bits in a little-endian u32, bit `j` for element `j`.

use super::{ScaleOverflow, inverse, read_f16, write_f16};

const N: usize = 32;
const HALF: usize = N / 2;

pub fn decode_q4_0(block: &[u8; 18], out: &mut [f32; N]) {
    let d = read_f16(block, 0);
    for (j, byte) in block[2..].iter().enumerate() {
        out[j] = d * f32::from((byte & 0xf) as i8 - 8);
        out[j + HALF] = d * f32::from((byte >> 4) as i8 - 8);
    }
}

pub fn decode_q4_1(block: &[u8; 20], out: &mut [f32; N]) {
    let (d, m) = (read_f16(block, 0), read_f16(block, 2));
    for (j, byte) in block[4..].iter().enumerate() {
        out[j] = d * f32::from(byte & 0xf) + m;
        out[j + HALF] = d * f32::from(byte >> 4) + m;
    }
}

pub fn decode_q5_0(block: &[u8; 22], out: &mut [f32; N]) {
    let d = read_f16(block, 0);
    let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (j, byte) in block[6..].iter().enumerate() {
        out[j] = d * f32::from(with_fifth(byte & 0xf, fifth, j) as i8 - 16);
        out[j + HALF] = d * f32::from(with_fifth(byte >> 4, fifth, j + HALF) as i8 - 16);
    }
}

pub fn decode_q5_1(block: &[u8; 24], out: &mut [f32; N]) {
    let (d, m) = (read_f16(block, 0), read_f16(block, 2));
    let fifth = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (j, byte) in block[8..].iter().enumerate() {
        out[j] = d * f32::from(with_fifth(byte & 0xf, fifth, j)) + m;
        out[j + HALF] = d * f32::from(with_fifth(byte >> 4, fifth, j + HALF)) + m;
    }
}

pub fn decode_q8_0(block: &[u8; 34], out: &mut [f32; N]) {
    let d = read_f16(block, 0);
    for (value, byte) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(*byte as i8) * d;
    }
}

fn with_fifth(nibble: u8, fifth: u32, element: usize) -> u8 {
    nibble | (((fifth >> element) & 1) << 4) as u8
}

pub fn encode_q4_0(values: &[f32; N], block: &mut [u8; 18]) -> Result<(), ScaleOverflow> {
    let d = extreme(values) / -8.0;
    pack_q4_0(d, &quants(values, inverse(d), 0.0, 8.5, 15), block)
}

/// `quants` are `q + 8`.
pub fn pack_q4_0(d: f32, quants: &[u8; N], block: &mut [u8; 18]) -> Result<(), ScaleOverflow> {
    write_f16(block, 0, d)?;
    pack_nibbles(quants, &mut block[2..]);
    Ok(())
}

pub fn encode_q4_1(values: &[f32; N], block: &mut [u8; 20]) -> Result<(), ScaleOverflow> {
    let (min, max) = bounds(values);
    let d = (max - min) / 15.0;
    pack_q4_1(d, min, &quants(values, inverse(d), min, 0.5, 15), block)
}

pub fn pack_q4_1(d: f32, min: f32, quants: &[u8; N], block: &mut [u8; 20]) -> Result<(), ScaleOverflow> {
    write_f16(block, 0, d)?;
    write_f16(block, 2, min)?;
    pack_nibbles(quants, &mut block[4..]);
    Ok(())
}

pub fn encode_q5_0(values: &[f32; N], block: &mut [u8; 22]) -> Result<(), ScaleOverflow> {
    let d = extreme(values) / -16.0;
    pack_q5_0(d, &quants(values, inverse(d), 0.0, 16.5, 31), block)
}

/// `quants` are `q + 16`.
pub fn pack_q5_0(d: f32, quants: &[u8; N], block: &mut [u8; 22]) -> Result<(), ScaleOverflow> {
    write_f16(block, 0, d)?;
    block[2..6].copy_from_slice(&fifth_bits(quants));
    pack_nibbles(quants, &mut block[6..]);
    Ok(())
}

pub fn encode_q5_1(values: &[f32; N], block: &mut [u8; 24]) -> Result<(), ScaleOverflow> {
    let (min, max) = bounds(values);
    let d = (max - min) / 31.0;
    pack_q5_1(d, min, &quants(values, inverse(d), min, 0.5, 31), block)
}

pub fn pack_q5_1(d: f32, min: f32, quants: &[u8; N], block: &mut [u8; 24]) -> Result<(), ScaleOverflow> {
    write_f16(block, 0, d)?;
    write_f16(block, 2, min)?;
    block[4..8].copy_from_slice(&fifth_bits(quants));
    pack_nibbles(quants, &mut block[8..]);
    Ok(())
}

pub fn encode_q8_0(values: &[f32; N], block: &mut [u8; 34]) -> Result<(), ScaleOverflow> {
    let d = extreme(values).abs() / 127.0;
    write_f16(block, 0, d)?;
    let inverse = inverse(d);
    for (byte, value) in block[2..].iter_mut().zip(values) {
        *byte = (value * inverse).round() as i8 as u8;
    }
    Ok(())
}

/// The value of greatest magnitude, with its sign; the first of several.
fn extreme(values: &[f32; N]) -> f32 {
    values.iter().fold(0.0f32, |best, v| if v.abs() > best.abs() { *v } else { best })
}

fn bounds(values: &[f32; N]) -> (f32, f32) {
    values.iter().fold((values[0], values[0]), |(min, max), v| (min.min(*v), max.max(*v)))
}

/// `trunc((v - min) * inverse + offset)`, at most `top`.
fn quants(values: &[f32; N], inverse: f32, min: f32, offset: f32, top: u8) -> [u8; N] {
    values.map(|v| (((v - min) * inverse + offset) as u8).min(top))
}

fn pack_nibbles(quants: &[u8; N], bytes: &mut [u8]) {
    for (byte, (low, high)) in bytes.iter_mut().zip(quants[..HALF].iter().zip(&quants[HALF..])) {
        *byte = (low & 0xf) | (high << 4);
    }
}

fn fifth_bits(quants: &[u8; N]) -> [u8; 4] {
    let bits = quants.iter().enumerate().fold(0u32, |bits, (j, q)| bits | u32::from(q >> 4) << j);
    bits.to_le_bytes()
}
