//! [`Simd`] on WebAssembly's 128-bit vectors. How products are computed differs: by the
//! instructions that every engine has, or by [`relaxed`] ones.
#![expect(unsafe_code, reason = "reads and writes vectors through pointers")]

pub mod relaxed;

use std::arch::wasm32::*;

use half::{bf16, f16};

use super::{Kernel, LANES, Line, Simd, quad};

/// WebAssembly's 128-bit vectors, with products by `P`.
#[derive(Clone, Copy, Debug)]
pub struct Wasm<P>(P);

/// A vector of ones, of which the compiler knows nothing, for constants that are to be in a register through a loop. A constant that V8
/// sees as one it makes anew at each use, in three instructions: for weights of four bits that is a third of all.
#[derive(Clone, Copy, Debug)]
pub struct Ones(v128);

impl Ones {
    /// To be kept in memory, from which kernels are given it.
    const NEW: Self = Ones(u64x2(u64::MAX, u64::MAX));

    /// `v`, a constant.
    #[inline(always)]
    fn constant(self, v: v128) -> v128 {
        v128_and(v, self.0)
    }
}

/// What differs between instruction sets. A value is the proof that the engine has the instructions.
pub trait Products: Copy {
    /// See [`Simd::Weights`].
    type Weights: Copy;
    /// What constants are made with.
    fn ones(self) -> Ones;
    /// See [`Simd::mul_add`].
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128;
    /// See [`Simd::nibbles`].
    fn nibbles(self, a: v128) -> [Self::Weights; 2];
    /// See [`Simd::weights`].
    fn weights(self, a: v128) -> Self::Weights;
    /// See [`Simd::dots`].
    fn dots<const BITS: u32>(self, acc: v128, w: &[Self::Weights], a: &[[i8; 4]]) -> v128;
}

/// Products of 16-bit integers, which every engine with vectors has.
#[derive(Clone, Copy, Debug)]
pub struct Extended(Ones);

impl Wasm<Extended> {
    /// What every engine that runs this module has.
    pub const BASE: Self = Wasm(Extended(Ones::NEW));

    /// Runs `kernel`, compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        run_plain(self, kernel)
    }
}

/// Never a part of another function: the module with relaxed SIMD does without these (`xtask/src/relaxed.rs`).
#[inline(never)]
fn run_plain<K: Kernel>(simd: Wasm<Extended>, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl Products for Extended {
    /// Even and odd bytes as i16.
    type Weights = [v128; 2];

    #[inline(always)]
    fn ones(self) -> Ones {
        self.0
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn nibbles(self, a: v128) -> [Self::Weights; 2] {
        let nibble = self.0.constant(u16x8_splat(15));
        [
            [v128_and(a, nibble), v128_and(u16x8_shr(a, 8), nibble)],
            [v128_and(u16x8_shr(a, 4), nibble), u16x8_shr(a, 12)],
        ]
    }

    #[inline(always)]
    fn weights(self, a: v128) -> Self::Weights {
        [v128_and(a, self.0.constant(u16x8_splat(0xff))), u16x8_shr(a, 8)]
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, mut acc: v128, w: &[Self::Weights], a: &[[i8; 4]]) -> v128 {
        for (w, a) in w.iter().zip(a) {
            // The first and third, the second and fourth as i16.
            let all = i32x4_splat(quad(*a));
            let a = [i16x8_shr(i16x8_shl(all, 8), 8), i16x8_shr(all, 8)];
            acc = i32x4_add(acc, i32x4_dot_i16x8(w[0], a[0]));
            acc = i32x4_add(acc, i32x4_dot_i16x8(w[1], a[1]));
        }
        acc
    }
}

/// 2^(127 - 15): between the exponents of half floats and of f32.
const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);

/// Lanes of a vector.
const WIDTH: usize = 4;

/// Part `part` of sixteen.
#[inline(always)]
fn quarter<T>(from: &[T; LANES], part: usize) -> *const T {
    from[part * WIDTH..][..WIDTH].as_ptr()
}

// SAFETY, for every block below: loads and stores need no alignment, and touch the bytes of the slices that their pointers
// come from.
impl<P: Products> Simd for Wasm<P> {
    const WIDTH: usize = WIDTH;
    type Int = v128;
    type Float = v128;
    type Bytes = v128;
    type Weights = P::Weights;

    #[inline(always)]
    fn int(self, v: i32) -> v128 {
        i32x4_splat(v)
    }

    #[inline(always)]
    fn float(self, v: f32) -> v128 {
        f32x4_splat(v)
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES], part: usize) -> v128 {
        unsafe { v128_load(quarter(from, part).cast()) }
    }

    #[inline(always)]
    fn store(self, v: v128, to: &mut [f32; LANES], part: usize) {
        unsafe { v128_store(to[part * WIDTH..][..WIDTH].as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES], part: usize) -> v128 {
        let h = self.load_finite_f16(from, part);
        // What stands for infinite or NaN is 2^16 at least, which becomes infinite on the way; 65504 does not.
        let large = f32x4_mul(h, self.0.ones().constant(f32x4_splat(REBIAS)));
        f32x4_mul(large, self.0.ones().constant(f32x4_splat(1.0 / REBIAS)))
    }

    /// The exponent is moved over and corrected by a multiplication, which makes subnormals right too.
    #[inline(always)]
    fn load_finite_f16(self, from: &[f16; LANES], part: usize) -> v128 {
        let h = unsafe { i32x4_load_extend_i16x4(quarter(from, part).cast()) };
        let bits = v128_and(u32x4_shl(h, 13), self.0.ones().constant(u32x4_splat(0x8fff_e000)));
        f32x4_mul(bits, self.0.ones().constant(f32x4_splat(REBIAS)))
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES], part: usize) -> v128 {
        u32x4_shl(unsafe { u32x4_load_extend_u16x4(quarter(from, part).cast()) }, 16)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        self.0.mul_add(a, b, c)
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn to_float(self, v: v128) -> v128 {
        f32x4_convert_i32x4(v)
    }

    #[inline(always)]
    fn bytes(self, from: &Line, part: usize) -> v128 {
        unsafe { v128_load(from.0[4 * part * WIDTH..][..4 * WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    fn and(self, a: v128, mask: u8) -> v128 {
        v128_and(a, self.0.ones().constant(u8x16_splat(mask)))
    }

    #[inline(always)]
    fn or(self, a: v128, b: v128) -> v128 {
        v128_or(a, b)
    }

    #[inline(always)]
    fn shl(self, a: v128, n: u32) -> v128 {
        u16x8_shl(a, n)
    }

    #[inline(always)]
    fn shr(self, a: v128, n: u32) -> v128 {
        u16x8_shr(a, n)
    }

    #[inline(always)]
    fn nibbles(self, a: v128) -> [Self::Weights; 2] {
        self.0.nibbles(a)
    }

    #[inline(always)]
    fn weights(self, a: v128) -> Self::Weights {
        self.0.weights(a)
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, acc: v128, w: &[Self::Weights], a: &[[i8; 4]]) -> v128 {
        self.0.dots::<BITS>(acc, w, a)
    }
}
