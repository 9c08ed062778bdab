//! Decoding of the K types: 256 elements in groups of 16 or 32, each with a small integer scale (and minimum)
//! that one f16 scale (and one f16 minimum) of the block multiplies.

use super::{QK_K, read_f16};

/// Layout: scales `[16]` (low nibble scale, high nibble minimum), quants `[64]`, d, dmin.
pub fn decode_q2_k(block: &[u8; 84], out: &mut [f32; QK_K]) {
    let (d, dmin) = (read_f16(block, 80), read_f16(block, 82));
    for (g, values) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = d * f32::from(block[g] & 0xf);
        let min = dmin * f32::from(block[g] >> 4);
        let quants = &block[16 + two_bit_start(g)..][..16];
        for (value, byte) in values.iter_mut().zip(quants) {
            *value = scale * f32::from((byte >> two_bit_shift(g)) & 3) - min;
        }
    }
}

/// Layout: third bits `[32]`, low bits `[64]`, scales `[12]`, d. A third bit that is clear subtracts 4.
pub fn decode_q3_k(block: &[u8; 110], out: &mut [f32; QK_K]) {
    let d = read_f16(block, 108);
    for (g, values) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let low = (block[96 + g % 8] >> (4 * (g / 8))) & 0xf;
        let high = (block[104 + g % 4] >> (2 * (g / 4))) & 3;
        let scale = d * f32::from((low | (high << 4)) as i8 - 32);
        let thirds = &block[16 * (g % 2)..][..16];
        let lows = &block[32 + two_bit_start(g)..][..16];
        for (value, (third, low)) in values.iter_mut().zip(thirds.iter().zip(lows)) {
            let q = ((low >> two_bit_shift(g)) & 3) as i8;
            let offset = if (third >> (g / 2)) & 1 == 1 { 0 } else { 4 };
            *value = scale * f32::from(q - offset);
        }
    }
}

/// Where the bytes of group `g` start among 64 bytes of two-bit quants: each 32 bytes hold 128 elements,
/// 32 at each shift.
fn two_bit_start(g: usize) -> usize {
    32 * (g / 8) + 16 * (g % 2)
}

fn two_bit_shift(g: usize) -> usize {
    2 * ((g / 2) % 4)
}

/// Layout: d, dmin, scales `[12]`, quants `[128]`: 32 bytes for each two groups, the first in the low nibbles.
pub fn decode_q4_k(block: &[u8; 144], out: &mut [f32; QK_K]) {
    let (d, dmin) = (read_f16(block, 0), read_f16(block, 2));
    for (g, values) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = scale_and_min(&block[4..16], g);
        let (scale, min) = (d * f32::from(scale), dmin * f32::from(min));
        let quants = &block[16 + 32 * (g / 2)..][..32];
        for (value, byte) in values.iter_mut().zip(quants) {
            *value = scale * f32::from((byte >> (4 * (g % 2))) & 0xf) - min;
        }
    }
}

/// Layout: d, dmin, scales `[12]`, fifth bits `[32]` (bit `g` for group `g`), quants `[128]` as in Q4_K.
pub fn decode_q5_k(block: &[u8; 176], out: &mut [f32; QK_K]) {
    let (d, dmin) = (read_f16(block, 0), read_f16(block, 2));
    for (g, values) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = scale_and_min(&block[4..16], g);
        let (scale, min) = (d * f32::from(scale), dmin * f32::from(min));
        let quants = &block[48 + 32 * (g / 2)..][..32];
        for (value, (byte, fifth)) in values.iter_mut().zip(quants.iter().zip(&block[16..48])) {
            let q = ((byte >> (4 * (g % 2))) & 0xf) | (((fifth >> g) & 1) << 4);
            *value = scale * f32::from(q) - min;
        }
    }
}

/// The 6-bit scale and minimum of group `g` of 8, from the 12 bytes that pack them: groups 0 to 3 lie in the
/// low six bits of bytes 0 to 3 and 4 to 7; groups 4 to 7 in the nibbles of bytes 8 to 11, with their upper
/// two bits on top of the bytes of groups 0 to 3.
fn scale_and_min(packed: &[u8], g: usize) -> (u8, u8) {
    if g < 4 {
        (packed[g] & 63, packed[g + 4] & 63)
    } else {
        let nibbles = packed[g + 4];
        ((nibbles & 0xf) | ((packed[g - 4] >> 6) << 4), (nibbles >> 4) | ((packed[g] >> 6) << 4))
    }
}

/// Layout: low nibbles `[128]`, upper two bits `[64]`, signed scales `[16]`, d.
pub fn decode_q6_k(block: &[u8; 210], out: &mut [f32; QK_K]) {
    let d = read_f16(block, 208);
    for (g, values) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = d * f32::from(block[192 + g] as i8);
        let (half, row, start) = (g / 8, (g / 2) % 4, 16 * (g % 2));
        let lows = &block[64 * half + 32 * (row % 2) + start..][..16];
        let highs = &block[128 + 32 * half + start..][..16];
        for (value, (low, high)) in values.iter_mut().zip(lows.iter().zip(highs)) {
            let q = ((low >> (4 * (row / 2))) & 0xf) | (((high >> (2 * row)) & 3) << 4);
            *value = scale * f32::from(q as i8 - 32);
        }
    }
}
