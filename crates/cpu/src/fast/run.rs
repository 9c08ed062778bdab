//! Runs one operation: in its fast form where there is one, else in the interpreter's, on the same values.

use std::ops::Range;

use sotto_plan::{Attention, CacheId, DECODE_TOKENS, Factors, Op, Plan, ValueId};

use super::Options;
use super::activations::{BLOCK, Blocks, quantise};
use super::attention::{HalfCache, Queries, scores_needed};
use super::elementwise;
use super::matmul::{Input, MatMul};
use super::matrix::Matrix;
use super::rope::Table;
use super::weights::Weights;
use crate::pool::{Pieces, Pool};
use crate::reference::{self, Interpreter, Step};
use crate::simd::{LANES, Level};

/// What the steps of a model write.
pub struct State {
    pub level: Level,
    pub pool: Pool,
    /// For what is done sooner than shared.
    alone: Pool,
    /// Activations that live, by their id.
    pub values: Vec<Vec<f32>>,
    /// The buffers of those that do not, by the schedule's numbers.
    pub buffers: Vec<Vec<f32>>,
    /// Half-float caches, where every operation that uses one has a fast form; else the interpreter's.
    pub half: Vec<Option<HalfCache>>,
    plain: Vec<reference::Cache>,
    /// The last rows that each of the plan's states has seen, at least [`REWIND`] more than it reads where there were so many.
    histories: Vec<Vec<f32>>,
    ropes: Vec<Table>,
    /// One a thread, for what nobody reads after its piece of work. They grow with the text and are kept.
    pub scratch: Vec<Vec<f32>>,
    /// The value that was quantised last in this step.
    pub given: Blocks,
    /// The last that was gated by threads together, and only quantised.
    pub gated: Blocks,
    /// Products of a few tokens, by pieces of work.
    parts: Vec<f32>,
}

/// Tokens that go through a matrix together: their activations stay in the nearest caches.
const TOKEN_TILE: usize = 64;
/// Tokens that threads do not share: they share panels. Those of a decode step are never more.
const FEW_TOKENS: usize = DECODE_TOKENS;
/// Tokens whose queries are one piece of work.
const QUERY_TILE: usize = 4;
/// Panels of one piece of work, at least: fewer are done sooner than shared.
pub const PANELS: usize = 4;
/// Pieces of work a thread, so that one that is slower gets fewer.
pub const PIECES: usize = 4;
/// Positions that a state can be taken back by, besides the rows it reads.
const REWIND: usize = 64;
/// Elements below which an elementwise operation is done sooner than shared.
const SMALL: usize = 8192;

/// Whether [`State::run`] has a form of its own for `op`.
fn has_fast_form(op: &Op) -> bool {
    match op {
        Op::Embed { .. }
        | Op::RmsNorm { .. }
        | Op::Linear { .. }
        | Op::Rope { .. }
        | Op::KvWrite { .. }
        | Op::Attention { .. }
        | Op::Gated { .. }
        | Op::Add { .. }
        | Op::SelectOutputs { .. } => true,
        Op::AddRow { .. }
        | Op::Table { .. }
        | Op::RelativeAttention { .. }
        | Op::LayerNorm { .. }
        | Op::Map { .. }
        | Op::Route { .. }
        | Op::ExpertLinear { .. }
        | Op::ExpertSum { .. }
        | Op::ShortConv { .. }
        | Op::DeltaNet { .. }
        | Op::GroupPart { .. } => false,
    }
}

/// Whether every operation that uses a cache reads half floats; else the interpreter's are kept.
pub fn is_half(plan: &Plan, cache: usize) -> bool {
    plan.ops.iter().all(|op| op.cache().is_none_or(|id| id.0 as usize != cache) || has_fast_form(op))
}

/// Bytes of the caches of `plan` when they hold `positions` positions.
pub fn cache_bytes_needed(plan: &Plan, positions: usize) -> u64 {
    let bytes = |(index, shape): (usize, &sotto_plan::KvCache)| match is_half(plan, index) {
        true => HalfCache::bytes_needed(*shape, positions),
        false => (2 * size_of::<f32>() * positions * shape.n_kv_heads * shape.head_dim) as u64,
    };
    // Twice what can be gone back to, before any is let go.
    let rows = |state: &sotto_plan::State| match state.made_over {
        true => 1,
        false => positions.min(2 * (state.rows + REWIND)),
    };
    let histories = plan.states.iter().map(|state| (4 * rows(state) * state.width) as u64);
    plan.caches.iter().enumerate().map(bytes).sum::<u64>() + histories.sum::<u64>()
}

