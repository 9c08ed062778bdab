//! How 16 rows of a matrix lie together, and the product of such a panel with a few rows of activations.
//!
//! A panel's rows are interleaved so that each lane of a vector belongs to one row and no sum crosses lanes. Quantised
//! panels go by blocks of 32 columns: vector `j` of a block holds columns `4 j .. 4 j + 4` of each row, a byte each.
//! Types of less than eight bits share bytes: the low nibbles of line `j` are vector `j`, the high ones vector
//! `j + 4`; what is above four bits lies in lines of its own. Float panels go by columns: 16 rows of one, then the next.

use half::{bf16, f16};

use crate::fast::activations::{BLOCK, Block};
use crate::simd::{LANES, Line, Simd};

/// Repeats the body for each index below `$n`, at most eight, or for each part of sixteen lanes, each a constant: sums in
/// arrays stay in registers.
macro_rules! unroll {
    ($simd:ident::PARTS, $index:ident => $body:block) => {
        unroll!(@ $simd::PARTS, $index, $body, 0 1 2 3);
    };
    (MOST_PARTS, $index:ident => $body:block) => {
        unroll!(@ MOST_PARTS, $index, $body, 0 1 2 3);
    };
    ($n:expr, $index:ident => $body:block) => {
        unroll!(@ $n, $index, $body, 0 1 2 3 4 5 6 7);
    };
    (@ $n:expr, $index:ident, $body:block, $($at:literal)*) => {
        $(
            if $at < $n {
                let $index: usize = $at;
                $body
            }
        )*
    };
}

/// Vectors of weights in a block.
pub const QUADS: usize = BLOCK / 4;

/// How the weights of a block are stored.
pub trait Bits {
    /// Lines of 16 x 32 weights.
    const LINES: usize;
    /// Scales of a row's 32 weights: one, or one for each half.
    const SCALES: usize;
    /// Part `part` of the block's vectors.
    fn unpack<S: Simd>(simd: S, lines: &[Line], part: usize) -> [S::Weights; QUADS];
    /// `acc + w . a`.
    fn dots<S: Simd>(simd: S, acc: S::Int, w: &[S::Weights], a: &[[i8; 4]]) -> S::Int;
}

/// Four bits a weight.
pub struct Bits4;
/// Five bits: line 4 holds the fifth of each, bit `j` that of vector `j`.
pub struct Bits5;
/// Six bits: lines 4 and 5 hold the upper two of vectors 0 to 3 and 4 to 7, the lowest vector's lowest. Two scales.
pub struct Bits6;
/// Eight bits, a line a vector.
pub struct Bits8;

impl Bits for Bits4 {
    const LINES: usize = 4;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line], part: usize) -> [S::Weights; QUADS] {
        let a = simd.nibbles(simd.bytes(&lines[0], part));
        let b = simd.nibbles(simd.bytes(&lines[1], part));
        let c = simd.nibbles(simd.bytes(&lines[2], part));
        let d = simd.nibbles(simd.bytes(&lines[3], part));
        [a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1]]
    }

    #[inline(always)]
    fn dots<S: Simd>(simd: S, acc: S::Int, w: &[S::Weights], a: &[[i8; 4]]) -> S::Int {
        simd.dots::<4>(acc, w, a)
    }
}

/// Vector `j` of nibbles, with what `mask` keeps of `upper` above it.
#[inline(always)]
fn merge<S: Simd>(
    simd: S,
    (lines, part): (&[Line], usize),
    j: usize,
    mask: u8,
    upper: S::Bytes,
) -> S::Weights {
    let nibbles = simd.bytes(&lines[j % 4], part);
    let nibbles = if j < 4 { nibbles } else { simd.shr(nibbles, 4) };
    simd.weights(simd.or(simd.and(nibbles, 0x0f), simd.and(upper, mask)))
}

impl Bits for Bits5 {
    const LINES: usize = 5;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line], part: usize) -> [S::Weights; QUADS] {
        let fifth = simd.bytes(&lines[4], part);
        [
            merge(simd, (lines, part), 0, 0x10, simd.shl(fifth, 4)),
            merge(simd, (lines, part), 1, 0x10, simd.shl(fifth, 3)),
            merge(simd, (lines, part), 2, 0x10, simd.shl(fifth, 2)),
            merge(simd, (lines, part), 3, 0x10, simd.shl(fifth, 1)),
            merge(simd, (lines, part), 4, 0x10, fifth),
            merge(simd, (lines, part), 5, 0x10, simd.shr(fifth, 1)),
            merge(simd, (lines, part), 6, 0x10, simd.shr(fifth, 2)),
            merge(simd, (lines, part), 7, 0x10, simd.shr(fifth, 3)),
        ]
    }

    #[inline(always)]
    fn dots<S: Simd>(simd: S, acc: S::Int, w: &[S::Weights], a: &[[i8; 4]]) -> S::Int {
        simd.dots::<5>(acc, w, a)
    }
}

