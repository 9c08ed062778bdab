//! [`Simd`] on AVX2: a vector is two registers.
#![expect(unsafe_code, reason = "calls instructions that not every processor has")]

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::{Kernel, LANES, Line, Simd, sums_that_fit};

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

/// Lanes of a register.
const WIDTH: usize = 8;

/// Part `part` of sixteen.
#[inline(always)]
fn half<T>(from: &[T; LANES], part: usize) -> *const T {
    from[part * WIDTH..][..WIDTH].as_ptr()
}

// SAFETY, for every block below: `self` exists, so the processor has the instructions; loads and stores are unaligned
// ones of as many bytes as the slices hold that their pointers come from.
impl Simd for Avx2 {
    const WIDTH: usize = WIDTH;
    type Int = __m256i;
    type Float = __m256;
    type Bytes = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    fn int(self, v: i32) -> __m256i {
        unsafe { _mm256_set1_epi32(v) }
    }

    #[inline(always)]
    fn float(self, v: f32) -> __m256 {
        unsafe { _mm256_set1_ps(v) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES], part: usize) -> __m256 {
        unsafe { _mm256_loadu_ps(half(from, part)) }
    }

    #[inline(always)]
    fn store(self, v: __m256, to: &mut [f32; LANES], part: usize) {
        unsafe { _mm256_storeu_ps(to[part * WIDTH..][..WIDTH].as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES], part: usize) -> __m256 {
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(half(from, part).cast())) }
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES], part: usize) -> __m256 {
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(half(from, part).cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
        }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn to_float(self, v: __m256i) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(v) }
    }

    #[inline(always)]
    fn bytes(self, from: &Line, part: usize) -> __m256i {
        unsafe { _mm256_loadu_si256(from.0[4 * part * WIDTH..][..4 * WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    fn and(self, a: __m256i, mask: u8) -> __m256i {
        unsafe { _mm256_and_si256(a, _mm256_set1_epi8(mask as i8)) }
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_or_si256(a, b) }
    }

    #[inline(always)]
    fn shl(self, a: __m256i, n: u32) -> __m256i {
        unsafe { _mm256_sll_epi16(a, _mm_cvtsi32_si128(n as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: __m256i, n: u32) -> __m256i {
        unsafe { _mm256_srl_epi16(a, _mm_cvtsi32_si128(n as i32)) }
    }

    #[inline(always)]
    fn nibbles(self, a: __m256i) -> [__m256i; 2] {
        [self.and(a, 15), self.and(self.shr(a, 4), 15)]
    }

    #[inline(always)]
    fn weights(self, a: __m256i) -> __m256i {
        a
    }

    #[inline(always)]
    fn dots<const BITS: u32>(self, mut acc: __m256i, w: &[__m256i], a: &[[i8; 4]]) -> __m256i {
        if BITS == 8 {
            for (w, a) in w.iter().zip(a) {
                acc = wide(acc, *w, quad(*a));
            }
            return acc;
        }
        for (w, a) in w.chunks(sums_that_fit(BITS)).zip(a.chunks(sums_that_fit(BITS))) {
            unsafe {
                let mut pairs = _mm256_maddubs_epi16(w[0], quad(a[0]));
                for (w, a) in w[1..].iter().zip(&a[1..]) {
                    pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(*w, quad(*a)));
                }
                acc = _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
            }
        }
        acc
    }
}

/// `a` in every lane.
#[inline(always)]
fn quad(a: [i8; 4]) -> __m256i {
    // SAFETY: only called with the proof at hand.
    unsafe { _mm256_set1_epi32(super::quad(a)) }
}

/// Products of eight bits do not fit 16 two by two: even and odd bytes apart, in 32 bits.
#[inline(always)]
fn wide(acc: __m256i, w: __m256i, a: __m256i) -> __m256i {
    // SAFETY: only called with the proof at hand.
    unsafe {
        let even_a = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(a));
        let odd_a = _mm256_srai_epi16::<8>(a);
        let even = _mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(0xff)), even_a);
        let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(w), odd_a);
        _mm256_add_epi32(acc, _mm256_add_epi32(even, odd))
    }
}
