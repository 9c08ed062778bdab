//! [`Simd`] in plain Rust: what the others are checked against, and what runs where there is nothing better.

use half::{bf16, f16};

use super::{LANES, Line, Simd};

/// Plain Rust, on any processor.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

/// `f` of each index.
#[inline(always)]
fn each<T: Copy + Default, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut out = [T::default(); N];
    for (i, out) in out.iter_mut().enumerate() {
        *out = f(i);
    }
    out
}

/// Each pair of bytes through `f`, as a little-endian u16.
#[inline(always)]
fn pairs(a: [u8; 64], f: impl Fn(u16) -> u16) -> [u8; 64] {
    each(|i| f(u16::from_le_bytes([a[i & !1], a[i | 1]])).to_le_bytes()[i & 1])
}

impl Simd for Scalar {
    const WIDTH: usize = LANES;
    type Int = [i32; LANES];
    type Float = [f32; LANES];
    type Bytes = [u8; 64];
    type Weights = [u8; 64];

    #[inline(always)]
    fn int(self, v: i32) -> Self::Int {
        [v; LANES]
    }

    #[inline(always)]
    fn float(self, v: f32) -> Self::Float {
        [v; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES], _: usize) -> Self::Float {
        *from
    }

    #[inline(always)]
    fn store(self, v: Self::Float, to: &mut [f32; LANES], _: usize) {
        *to = v;
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES], _: usize) -> Self::Float {
        each(|i| from[i].to_f32_const())
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES], _: usize) -> Self::Float {
        each(|i| from[i].to_f32_const())
    }

    #[inline(always)]
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float {
        each(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn to_float(self, v: Self::Int) -> Self::Float {
        each(|i| v[i] as f32)
    }

    #[inline(always)]
    fn bytes(self, from: &Line, _: usize) -> Self::Bytes {
        from.0
    }

    #[inline(always)]
    fn and(self, a: Self::Bytes, mask: u8) -> Self::Bytes {
        each(|i| a[i] & mask)
    }

    #[inline(always)]
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        each(|i| a[i] | b[i])
    }

    #[inline(always)]
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        pairs(a, |pair| pair << n)
    }

    #[inline(always)]
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        pairs(a, |pair| pair >> n)
    }

    #[inline(always)]
    fn nibbles(self, a: Self::Bytes) -> [Self::Weights; 2] {
        [each(|i| a[i] & 15), each(|i| a[i] >> 4)]
    }

    #[inline(always)]
    fn weights(self, a: Self::Bytes) -> Self::Weights {
        a
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, mut acc: Self::Int, w: &[Self::Weights], a: &[[i8; 4]]) -> Self::Int {
        for (w, a) in w.iter().zip(a) {
            acc = each(|l| {
                let products = (0..4).map(|i| i32::from(w[4 * l + i]) * i32::from(a[i]));
                acc[l] + products.sum::<i32>()
            });
        }
        acc
    }
}
