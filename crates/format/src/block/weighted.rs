//! Quantising with importances: how much each column of a matrix matters, so that the error of those that matter most is
//! the smallest.
//!
//! The method is llama.cpp's (`quantize_row_*_impl` in ggml-quants.c): the searches of [`super::k_search`] with weights
//! `importance * sqrt(mean_square + x^2)`, and for the K types a search for the scales' own scale too.

use super::k_encode::{self, IntegerScales};
use super::k_search::{Sweep, TINY, fit_affine, fit_positive, fit_symmetric};
use super::{BlockError, BlockType, QK_K, ScaleOverflow, check, encode_each_with, legacy, write_f16};

const SWEEP: Sweep = Sweep { first: -0.9, step: 0.05, steps: 36, absolute: false };

/// Whether importances make a difference to blocks of this type.
pub fn takes_importance(ty: BlockType) -> bool {
    use BlockType::*;
    matches!(ty, Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q2_K | Q3_K | Q4_K | Q5_K | Q6_K)
}

/// As [`super::quantize`], of one row of a matrix; `importance` has a number of at least 0 for each of its columns.
/// Types that cannot make use of them ([`takes_importance`]) are encoded without.
///
/// # Panics
/// If `importance` is not as long as `row`.
pub fn quantize_weighted(
    ty: BlockType,
    row: &[f32],
    importance: &[f32],
    out: &mut Vec<u8>,
) -> Result<(), BlockError> {
    assert_eq!(row.len(), importance.len(), "an importance for each column");
    if !takes_importance(ty) {
        return super::quantize(ty, row, out);
    }
    check(ty, row)?;
    let start = out.len();
    let row_square = mean_square(row);
    let done = match ty {
        BlockType::Q4_0 => encode_each_with(row, importance, out, |x, w, block| {
            let (d, quants) = symmetric(x, w, row_square, 8.0);
            legacy::pack_q4_0(d, &quants, block)
        }),
        BlockType::Q5_0 => encode_each_with(row, importance, out, |x, w, block| {
            let (d, quants) = symmetric(x, w, row_square, 16.0);
            legacy::pack_q5_0(d, &quants, block)
        }),
        BlockType::Q4_1 => encode_each_with(row, importance, out, |x, w, block| {
            let fit = fit_affine(x, &weights(x, w, row_square), 15.0, &SWEEP);
            legacy::pack_q4_1(fit.scale, -fit.min, &fit.quants.map(|q| q as u8), block)
        }),
        BlockType::Q5_1 => encode_each_with(row, importance, out, |x, w, block| {
            let fit = fit_affine(x, &weights(x, w, row_square), 31.0, &SWEEP);
            legacy::pack_q5_1(fit.scale, -fit.min, &fit.quants.map(|q| q as u8), block)
        }),
        BlockType::Q2_K => encode_each_with(row, importance, out, |x, w, block| {
            let (scales, mins) = affine_scales::<16, 16>(x, w, mean_square(x), 3.0, 15.0);
            k_encode::pack_q2_k(x, &scales, &mins, block)
        }),
        BlockType::Q4_K => encode_each_with(row, importance, out, |x, w, block| {
            let (scales, mins) = affine_scales::<32, 8>(x, w, 2.0 * mean_square(x), 15.0, 63.0);
            k_encode::pack_q4_k(x, &scales, &mins, block)
        }),
        BlockType::Q5_K => encode_each_with(row, importance, out, |x, w, block| {
            let (scales, mins) = affine_scales::<32, 8>(x, w, 2.0 * mean_square(x), 31.0, 63.0);
            k_encode::pack_q5_k(x, &scales, &mins, block)
        }),
        BlockType::Q3_K => encode_each_with(row, importance, out, encode_q3_k),
        _ => encode_each_with(row, importance, out, encode_q6_k),
    };
    done.map_err(|block| {
        out.truncate(start);
        BlockError::ScaleOverflow { ty, block }
    })
}

fn mean_square(values: &[f32]) -> f32 {
    values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32
}

fn weights<const N: usize>(values: &[f32; N], importance: &[f32; N], square: f32) -> [f32; N] {
    std::array::from_fn(|i| importance[i] * (square + values[i] * values[i]).sqrt())
}

/// A scale of either sign and `q + top`.
fn symmetric(values: &[f32; 32], importance: &[f32; 32], square: f32, top: f32) -> (f32, [u8; 32]) {
    let fit = fit_symmetric(values, &weights(values, importance, square), top);
    (fit.scale, fit.quants.map(|q| (q + top) as u8))
}

/// The scales and minima of `G` groups of `N` values, as integers up to `top_scale` and their units.
fn affine_scales<const N: usize, const G: usize>(
    values: &[f32; QK_K],
    importance: &[f32; QK_K],
    square: f32,
    top: f32,
    top_scale: f32,
) -> (IntegerScales<G>, IntegerScales<G>) {
    let (groups, importance) = (values.as_chunks::<N>().0, importance.as_chunks::<N>().0);
    let weights: [[f32; N]; G] = std::array::from_fn(|g| weights(&groups[g], &importance[g], square));
    let sums = weights.map(|w| w.iter().sum());
    let fits: [_; G] = std::array::from_fn(|g| fit_affine(&groups[g], &weights[g], top, &SWEEP));
    let integers = |values: [f32; G]| {
        let (unit, integers) = fit_positive(&values, &sums, top_scale);
        IntegerScales { integers: integers.map(|q| q as u8), unit }
    };
    (integers(std::array::from_fn(|g| fits[g].scale)), integers(std::array::from_fn(|g| fits[g].min)))
}

fn encode_q3_k(
    values: &[f32; QK_K],
    importance: &[f32; QK_K],
    block: &mut [u8; 110],
) -> Result<(), ScaleOverflow> {
    let (groups, importance) = (values.as_chunks::<16>().0, importance.as_chunks::<16>().0);
    let square = 2.0 * mean_square(values);
    let weights: [_; 16] = std::array::from_fn(|g| weights(&groups[g], &importance[g], square));
    let scales: [f32; 16] = std::array::from_fn(|g| fit_symmetric(&groups[g], &weights[g], 4.0).scale);
    let sums = weights.map(|w| w.iter().sum());
    let fit = fit_symmetric(&scales, &sums, 32.0);
    let unit = write_f16(block, 108, fit.scale)?;
    k_encode::pack_q3_k(values, &fit.quants, unit, block);
    Ok(())
}

fn encode_q6_k(
    values: &[f32; QK_K],
    importance: &[f32; QK_K],
    block: &mut [u8; 210],
) -> Result<(), ScaleOverflow> {
    let (groups, importance) = (values.as_chunks::<16>().0, importance.as_chunks::<16>().0);
    let scales: [f32; 16] = std::array::from_fn(|g| fit_symmetric(&groups[g], &importance[g], 32.0).scale);
    if scales.iter().all(|scale| scale.abs() < TINY) {
        return Ok(());
    }
    k_encode::pack_q6_k(values, &scales, block)
}
