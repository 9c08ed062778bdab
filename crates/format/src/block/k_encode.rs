//! Encoding of the K types; the layouts are described at the decoders in `k.rs`.
//!
//! Each encoder fits a scale (and minimum) to every group, stores those as small integers under the block's f16
//! scales, and rounds the weights against the scales as they were stored.

use super::k_search::{Affine, Sweep, TINY, extreme, fit_affine, fit_symmetric, fit_symmetric_by_descent};
use super::{QK_K, ScaleOverflow, write_f16};

pub fn encode_q2_k(values: &[f32; QK_K], block: &mut [u8; 84]) -> Result<(), ScaleOverflow> {
    const SWEEP: Sweep = Sweep { first: -0.5, step: 0.1, steps: 15, absolute: true };
    let groups = values.as_chunks::<16>().0;
    let fits: [_; 16] =
        std::array::from_fn(|g| fit_affine(&groups[g], &groups[g].map(f32::abs), 3.0, &SWEEP));
    let (scales, mins) = integer_scales(&fits, 15.0);
    pack_q2_k(values, &scales, &mins, block)
}

pub fn pack_q2_k(
    values: &[f32; QK_K],
    scales: &IntegerScales<16>,
    mins: &IntegerScales<16>,
    block: &mut [u8; 84],
) -> Result<(), ScaleOverflow> {
    let groups = values.as_chunks::<16>().0;
    let d = write_f16(block, 80, scales.unit)?;
    let dmin = write_f16(block, 82, mins.unit)?;
    let mut quants = [0u8; QK_K];
    for g in 0..16 {
        block[g] = scales.integers[g] | (mins.integers[g] << 4);
        let (scale, min) = (d * f32::from(scales.integers[g]), dmin * f32::from(mins.integers[g]));
        round_affine(&groups[g], scale, min, 3.0, &mut quants[16 * g..][..16]);
    }
    pack_two_bits(&quants, &mut block[16..80]);
    Ok(())
}

pub fn encode_q3_k(values: &[f32; QK_K], block: &mut [u8; 110]) -> Result<(), ScaleOverflow> {
    let groups = values.as_chunks::<16>().0;
    let fits: [f32; 16] = std::array::from_fn(|g| fit_symmetric_by_descent(&groups[g], 4.0));
    let extreme = extreme(&fits);
    if extreme == 0.0 {
        return Ok(());
    }
    let inverse_unit = -32.0 / extreme;
    let d = write_f16(block, 108, 1.0 / inverse_unit)?;
    let scales = fits.map(|fit| (inverse_unit * fit).round_ties_even().clamp(-32.0, 31.0));
    pack_q3_k(values, &scales, d, block);
    Ok(())
}

/// `scales` are whole numbers of -32 to 31, `d` their unit as it is stored.
pub fn pack_q3_k(values: &[f32; QK_K], scales: &[f32; 16], d: f32, block: &mut [u8; 110]) {
    let groups = values.as_chunks::<16>().0;
    let mut quants = [0u8; QK_K];
    for (g, &scale) in scales.iter().enumerate() {
        let packed = (scale + 32.0) as u8;
        block[96 + g % 8] |= (packed & 0xf) << (4 * (g / 8));
        block[104 + g % 4] |= (packed >> 4) << (2 * (g / 4));
        round_symmetric(&groups[g], d * scale, 4.0, &mut quants[16 * g..][..16]);
    }
    for (i, q) in quants.iter_mut().enumerate() {
        block[i % 32] |= (*q >> 2) << (i / 32);
        *q &= 3;
    }
    pack_two_bits(&quants, &mut block[32..96]);
}

pub fn encode_q4_k(values: &[f32; QK_K], block: &mut [u8; 144]) -> Result<(), ScaleOverflow> {
    const SWEEP: Sweep = Sweep { first: -1.0, step: 0.1, steps: 20, absolute: false };
    let (scales, mins) = scales_32(values, 15.0, &SWEEP);
    pack_q4_k(values, &scales, &mins, block)
}

pub fn pack_q4_k(
    values: &[f32; QK_K],
    scales: &IntegerScales<8>,
    mins: &IntegerScales<8>,
    block: &mut [u8; 144],
) -> Result<(), ScaleOverflow> {
    let quants = pack_affine_32(values, 15.0, scales, mins, block)?;
    pack_nibbles(&quants, &mut block[16..]);
    Ok(())
}

pub fn encode_q5_k(values: &[f32; QK_K], block: &mut [u8; 176]) -> Result<(), ScaleOverflow> {
    const SWEEP: Sweep = Sweep { first: -0.5, step: 0.1, steps: 15, absolute: false };
    let (scales, mins) = scales_32(values, 31.0, &SWEEP);
    pack_q5_k(values, &scales, &mins, block)
}

pub fn pack_q5_k(
    values: &[f32; QK_K],
    scales: &IntegerScales<8>,
    mins: &IntegerScales<8>,
    block: &mut [u8; 176],
) -> Result<(), ScaleOverflow> {
    let mut quants = pack_affine_32(values, 31.0, scales, mins, block)?;
    for (i, q) in quants.iter_mut().enumerate() {
        block[16 + i % 32] |= (*q >> 4) << (i / 32);
        *q &= 0xf;
    }
    pack_nibbles(&quants, &mut block[48..]);
    Ok(())
}

pub fn encode_q6_k(values: &[f32; QK_K], block: &mut [u8; 210]) -> Result<(), ScaleOverflow> {
    let groups = values.as_chunks::<16>().0;
    let fits: [f32; 16] =
        std::array::from_fn(|g| fit_symmetric(&groups[g], &groups[g].map(|x| x * x), 32.0).scale);
    if extreme(&fits).abs() < TINY {
        return Ok(());
    }
    pack_q6_k(values, &fits, block)
}

