//! `out[t][o] = bias[o] + sum_i weight[o][i] * x[t][i]`, from panels.

use std::ops::Range;

use super::activations::{BLOCK, Block};
use super::blocks::Layout;
use super::matrix::{Matrix, Store};
use super::panel::{self, Bits, Bits4, Bits5, Bits6, Bits8, Element, Quantised};
use crate::simd::{Kernel, LANES, Level, Simd};

/// Rows of activations, quantised where the matrix is.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// `[tokens][cols / 32]`.
    Blocks(&'a [Block]),
    /// `[tokens][cols]`.
    Floats(&'a [f32]),
}

/// Part of a product: some panels of a matrix with some tokens.
pub struct MatMul<'a> {
    /// `[out, in]`.
    pub matrix: &'a Matrix,
    /// `[out]`.
    pub bias: Option<&'a [f32]>,
    /// The tokens.
    pub x: Input<'a>,
    /// Whether each token's sums are added up in the order they have when it is alone. Quantised weights' always are.
    pub alone: bool,
    /// Which panels.
    pub panels: Range<usize>,
    /// `[tokens][outputs of the panels]`.
    pub out: &'a mut [f32],
}

impl MatMul<'_> {
    /// Computes it.
    pub fn run(self, level: Level) {
        level.run(self);
    }
}

/// Tokens that share a pass over a panel's weights, where there are that many.
const FEW: usize = 4;
/// As [`FEW`], on targets of many registers.
const MANY: usize = 8;

impl Kernel for MatMul<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatMul { matrix, bias, x, alone, panels, out } = self;
        let alone = alone && !matrix.is_quantised();
        let tiles = Tiles { rows: matrix.rows, bias, alone, panels, out };
        match (&matrix.store, x) {
            (Store::Quantised { layout, lines, scales, mins }, Input::Blocks(x)) => {
                let n = matrix.cols / BLOCK;
                let all = Quantised { lines, scales, mins, offset: layout.offset };
                match *layout {
                    Layout { bits: 4, mins: false, .. } => {
                        tiles.quantised::<S, Bits4, false>(simd, all, x, n)
                    }
                    Layout { bits: 4, mins: true, .. } => tiles.quantised::<S, Bits4, true>(simd, all, x, n),
                    Layout { bits: 5, mins: false, .. } => {
                        tiles.quantised::<S, Bits5, false>(simd, all, x, n)
                    }
                    Layout { bits: 5, mins: true, .. } => tiles.quantised::<S, Bits5, true>(simd, all, x, n),
                    Layout { bits: 6, .. } => tiles.quantised::<S, Bits6, false>(simd, all, x, n),
                    _ => tiles.quantised::<S, Bits8, false>(simd, all, x, n),
                }
            }
            (Store::F16(columns), Input::Floats(x)) => tiles.floats(simd, columns, x, matrix.cols),
            (Store::Bf16(columns), Input::Floats(x)) => tiles.floats(simd, columns, x, matrix.cols),
            (Store::F32(columns), Input::Floats(x)) => tiles.floats(simd, columns, x, matrix.cols),
            _ => unreachable!("activations are quantised where weights are"),
        }
    }
}

/// Goes over panels, and over tokens within each, so that a panel's weights are read once.
struct Tiles<'a> {
    rows: usize,
    bias: Option<&'a [f32]>,
    alone: bool,
    panels: Range<usize>,
    out: &'a mut [f32],
}

impl Tiles<'_> {
    #[inline(always)]
    fn quantised<S: Simd, B: Bits, const MIN: bool>(
        self,
        simd: S,
        all: Quantised<'_>,
        x: &[Block],
        blocks: usize,
    ) {
        let panel = |index: usize| Quantised {
            lines: &all.lines[index * blocks * B::LINES..][..blocks * B::LINES],
            scales: &all.scales[index * blocks * B::SCALES..][..blocks * B::SCALES],
            mins: if MIN { &all.mins[index * blocks..][..blocks] } else { &[] },
            offset: all.offset,
        };
        self.each::<S, _>(
            x,
            blocks,
            #[inline(always)]
            |index, x, out| panel::quantised::<S, B, MIN>(simd, panel(index), x, out),
            #[inline(always)]
            |index, x, out| panel::quantised_tile::<S, B, MIN, FEW>(simd, panel(index), x, out),
            #[inline(always)]
            |index, x, out| panel::quantised_tile::<S, B, MIN, MANY>(simd, panel(index), x, out),
        );
    }

    #[inline(always)]
    fn floats<S: Simd, E: Element>(self, simd: S, columns: &[[E; LANES]], x: &[f32], cols: usize) {
        let panel = |index: usize| &columns[index * cols..][..cols];
        self.each::<S, _>(
            x,
            cols,
            #[inline(always)]
            |index, x, out| panel::floats::<S, E>(simd, panel(index), x, out),
            #[inline(always)]
            |index, x, out| panel::floats_tile::<S, E, FEW>(simd, panel(index), x, out),
            #[inline(always)]
            |index, x, out| panel::floats_tile::<S, E, MANY>(simd, panel(index), x, out),
        );
    }

    /// `one`, `few` and `many` give a panel's product with so many rows of `x`, each `width` long.
    #[inline(always)]
    fn each<S: Simd, X>(
        self,
        x: &[X],
        width: usize,
        one: impl Fn(usize, &[X], &mut [f32; LANES]),
        few: impl Fn(usize, [&[X]; FEW], &mut [[f32; LANES]; FEW]),
        many: impl Fn(usize, [&[X]; MANY], &mut [[f32; LANES]; MANY]),
    ) {
        let tokens = x.len() / width;
        let first = self.panels.start * LANES;
        let stride = (self.panels.end * LANES).min(self.rows) - first;
        let mut results = [[0.0; LANES]; MANY];
        for index in self.panels {
            let at = index * LANES - first;
            let n = LANES.min(stride - at);
            let bias = self.bias.map(|bias| &bias[first + at..][..n]);
            let mut t = 0;
            while t < tokens {
                let row = |i: usize| &x[(t + i) * width..][..width];
                let done = if !self.alone && S::MANY_REGISTERS && tokens - t >= MANY {
                    many(index, std::array::from_fn(row), &mut results);
                    MANY
                } else if !self.alone && tokens - t >= FEW {
                    let results = results.first_chunk_mut().expect("there are many");
                    few(index, std::array::from_fn(row), results);
                    FEW
                } else {
                    one(index, row(0), &mut results[0]);
                    1
                };
                for result in &results[..done] {
                    let out = &mut self.out[t * stride + at..][..n];
                    out.copy_from_slice(&result[..n]);
                    if let Some(bias) = bias {
                        out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
                    }
                    t += 1;
                }
            }
        }
    }
}
