//! Plain floats: blocks of one element.

use super::ScaleOverflow;
use half::f16;

pub fn decode_f32(block: &[u8; 4], out: &mut [f32; 1]) {
    out[0] = f32::from_le_bytes(*block);
}

pub fn decode_f16(block: &[u8; 2], out: &mut [f32; 1]) {
    out[0] = f16::from_le_bytes(*block).to_f32();
}

pub fn decode_bf16(block: &[u8; 2], out: &mut [f32; 1]) {
    out[0] = f32::from_bits(u32::from(u16::from_le_bytes(*block)) << 16);
}

pub fn encode_f32(values: &[f32; 1], block: &mut [u8; 4]) -> Result<(), ScaleOverflow> {
    *block = values[0].to_le_bytes();
    Ok(())
}

pub fn encode_f16(values: &[f32; 1], block: &mut [u8; 2]) -> Result<(), ScaleOverflow> {
    *block = f16::from_f32(values[0]).to_le_bytes();
    Ok(())
}

/// Rounds to nearest even; a NaN stays a NaN and becomes a quiet one.
pub fn encode_bf16(values: &[f32; 1], block: &mut [u8; 2]) -> Result<(), ScaleOverflow> {
    let bits = values[0].to_bits();
    let upper =
        if values[0].is_nan() { (bits >> 16) | 0x40 } else { (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 };
    *block = (upper as u16).to_le_bytes();
    Ok(())
}
