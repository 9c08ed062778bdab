//! Ternary types: 256 elements of -1, 0 or 1 under one f16 scale.

use super::{QK_K, read_f16};

/// Layout: `[32]` and `[16]` bytes of five trits, `[4]` bytes of four trits, d.
///
/// A byte holds its trits as a fraction of 256 in base three, so that multiplying by a power of three (modulo
/// 256) brings each trit in turn to the front.
pub fn decode_tq1_0(block: &[u8; 54], out: &mut [f32; QK_K]) {
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    let d = read_f16(block, 52);
    let runs = [(&block[..32], 5), (&block[32..48], 5), (&block[48..52], 4)];
    let trits = runs.iter().flat_map(|(bytes, count)| {
        POWERS[..*count].iter().flat_map(|power| bytes.iter().map(|byte| byte.wrapping_mul(*power)))
    });
    for (value, fraction) in out.iter_mut().zip(trits) {
        let trit = (u16::from(fraction) * 3) >> 8;
        *value = d * f32::from(trit as i8 - 1);
    }
}

/// Layout: quants `[64]`, d. Each 32 bytes hold 128 elements, 32 at each two-bit shift.
pub fn decode_tq2_0(block: &[u8; 66], out: &mut [f32; QK_K]) {
    let d = read_f16(block, 64);
    for (run, values) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let bytes = &block[32 * (run / 4)..][..32];
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value = d * f32::from(((byte >> (2 * (run % 4))) & 3) as i8 - 1);
        }
    }
}
