//! The searches behind the K encoders: which scale (and minimum) lets integers stand for a group of weights
//! with the least weighted error.
//!
//! The method is llama.cpp's (`make_qkx2_quants`, `make_qx_quants`, `make_q3_quants` in ggml-quants.c): try a
//! few scales around the obvious one, round, and solve the least-squares problem for each rounding.

/// Groups whose magnitude is below this are stored as zeros.
pub const TINY: f32 = 1e-15;

/// Which scales [`fit_affine`] tries: `top + first + step * i` levels over the range, for `i` in `0..=steps`.
pub struct Sweep {
    pub first: f32,
    pub step: f32,
    pub steps: u32,
    /// Judge a rounding by absolute instead of squared error.
    pub absolute: bool,
}

/// `scale * q - min`, q in `0..=top`, for a group of values.
pub struct Affine<const N: usize> {
    pub scale: f32,
    /// At least 0.
    pub min: f32,
    pub quants: [f32; N],
}

/// `scale * q`, q in `-top..top`, for a group of values.
pub struct Symmetric<const N: usize> {
    /// Of either sign.
    pub scale: f32,
    pub quants: [f32; N],
}

/// Finds `scale` and `min >= 0` such that `scale * q - min`, q in `0..=top`, is near `values`.
pub fn fit_affine<const N: usize>(
    values: &[f32; N],
    weights: &[f32; N],
    top: f32,
    sweep: &Sweep,
) -> Affine<N> {
    let mut low = values.iter().fold(0.0f32, |low, v| low.min(*v));
    let high = values.iter().fold(f32::NEG_INFINITY, |high, v| high.max(*v));
    if high <= low {
        return Affine { scale: 0.0, min: -low, quants: [0.0; N] };
    }
    let sum_w: f32 = weights.iter().sum();
    let sum_wx: f32 = values.iter().zip(weights).map(|(x, w)| w * x).sum();
    let round = |levels: f32, low: f32| {
        let inverse = levels / (high - low);
        values.map(|x| (inverse * (x - low)).round_ties_even().clamp(0.0, top))
    };
    let error = |quants: &[f32; N], scale: f32, low: f32| -> f32 {
        let each = quants.iter().zip(values).zip(weights).map(|((q, x), w)| {
            let diff = scale * q + low - x;
            w * if sweep.absolute { diff.abs() } else { diff * diff }
        });
        each.sum()
    };

    let mut scale = 1.0 / (top / (high - low));
    let mut best = round(top, low);
    let mut best_error = error(&best, scale, low);
    for i in 0..=sweep.steps {
        // Rounding starts from the best minimum so far, not from the least value.
        let quants = round(sweep.first + sweep.step * i as f32 + top, low);
        let (mut sum_q, mut sum_qq, mut sum_qx) = (0.0, 0.0, 0.0);
        for ((q, x), w) in quants.iter().zip(values).zip(weights) {
            sum_q += w * q;
            sum_qq += w * q * q;
            sum_qx += w * q * x;
        }
        let determinant = sum_w * sum_qq - sum_q * sum_q;
        if determinant <= 0.0 {
            continue;
        }
        let mut new_scale = (sum_w * sum_qx - sum_wx * sum_q) / determinant;
        let mut new_low = (sum_qq * sum_wx - sum_q * sum_qx) / determinant;
        if new_low > 0.0 {
            (new_scale, new_low) = (sum_qx / sum_qq, 0.0);
        }
        let new_error = error(&quants, new_scale, new_low);
        if new_error < best_error {
            (best, best_error, scale, low) = (quants, new_error, new_scale, new_low);
        }
    }
    Affine { scale, min: -low, quants: best }
}

/// Finds `scale` (of either sign) such that `scale * q`, q in `-top..top`, is near `values`.
pub fn fit_symmetric<const N: usize>(values: &[f32; N], weights: &[f32; N], top: f32) -> Symmetric<N> {
    let extreme = extreme(values);
    if extreme.abs() < TINY {
        return Symmetric { scale: 0.0, quants: [-top; N] };
    }
    let round = |levels: f32| {
        let inverse = -levels / extreme;
        values.map(|x| (inverse * x).round_ties_even().clamp(-top, top - 1.0))
    };
    let sums = |quants: &[f32; N]| {
        let each = quants.iter().zip(values).zip(weights);
        each.fold((0.0f32, 0.0f32), |(qx, qq), ((q, x), w)| (qx + w * x * q, qq + w * q * q))
    };
    let mut quants = round(top);
    let (sum_qx, sum_qq) = sums(&quants);
    let mut scale = if sum_qq > 0.0 { sum_qx / sum_qq } else { 0.0 };
    let mut best = scale * sum_qx;
    for i in (-9..=9i8).filter(|i| *i != 0) {
        let tried = round(top + 0.1 * f32::from(i));
        let (sum_qx, sum_qq) = sums(&tried);
        if sum_qq > 0.0 && sum_qx * sum_qx > best * sum_qq {
            quants = tried;
            scale = sum_qx / sum_qq;
            best = scale * sum_qx;
        }
    }
    Symmetric { scale, quants }
}