/// `fits` are the scales of the groups, one of them at least not zero.
pub fn pack_q6_k(values: &[f32; QK_K], fits: &[f32; 16], block: &mut [u8; 210]) -> Result<(), ScaleOverflow> {
    let groups = values.as_chunks::<16>().0;
    let inverse_unit = -128.0 / extreme(fits);
    let d = write_f16(block, 208, 1.0 / inverse_unit)?;
    let mut quants = [0u8; QK_K];
    for g in 0..16 {
        let scale = (inverse_unit * fits[g]).round_ties_even().min(127.0);
        block[192 + g] = scale as i8 as u8;
        round_symmetric(&groups[g], d * scale, 32.0, &mut quants[16 * g..][..16]);
    }
    for (half, quants) in quants.as_chunks::<128>().0.iter().enumerate() {
        for l in 0..64 {
            block[64 * half + l] = (quants[l] & 0xf) | (quants[l + 64] << 4);
        }
        for l in 0..32 {
            block[128 + 32 * half + l] =
                (0..4).fold(0, |byte, row| byte | (quants[l + 32 * row] >> 4) << (2 * row));
        }
    }
    Ok(())
}

/// What Q4_K and Q5_K share: the scales and minima of 8 groups of 32.
fn scales_32(values: &[f32; QK_K], top: f32, sweep: &Sweep) -> (IntegerScales<8>, IntegerScales<8>) {
    let groups = values.as_chunks::<32>().0;
    let fits: [_; 8] = std::array::from_fn(|g| {
        let mean_square = groups[g].iter().map(|x| x * x).sum::<f32>() / 32.0;
        let weights = groups[g].map(|x| mean_square.sqrt() + x.abs());
        fit_affine(&groups[g], &weights, top, sweep)
    });
    integer_scales(&fits, 63.0)
}

/// Writes d, dmin and the 12 bytes of scales, returns the quants.
fn pack_affine_32<const B: usize>(
    values: &[f32; QK_K],
    top: f32,
    scales: &IntegerScales<8>,
    mins: &IntegerScales<8>,
    block: &mut [u8; B],
) -> Result<[u8; QK_K], ScaleOverflow> {
    let groups = values.as_chunks::<32>().0;
    let d = write_f16(block, 0, scales.unit)?;
    let dmin = write_f16(block, 2, mins.unit)?;
    let mut quants = [0u8; QK_K];
    for g in 0..8 {
        let (scale, min) = (scales.integers[g], mins.integers[g]);
        pack_scale_and_min(&mut block[4..16], g, scale, min);
        round_affine(
            &groups[g],
            d * f32::from(scale),
            dmin * f32::from(min),
            top,
            &mut quants[32 * g..][..32],
        );
    }
    Ok(quants)
}

/// Integers in `0..=top` and the unit that they multiply.
pub struct IntegerScales<const N: usize> {
    pub integers: [u8; N],
    pub unit: f32,
}

/// Rounds the scales and the minima of `fits` so that the greatest of each is `top`.
fn integer_scales<const N: usize, const M: usize>(
    fits: &[Affine<M>; N],
    top: f32,
) -> (IntegerScales<N>, IntegerScales<N>) {
    let round = |values: [f32; N]| {
        let max = values.iter().fold(0.0f32, |max, v| max.max(*v));
        let inverse = if max > 0.0 { top / max } else { 0.0 };
        let integers = values.map(|v| (inverse * v).round_ties_even().clamp(0.0, top) as u8);
        IntegerScales { integers, unit: max / top }
    };
    (round(std::array::from_fn(|g| fits[g].scale)), round(std::array::from_fn(|g| fits[g].min)))
}

/// `q` such that `scale * q - min` is nearest to each value.
fn round_affine(values: &[f32], scale: f32, min: f32, top: f32, quants: &mut [u8]) {
    if scale == 0.0 {
        return;
    }
    for (q, x) in quants.iter_mut().zip(values) {
        *q = ((x + min) / scale).round_ties_even().clamp(0.0, top) as u8;
    }
}

/// `q + top` such that `scale * q` is nearest to each value.
fn round_symmetric(values: &[f32], scale: f32, top: f32, quants: &mut [u8]) {
    if scale == 0.0 {
        return;
    }
    for (q, x) in quants.iter_mut().zip(values) {
        *q = ((x / scale).round_ties_even().clamp(-top, top - 1.0) + top) as u8;
    }
}

/// The inverse of `scale_and_min` in `k.rs`. The bytes must be zero at first, and groups come in order.
fn pack_scale_and_min(packed: &mut [u8], g: usize, scale: u8, min: u8) {
    if g < 4 {
        packed[g] = scale;
        packed[g + 4] = min;
    } else {
        packed[g + 4] = (scale & 0xf) | ((min & 0xf) << 4);
        packed[g - 4] |= (scale >> 4) << 6;
        packed[g] |= (min >> 4) << 6;
    }
}

fn pack_two_bits(quants: &[u8; QK_K], bytes: &mut [u8]) {
    for (i, q) in quants.iter().enumerate() {
        bytes[32 * (i / 128) + i % 32] |= q << (2 * ((i / 32) % 4));
    }
}

fn pack_nibbles(quants: &[u8; QK_K], bytes: &mut [u8]) {
    for (i, q) in quants.iter().enumerate() {
        bytes[32 * (i / 64) + i % 32] |= q << (4 * ((i / 32) % 2));
    }
}
