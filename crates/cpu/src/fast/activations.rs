//! Activations as integer dot products read them: blocks of 32, each i8 times one f32 scale; or, where eight bits are not
//! enough, two of them, the second of what the first leaves.

use sotto_plan::ValueId;

use crate::pool::Pieces;
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

/// Rows of blocks, which stand for the sums of `high` and `low`.
#[derive(Clone, Copy)]
pub struct Rounded<'a> {
    /// `[tokens][cols / 32]`.
    pub high: &'a [Block],
    /// The same of what `high` leaves, or none.
    pub low: &'a [Block],
}

/// A value of the plan as blocks.
#[derive(Default)]
pub struct Blocks {
    /// Which one.
    pub of: Option<ValueId>,
    high: Vec<Block>,
    low: Vec<Block>,
}

impl Blocks {
    /// Whether it is `id` that is here, to sixteen bits if it must be `fine`.
    pub fn has(&self, id: ValueId, fine: bool) -> bool {
        self.of == Some(id) && (!fine || !self.low.is_empty())
    }

    /// Room for `blocks` blocks of value `id`, `length` a piece: of either eight bits, the lower ones if it is to be `fine`.
    pub fn room(
        &mut self,
        id: ValueId,
        fine: bool,
        blocks: usize,
        length: usize,
    ) -> (Pieces<'_, Block>, Option<Pieces<'_, Block>>) {
        self.of = Some(id);
        self.high.resize(blocks, Block::default());
        self.low.resize(if fine { blocks } else { 0 }, Block::default());
        (Pieces::new(&mut self.high, length), fine.then(|| Pieces::new(&mut self.low, length)))
    }

    /// So many blocks, from `start` on, for a matrix that wants them `fine` or not.
    pub fn rows(&self, start: usize, blocks: usize, fine: bool) -> Rounded<'_> {
        let low = if fine { &self.low[start..][..blocks] } else { &[] };
        Rounded { high: &self.high[start..][..blocks], low }
    }
}

/// Quantises `x`, whole blocks, into `high`, one block for 32 elements, and what that leaves into `low`, if there is any.
pub fn quantise(level: Level, x: &[f32], high: &mut [Block], low: &mut [Block]) {
    level.run(Quantise { x, high, low });
}

struct Quantise<'a> {
    x: &'a [f32],
    high: &'a mut [Block],
    low: &'a mut [Block],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let x = self.x.as_chunks::<BLOCK>().0;
        if self.low.is_empty() {
            x.iter().zip(self.high).for_each(|(x, high)| (*high, _) = block(x));
        } else {
            for ((x, high), low) in x.iter().zip(self.high).zip(self.low) {
                let rest;
                (*high, rest) = block(x);
                (*low, _) = block(&rest);
            }
        }
    }
}

/// Elements rounded, and what that leaves of them.
#[inline(always)]
fn block(x: &[f32; BLOCK]) -> (Block, [f32; BLOCK]) {
    // 1.5 * 2^23: what is added to it, of a magnitude below 2^22, is rounded to an integer, in the lowest bits.
    const MAGIC: f32 = 12_582_912.0;
    // Magnitudes compare as integers, and NaN is the greatest: it must not get lost.
    let largest = f32::from_bits(x.iter().fold(0, |max, v| max.max(v.to_bits() & 0x7fff_ffff)));
    if !largest.is_finite() {
        return (Block { scale: f32::NAN, ..Block::default() }, *x);
    }
    // What is too small to divide by is 0.
    let inverse = if largest < 1e-36 { 0.0 } else { 127.0 / largest };
    let scale = largest / 127.0;
    let (mut integers, mut rest) = ([0; BLOCK], *x);
    for (to, v) in integers.iter_mut().zip(&mut rest) {
        let shifted = *v * inverse + MAGIC;
        *to = shifted.to_bits().wrapping_sub(MAGIC.to_bits()) as i32;
        *v -= (shifted - MAGIC) * scale;
    }
    let mut quads = [[0; 4]; BLOCK / 4];
    for (to, from) in quads.as_flattened_mut().iter_mut().zip(integers) {
        *to = from as i8;
    }
    let (first, second) = integers.split_at(BLOCK / 2);
    (Block { quads, scale, sums: [sum(first), sum(second)] }, rest)
}

/// Lane by lane first, for vectors.
#[inline(always)]
fn sum(x: &[i32]) -> i32 {
    let mut lanes = [0; 4];
    for four in x.as_chunks::<4>().0 {
        (0..4).for_each(|i| lanes[i] += four[i]);
    }
    lanes.iter().sum()
}
