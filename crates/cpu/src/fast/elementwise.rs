//! Norms, gated activations and sums, as loops that the compiler vectorises.

use sotto_plan::Gated;

use crate::simd::{Kernel, LANES, Level, Simd};

/// `x / sqrt(mean(x^2) + eps) * weight`, over groups of `weight.len()` elements.
pub fn rms_norm(level: Level, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    level.run(RmsNorm { x, weight, eps, out });
}

struct RmsNorm<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let n = self.weight.len();
        for (x, out) in self.x.chunks_exact(n).zip(self.out.chunks_exact_mut(n)) {
            let scale = 1.0 / (dot(x, x) / n as f32 + self.eps).sqrt();
            for ((out, x), w) in out.iter_mut().zip(x).zip(self.weight) {
                *out = x * scale * w;
            }
        }
    }
}

/// `sum_i a[i] * b[i]`, in sixteen sums at a time.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// `kind(gate, up)`.
pub fn gated(level: Level, kind: Gated, gate: &[f32], up: &[f32], out: &mut [f32]) {
    level.run(Gate { kind, gate, up, out });
}

struct Gate<'a> {
    kind: Gated,
    gate: &'a [f32],
    up: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let all = self.gate.iter().zip(self.up).zip(self.out);
        match self.kind {
            Gated::Silu => all.for_each(|((x, up), out)| *out = x / (1.0 + exp(-x)) * up),
            Gated::GeluTanh => all.for_each(|((&x, up), out)| {
                const SQRT_2_OVER_PI: f32 = 0.797_884_6;
                *out = 0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * x * (1.0 + 0.044_715 * x * x))) * up;
            }),
            Gated::Gelu => all.for_each(|((&x, up), out)| *out = gelu(x) * up),
            Gated::Product => all.for_each(|((x, up), out)| *out = x * up),
            kind @ (Gated::Sigmoid | Gated::SwigluClamped) => {
                all.for_each(|((&x, &up), out)| *out = kind.apply(x, up))
            }
        }
    }
}

/// `x / 2 * (1 + erf(x / sqrt 2))`, with erf by Abramowitz & Stegun, formula 7.1.26: off by 1.5e-7 at most.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let rest = series.iter().fold(0.0, |sum, c| t * (c + sum)) * exp(-z * z);
    0.5 * x * if x < 0.0 { rest } else { 2.0 - rest }
}

/// `a + b`.
pub fn add(level: Level, a: &[f32], b: &[f32], out: &mut [f32]) {
    level.run(Add { a, b, out });
}

struct Add<'a> {
    a: &'a [f32],
    b: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((a, b), out) in self.a.iter().zip(self.b).zip(self.out) {
            *out = a + b;
        }
    }
}

/// `e^x` within 2e-7 of it, for a compiler to vectorise: `2^n` by the exponent's bits, and the rest, at most
/// `ln 2 / 2`, by a polynomial (Cephes' `expf`, Moshier 1992). Below -87 it stays at the least normal float.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LEAST: f32 = -87.0;
    const MOST: f32 = 88.0;
    // 1.5 * 2^23: what is added to it is rounded to an integer, in the lowest bits.
    const MAGIC: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Written so that NaN stays NaN.
    let x = if x < LEAST { LEAST } else { x };
    let x = if x > MOST { MOST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.987_569_1e-4 * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_66;
    let p = p * r + 0.5;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    (p * r * r + r + 1.0) * power
}

/// `tanh x` by [`exp`].
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_tanh_are_close_and_keep_what_is_not_a_number() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((got / want - 1.0).abs() < 3e-7, "exp {x}: {got} and not {want}");
            let (got, want) = (f64::from(tanh(x)), f64::from(x).tanh());
            assert!((got - want).abs() < 3e-7, "tanh {x}: {got} and not {want}");
        }
        for i in -1000..1000 {
            let x = i as f32 / 100.0;
            let want = Gated::Gelu.apply(x, 1.0);
            assert!((gelu(x) - want).abs() < 1e-6, "gelu {x}: {} and not {want}", gelu(x));
        }
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && gelu(f32::NAN).is_nan());
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::INFINITY) > 1e38);
        assert_eq!((tanh(f32::NEG_INFINITY), tanh(f32::INFINITY)), (-1.0, 1.0));
    }
}
