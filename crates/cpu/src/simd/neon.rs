//! [`Simd`] on NEON: a vector is one register of four lanes, of which there are 32.
#![expect(
    unsafe_code,
    reason = "calls instructions, two of which have no stable name, and reads and writes through pointers"
)]

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use half::{bf16, f16};

use super::{Kernel, LANES, Line, Simd, quad, sums_that_fit};

/// The processor has NEON, as all 64-bit ARMs have; with `DOT` also dot products of four bytes (`sdot`, ARMv8.2).
#[derive(Clone, Copy, Debug)]
pub struct Neon<const DOT: bool>(());

impl Neon<false> {
    /// What every processor of this kind has.
    pub const BASE: Self = Neon(());
}

impl Neon<true> {
    /// The proof, where the processor has dot products.
    pub fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Neon(()))
    }

    /// Runs `kernel`, compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe { run(self, kernel) }
    }
}

#[target_feature(enable = "dotprod")]
fn run<K: Kernel>(simd: Neon<true>, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// Lanes of a register.
const WIDTH: usize = 4;

/// Part `part` of sixteen.
#[inline(always)]
fn quarter<T>(from: &[T; LANES], part: usize) -> *const T {
    from[part * WIDTH..][..WIDTH].as_ptr()
}

// SAFETY, for every block below: every processor of this kind has NEON, of which `fcvtl` is a part, and where `sdot` is used,
// `self` proves it; loads and stores touch the bytes of the slices that their pointers come from.
impl<const DOT: bool> Simd for Neon<DOT> {
    const WIDTH: usize = WIDTH;
    const MANY_REGISTERS: bool = true;
    type Int = int32x4_t;
    type Float = float32x4_t;
    type Bytes = uint8x16_t;
    type Weights = uint8x16_t;

    #[inline(always)]
    fn int(self, v: i32) -> int32x4_t {
        unsafe { vdupq_n_s32(v) }
    }

    #[inline(always)]
    fn float(self, v: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(v) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES], part: usize) -> float32x4_t {
        unsafe { vld1q_f32(quarter(from, part)) }
    }

    #[inline(always)]
    fn store(self, v: float32x4_t, to: &mut [f32; LANES], part: usize) {
        unsafe { vst1q_f32(to[part * WIDTH..][..WIDTH].as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES], part: usize) -> float32x4_t {
        let out;
        unsafe {
            let halves = vld1_u16(quarter(from, part).cast());
            asm!("fcvtl {0:v}.4s, {1:v}.4h", lateout(vreg) out, in(vreg) halves, options(pure, nomem, nostack));
        }
        out
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES], part: usize) -> float32x4_t {
        unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(quarter(from, part).cast()))) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn to_float(self, v: int32x4_t) -> float32x4_t {
        unsafe { vcvtq_f32_s32(v) }
    }

    #[inline(always)]
    fn bytes(self, from: &Line, part: usize) -> uint8x16_t {
        unsafe { vld1q_u8(from.0[4 * part * WIDTH..][..4 * WIDTH].as_ptr()) }
    }

    #[inline(always)]
    fn and(self, a: uint8x16_t, mask: u8) -> uint8x16_t {
        unsafe { vandq_u8(a, vdupq_n_u8(mask)) }
    }

    #[inline(always)]
    fn or(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        unsafe { vorrq_u8(a, b) }
    }

    #[inline(always)]
    fn shl(self, a: uint8x16_t, n: u32) -> uint8x16_t {
        unsafe { vreinterpretq_u8_u16(vshlq_u16(vreinterpretq_u16_u8(a), vdupq_n_s16(n as i16))) }
    }

    #[inline(always)]
    fn shr(self, a: uint8x16_t, n: u32) -> uint8x16_t {
        unsafe { vreinterpretq_u8_u16(vshlq_u16(vreinterpretq_u16_u8(a), vdupq_n_s16(-(n as i16)))) }
    }

    #[inline(always)]
    fn nibbles(self, a: uint8x16_t) -> [uint8x16_t; 2] {
        [self.and(a, 15), unsafe { vshrq_n_u8::<4>(a) }]
    }

    #[inline(always)]
    fn weights(self, a: uint8x16_t) -> uint8x16_t {
        a
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, mut acc: int32x4_t, w: &[uint8x16_t], a: &[[i8; 4]]) -> int32x4_t {
        // Both sides have a sign here. Of eight bits, 128 is taken away and added again, times the activations.
        if BITS == 8 {
            let sum: i32 = a.as_flattened().iter().map(|&a| i32::from(a)).sum();
            acc = unsafe { vaddq_s32(acc, vdupq_n_s32(128 * sum)) };
        }
        if DOT {
            for (w, a) in w.iter().zip(a) {
                let (w, a) = (signed::<BITS>(*w), splat(*a));
                unsafe {
                    asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) acc, in(vreg) w, in(vreg) a,
                        options(pure, nomem, nostack));
                }
            }
            return acc;
        }
        // Products in 16 bits, as many as fit, of the lower two lanes and of the upper two.
        let fit = if BITS == 8 { 1 } else { sums_that_fit(BITS) };
        unsafe {
            let mut sums = [vdupq_n_s32(0); 2];
            for (w, a) in w.chunks(fit).zip(a.chunks(fit)) {
                let (first, by) = (signed::<BITS>(w[0]), splat(a[0]));
                let mut products = [vmull_s8(vget_low_s8(first), vget_low_s8(by)), vmull_high_s8(first, by)];
                for (w, a) in w[1..].iter().zip(&a[1..]) {
                    let (w, a) = (signed::<BITS>(*w), splat(*a));
                    products = [
                        vmlal_s8(products[0], vget_low_s8(w), vget_low_s8(a)),
                        vmlal_high_s8(products[1], w, a),
                    ];
                }
                sums = [vpadalq_s16(sums[0], products[0]), vpadalq_s16(sums[1], products[1])];
            }
            vaddq_s32(acc, vpaddq_s32(sums[0], sums[1]))
        }
    }
}

/// Weights as they are, or less 128 if they have eight bits.
#[inline(always)]
fn signed<const BITS: u32>(w: uint8x16_t) -> int8x16_t {
    // SAFETY: every processor of this kind has NEON.
    unsafe { vreinterpretq_s8_u8(if BITS == 8 { veorq_u8(w, vdupq_n_u8(128)) } else { w }) }
}

/// `a` in every lane.
#[inline(always)]
fn splat(a: [i8; 4]) -> int8x16_t {
    // SAFETY: every processor of this kind has NEON.
    unsafe { vreinterpretq_s8_s32(vdupq_n_s32(quad(a))) }
}
