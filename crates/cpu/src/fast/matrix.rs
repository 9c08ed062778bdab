//! A weight matrix in panels of 16 rows, filled as its bytes arrive.

use half::{bf16, f16};
use sotto_format::{BlockType, dequantize};
use sotto_plan::Weight;

use super::activations::BLOCK;
use super::blocks::{Layout, integers};
use super::panel::QUADS;
use crate::simd::{LANES, Line};

/// A matrix `[rows, cols]` as [`super::panel`] reads it. Rows beyond the last are zeros.
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    ty: BlockType,
    pub store: Store,
    /// Whether activations are rounded to sixteen bits for it, not to eight, where it is quantised.
    pub fine: bool,
    /// Whether a scale is NaN or infinite: nothing good can come of it.
    pub damaged: bool,
}

/// The panels, one after the other.
pub enum Store {
    /// Integers and their scales.
    Quantised {
        layout: Layout,
        lines: Vec<Line>,
        scales: Vec<[f16; LANES]>,
        /// Empty where the layout has none.
        mins: Vec<[f16; LANES]>,
    },
    /// Half floats, `[panel][col][16]`.
    F16(Vec<[f16; LANES]>),
    /// Upper halves of f32.
    Bf16(Vec<[bf16; LANES]>),
    /// f32.
    F32(Vec<[f32; LANES]>),
}

impl Matrix {
    /// Room for `weight`; with `floats` quantised ones become f32, and are multiplied with activations as they are, else with
    /// what is `fine` or not.
    pub fn new(weight: &Weight, floats: bool, fine: bool) -> Self {
        let Weight { rows, cols, ty, .. } = *weight;
        let panels = rows.div_ceil(LANES);
        let store = match stored_type(ty, floats) {
            BlockType::F16 => Store::F16(vec![[f16::ZERO; LANES]; panels * cols]),
            BlockType::BF16 => Store::Bf16(vec![[bf16::ZERO; LANES]; panels * cols]),
            BlockType::F32 => Store::F32(vec![[0.0; LANES]; panels * cols]),
            _ => {
                let layout = Layout::of(ty);
                let blocks = panels * (cols / BLOCK);
                Store::Quantised {
                    layout,
                    lines: vec![Line([0; 64]); blocks * layout.bits as usize],
                    scales: vec![[f16::ZERO; LANES]; blocks * layout.scales],
                    mins: vec![[f16::ZERO; LANES]; if layout.mins { blocks } else { 0 }],
                }
            }
        };
        Matrix { rows, cols, ty, store, fine, damaged: false }
    }

    /// Whether it is multiplied with quantised activations.
    pub fn is_quantised(&self) -> bool {
        matches!(self.store, Store::Quantised { .. })
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        let bytes = match &self.store {
            Store::Quantised { lines, scales, mins, .. } => {
                size_of_val(&lines[..]) + size_of_val(&scales[..]) + size_of_val(&mins[..])
            }
            Store::F16(v) => size_of_val(&v[..]),
            Store::Bf16(v) => size_of_val(&v[..]),
            Store::F32(v) => size_of_val(&v[..]),
        };
        bytes as u64
    }

    /// Puts row `row`, as the file stores it, into its panel.
    pub fn put_row(&mut self, row: usize, bytes: &[u8]) {
        let (first, lane) = (row / LANES * self.cols, row % LANES);
        match &mut self.store {
            Store::Quantised { layout, lines, scales, mins } => {
                let first = first / BLOCK;
                integers(self.ty, bytes, |index, block| {
                    let at = first + index;
                    for (scale, value) in
                        scales[at * layout.scales..][..layout.scales].iter_mut().zip(block.scales)
                    {
                        scale[lane] = value;
                        self.damaged |= !value.is_finite();
                    }
                    if layout.mins {
                        mins[at][lane] = block.min;
                        self.damaged |= !block.min.is_finite();
                    }
                    let n = layout.bits as usize;
                    put_block(&mut lines[at * n..][..n], lane, &block.quants);
                });
            }
            Store::F16(columns) => {
                for (column, b) in columns[first..].iter_mut().zip(bytes.as_chunks().0) {
                    column[lane] = f16::from_le_bytes(*b);
                }
            }
            Store::Bf16(columns) => {
                for (column, b) in columns[first..].iter_mut().zip(bytes.as_chunks().0) {
                    column[lane] = bf16::from_le_bytes(*b);
                }
            }
            Store::F32(columns) => {
                let mut values = vec![0.0; self.cols];
                dequantize(self.ty, bytes, &mut values).expect("a row is whole blocks");
                self.damaged |= self.ty != BlockType::F32 && values.iter().any(|v| !v.is_finite());
                for (column, value) in columns[first..].iter_mut().zip(values) {
                    column[lane] = value;
                }
            }
        }
    }