impl Bits for Bits6 {
    const LINES: usize = 6;
    const SCALES: usize = 2;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line], part: usize) -> [S::Weights; QUADS] {
        let upper = [simd.bytes(&lines[4], part), simd.bytes(&lines[5], part)];
        [
            merge(simd, (lines, part), 0, 0x30, simd.shl(upper[0], 4)),
            merge(simd, (lines, part), 1, 0x30, simd.shl(upper[0], 2)),
            merge(simd, (lines, part), 2, 0x30, upper[0]),
            merge(simd, (lines, part), 3, 0x30, simd.shr(upper[0], 2)),
            merge(simd, (lines, part), 4, 0x30, simd.shl(upper[1], 4)),
            merge(simd, (lines, part), 5, 0x30, simd.shl(upper[1], 2)),
            merge(simd, (lines, part), 6, 0x30, upper[1]),
            merge(simd, (lines, part), 7, 0x30, simd.shr(upper[1], 2)),
        ]
    }

    #[inline(always)]
    fn dots<S: Simd>(simd: S, acc: S::Int, w: &[S::Weights], a: &[[i8; 4]]) -> S::Int {
        simd.dots::<6>(acc, w, a)
    }
}

impl Bits for Bits8 {
    const LINES: usize = 8;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line], part: usize) -> [S::Weights; QUADS] {
        [
            simd.weights(simd.bytes(&lines[0], part)),
            simd.weights(simd.bytes(&lines[1], part)),
            simd.weights(simd.bytes(&lines[2], part)),
            simd.weights(simd.bytes(&lines[3], part)),
            simd.weights(simd.bytes(&lines[4], part)),
            simd.weights(simd.bytes(&lines[5], part)),
            simd.weights(simd.bytes(&lines[6], part)),
            simd.weights(simd.bytes(&lines[7], part)),
        ]
    }

    #[inline(always)]
    fn dots<S: Simd>(simd: S, acc: S::Int, w: &[S::Weights], a: &[[i8; 4]]) -> S::Int {
        simd.dots::<8>(acc, w, a)
    }
}

/// A quantised panel: weight `q` of a row stands for `scale * (q - offset) + min`.
#[derive(Clone, Copy)]
pub struct Quantised<'a> {
    /// [`Bits::LINES`] a block.
    pub lines: &'a [Line],
    /// [`Bits::SCALES`] a block, f16 of each row.
    pub scales: &'a [[f16; LANES]],
    /// One a block, f16 of each row, or none.
    pub mins: &'a [[f16; LANES]],
    /// The same for all weights.
    pub offset: i32,
}

/// A part of a block, ready to be multiplied.
struct Part<S: Simd> {
    weights: [S::Weights; QUADS],
    /// Of either half of the columns.
    scales: [S::Float; 2],
    min: S::Float,
}

impl<'a> Quantised<'a> {
    /// How many blocks a row has.
    #[inline(always)]
    fn blocks<B: Bits>(self) -> usize {
        self.lines.len() / B::LINES
    }

    /// Part `part` of block `b`.
    #[inline(always)]
    fn part<S: Simd, B: Bits, const MIN: bool>(self, simd: S, b: usize, part: usize) -> Part<S> {
        let scales = &self.scales[b * B::SCALES..][..B::SCALES];
        let weights = B::unpack(simd, &self.lines[b * B::LINES..][..B::LINES], part);
        let first = simd.load_finite_f16(&scales[0], part);
        let last = if B::SCALES == 1 { first } else { simd.load_finite_f16(&scales[1], part) };
        let min = if MIN { simd.load_finite_f16(&self.mins[b], part) } else { simd.float(0.0) };
        Part { weights, scales: [first, last], min }
    }
}

/// `out + part . a`.
#[inline(always)]
fn add_product<S: Simd, B: Bits, const MIN: bool>(
    simd: S,
    part: &Part<S>,
    offset: i32,
    a: &Block,
    mut out: S::Float,
) -> S::Float {
    let Part { weights, scales, min } = part;
    let scale = simd.float(a.scale);
    let sum = a.sums[0] + a.sums[1];
    if B::SCALES == 1 {
        let acc = B::dots(simd, simd.int(-offset * sum), weights, &a.quads);
        out = simd.mul_add(simd.to_float(acc), simd.mul(scales[0], scale), out);
    } else {
        let acc = B::dots(simd, simd.int(-offset * a.sums[0]), &weights[..QUADS / 2], &a.quads[..QUADS / 2]);
        out = simd.mul_add(simd.to_float(acc), simd.mul(scales[0], scale), out);
        let acc = B::dots(simd, simd.int(-offset * a.sums[1]), &weights[QUADS / 2..], &a.quads[QUADS / 2..]);
        out = simd.mul_add(simd.to_float(acc), simd.mul(scales[1], scale), out);
    }
    if MIN {
        out = simd.mul_add(*min, simd.float(a.scale * sum as f32), out);
    }
    out
}

/// Vectors for sixteen lanes, on targets of short ones.
const MOST_PARTS: usize = 4;

