//! How 16 rows of a matrix lie together, and the product of such a panel with a few rows of activations.
//!
//! A panel's rows are interleaved so that each lane of a vector belongs to one row and no sum crosses lanes. Quantised
//! panels go by blocks of 32 columns: vector `j` of a block holds columns `4 j .. 4 j + 4` of each row, a byte each.
//! Types of less than eight bits share bytes: the low nibbles of line `j` are vector `j`, the high ones vector
//! `j + 4`; what is above four bits lies in lines of its own. Float panels go by columns: 16 rows of one, then the next.

use std::ops::Range;

use half::{bf16, f16};

use crate::fast::activations::{BLOCK, Block};
use crate::simd::{LANES, Line, Simd};

/// Repeats the body for each index below `$n`, at most eight, each a constant: sums in arrays stay in registers.
macro_rules! unroll {
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
    /// The block's vectors.
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS];
    /// `acc + w . a`.
    #[inline(always)]
    fn dot<S: Simd>(simd: S, acc: S::Int, w: S::Weights, a: S::Quad) -> S::Int {
        simd.dot(acc, w, a)
    }
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
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        let a = simd.nibbles(simd.bytes(&lines[0]));
        let b = simd.nibbles(simd.bytes(&lines[1]));
        let c = simd.nibbles(simd.bytes(&lines[2]));
        let d = simd.nibbles(simd.bytes(&lines[3]));
        [a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1]]
    }
}

/// Vector `j` of nibbles, with what `mask` keeps of `upper` above it.
#[inline(always)]
fn merge<S: Simd>(simd: S, lines: &[Line], j: usize, mask: u8, upper: S::Bytes) -> S::Weights {
    let nibbles = simd.bytes(&lines[j % 4]);
    let nibbles = if j < 4 { nibbles } else { simd.shr(nibbles, 4) };
    simd.weights(simd.or(simd.and(nibbles, 0x0f), simd.and(upper, mask)))
}

impl Bits for Bits5 {
    const LINES: usize = 5;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        let fifth = simd.bytes(&lines[4]);
        [
            merge(simd, lines, 0, 0x10, simd.shl(fifth, 4)),
            merge(simd, lines, 1, 0x10, simd.shl(fifth, 3)),
            merge(simd, lines, 2, 0x10, simd.shl(fifth, 2)),
            merge(simd, lines, 3, 0x10, simd.shl(fifth, 1)),
            merge(simd, lines, 4, 0x10, fifth),
            merge(simd, lines, 5, 0x10, simd.shr(fifth, 1)),
            merge(simd, lines, 6, 0x10, simd.shr(fifth, 2)),
            merge(simd, lines, 7, 0x10, simd.shr(fifth, 3)),
        ]
    }
}

impl Bits for Bits6 {
    const LINES: usize = 6;
    const SCALES: usize = 2;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        let upper = [simd.bytes(&lines[4]), simd.bytes(&lines[5])];
        [
            merge(simd, lines, 0, 0x30, simd.shl(upper[0], 4)),
            merge(simd, lines, 1, 0x30, simd.shl(upper[0], 2)),
            merge(simd, lines, 2, 0x30, upper[0]),
            merge(simd, lines, 3, 0x30, simd.shr(upper[0], 2)),
            merge(simd, lines, 4, 0x30, simd.shl(upper[1], 4)),
            merge(simd, lines, 5, 0x30, simd.shl(upper[1], 2)),
            merge(simd, lines, 6, 0x30, upper[1]),
            merge(simd, lines, 7, 0x30, simd.shr(upper[1], 2)),
        ]
    }
}

