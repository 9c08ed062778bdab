//! 4-bit types whose quants index a fixed table, denser near zero where weights are.

use super::{QK_K, read_f16};

/// The levels, in units of the scale.
const LEVELS: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

pub fn decode_iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    decode_levels(read_f16(block, 0), &block[2..], out);
}

/// Layout: d, upper scale bits (u16, two a group), lower scale nibbles `[4]`, quants `[128]`.
pub fn decode_iq4_xs(block: &[u8; 136], out: &mut [f32; QK_K]) {
    let d = read_f16(block, 0);
    let highs = u16::from_le_bytes([block[2], block[3]]);
    for (g, values) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let low = (block[4 + g / 2] >> (4 * (g % 2))) & 0xf;
        let high = ((highs >> (2 * g)) & 3) as u8;
        let scale = d * f32::from((low | (high << 4)) as i8 - 32);
        decode_levels(scale, &block[8 + 16 * g..][..16], values);
    }
}

/// Element `j` is the low nibble of byte `j`, element `j + 16` the high one.
fn decode_levels(scale: f32, bytes: &[u8], out: &mut [f32; 32]) {
    for (j, byte) in bytes.iter().enumerate() {
        out[j] = scale * f32::from(LEVELS[usize::from(byte & 0xf)]);
        out[j + 16] = scale * f32::from(LEVELS[usize::from(byte >> 4)]);
    }
}