/// Scores that each thread has room for when `plan` has `positions` positions.
fn most_scores(plan: &Plan, positions: usize) -> usize {
    let attends = (0..plan.caches.len()).any(|cache| is_half(plan, cache));
    if attends { scores_needed(positions) } else { 0 }
}

/// Bytes that so many threads take for scores when `plan` has `positions` positions.
pub fn score_bytes_needed(plan: &Plan, positions: usize, threads: usize) -> u64 {
    (Pool::size(threads) * most_scores(plan, positions) * size_of::<f32>()) as u64
}

impl State {
    /// Room for what the steps of `plan` need, over at most `positions`.
    pub fn new(plan: &Plan, weights: &Weights, buffers: usize, positions: usize, options: &Options) -> Self {
        let half = |(index, shape): (usize, &sotto_plan::KvCache)| {
            is_half(plan, index).then(|| HalfCache::new(*shape, positions))
        };
        let mut ropes: Vec<Table> = Vec::new();
        for op in &plan.ops {
            if let Op::Rope { rope, .. } = op
                && !ropes.iter().any(|table| table.is_of(rope))
            {
                let factors = rope.factors.map(|factors| match factors {
                    Factors::Weight(id) => weights.vector(id).to_vec(),
                    Factors::Table(id) => plan.table(id).to_vec(),
                });
                ropes.push(Table::new(*rope, factors));
            }
        }
        let pool = Pool::new(options.threads);
        State {
            level: options.level.unwrap_or_else(Level::best),
            // For all positions at once, so that no token makes them grow.
            scratch: (0..pool.threads()).map(|_| Vec::with_capacity(most_scores(plan, positions))).collect(),
            pool,
            alone: Pool::new(1),
            values: vec![Vec::new(); plan.values.len()],
            buffers: vec![Vec::new(); buffers],
            half: plan.caches.iter().enumerate().map(half).collect(),
            plain: vec![reference::Cache::default(); plan.caches.len()],
            histories: vec![Vec::new(); plan.states.len()],
            ropes,
            given: Blocks::default(),
            gated: Blocks::default(),
            parts: Vec::new(),
        }
    }

    /// Bytes of the caches.
    pub fn cache_bytes(&self) -> u64 {
        let plain: usize = self.plain.iter().map(|c| 4 * (c.keys.len() + c.values.len())).sum();
        let histories: usize = self.histories.iter().map(|rows| 4 * rows.len()).sum();
        self.half.iter().flatten().map(HalfCache::bytes).sum::<u64>() + (plain + histories) as u64
    }

    /// Forgets the positions from `length` on, of `position` that there are; all of them where a history has not kept what
    /// came before `length`. Returns how many are kept.
    pub fn truncate(&mut self, plan: &Plan, position: usize, length: usize) -> usize {
        let mut length = length.min(position);
        let kept = |(rows, state): (&Vec<f32>, &sotto_plan::State)| {
            if state.made_over {
                return (length == position).then_some(1);
            }
            (rows.len() / state.width.max(1) + length).checked_sub(position)
        };
        let reaches = |(at, state): (Option<usize>, &sotto_plan::State)| at >= Some(length.min(state.rows));
        let kept: Vec<_> = self.histories.iter().zip(&plan.states).map(kept).collect();
        if !kept.iter().copied().zip(&plan.states).all(reaches) {
            length = 0;
        }
        for ((rows, kept), state) in self.histories.iter_mut().zip(kept).zip(&plan.states) {
            rows.truncate(if length == 0 { 0 } else { kept.unwrap_or(0) * state.width });
        }
        // Half-float caches are written by position: what is beyond it is never read.
        for (cache, shape) in self.plain.iter_mut().zip(&plan.caches) {
            let elements = length * shape.n_kv_heads * shape.head_dim;
            cache.keys.truncate(elements);
            cache.values.truncate(elements);
        }
        length
    }

    /// Before the first operation of a step.
    pub fn begin(&mut self, step: Step<'_>) {
        (self.given.of, self.gated.of) = (None, None);
        self.ropes.iter_mut().for_each(|table| table.reach(step.position + step.ids.len()));
    }