/// `out[r] = sum_c weight[r][c] * x[c]` for the 16 rows of a quantised panel, which is read from beginning to end.
#[inline(always)]
pub fn quantised<S: Simd, B: Bits, const MIN: bool>(
    simd: S,
    panel: Quantised<'_>,
    x: &[Block],
    out: &mut [f32; LANES],
) {
    let blocks = panel.blocks::<B>();
    let mut sums = [simd.float(0.0); MOST_PARTS];
    for (b, x) in x[..blocks].iter().enumerate() {
        unroll!(S::PARTS, p => {
            let part = panel.part::<S, B, MIN>(simd, b, p);
            sums[p] = add_product::<S, B, MIN>(simd, &part, panel.offset, x, sums[p]);
        });
    }
    unroll!(S::PARTS, p => {
        simd.store(sums[p], out, p);
    });
}

/// As [`quantised`], for several rows of `x`: weights are unpacked once for all, and one part of the panel is gone through
/// after the other, so that sums and weights have a register each.
#[expect(clippy::needless_range_loop, reason = "it indexes each row of `x`, and the panel")]
#[inline(always)]
pub fn quantised_tile<S: Simd, B: Bits, const MIN: bool, const T: usize>(
    simd: S,
    panel: Quantised<'_>,
    x: [&[Block]; T],
    out: &mut [[f32; LANES]; T],
) {
    let blocks = panel.blocks::<B>();
    let x = cut(x, blocks);
    for p in 0..S::PARTS {
        let mut sums = [simd.float(0.0); T];
        for b in 0..blocks {
            let part = panel.part::<S, B, MIN>(simd, b, p);
            unroll!(T, t => {
                sums[t] = add_product::<S, B, MIN>(simd, &part, panel.offset, &x[t][b], sums[t]);
            });
        }
        unroll!(T, t => {
            simd.store(sums[t], &mut out[t], p);
        });
    }
}

/// The first `n` of each row, for all to know that there are as many.
#[inline(always)]
fn cut<X, const T: usize>(mut x: [&[X]; T], n: usize) -> [&[X]; T] {
    for x in &mut x {
        *x = &x[..n];
    }
    x
}

/// A float that panels store.
pub trait Element: Copy {
    /// Part `part` of sixteen, as f32.
    fn load<S: Simd>(simd: S, from: &[Self; LANES], part: usize) -> S::Float;
}

impl Element for f16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES], part: usize) -> S::Float {
        simd.load_f16(from, part)
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES], part: usize) -> S::Float {
        simd.load_bf16(from, part)
    }
}

impl Element for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES], part: usize) -> S::Float {
        simd.load(from, part)
    }
}

/// `out[r] = sum_c panel[c][r] * x[c]`.
#[inline(always)]
pub fn floats<S: Simd, E: Element>(simd: S, panel: &[[E; LANES]], x: &[f32], out: &mut [f32; LANES]) {
    let x = &x[..panel.len()];
    // Columns by turns have a sum of their own, so that none waits for the one before.
    let mut sums = [simd.float(0.0); MOST_PARTS];
    let turns = MOST_PARTS / S::PARTS;
    let (fours, rest) = panel.as_chunks::<MOST_PARTS>();
    let (x_fours, x_rest) = x.as_chunks::<MOST_PARTS>();
    for (columns, x) in fours.iter().zip(x_fours) {
        unroll!(MOST_PARTS, i => {
            unroll!(S::PARTS, p => {
                let sum = &mut sums[i % turns * S::PARTS + p];
                *sum = simd.mul_add(E::load(simd, &columns[i], p), simd.float(x[i]), *sum);
            });
        });
    }
    for (column, x) in rest.iter().zip(x_rest) {
        unroll!(S::PARTS, p => {
            sums[p] = simd.mul_add(E::load(simd, column, p), simd.float(*x), sums[p]);
        });
    }
    unroll!(S::PARTS, p => {
        for turn in 1..turns {
            sums[p] = simd.add(sums[p], sums[turn * S::PARTS + p]);
        }
        simd.store(sums[p], out, p);
    });
}

/// As [`floats`], for several rows of `x`.
#[inline(always)]
pub fn floats_tile<S: Simd, E: Element, const T: usize>(
    simd: S,
    panel: &[[E; LANES]],
    x: [&[f32]; T],
    out: &mut [[f32; LANES]; T],
) {
    // Two parts at a time where there are as many: an element of `x` is spread over a vector once for both.
    let two = S::PARTS > 1;
    let x = cut(x, panel.len());
    for p in (0..S::PARTS).step_by(if two { 2 } else { 1 }) {
        let (mut sums, mut more) = ([simd.float(0.0); T], [simd.float(0.0); T]);
        for (c, column) in panel.iter().enumerate() {
            let first = E::load(simd, column, p);
            let second = if two { E::load(simd, column, p + 1) } else { first };
            unroll!(T, t => {
                let x = simd.float(x[t][c]);
                sums[t] = simd.mul_add(first, x, sums[t]);
                if two {
                    more[t] = simd.mul_add(second, x, more[t]);
                }
            });
        }
        unroll!(T, t => {
            simd.store(sums[t], &mut out[t], p);
            if two {
                simd.store(more[t], &mut out[t], p + 1);
            }
        });
    }
}
