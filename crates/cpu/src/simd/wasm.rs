//! [`Simd`] on WebAssembly's 128-bit vectors: a vector is four of them. A module compiled for relaxed SIMD uses its
//! multiply-add; which instructions a module has is fixed when it is compiled, so the page picks the module.
#![expect(unsafe_code, reason = "reads and writes vectors through pointers")]

use std::arch::wasm32::*;

use half::{bf16, f16};

use super::{LANES, Line, Simd};

/// What to call the instructions.
pub const NAME: &str = if cfg!(target_feature = "relaxed-simd") { "relaxed SIMD" } else { "SIMD128" };

/// WebAssembly's 128-bit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Wasm;

/// Four vectors, one after the other.
#[inline(always)]
fn four<T: Copy, U>(a: [T; 4], f: impl Fn(T) -> U) -> [U; 4] {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3])]
}

/// Two by two.
#[inline(always)]
fn zip(a: [v128; 4], b: [v128; 4], f: impl Fn(v128, v128) -> v128) -> [v128; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

/// Four half floats in the lower halves of the lanes, as f32. The exponent is moved over and corrected by a
/// multiplication, which makes subnormals right too; infinities and NaN have an exponent that must stay the largest.
#[inline(always)]
fn half_to_float(h: v128) -> v128 {
    let magnitude = v128_and(h, u32x4_splat(0x7fff));
    let sign = u32x4_shl(v128_xor(h, magnitude), 16);
    /// 2^(127 - 15)
    const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let finite = f32x4_mul(u32x4_shl(magnitude, 13), f32x4_splat(REBIAS));
    let special = v128_and(i32x4_gt(magnitude, i32x4_splat(0x7bff)), u32x4_splat(0x7f80_0000));
    v128_or(v128_or(finite, special), sign)
}

impl Simd for Wasm {
    type Int = [v128; 4];
    type Float = [v128; 4];
    type Bytes = [v128; 4];
    /// Even and odd bytes as i16.
    type Weights = [[v128; 2]; 4];
    /// The first and third, the second and fourth as i16.
    type Quad = [v128; 2];

    #[inline(always)]
    fn int(self, v: i32) -> Self::Int {
        [i32x4_splat(v); 4]
    }

    #[inline(always)]
    fn float(self, v: f32) -> Self::Float {
        [f32x4_splat(v); 4]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Float {
        // SAFETY: the reference holds four vectors' bytes, and loads need no alignment.
        four([0, 4, 8, 12], |at| unsafe { v128_load(from[at..].as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, v: Self::Float, to: &mut [f32; LANES]) {
        for (v, to) in v.into_iter().zip(to.as_chunks_mut::<4>().0) {
            // SAFETY: the reference holds one vector's bytes, and stores need no alignment.
            unsafe { v128_store(to.as_mut_ptr().cast(), v) }
        }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> Self::Float {
        // SAFETY: the reference holds four times eight bytes, and loads need no alignment.
        four([0, 4, 8, 12], |at| {
            half_to_float(unsafe { u32x4_load_extend_u16x4(from[at..].as_ptr().cast()) })
        })
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Float {
        // SAFETY: the reference holds four times eight bytes, and loads need no alignment.
        four([0, 4, 8, 12], |at| {
            u32x4_shl(unsafe { u32x4_load_extend_u16x4(from[at..].as_ptr().cast()) }, 16)
        })
    }

    #[inline(always)]
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float {
        zip(a, b, |a, b| f32x4_mul(a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float {
        #[cfg(target_feature = "relaxed-simd")]
        return [
            f32x4_relaxed_madd(a[0], b[0], c[0]),
            f32x4_relaxed_madd(a[1], b[1], c[1]),
            f32x4_relaxed_madd(a[2], b[2], c[2]),
            f32x4_relaxed_madd(a[3], b[3], c[3]),
        ];
        #[cfg(not(target_feature = "relaxed-simd"))]
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float {
        zip(a, b, |a, b| f32x4_add(a, b))
    }

    #[inline(always)]
    fn to_float(self, v: Self::Int) -> Self::Float {
        four(v, |v| f32x4_convert_i32x4(v))
    }

    #[inline(always)]
    fn bytes(self, from: &Line) -> Self::Bytes {
        // SAFETY: the line holds four vectors' bytes, and loads need no alignment.
        four([0, 16, 32, 48], |at| unsafe { v128_load(from.0[at..].as_ptr().cast()) })
    }

    #[inline(always)]
    fn and(self, a: Self::Bytes, mask: u8) -> Self::Bytes {
        four(a, |a| v128_and(a, u8x16_splat(mask)))
    }

    #[inline(always)]
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        zip(a, b, |a, b| v128_or(a, b))
    }

    #[inline(always)]
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        four(a, |a| u16x8_shl(a, n))
    }

    #[inline(always)]
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        four(a, |a| u16x8_shr(a, n))
    }

    #[inline(always)]
    fn nibbles(self, a: Self::Bytes) -> [Self::Weights; 2] {
        let nibble = u16x8_splat(15);
        [
            four(a, |a| [v128_and(a, nibble), v128_and(u16x8_shr(a, 8), nibble)]),
            four(a, |a| [v128_and(u16x8_shr(a, 4), nibble), u16x8_shr(a, 12)]),
        ]
    }

    #[inline(always)]
    fn weights(self, a: Self::Bytes) -> Self::Weights {
        four(a, |a| [v128_and(a, u16x8_splat(0xff)), u16x8_shr(a, 8)])
    }

    #[inline(always)]
    fn quad(self, a: [i8; 4]) -> Self::Quad {
        let all = i32x4_splat(i32::from_le_bytes(a.map(|v| v as u8)));
        [i16x8_shr(i16x8_shl(all, 8), 8), i16x8_shr(all, 8)]
    }

    #[inline(always)]
    fn dot(self, acc: Self::Int, w: Self::Weights, a: Self::Quad) -> Self::Int {
        let lane = |acc, w: [v128; 2]| {
            i32x4_add(i32x4_add(acc, i32x4_dot_i16x8(w[0], a[0])), i32x4_dot_i16x8(w[1], a[1]))
        };
        [lane(acc[0], w[0]), lane(acc[1], w[1]), lane(acc[2], w[2]), lane(acc[3], w[3])]
    }
}