    /// Runs `op`, which writes `out`.
    pub fn run(&mut self, plan: &Plan, weights: &Weights, op: &Op, step: Step<'_>, out: &mut Vec<f32>) {
        match *op {
            Op::Embed { table, scale, .. } => {
                let width = plan.weight(table).cols;
                for (&id, out) in step.ids.iter().zip(out.chunks_exact_mut(width)) {
                    weights.row(plan, table, id as usize, out);
                    out.iter_mut().for_each(|v| *v *= scale);
                }
            }
            Op::RmsNorm { x, weight, eps, .. } => {
                let (level, weight) = (self.level, weights.vector(weight));
                self.rows(out, plan.value(x).width, [x], |_, [x], out| {
                    elementwise::rms_norm(level, x, weight, eps, out);
                });
            }
            Op::Linear { x, weight, bias, .. } => {
                self.linear(x, weights.matrix(weight), bias.map(|id| weights.vector(id)), step.alone, out);
            }
            Op::Rope { x, ref rope, .. } => {
                let table = self.ropes.iter().find(|table| table.is_of(rope)).expect("there is one for each");
                let width = plan.value(x).width;
                self.rows(out, width, [x], |row, [x], out| table.rotate(x, width, step.position + row, out));
            }
            Op::KvWrite { k, v, cache } if let Some(half) = &mut self.half[cache.0 as usize] => {
                let rows = [k, v].map(|id| &self.values[id.0 as usize][..]);
                let (layout, heads) = half.by_head();
                let pool = if rows[0].len() < SMALL { &self.alone } else { &self.pool };
                pool.each(heads, |head, to| layout.write(head, step.position, rows, to));
            }
            Op::Attention { q, cache, ref attention, .. } if self.half[cache.0 as usize].is_some() => {
                let sinks = attention.sinks.map(|id| weights.vector(id));
                self.attention(q, plan.value(q).width, cache, (attention, sinks), step, out);
            }
            Op::Gated { kind, gate, up, .. } => {
                let level = self.level;
                self.rows(out, plan.value(gate).width, [gate, up], |_, [gate, up], out| {
                    elementwise::gated(level, kind, gate, up, out);
                });
            }
            Op::Add { a, b, .. } => {
                let level = self.level;
                self.rows(out, plan.value(a).width, [a, b], |_, [a, b], out| {
                    elementwise::add(level, a, b, out)
                });
            }
            Op::SelectOutputs { x, .. } => {
                out.copy_from_slice(&self.values[x.0 as usize][step.first_output * plan.value(x).width..]);
            }
            _ => {
                let weight_row = &|id, row, out: &mut [f32]| weights.row(plan, id, row, out);
                let (values, caches) = (&self.values[..], &mut self.plain[..]);
                let states = &mut self.histories[..];
                *out = Interpreter { plan, step, weight_row, values, caches, states }.run(op);
                if let Op::ShortConv { state, .. } = *op {
                    let (rows, state) = (&mut self.histories[state.0 as usize], plan.state(state));
                    let wanted = (state.rows + REWIND) * state.width;
                    // Twice as many before any are moved.
                    if rows.len() > 2 * wanted {
                        rows.drain(..rows.len() - wanted);
                    }
                }
            }
        }
    }

    /// Shares rows of `width` elements between the threads: `work` is given rows of each of `x` and of `out`, and the first one's
    /// number.
    fn rows<const N: usize>(
        &self,
        out: &mut [f32],
        width: usize,
        x: [ValueId; N],
        work: impl Fn(usize, [&[f32]; N], &mut [f32]) + Sync,
    ) {
        let x = x.map(|id| self.values[id.0 as usize].as_slice());
        let length = SMALL.div_ceil(width) * width;
        self.pool.pieces(out, length, |index, out| {
            work(index * length / width, x.map(|x| &x[index * length..][..out.len()]), out);
        });
    }

