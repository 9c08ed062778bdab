//! Sixteen lanes at a time, on whatever the processor has.
//!
//! A kernel is written once, over the few operations of [`Simd`]; each target says in its own file what those are on
//! its registers. A value of a target's type is the proof that the processor has its instructions, and [`Level::run`]
//! compiles the kernel for them. Loops over plain slices inside a kernel are vectorised by the compiler for the same
//! instructions, so only what it cannot find by itself is spelled out here: integer dot products and half floats.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use half::{bf16, f16};

/// Lanes of every vector.
pub const LANES: usize = 16;

/// Sixteen lanes of four bytes, on a cache line of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [u8; 64]);

/// What a target must be able to do. Vectors have 16 lanes of 32 bits; `Bytes` are 16 lanes of four bytes.
pub trait Simd: Copy {
    /// Whether it has registers for eight sums and eight vectors of weights at once.
    const MANY_REGISTERS: bool = false;
    /// 16 i32.
    type Int: Copy;
    /// 16 f32.
    type Float: Copy;
    /// 64 u8.
    type Bytes: Copy;
    /// 64 u8 as [`Self::dot`] takes them.
    type Weights: Copy;
    /// Four i8, in every lane, as [`Self::dot`] takes them.
    type Quad: Copy;

    /// `v` in every lane.
    fn int(self, v: i32) -> Self::Int;
    /// `v` in every lane.
    fn float(self, v: f32) -> Self::Float;
    /// Reads 16 f32.
    fn load(self, from: &[f32; LANES]) -> Self::Float;
    /// Writes 16 f32.
    fn store(self, v: Self::Float, to: &mut [f32; LANES]);
    /// Reads 16 IEEE half floats.
    fn load_f16(self, from: &[f16; LANES]) -> Self::Float;
    /// Reads the upper halves of 16 f32.
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Float;
    /// `a * b`.
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a * b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;
    /// `a + b`.
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// Each i32 as f32.
    fn to_float(self, v: Self::Int) -> Self::Float;
    /// Reads 64 bytes.
    fn bytes(self, from: &Line) -> Self::Bytes;
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
    /// `a` in every lane.
    fn quad(self, a: [i8; 4]) -> Self::Quad;
    /// `acc[l] + sum_i w[l][i] * a[i]` for weights below 128.
    fn dot(self, acc: Self::Int, w: Self::Weights, a: Self::Quad) -> Self::Int;
    /// As [`Self::dot`], for any weights.
    fn dot_u8(self, acc: Self::Int, w: Self::Weights, a: Self::Quad) -> Self::Int {
        self.dot(acc, w, a)
    }
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
    /// Plain Rust.
    Scalar(scalar::Scalar),
    /// AVX2, FMA and half floats.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// AVX-512 with integer dot products.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// WebAssembly's 128-bit vectors.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(wasm::Wasm),
}

impl Level {
    /// All that this processor has, the best last.
    pub fn all() -> Vec<Level> {
        let mut levels = vec![Level::Scalar(scalar::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(avx2::Avx2::detect().map(Level::Avx2));
            levels.extend(avx512::Avx512::detect().map(Level::Avx512));
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        levels.push(Level::Wasm(wasm::Wasm));
        levels
    }

    /// The best that this processor has.
    pub fn best() -> Level {
        Level::all().pop().unwrap_or(Level::Scalar(scalar::Scalar))
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "AVX-512 VNNI",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Wasm(_) => wasm::NAME,
        }
    }

    /// Runs `kernel`, compiled for these instructions.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Level::Scalar(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.run(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Wasm(simd) => kernel.run(simd),
        }
    }
}
