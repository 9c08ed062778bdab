//! Each kernel against the interpreter's formula, with every set of instructions that this machine has.

use sotto_format::{BlockType, dequantize, quantize};
use sotto_plan::{Attention, Gated, KvCache, Rope, RopeLayout, Weight};

use super::activations::{BLOCK, Block, Rounded, quantise};
use super::attention::{HalfCache, Queries, scores_needed};
use super::elementwise;
use super::matmul::{Input, MatMul};
use super::matrix::Matrix;
use super::rope::Table;
use crate::pool::Pool;
use crate::reference::ops;
use crate::simd::{LANES, Level};

/// Row counts that fill no panel, one, and more than one.
const ODD: [usize; 4] = [1, 31, 33, 257];
/// Token counts that fill no tile, one, and more than one.
const TOKENS: [usize; 4] = [1, 3, 8, 13];

/// Numbers from -1 to 1, the same for the same seed.
fn random(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        // xorshift32 (Marsaglia, "Xorshift RNGs", 2003)
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn matrix(ty: BlockType, rows: usize, cols: usize) -> (Matrix, Vec<f32>) {
    matrix_held(ty, rows, cols, false)
}

fn matrix_held(ty: BlockType, rows: usize, cols: usize, floats: bool) -> (Matrix, Vec<f32>) {
    let mut bytes = Vec::new();
    quantize(ty, &random(rows * cols, 7), &mut bytes).unwrap();
    let weight = Weight { name: "w".to_owned(), offset: 0, rows, cols, ty };
    let mut matrix = Matrix::new(&weight, floats, false);
    for (row, bytes) in bytes.chunks_exact(weight.row_bytes()).enumerate() {
        matrix.put_row(row, bytes);
    }
    let mut values = vec![0.0; rows * cols];
    dequantize(ty, &bytes, &mut values).unwrap();
    (matrix, values)
}

fn encoded() -> impl Iterator<Item = BlockType> {
    BlockType::ALL.iter().copied().filter(|ty| ty.can_quantize())
}

#[test]
fn rows_held_as_floats_are_what_the_file_says() {
    for ty in encoded() {
        let cols = ty.block_len().max(BLOCK) * 2;
        let (matrix, values) = matrix_held(ty, 33, cols, true);
        assert!(!matrix.is_quantised() && !matrix.damaged);
        for (row, want) in values.chunks_exact(cols).enumerate() {
            let mut got = vec![0.0; cols];
            matrix.row(row, &mut got);
            assert_eq!(got, want, "{ty} row {row}");
        }
    }
}

#[test]
fn rows_come_back_as_they_were() {
    for ty in encoded() {
        let cols = ty.block_len().max(BLOCK) * 2;
        let (matrix, values) = matrix(ty, 33, cols);
        // Scales of the K types are rounded to half floats; Q2_K and Q3_K become eight bits.
        let tolerance = match ty {
            BlockType::Q4_K | BlockType::Q5_K | BlockType::Q6_K => 2e-3,
            BlockType::Q2_K | BlockType::Q3_K => 6e-3,
            _ => 0.0,
        };
        let mut row = vec![0.0; cols];
        for (index, want) in values.chunks_exact(cols).enumerate() {
            matrix.row(index, &mut row);
            for (got, want) in row.iter().zip(want) {
                assert!((got - want).abs() <= tolerance, "{ty}: row {index} has {got} and not {want}");
            }
        }
    }
}

#[test]
fn products_are_those_of_the_rows() {
    for ty in encoded() {
        let cols = ty.block_len().max(BLOCK) * 3 + if ty.block_len() == 1 { 5 } else { 0 };
        for rows in ODD {
            let (matrix, _) = matrix(ty, rows, cols);
            let mut weights = vec![0.0; rows * cols];
            weights.chunks_exact_mut(cols).enumerate().for_each(|(row, out)| matrix.row(row, out));
            let bias = random(rows, 3);
            for tokens in TOKENS {
                let x = random(tokens * cols, 11);
                for (level, fine) in
                    Level::all().into_iter().flat_map(|level| [(level, false), (level, true)])
                {
                    let what = format!("{ty} [{rows}, {cols}], {tokens} tokens, {}, {fine}", level.name());
                    let blocks = Both::of(level, &x, fine);
                    let (input, x) = if matrix.is_quantised() {
                        (Input::Blocks(blocks.rounded()), blocks.values())
                    } else {
                        (Input::Floats(&x), x.clone())
                    };
                    let mut got = vec![f32::NAN; tokens * rows];
                    // In two parts, as threads share it, where there is more than one panel.
                    let all = rows.div_ceil(LANES);
                    for panels in [0..all / 2, all / 2..all] {
                        let width = (panels.end * LANES).min(rows).saturating_sub(panels.start * LANES);
                        let mut out = vec![f32::NAN; tokens * width];
                        let (matrix, first) = (&matrix, panels.start * LANES);
                        MatMul { matrix, bias: Some(&bias), x: input, alone: false, panels, out: &mut out }
                            .run(level);
                        for t in 0..tokens {
                            got[t * rows + first..][..width].copy_from_slice(&out[t * width..][..width]);
                        }
                    }
                    let want = ops::linear(
                        &x,
                        (rows, cols),
                        |o, out| out.copy_from_slice(&weights[o * cols..][..cols]),
                        Some(&bias),
                    );
                    assert_close(&got, &want, 2e-5 * cols as f32, &what);
                }
            }
        }
    }
}

/// Integers as large as they get, all of one sign: what a target sums in 16 bits must fit them.
#[test]
fn the_largest_products_fit() {
    for ty in encoded().filter(|ty| ty.block_len() > 1) {
        let cols = ty.block_len().max(BLOCK) * 2;
        for weight in [-1.0, 1.0] {
            // One weight of the other sign, smaller, so that types with a minimum have an integer that is not 0.
            let values: Vec<f32> =
                (0..LANES * cols).map(|i| if i % 32 == 5 { -0.25 * weight } else { weight }).collect();
            let mut bytes = Vec::new();
            quantize(ty, &values, &mut bytes).unwrap();
            let weight = Weight { name: "w".to_owned(), offset: 0, rows: LANES, cols, ty };
            let mut matrix = Matrix::new(&weight, false, false);
            bytes.chunks_exact(weight.row_bytes()).enumerate().for_each(|(row, b)| matrix.put_row(row, b));
            let mut row = vec![0.0; cols];
            matrix.row(0, &mut row);
            for x in [-1.0, 1.0] {
                for level in Level::all() {
                    let blocks = Both::of(level, &vec![x; 5 * cols], false);
                    let mut got = vec![f32::NAN; 5 * LANES];
                    MatMul {
                        matrix: &matrix,
                        bias: None,
                        x: Input::Blocks(blocks.rounded()),
                        alone: false,
                        panels: 0..1,
                        out: &mut got,
                    }
                    .run(level);
                    let want = x * row.iter().sum::<f32>();
                    assert_close(
                        &got,
                        &vec![want; 5 * LANES],
                        1e-3 * want.abs(),
                        &format!("{ty} {}", level.name()),
                    );
                }
            }
        }
    }
}

/// Activations as blocks, and what those leave.
struct Both {
    high: Vec<Block>,
    low: Vec<Block>,
}

impl Both {
    fn of(level: Level, x: &[f32], fine: bool) -> Self {
        let blocks = |any: bool| vec![Block::default(); if any { x.len() / BLOCK } else { 0 }];
        let mut both = Both { high: blocks(true), low: blocks(fine) };
        quantise(level, x, &mut both.high, &mut both.low);
        both
    }

    fn rounded(&self) -> Rounded<'_> {
        Rounded { high: &self.high, low: &self.low }
    }

    /// What they stand for.
    fn values(&self) -> Vec<f32> {
        let mut all: Vec<f32> = self.high.iter().flat_map(values).collect();
        all.iter_mut().zip(self.low.iter().flat_map(values)).for_each(|(all, low)| *all += low);
        all
    }
}

