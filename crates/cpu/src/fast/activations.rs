//! Activations as integer dot products read them: blocks of 32, each i8 times one f32 scale.

use crate::simd::{Kernel, Level, Simd};

/// Elements of a block, here and in the weights.
pub const BLOCK: usize = 32;

/// 32 elements of one row: element `4 * j + i` is `scale * quads[j][i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// Integers from -127 to 127.
    pub quads: [[i8; 4]; BLOCK / 4],
    /// What they are multiples of. Not finite where an element of the block was not, so that it shows in the result.
    pub scale: f32,
    /// Sums of the integers of either half: what an offset of the weights is multiplied by.
    pub sums: [i32; 2],
}

/// Quantises `x`, whole blocks, into `out`, one block for 32 elements.
pub fn quantise(level: Level, x: &[f32], out: &mut [Block]) {
    level.run(Quantise { x, out });
}

struct Quantise<'a> {
    x: &'a [f32],
    out: &'a mut [Block],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (x, out) in self.x.as_chunks::<BLOCK>().0.iter().zip(self.out) {
            *out = block(x);
        }
    }
}

#[inline(always)]
fn block(x: &[f32; BLOCK]) -> Block {
    // Magnitudes compare as integers, and NaN is the greatest: it must not get lost.
    let largest = f32::from_bits(x.iter().fold(0, |max, v| max.max(v.to_bits() & 0x7fff_ffff)));
    if !largest.is_finite() {
        return Block { scale: f32::NAN, ..Block::default() };
    }
    // What is too small to divide by is 0.
    let inverse = if largest < 1e-36 { 0.0 } else { 127.0 / largest };
    let mut integers = [0; BLOCK];
    for (to, v) in integers.iter_mut().zip(x) {
        *to = round(v * inverse);
    }
    let mut quads = [[0; 4]; BLOCK / 4];
    for (to, from) in quads.as_flattened_mut().iter_mut().zip(integers) {
        *to = from as i8;
    }
    let (first, second) = integers.split_at(BLOCK / 2);
    Block { quads, scale: largest / 127.0, sums: [first.iter().sum(), second.iter().sum()] }
}

/// The nearest integer, for magnitudes below 2^22: adding 1.5 * 2^23 leaves it in the lowest bits.
#[inline(always)]
fn round(v: f32) -> i32 {
    const MAGIC: f32 = 12_582_912.0;
    (v + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()) as i32
}
