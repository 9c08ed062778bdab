//! Vectors of whatever the processor has.
//!
//! A kernel is written once, over the few operations of [`Simd`]; each target says in its own file what those are on
//! its registers. A value of a target's type is the proof that the processor has its instructions, and [`Level::run`]
//! compiles the kernel for them. Loops over plain slices inside a kernel are vectorised by the compiler for the same
//! instructions, so only what it cannot find by itself is spelled out here: integer dot products and half floats.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use half::{bf16, f16};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm::{Extended, Wasm, relaxed::Relaxed};

/// Lanes that data is laid out for.
pub const LANES: usize = 16;

/// Sixteen lanes of four bytes, on a cache line of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [u8; 64]);

/// Four i8 as one integer, for every lane to have.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32"))]
#[inline(always)]
fn quad(a: [i8; 4]) -> i32 {
    i32::from_le_bytes(a.map(|v| v as u8))
}

/// How many sums of two products, of weights of `bits` bits and of i8 from -127 to 127, fit 16 bits together:
/// `2^(7 - bits) * 2 * (2^bits - 1) * 127 < 2^15`. Eight at most.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32"))]
#[inline(always)]
const fn sums_that_fit(bits: u32) -> usize {
    if bits < 4 { 8 } else { 1 << (7 - bits) }
}

/// What a target must be able to do. A vector is a register: some lanes of 32 bits, which are a part of the sixteen that
/// data is laid out for. Of those, part `p` has lanes `p * WIDTH ..`.
pub trait Simd: Copy {
    /// Lanes of a vector: 4, 8 or 16.
    const WIDTH: usize;
    /// Vectors for sixteen lanes.
    const PARTS: usize = LANES / Self::WIDTH;
    /// Whether there are registers for eight sums and eight vectors of weights at once.
    const MANY_REGISTERS: bool = false;
    /// i32s.
    type Int: Copy;
    /// f32s.
    type Float: Copy;
    /// Four u8 a lane.
    type Bytes: Copy;
    /// Four u8 a lane, as [`Self::dots`] takes them.
    type Weights: Copy;

    /// `v` in every lane.
    fn int(self, v: i32) -> Self::Int;
    /// `v` in every lane.
    fn float(self, v: f32) -> Self::Float;
    /// Reads f32.
    fn load(self, from: &[f32; LANES], part: usize) -> Self::Float;
    /// Writes f32.
    fn store(self, v: Self::Float, to: &mut [f32; LANES], part: usize);
    /// Reads IEEE half floats. What is infinite or NaN may be either.
    fn load_f16(self, from: &[f16; LANES], part: usize) -> Self::Float;
    /// Reads IEEE half floats, none of which is infinite or NaN.
    fn load_finite_f16(self, from: &[f16; LANES], part: usize) -> Self::Float {
        self.load_f16(from, part)
    }
    /// Reads the upper halves of f32.
    fn load_bf16(self, from: &[bf16; LANES], part: usize) -> Self::Float;
    /// `a * b`.
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a * b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;
    /// `a + b`.
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// Each i32 as f32.
    fn to_float(self, v: Self::Int) -> Self::Float;
    /// Reads bytes.
    fn bytes(self, from: &Line, part: usize) -> Self::Bytes;
    /// `a & mask` in each byte.
    fn and(self, a: Self::Bytes, mask: u8) -> Self::Bytes;
    /// `a | b`.
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// Each pair of bytes, as a little-endian u16, `n` bits up. `n` is known when the kernel is compiled.
    fn shl(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    /// Each pair of bytes, as a little-endian u16, `n` bits down. `n` is known when the kernel is compiled.
    fn shr(self, a: Self::Bytes, n: u32) -> Self::Bytes;
    /// The low and the high nibble of each byte.
    fn nibbles(self, a: Self::Bytes) -> [Self::Weights; 2];
    /// Bytes as weights.
    fn weights(self, a: Self::Bytes) -> Self::Weights;
    /// `acc[l] + sum_j sum_i w[j][l][i] * a[j][i]`, for at most eight vectors of weights of `BITS` bits (4, 5, 6 or 8).
    fn dots<const BITS: u32>(self, acc: Self::Int, w: &[Self::Weights], a: &[[i8; 4]]) -> Self::Int;
}

/// A computation over a target's vectors. Implementations of [`Kernel::run`], and what it calls, must be
/// `#[inline(always)]`: only so are they compiled for the target.
pub trait Kernel {
    /// What it gives.
    type Output;
    /// Computes it.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A set of instructions that this processor has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Level {
    /// Plain Rust. A module with vectors runs nowhere without, so it has no such kernels.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    Scalar(scalar::Scalar),
    /// AVX2, FMA and half floats.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// AVX-512 with integer dot products.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon<false>),
    /// NEON with dot products.
    #[cfg(target_arch = "aarch64")]
    NeonDot(neon::Neon<true>),
    /// WebAssembly's 128-bit vectors.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(Wasm<Extended>),
    /// With relaxed SIMD, on an engine that sums products two by two.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    RelaxedPairs(Wasm<Relaxed<true>>),
    /// With relaxed SIMD, on an engine that sums them four by four.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    RelaxedQuads(Wasm<Relaxed<false>>),
}

impl Level {
    /// What every processor has that runs this program.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    const BASE: Level = Level::Scalar(scalar::Scalar);
    /// What every engine has that runs this module.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    const BASE: Level = Level::Wasm(Wasm::BASE);

    /// All that this processor has, the best last.
    pub fn all() -> Vec<Level> {
        let mut levels = vec![Level::BASE];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(avx2::Avx2::detect().map(Level::Avx2));
            levels.extend(avx512::Avx512::detect().map(Level::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        {
            levels.push(Level::Neon(neon::Neon::BASE));
            levels.extend(neon::Neon::detect().map(Level::NeonDot));
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        {
            levels.extend(Wasm::detect().map(Level::RelaxedQuads));
            levels.extend(Wasm::detect().map(Level::RelaxedPairs));
        }
        levels
    }

    /// The best that this processor has.
    pub fn best() -> Level {
        Level::all().pop().unwrap_or(Level::BASE)
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Level::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "AVX-512 VNNI",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "NEON",
            #[cfg(target_arch = "aarch64")]
            Level::NeonDot(_) => "NEON with dot products",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Wasm(_) => "SIMD128",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::RelaxedPairs(_) | Level::RelaxedQuads(_) => "relaxed SIMD",
        }
    }

    /// Runs `kernel`, compiled for these instructions.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Level::Scalar(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => kernel.run(simd),
            #[cfg(target_arch = "aarch64")]
            Level::NeonDot(simd) => simd.run(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Wasm(simd) => simd.run(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::RelaxedPairs(simd) => simd.run(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::RelaxedQuads(simd) => simd.run(kernel),
        }
    }
}
