//! [`Simd`] on AVX-512: a vector is one register.
#![expect(unsafe_code, reason = "calls instructions that not every processor has")]

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::{Kernel, LANES, Line, Simd, quad};

/// The processor has AVX-512 F, BW, VL and VNNI, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The proof, where the processor has them.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Avx512(()))
    }

    /// Runs `kernel`, compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe { run(self, kernel) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
fn run<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
    kernel.run(simd)
}

// SAFETY, for every block below: `self` exists, so the processor has the instructions; loads and stores are unaligned
// ones through references to as many bytes as they touch.
impl Simd for Avx512 {
    const WIDTH: usize = LANES;
    const MANY_REGISTERS: bool = true;
    type Int = __m512i;
    type Float = __m512;
    type Bytes = __m512i;
    type Weights = __m512i;

    #[inline(always)]
    fn int(self, v: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(v) }
    }

    #[inline(always)]
    fn float(self, v: f32) -> __m512 {
        unsafe { _mm512_set1_ps(v) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES], _: usize) -> __m512 {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, v: __m512, to: &mut [f32; LANES], _: usize) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES], _: usize) -> __m512 {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES], _: usize) -> __m512 {
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.as_ptr().cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn to_float(self, v: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(v) }
    }

    #[inline(always)]
    fn bytes(self, from: &Line, _: usize) -> __m512i {
        unsafe { _mm512_loadu_si512(from.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn and(self, a: __m512i, mask: u8) -> __m512i {
        unsafe { _mm512_and_si512(a, _mm512_set1_epi8(mask as i8)) }
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn shl(self, a: __m512i, n: u32) -> __m512i {
        unsafe { _mm512_sll_epi16(a, _mm_cvtsi32_si128(n as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: __m512i, n: u32) -> __m512i {
        unsafe { _mm512_srl_epi16(a, _mm_cvtsi32_si128(n as i32)) }
    }

    #[inline(always)]
    fn nibbles(self, a: __m512i) -> [__m512i; 2] {
        [self.and(a, 15), self.and(self.shr(a, 4), 15)]
    }

    #[inline(always)]
    fn weights(self, a: __m512i) -> __m512i {
        a
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, mut acc: __m512i, w: &[__m512i], a: &[[i8; 4]]) -> __m512i {
        for (w, a) in w.iter().zip(a) {
            acc = unsafe { _mm512_dpbusd_epi32(acc, *w, _mm512_set1_epi32(quad(*a))) };
        }
        acc
    }
}
