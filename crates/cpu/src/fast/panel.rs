//! How 16 rows of a matrix lie together, and the product of such a panel with a few rows of activations.
//!
//! A panel's rows are interleaved so that each lane of a vector belongs to one row and no sum crosses lanes. Quantised
//! panels go by blocks of 32 columns: vector `j` of a block holds columns `4 j .. 4 j + 4` of each row, a byte each.
//! Types of less than eight bits share bytes: the low nibbles of line `j` are vector `j`, the high ones vector
//! `j + 4`; what is above four bits lies in lines of its own. Float panels go by columns: 16 rows of one, then the next.

use half::{bf16, f16};

use crate::fast::activations::{BLOCK, Block};
use crate::simd::{LANES, Line, Simd};

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
        let [a, b, c, d] = [0, 1, 2, 3].map(|j| simd.nibbles(simd.bytes(&lines[j])));
        [a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1]]
    }
}

impl Bits for Bits5 {
    const LINES: usize = 5;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        let fifth = simd.bytes(&lines[4]);
        let vector = |j: usize, upper| {
            let nibbles = simd.bytes(&lines[j % 4]);
            let nibbles = if j < 4 { nibbles } else { simd.shr(nibbles, 4) };
            simd.weights(simd.or(simd.and(nibbles, 0x0f), simd.and(upper, 0x10)))
        };
        [
            vector(0, simd.shl(fifth, 4)),
            vector(1, simd.shl(fifth, 3)),
            vector(2, simd.shl(fifth, 2)),
            vector(3, simd.shl(fifth, 1)),
            vector(4, fifth),
            vector(5, simd.shr(fifth, 1)),
            vector(6, simd.shr(fifth, 2)),
            vector(7, simd.shr(fifth, 3)),
        ]
    }
}

impl Bits for Bits6 {
    const LINES: usize = 6;
    const SCALES: usize = 2;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        let vector = |j: usize, upper| {
            let nibbles = simd.bytes(&lines[j % 4]);
            let nibbles = if j < 4 { nibbles } else { simd.shr(nibbles, 4) };
            simd.weights(simd.or(simd.and(nibbles, 0x0f), simd.and(upper, 0x30)))
        };
        let upper = [4, 5].map(|line| simd.bytes(&lines[line]));
        [
            vector(0, simd.shl(upper[0], 4)),
            vector(1, simd.shl(upper[0], 2)),
            vector(2, upper[0]),
            vector(3, simd.shr(upper[0], 2)),
            vector(4, simd.shl(upper[1], 4)),
            vector(5, simd.shl(upper[1], 2)),
            vector(6, upper[1]),
            vector(7, simd.shr(upper[1], 2)),
        ]
    }
}

impl Bits for Bits8 {
    const LINES: usize = 8;
    const SCALES: usize = 1;

    #[inline(always)]
    fn unpack<S: Simd>(simd: S, lines: &[Line]) -> [S::Weights; QUADS] {
        [0, 1, 2, 3, 4, 5, 6, 7].map(|j| simd.weights(simd.bytes(&lines[j])))
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
    let x = x.map(|x| &x[..blocks]);
    let scales = &panel.scales[..blocks * B::SCALES];
    let mins = if MIN { &panel.mins[..blocks] } else { &[] };
    let quads = QUADS / B::SCALES;
    let mut out = [simd.float(0.0); T];
    for b in 0..blocks {
        let weights = B::unpack(simd, &panel.lines[b * B::LINES..][..B::LINES]);
        let mut scale = [simd.load_f16(&scales[b * B::SCALES]); 2];
        if B::SCALES == 2 {
            scale[1] = simd.load_f16(&scales[b * B::SCALES + 1]);
        }
        for t in 0..T {
            let a = &x[t][b];
            let a_scale = simd.float(a.scale);
            for group in 0..B::SCALES {
                let sum = if B::SCALES == 2 { a.sums[group] } else { a.sums[0] + a.sums[1] };
                let mut acc = simd.int(-panel.offset * sum);
                for j in group * quads..(group + 1) * quads {
                    acc = B::dot(simd, acc, weights[j], simd.quad(a.quads[j]));
                }
                out[t] = simd.mul_add(simd.to_float(acc), simd.mul(scale[group], a_scale), out[t]);
            }
            if MIN {
                let sum = simd.float(a.scale * (a.sums[0] + a.sums[1]) as f32);
                out[t] = simd.mul_add(simd.load_f16(&mins[b]), sum, out[t]);
            }
        }
    }
    out
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
    /// Sums in flight for each row, so that one need not wait for the one before.
    const CHAINS: usize = 4;
    let x = x.map(|x| &x[..panel.len()]);
    let mut sums = [[simd.float(0.0); CHAINS]; T];
    let (fours, rest) = panel.as_chunks::<CHAINS>();
    for (c, columns) in fours.iter().enumerate() {
        for (i, column) in columns.iter().enumerate() {
            let w = E::load(simd, column);
            for t in 0..T {
                let sum = &mut sums[t][if T == 1 { i } else { 0 }];
                *sum = simd.mul_add(w, simd.float(x[t][c * CHAINS + i]), *sum);
            }
        }
    }
    for (column, c) in rest.iter().zip(fours.len() * CHAINS..) {
        let w = E::load(simd, column);
        for t in 0..T {
            sums[t][0] = simd.mul_add(w, simd.float(x[t][c]), sums[t][0]);
        }
    }
    sums.map(|s| if T == 1 { simd.add(simd.add(s[0], s[1]), simd.add(s[2], s[3])) } else { s[0] })
}