/// Finds `scale` such that `scale * q`, q in `0..=top`, is near `values`, which are at least 0; and those q.
pub fn fit_positive<const N: usize>(values: &[f32; N], weights: &[f32; N], top: f32) -> (f32, [f32; N]) {
    const PASSES: usize = 5;
    let max = values.iter().fold(0.0f32, |max, v| max.max(*v));
    if max < TINY {
        return (0.0, [0.0; N]);
    }
    let round = |inverse: f32| values.map(|x| (inverse * x).round_ties_even().min(top));
    let error = |inverse: f32| -> f32 {
        let scale = 1.0 / inverse;
        let each = round(inverse).into_iter().zip(values).zip(weights);
        each.map(|((q, x), w)| w * (x - scale * q) * (x - scale * q)).sum()
    };
    let mut best = top / max;
    let mut best_error = error(best);
    for i in (-4..=4i8).filter(|i| *i != 0) {
        let inverse = (0.1 * f32::from(i) + top) / max;
        let new_error = error(inverse);
        if new_error < best_error {
            (best, best_error) = (inverse, new_error);
        }
    }
    let mut quants = round(best);
    let (mut sum_qx, mut sum_qq) = quants
        .iter()
        .zip(values)
        .zip(weights)
        .fold((0.0f32, 0.0f32), |(qx, qq), ((q, x), w)| (qx + w * x * q, qq + w * q * q));
    for _ in 0..PASSES {
        let mut changed = false;
        for ((x, w), q) in values.iter().zip(weights).zip(&mut quants) {
            let mut qx = sum_qx - w * x * *q;
            let mut qq = sum_qq - w * *q * *q;
            if qx <= 0.0 || qq <= 0.0 {
                continue;
            }
            let new = (x * qq / qx).round_ties_even().min(top);
            if new == *q {
                continue;
            }
            qx += w * x * new;
            qq += w * new * new;
            if qx * qx * sum_qq > sum_qx * sum_qx * qq {
                (*q, sum_qx, sum_qq, changed) = (new, qx, qq, true);
            }
        }
        if !changed {
            break;
        }
    }
    (if sum_qq > 0.0 { sum_qx / sum_qq } else { 0.0 }, quants)
}

/// As [`fit_symmetric`], but improves one integer at a time instead of sweeping scales: with few levels, single
/// roundings matter more.
pub fn fit_symmetric_by_descent<const N: usize>(values: &[f32; N], top: f32) -> f32 {
    const PASSES: usize = 5;
    let extreme = extreme(values);
    if extreme.abs() < TINY {
        return 0.0;
    }
    let inverse = -top / extreme;
    let mut quants = values.map(|x| (inverse * x).round_ties_even().clamp(-top, top - 1.0));
    let (mut sum_qx, mut sum_qq) = values
        .iter()
        .zip(&quants)
        .fold((0.0f32, 0.0f32), |(qx, qq), (x, q)| (qx + x * x * x * q, qq + x * x * q * q));
    for _ in 0..PASSES {
        let mut changed = false;
        for (x, q) in values.iter().zip(&mut quants) {
            let weight = x * x;
            let mut qx = sum_qx - weight * x * *q;
            let mut qq = sum_qq - weight * *q * *q;
            if qx <= 0.0 {
                continue;
            }
            let new = (x * qq / qx).round_ties_even().clamp(-top, top - 1.0);
            if new == *q {
                continue;
            }
            qx += weight * x * new;
            qq += weight * new * new;
            if qq > 0.0 && qx * qx * sum_qq > sum_qx * sum_qx * qq {
                (*q, sum_qx, sum_qq, changed) = (new, qx, qq, true);
            }
        }
        if !changed {
            break;
        }
    }
    if sum_qq > 0.0 { sum_qx / sum_qq } else { 0.0 }
}

/// The value of greatest magnitude, with its sign; the first of several.
pub fn extreme(values: &[f32]) -> f32 {
    values.iter().fold(0.0f32, |best, v| if v.abs() > best.abs() { *v } else { best })
}