/// What a block stands for.
fn values(block: &Block) -> Vec<f32> {
    block.quads.as_flattened().iter().map(|&q| f32::from(q) * block.scale).collect()
}

fn assert_close(got: &[f32], want: &[f32], tolerance: f32, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "{what}: {got} at {i} and not {want}");
    }
}

#[test]
fn activations_are_rounded_to_the_nearest_of_255() {
    let mut x = random(8 * BLOCK, 5);
    x[BLOCK..2 * BLOCK].fill(0.0);
    for level in Level::all() {
        let both = Both::of(level, &x, true);
        for ((block, x), all) in both.high.iter().zip(x.chunks_exact(BLOCK)).zip(both.values().chunks(BLOCK))
        {
            assert_close(&values(block), x, block.scale * 0.501, level.name());
            // Half a step of the second byte.
            assert_close(all, x, block.scale * 0.501 / 254.0, level.name());
            let sums = block
                .quads
                .chunks_exact(4)
                .map(|half| half.as_flattened().iter().map(|&q| i32::from(q)).sum::<i32>());
            assert!(sums.eq(block.sums), "{}", level.name());
        }
    }
}

#[test]
fn what_is_no_number_shows_in_the_result() {
    for ty in [BlockType::Q4_0, BlockType::Q6_K, BlockType::Q8_0, BlockType::F32] {
        let cols = 512;
        let (matrix, _) = matrix(ty, 20, cols);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = random(cols, 1);
            x[300] = bad;
            for level in Level::all() {
                let blocks = Both::of(level, &x, true);
                let x = match matrix.is_quantised() {
                    true => Input::Blocks(blocks.rounded()),
                    false => Input::Floats(&x),
                };
                let mut out = vec![0.0; 20];
                MatMul { matrix: &matrix, bias: None, x, alone: false, panels: 0..2, out: &mut out }
                    .run(level);
                assert!(out.iter().all(|v| !v.is_finite()), "{ty}, {bad}, {}: {out:?}", level.name());
            }
        }
    }
}

