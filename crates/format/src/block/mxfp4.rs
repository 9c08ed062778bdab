//! MXFP4 of the OCP microscaling formats (MX) specification v1.0: E2M1 elements that share an E8M0 scale.

/// The E2M1 values times two, so that they are integers; the scale is halved to match.
const DOUBLED: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

pub fn decode(block: &[u8; 17], out: &mut [f32; 32]) {
    let scale = half_scale(block[0]);
    for (j, byte) in block[1..].iter().enumerate() {
        out[j] = scale * f32::from(DOUBLED[usize::from(byte & 0xf)]);
        out[j + 16] = scale * f32::from(DOUBLED[usize::from(byte >> 4)]);
    }
}

/// `2^(e - 128)`, half of the E8M0 value; the two smallest are subnormal.
fn half_scale(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { u32::from(e - 1) << 23 })
}