    /// Row `row` as floats.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let (first, lane) = (row / LANES * self.cols, row % LANES);
        match &self.store {
            Store::Quantised { layout, lines, scales, mins } => {
                for (index, out) in out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                    let at = first / BLOCK + index;
                    let n = layout.bits as usize;
                    let quants = block(&lines[at * n..][..n], lane);
                    let min = if layout.mins { mins[at][lane].to_f32() } else { 0.0 };
                    for (i, (out, q)) in out.iter_mut().zip(quants).enumerate() {
                        let scale = scales[at * layout.scales + i * layout.scales / BLOCK][lane].to_f32();
                        *out = scale * (i32::from(q) - layout.offset) as f32 + min;
                    }
                }
            }
            Store::F16(columns) => {
                columns[first..].iter().zip(out).for_each(|(column, out)| *out = column[lane].to_f32());
            }
            Store::Bf16(columns) => {
                columns[first..].iter().zip(out).for_each(|(column, out)| *out = column[lane].to_f32());
            }
            Store::F32(columns) => {
                columns[first..].iter().zip(out).for_each(|(column, out)| *out = column[lane]);
            }
        }
    }
}

/// What a matrix of `ty` is held as.
fn stored_type(ty: BlockType, floats: bool) -> BlockType {
    match ty {
        BlockType::F16 | BlockType::BF16 | BlockType::F32 => ty,
        _ if floats => BlockType::F32,
        _ => ty,
    }
}

/// Bytes of `weight` as a [`Matrix`]; other forms take less.
pub fn bytes_needed(weight: &Weight, floats: bool) -> u64 {
    let elements = (weight.rows.next_multiple_of(LANES) * weight.cols) as u64;
    let layout = match stored_type(weight.ty, floats) {
        BlockType::F16 | BlockType::BF16 => return 2 * elements,
        BlockType::F32 => return 4 * elements,
        ty => Layout::of(ty),
    };
    let halves = (layout.scales + usize::from(layout.mins)) as u64;
    elements / BLOCK as u64 * (4 * u64::from(layout.bits) + 2 * halves)
}

/// Puts a row's 32 integers into the lines of its block, four at a time. The lines hold zeros there.
fn put_block(lines: &mut [Line], lane: usize, quants: &[u8; BLOCK]) {
    /// This part of each of four bytes.
    const NIBBLE: u32 = 0x0f0f_0f0f;
    const BIT: u32 = 0x0101_0101;
    let (n, at) = (lines.len(), 4 * lane..4 * lane + 4);
    let mut quads = [0; QUADS];
    for (quad, bytes) in quads.iter_mut().zip(quants.as_chunks().0) {
        *quad = u32::from_le_bytes(*bytes);
    }
    let mut put = |line: usize, quad: u32| lines[line].0[at.clone()].copy_from_slice(&quad.to_le_bytes());
    let nibbles = |j: usize| quads[j] & NIBBLE | (quads[j + QUADS / 2] & NIBBLE) << 4;
    let uppers = |mask: u32, shift: usize, quads: &[u32]| {
        (0..).zip(quads).fold(0, |all, (j, quad)| all | (quad >> 4 & mask) << (shift * j))
    };
    if n == 8 {
        (0..QUADS).for_each(|j| put(j, quads[j]));
        return;
    }
    (0..QUADS / 2).for_each(|j| put(j, nibbles(j)));
    if n == 5 {
        put(4, uppers(BIT, 1, &quads));
    } else if n == 6 {
        put(4, uppers(3 * BIT, 2, &quads[..QUADS / 2]));
        put(5, uppers(3 * BIT, 2, &quads[QUADS / 2..]));
    }
}

/// A row's 32 integers from the lines of its block.
fn block(lines: &[Line], lane: usize) -> [u8; BLOCK] {
    let n = lines.len();
    let mut quants = [0; BLOCK];
    for (j, quad) in quants.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        for (i, q) in (4 * lane..).zip(quad) {
            *q = match n {
                8 => lines[j].0[i],
                5 => (lines[4].0[i] >> j & 1) << 4,
                6 => (lines[4 + j / 4].0[i] >> (2 * (j % 4)) & 3) << 4,
                _ => 0,
            };
            if n != 8 {
                *q |= lines[j % 4].0[i] >> (4 * (j / 4)) & 15;
            }
        }
    }
    quants
}