    fn linear(&mut self, x: ValueId, matrix: &Matrix, bias: Option<&[f32]>, alone: bool, out: &mut [f32]) {
        let (level, quantised) = (self.level, matrix.is_quantised());
        if quantised {
            self.quantise(x, matrix.fine);
        }
        let blocks = if self.gated.has(x, matrix.fine) { &self.gated } else { &self.given };
        let (values, cols) = (&self.values[x.0 as usize], matrix.cols);
        let input = |tokens: Range<usize>| match quantised {
            true => {
                let n = cols / BLOCK;
                Input::Blocks(blocks.rows(tokens.start * n, tokens.len() * n, matrix.fine))
            }
            false => Input::Floats(&values[tokens.start * cols..tokens.end * cols]),
        };
        let (tokens, threads) = (values.len() / cols, self.pool.threads());
        let all = matrix.rows.div_ceil(LANES);
        if tokens == 1 {
            let panels = if threads == 1 { all } else { all.div_ceil(threads * PIECES).max(PANELS) };
            self.pool.pieces(out, panels * LANES, |index, out| {
                let panels = index * panels..all.min((index + 1) * panels);
                MatMul { matrix, bias, x: input(0..1), alone, panels, out }.run(level);
            });
        } else if (1..=FEW_TOKENS).contains(&tokens) && threads > 1 {
            let panels = all.div_ceil(threads * PIECES).max(PANELS);
            let mut parts = std::mem::take(&mut self.parts);
            parts.resize(out.len(), 0.0);
            self.pool.pieces(&mut parts, tokens * panels * LANES, |index, out| {
                let panels = index * panels..all.min((index + 1) * panels);
                MatMul { matrix, bias, x: input(0..tokens), alone, panels, out }.run(level);
            });
            for (index, part) in parts.chunks(tokens * panels * LANES).enumerate() {
                let first = index * panels * LANES;
                for (out, part) in
                    out.chunks_exact_mut(matrix.rows).zip(part.chunks_exact(part.len() / tokens))
                {
                    out[first..first + part.len()].copy_from_slice(part);
                }
            }
            self.parts = parts;
        } else {
            let tile = tokens.div_ceil(threads).next_multiple_of(8).min(TOKEN_TILE);
            self.pool.pieces(out, tile * matrix.rows, |index, out| {
                let x = input(index * tile..tokens.min((index + 1) * tile));
                MatMul { matrix, bias, x, alone, panels: 0..all, out }.run(level);
            });
        }
    }

    /// Quantises a value, `fine` or not, unless it was the last one to be.
    pub fn quantise(&mut self, id: ValueId, fine: bool) {
        /// Blocks of one piece of work.
        const PIECE: usize = SMALL / BLOCK;
        if self.given.has(id, fine) || self.gated.has(id, fine) {
            return;
        }
        let (level, x) = (self.level, &self.values[id.0 as usize]);
        let cut = self.given.room(id, fine, x.len() / BLOCK, PIECE);
        self.pool.each(cut, |index, (high, low)| {
            let x = &x[index * PIECE * BLOCK..][..high.len() * BLOCK];
            quantise(level, x, high, low.unwrap_or_default());
        });
    }

    /// Makes each thread's scratch at least as long.
    pub fn grow_scratch(&mut self, length: usize) {
        for scratch in self.scratch.iter_mut().filter(|scratch| scratch.len() < length) {
            scratch.resize(length, 0.0);
        }
    }

    fn attention(
        &mut self,
        q: ValueId,
        width: usize,
        cache: CacheId,
        (attention, sinks): (&Attention, Option<&[f32]>),
        step: Step<'_>,
        out: &mut [f32],
    ) {
        let length = step.position + step.ids.len();
        self.grow_scratch(scores_needed(length));
        let (level, q) = (self.level, &self.values[q.0 as usize]);
        let Some(cache) = &self.half[cache.0 as usize] else { return };
        let (heads, cache) = (cache.n_kv_heads(), cache.heads());
        if step.alone || step.ids.len() == 1 {
            self.pool.each_with(&mut self.scratch, Pieces::new(out, width / heads), |index, out, scores| {
                let (token, head) = (index / heads, index % heads);
                let (q, heads) = (&q[token * width..][..width], head..head + 1);
                let position = step.position + token;
                Queries { q, position, length, heads, attention, sinks, cache, scores, out }.run(level);
            });
        } else {
            self.pool.each_with(
                &mut self.scratch,
                Pieces::new(out, QUERY_TILE * width),
                |index, out, scores| {
                    let first = index * QUERY_TILE;
                    let q = &q[first * width..][..out.len()];
                    let (position, heads) = (step.position + first, 0..heads);
                    Queries { q, position, length, heads, attention, sinks, cache, scores, out }.run(level);
                },
            );
        }
    }
}
