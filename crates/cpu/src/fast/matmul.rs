//! `out[t][o] = bias[o] + sum_i weight[o][i] * x[t][i]`, from panels.

use std::marker::PhantomData;
use std::ops::Range;

use super::activations::{BLOCK, Block, Rounded};
use super::blocks::Layout;
use super::matrix::{Matrix, Store};
use super::panel::{self, Bits, Bits4, Bits5, Bits6, Bits8, Element, Quantised};
use crate::simd::{Kernel, LANES, Level, Simd};

/// Rows of activations, quantised where the matrix is.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// As blocks.
    Blocks(Rounded<'a>),
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

/// Rows that share a pass over a panel's weights, where there are that many. A token is one, or two that are added up.
const FEW: usize = 4;
/// As [`FEW`], on targets of many registers.
const MANY: usize = 8;
/// Of quantised panels, which make the same sums then.
const PAIR: usize = 2;

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

/// The panels of a matrix, and their products with rows of `X`.
trait Panels<X> {
    /// Whether two rows may share a pass.
    const PAIRS: bool;
    /// The product of panel `index` with a row.
    fn one(&self, index: usize, x: &[X], out: &mut [f32; LANES]);
    /// The products with several rows in one pass.
    fn tile<const T: usize>(&self, index: usize, x: [&[X]; T], out: &mut [[f32; LANES]; T]);
}

struct QuantisedPanels<'a, S, B, const MIN: bool> {
    simd: S,
    all: Quantised<'a>,
    blocks: usize,
    bits: PhantomData<B>,
}

impl<'a, S: Simd, B: Bits, const MIN: bool> QuantisedPanels<'a, S, B, MIN> {
    #[inline(always)]
    fn panel(&self, index: usize) -> Quantised<'a> {
        let (all, blocks) = (self.all, self.blocks);
        Quantised {
            lines: &all.lines[index * blocks * B::LINES..][..blocks * B::LINES],
            scales: &all.scales[index * blocks * B::SCALES..][..blocks * B::SCALES],
            mins: if MIN { &all.mins[index * blocks..][..blocks] } else { &[] },
            offset: all.offset,
        }
    }
}

impl<S: Simd, B: Bits, const MIN: bool> Panels<Block> for QuantisedPanels<'_, S, B, MIN> {
    const PAIRS: bool = true;

    #[inline(always)]
    fn one(&self, index: usize, x: &[Block], out: &mut [f32; LANES]) {
        panel::quantised::<S, B, MIN>(self.simd, self.panel(index), x, out);
    }

    #[inline(always)]
    fn tile<const T: usize>(&self, index: usize, x: [&[Block]; T], out: &mut [[f32; LANES]; T]) {
        panel::quantised_tile::<S, B, MIN, T>(self.simd, self.panel(index), x, out);
    }
}

struct FloatPanels<'a, S, E> {
    simd: S,
    columns: &'a [[E; LANES]],
    cols: usize,
}

impl<S: Simd, E: Element> FloatPanels<'_, S, E> {
    #[inline(always)]
    fn panel(&self, index: usize) -> &[[E; LANES]] {
        &self.columns[index * self.cols..][..self.cols]
    }
}

impl<S: Simd, E: Element> Panels<f32> for FloatPanels<'_, S, E> {
    const PAIRS: bool = false;

    #[inline(always)]
    fn one(&self, index: usize, x: &[f32], out: &mut [f32; LANES]) {
        panel::floats(self.simd, self.panel(index), x, out);
    }

    #[inline(always)]
    fn tile<const T: usize>(&self, index: usize, x: [&[f32]; T], out: &mut [[f32; LANES]; T]) {
        panel::floats_tile(self.simd, self.panel(index), x, out);
    }
}

/// Goes over panels, and over rows within each, so that a panel's weights are read once.
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
        x: Rounded<'_>,
        blocks: usize,
    ) {
        let panels = QuantisedPanels::<S, B, MIN> { simd, all, blocks, bits: PhantomData };
        self.each::<S, _, _>(panels, [x.high, x.low], blocks);
    }

    #[inline(always)]
    fn floats<S: Simd, E: Element>(self, simd: S, columns: &[[E; LANES]], x: &[f32], cols: usize) {
        self.each::<S, _, _>(FloatPanels { simd, columns, cols }, [x, &[]], cols);
    }

    /// Tokens are rows of `x[0]`, each `width` long, and where `x[1]` is not empty, as many of it are to be added.
    #[inline(always)]
    fn each<S: Simd, X, P: Panels<X>>(self, panels: P, x: [&[X]; 2], width: usize) {
        let two = !x[1].is_empty();
        let rows = (x[0].len() + x[1].len()) / width;
        let first = self.panels.start * LANES;
        let stride = (self.panels.end * LANES).min(self.rows) - first;
        let mut results = [[0.0; LANES]; MANY];
        for index in self.panels {
            let at = index * LANES - first;
            let n = LANES.min(stride - at);
            let bias = self.bias.map(|bias| &bias[first + at..][..n]);
            let mut start = 0;
            while start < rows {
                let row = |i: usize| {
                    let (part, token) = if two { ((start + i) % 2, (start + i) / 2) } else { (0, start + i) };
                    &x[part][token * width..][..width]
                };
                let left = rows - start;
                let done = if !self.alone && S::MANY_REGISTERS && left >= MANY {
                    panels.tile(index, std::array::from_fn(row), &mut results);
                    MANY
                } else if !self.alone && left >= FEW {
                    let results = results.first_chunk_mut::<FEW>().expect("there are many");
                    panels.tile(index, std::array::from_fn(row), results);
                    FEW
                } else if !self.alone && left >= PAIR && P::PAIRS {
                    let results = results.first_chunk_mut::<PAIR>().expect("there are many");
                    panels.tile(index, std::array::from_fn(row), results);
                    PAIR
                } else {
                    panels.one(index, row(0), &mut results[0]);
                    1
                };
                let parts = if two { 2 } else { 1 };
                debug_assert_eq!(done % parts, 0, "a token has both of its parts in one tile");
                for (t, result) in (start / parts..).zip(results[..done].chunks_exact(parts)) {
                    let out = &mut self.out[t * stride + at..][..n];
                    // Of known length nearly always: in WebAssembly any other copy is a call.
                    match out.as_mut_array() {
                        Some(out) => *out = result[0],
                        None => out.copy_from_slice(&result[0][..n]),
                    }
                    if let Some(low) = result.get(1) {
                        out.iter_mut().zip(low).for_each(|(out, low)| *out += low);
                    }
                    if let Some(bias) = bias {
                        out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
                    }
                }
                start += done;
            }
        }
    }
}