impl Bits for Bits8 {
    const LINES: usize = 8;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        [
            simd.weights(simd.bytes(&lines[0])),
            simd.weights(simd.bytes(&lines[1])),
            simd.weights(simd.bytes(&lines[2])),
            simd.weights(simd.bytes(&lines[3])),
            simd.weights(simd.bytes(&lines[4])),
            simd.weights(simd.bytes(&lines[5])),
            simd.weights(simd.bytes(&lines[6])),
            simd.weights(simd.bytes(&lines[7])),
        ]
    }

    #[inline(always)]
    fn dot<S: Simd>(simd: S, acc: S::Int, w: S::Weights, a: S::Quad) -> S::Int {
        simd.dot_u8(acc, w, a)
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

/// `out[t][r] = sum_c weight[r][c] * x[t][c]` for the 16 rows of a quantised panel.
#[inline(always)]
pub fn quantised<S: Simd, B: Bits, const MIN: bool, const T: usize>(
    simd: S,
    panel: Quantised<'_>,
    x: [&[Block]; T],
) -> [S::Float; T] {
    let blocks = panel.lines.len() / B::LINES;
    let x = cut(x, blocks);
    let scales = &panel.scales[..blocks * B::SCALES];
    let mins = if MIN { &panel.mins[..blocks] } else { &[] };
    let mut out = [simd.float(0.0); T];
    for b in 0..blocks {
        let weights = B::unpack(simd, &panel.lines[b * B::LINES..][..B::LINES]);
        let scale = simd.load_f16(&scales[b * B::SCALES]);
        let last_scale = simd.load_f16(&scales[b * B::SCALES + B::SCALES - 1]);
        unroll!(T, t => {
            let a = &x[t][b];
            let a_scale = simd.float(a.scale);
            let sum = a.sums[0] + a.sums[1];
            if B::SCALES == 1 {
                let acc = simd.int(-panel.offset * sum);
                let acc = quads::<S, B>(simd, acc, &weights, a, 0..QUADS);
                out[t] = simd.mul_add(simd.to_float(acc), simd.mul(scale, a_scale), out[t]);
            } else {
                let acc = simd.int(-panel.offset * a.sums[0]);
                let acc = quads::<S, B>(simd, acc, &weights, a, 0..QUADS / 2);
                out[t] = simd.mul_add(simd.to_float(acc), simd.mul(scale, a_scale), out[t]);
                let acc = simd.int(-panel.offset * a.sums[1]);
                let acc = quads::<S, B>(simd, acc, &weights, a, QUADS / 2..QUADS);
                out[t] = simd.mul_add(simd.to_float(acc), simd.mul(last_scale, a_scale), out[t]);
            }
            if MIN {
                let min = simd.load_f16(&mins[b]);
                out[t] = simd.mul_add(min, simd.float(a.scale * sum as f32), out[t]);
            }
        });
    }
    out
}

/// `acc` and the products of some of a block's vectors.
#[inline(always)]
fn quads<S: Simd, B: Bits>(
    simd: S,
    mut acc: S::Int,
    weights: &[S::Weights; QUADS],
    a: &Block,
    which: Range<usize>,
) -> S::Int {
    for j in which {
        acc = B::dot(simd, acc, weights[j], simd.quad(a.quads[j]));
    }
    acc
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
    /// Sixteen as f32.
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Float;
}

impl Element for f16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Float {
        simd.load_f16(from)
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Float {
        simd.load_bf16(from)
    }
}

impl Element for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Float {
        simd.load(from)
    }
}

/// `out[t][r] = sum_c panel[c][r] * x[t][c]`.
#[inline(always)]
pub fn floats<S: Simd, E: Element, const T: usize>(
    simd: S,
    panel: &[[E; LANES]],
    x: [&[f32]; T],
) -> [S::Float; T] {
    /// Columns at a time: of a single row, each has a sum of its own, so that none waits for the one before.
    const COLUMNS: usize = 4;
    let x = cut(x, panel.len());
    let mut sums = [simd.float(0.0); T];
    let mut more = [simd.float(0.0); COLUMNS];
    let (fours, rest) = panel.as_chunks::<COLUMNS>();
    for (c, columns) in fours.iter().enumerate() {
        unroll!(COLUMNS, i => {
            let w = E::load(simd, &columns[i]);
            if T == 1 {
                more[i] = simd.mul_add(w, simd.float(x[0][c * COLUMNS + i]), more[i]);
            } else {
                unroll!(T, t => {
                    sums[t] = simd.mul_add(w, simd.float(x[t][c * COLUMNS + i]), sums[t]);
                });
            }
        });
    }
    for (column, c) in rest.iter().zip(fours.len() * COLUMNS..) {
        let w = E::load(simd, column);
        unroll!(T, t => {
            sums[t] = simd.mul_add(w, simd.float(x[t][c]), sums[t]);
        });
    }
    if T == 1 {
        let more = simd.add(simd.add(more[0], more[1]), simd.add(more[2], more[3]));
        sums[0] = simd.add(sums[0], more);
    }
    sums
}