#[test]
fn attention_is_the_interpreters() {
    let masks = [
        (true, None, None),
        (true, Some(5), None),
        (true, None, Some(0.7)),
        (false, None, None),
        (false, Some(4), None),
    ];
    for (n_heads, n_kv_heads, head_dim) in [(1, 1, 8), (4, 2, 20), (6, 1, 64), (3, 3, 33)] {
        let shape = KvCache { n_kv_heads, head_dim };
        for (causal, window, softcap) in masks {
            for (position, tokens) in [(0, 1), (0, 7), (30, 1), (17, 23)] {
                if !causal && position > 0 {
                    continue;
                }
                let length = position + tokens;
                let kv = |seed| random(length * n_kv_heads * head_dim, seed);
                let (keys, values) = (kv(1), kv(2));
                let q = random(tokens * n_heads * head_dim, 3);
                let sinks = random(n_heads, 4);
                let attention = Attention { n_heads, scale: 0.5, causal, window, softcap, sinks: None };
                let want = ops::attention(&q, &keys, &values, shape, position, &attention, Some(&sinks));
                let mut cache = HalfCache::new(shape, 64);
                let (layout, heads) = cache.by_head();
                Pool::new(1).each(heads, |head, to| layout.write(head, 0, [&keys, &values], to));
                for level in Level::all() {
                    let what =
                        format!("{shape:?} {attention:?} at {position}, {tokens} tokens, {}", level.name());
                    let mut out = vec![f32::NAN; q.len()];
                    let (attention, cache) = (&attention, &cache);
                    let heads = 0..n_kv_heads;
                    let sinks = Some(&sinks[..]);
                    let (q, cache, scores) =
                        (&q[..], cache.heads(), &mut vec![f32::NAN; scores_needed(length)][..]);
                    let out_of = &mut out[..];
                    Queries { q, position, length, heads, attention, sinks, cache, scores, out: out_of }
                        .run(level);
                    assert_close(&out, &want, 2e-3, &what);
                }
            }
        }
    }
}

#[test]
fn norms_gates_sums_and_rotations_are_the_interpreters() {
    for n in [1, 31, 33, 257, 512] {
        let (x, y, weight) = (random(3 * n, 1), random(3 * n, 2), random(n, 3));
        for level in Level::all() {
            let what = |name: &str| format!("{name} of {n}, {}", level.name());
            let mut out = vec![f32::NAN; 3 * n];
            elementwise::rms_norm(level, &x, &weight, 1e-5, &mut out);
            assert_close(&out, &ops::rms_norm(&x, &weight, 1e-5), 1e-5, &what("rms_norm"));
            for kind in [Gated::Silu, Gated::GeluTanh] {
                elementwise::gated(level, kind, &x, &y, &mut out);
                assert_close(&out, &ops::gated(kind, &x, &y), 1e-6, &what("gated"));
            }
            elementwise::add(level, &x, &y, &mut out);
            assert_eq!(out, ops::add(&x, &y), "{}", what("add"));
        }
    }
    for layout in [RopeLayout::Adjacent, RopeLayout::Halves] {
        for (head_dim, rotary_dim) in [(8, 8), (20, 12), (6, 0)] {
            let rope = Rope {
                head_dim,
                rotary_dim,
                layout,
                base: 1e4,
                position_scale: 0.5,
                magnitude: 1.1,
                growth: None,
                factors: None,
            };
            let mut table = Table::new(rope, None);
            for position in [0, 3, 700] {
                let x = random(5 * 2 * head_dim, 9);
                let mut out = vec![f32::NAN; x.len()];
                table.reach(position + 5);
                table.rotate(&x, 2 * head_dim, position, &mut out);
                let want = ops::rope(&x, 2 * head_dim, position, &rope, None);
                assert_close(&out, &want, 1e-6, &format!("{rope:?} at {position}"));
            }
        }
    }
}
