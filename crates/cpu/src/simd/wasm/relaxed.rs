//! Products by relaxed SIMD: eight-bit integers four at a time, and multiply-add in one instruction.
//!
//! A module with these instructions does not compile where they are unknown, so the build makes two of one: as it is, and
//! with every function that has one made to trap, but for [`implementation`], which then gives 0 (`xtask/src/relaxed.rs`).
//! So that it can, such a function's name has `relaxed` in it, as this module's have.
//!
//! What the dot products give where an operand of "seven bits" has eight is left to the engine; weights here have
//! seven at most, so all results are exact.

use std::arch::wasm32::*;
use std::hint::black_box;

use super::{Ones, Products, Wasm};
use crate::simd::{Kernel, quad, sums_that_fit};

/// The engine has relaxed SIMD. `PAIRS`: it has no instruction for four products and their sum (x86 without VNNI), so
/// products are summed two by two, in 16 bits, for as long as they fit, and only then in 32.
#[derive(Clone, Copy, Debug)]
pub struct Relaxed<const PAIRS: bool>(Ones);

/// What [`implementation`] gives for `pmaddubsw`, which saturates sums of two, and a sum of two of those.
const SATURATED_PAIRS: i32 = 2 * 32767;

impl<const PAIRS: bool> Wasm<Relaxed<PAIRS>> {
    /// The proof, where this module and the engine have the instructions and this is how they are run best.
    pub fn detect() -> Option<Self> {
        let result = implementation();
        (result != 0 && (result == SATURATED_PAIRS) == PAIRS).then_some(Wasm(Relaxed(Ones::NEW)))
    }

    /// Runs `kernel`, compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        run(self, kernel)
    }
}

/// Never a part of another function, which the plain module needs.
#[target_feature(enable = "relaxed-simd")]
#[inline(never)]
fn run<const PAIRS: bool, K: Kernel>(simd: Wasm<Relaxed<PAIRS>>, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// The dot product of what is 255 without a sign and -1 with one, and of 127: which tells how it is computed. Never 0,
/// but for a module from which relaxed instructions were taken.
#[target_feature(enable = "relaxed-simd")]
#[inline(never)]
fn implementation() -> i32 {
    let (a, b) = (black_box(i8x16_splat(127)), black_box(i8x16_splat(-1)));
    i32x4_extract_lane::<0>(i32x4_relaxed_dot_i8x16_i7x16_add(a, b, i32x4_splat(0)))
}

impl<const PAIRS: bool> Products for Relaxed<PAIRS> {
    type Weights = v128;

    #[inline(always)]
    fn ones(self) -> Ones {
        self.0
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_relaxed_madd(a, b, c)
    }

    #[inline(always)]
    fn nibbles(self, a: v128) -> [v128; 2] {
        let nibble = self.0.constant(u8x16_splat(15));
        [v128_and(a, nibble), v128_and(u16x8_shr(a, 4), nibble)]
    }

    #[inline(always)]
    fn weights(self, a: v128) -> v128 {
        a
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, acc: v128, w: &[v128], a: &[[i8; 4]]) -> v128 {
        if BITS < 8 {
            return self.sum::<BITS>(acc, w, a, |w| w);
        }
        // Seven bits, and 128 times the eighth.
        let upper = self.sum::<1>(i32x4_splat(0), w, a, |w| u8x16_shr(w, 7));
        let lower = self.sum::<7>(acc, w, a, |w| v128_and(w, self.0.constant(u8x16_splat(0x7f))));
        i32x4_add(lower, i32x4_shl(upper, 7))
    }
}

impl<const PAIRS: bool> Relaxed<PAIRS> {
    /// `acc + sum_j part(w[j]) . a[j]`, for parts of `BITS` bits, seven at most.
    #[inline(always)]
    fn sum<const BITS: u32>(
        self,
        mut acc: v128,
        w: &[v128],
        a: &[[i8; 4]],
        part: impl Fn(v128) -> v128,
    ) -> v128 {
        if !PAIRS {
            for (w, a) in w.iter().zip(a) {
                acc = i32x4_relaxed_dot_i8x16_i7x16_add(splat(*a), part(*w), acc);
            }
            return acc;
        }
        for (w, a) in w.chunks(sums_that_fit(BITS)).zip(a.chunks(sums_that_fit(BITS))) {
            let mut pairs = i16x8_relaxed_dot_i8x16_i7x16(splat(a[0]), part(w[0]));
            for (w, a) in w[1..].iter().zip(&a[1..]) {
                pairs = i16x8_add(pairs, i16x8_relaxed_dot_i8x16_i7x16(splat(*a), part(*w)));
            }
            acc = i32x4_add(acc, i32x4_extadd_pairwise_i16x8(pairs));
        }
        acc
    }
}

/// `a` in every lane.
#[inline(always)]
fn splat(a: [i8; 4]) -> v128 {
    i32x4_splat(quad(a))
}
