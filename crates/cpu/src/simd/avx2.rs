//! [`Simd`] on AVX2: a vector is two registers.
#![expect(unsafe_code, reason = "calls instructions that not every processor has")]

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::{Kernel, LANES, Line, Simd};

/// The processor has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, where the processor has them.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Avx2(()))
    }

    /// Runs `kernel`, compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe { run(self, kernel) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn run<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
    kernel.run(simd)
}

// SAFETY, for every block below: `self` exists, so the processor has the instructions; loads and stores are unaligned
// ones through references to as many bytes as they touch.
impl Simd for Avx2 {
    type Int = [__m256i; 2];
    type Float = [__m256; 2];
    type Bytes = [__m256i; 2];
    type Weights = [__m256i; 2];
    type Quad = __m256i;

    #[inline(always)]
    fn int(self, v: i32) -> Self::Int {
        unsafe { [_mm256_set1_epi32(v); 2] }
    }

    #[inline(always)]
    fn float(self, v: f32) -> Self::Float {
        unsafe { [_mm256_set1_ps(v); 2] }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Float {
        unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from[8..].as_ptr())] }
    }

    #[inline(always)]
    fn store(self, v: Self::Float, to: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), v[0]);
            _mm256_storeu_ps(to[8..].as_mut_ptr(), v[1]);
        }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> Self::Float {
        unsafe {
            [
                _mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(from[8..].as_ptr().cast())),
            ]
        }
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Float {
        unsafe {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(from[8..].as_ptr().cast()));
            [
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high)),
            ]
        }
    }

    #[inline(always)]
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn to_float(self, v: Self::Int) -> Self::Float {
        unsafe { [_mm256_cvtepi32_ps(v[0]), _mm256_cvtepi32_ps(v[1])] }
    }

    #[inline(always)]
    fn bytes(self, from: &Line) -> Self::Bytes {
        unsafe {
            [_mm256_loadu_si256(from.0.as_ptr().cast()), _mm256_loadu_si256(from.0[32..].as_ptr().cast())]
        }
    }

    #[inline(always)]
    fn and(self, a: Self::Bytes, mask: u8) -> Self::Bytes {
        unsafe {
            let mask = _mm256_set1_epi8(mask as i8);
            [_mm256_and_si256(a[0], mask), _mm256_and_si256(a[1], mask)]
        }
    }

    #[inline(always)]
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        unsafe { [_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])] }
    }

    #[inline(always)]
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        unsafe {
            let n = _mm_cvtsi32_si128(n as i32);
            [_mm256_sll_epi16(a[0], n), _mm256_sll_epi16(a[1], n)]
        }
    }

    #[inline(always)]
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes {
        unsafe {
            let n = _mm_cvtsi32_si128(n as i32);
            [_mm256_srl_epi16(a[0], n), _mm256_srl_epi16(a[1], n)]
        }
    }

    #[inline(always)]
    fn nibbles(self, a: Self::Bytes) -> [Self::Weights; 2] {
        [self.and(a, 15), self.and(self.shr(a, 4), 15)]
    }

    #[inline(always)]
    fn weights(self, a: Self::Bytes) -> Self::Weights {
        a
    }

    #[inline(always)]
    fn quad(self, a: [i8; 4]) -> __m256i {
        unsafe { _mm256_set1_epi32(i32::from_le_bytes(a.map(|v| v as u8))) }
    }

    /// Two products of weights below 128 fit 16 bits: `2 * 127 * 127 < 2^15`.
    #[inline(always)]
    fn dot(self, acc: Self::Int, w: Self::Weights, a: __m256i) -> Self::Int {
        let lane = |acc, w| unsafe {
            let pairs = _mm256_maddubs_epi16(w, a);
            _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        };
        [lane(acc[0], w[0]), lane(acc[1], w[1])]
    }

    /// Products of larger weights do not: even and odd bytes apart, in 32 bits.
    #[inline(always)]
    fn dot_u8(self, acc: Self::Int, w: Self::Weights, a: __m256i) -> Self::Int {
        let lane = |acc, w| unsafe {
            let even_a = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(a));
            let odd_a = _mm256_srai_epi16::<8>(a);
            let even = _mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(0xff)), even_a);
            let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(w), odd_a);
            _mm256_add_epi32(acc, _mm256_add_epi32(even, odd))
        };
        [lane(acc[0], w[0]), lane(acc[1], w[1])]
    }
}
