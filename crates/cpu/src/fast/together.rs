//! Operations that threads share as one job, where a step has one token: projections of the same value, and what gates two of them.
//!
//! Each job costs the threads their meeting, at its begin and its end, and each line that one of them wrote and the
//! other reads takes a while on its way. So a layer has few jobs, what only the next operation of a job reads stays with the thread that
//! wrote it, and what only a projection reads leaves it quantised.

use sotto_plan::{Attention, CacheId, Op, ValueId, WeightId};

use super::activations::{BLOCK, quantise};
use super::attention::{Queries, scores_needed};
use super::elementwise;
use super::matmul::{Input, MatMul};
use super::run::{PANELS, PIECES, State};
use super::weights::Weights;
use crate::pool::Pieces;
use crate::reference::Step;
use crate::simd::LANES;

/// Most operations of a job.
pub const MOST: usize = 3;

/// How many of `ops`, from the first on, can be one job: each reads what was there before, or what the job writes at the same
/// place and nobody else reads, of which `readers` tells the number. `is_half` tells which caches are of half floats.
pub fn count(ops: &[Op], readers: impl Fn(ValueId) -> usize, is_half: impl Fn(CacheId) -> bool) -> usize {
    let shared = match *ops {
        [Op::KvWrite { cache: written, .. }, Op::Attention { cache, .. }, ..] => {
            return if written == cache && is_half(cache) { 2 } else { 1 };
        }
        [Op::Linear { x, .. }, ..] => x,
        _ => return 1,
    };
    let of_shared = |op: &&Op| matches!(op, Op::Linear { x, .. } if *x == shared);
    let projections = ops.iter().take(MOST).take_while(of_shared).count();
    match ops {
        [first, second, Op::Gated { gate, up, .. }, ..]
            if projections == 2
                && (first.out(), second.out()) == (Some(*gate), Some(*up))
                && [*gate, *up].map(readers) == [1, 1] =>
        {
            projections + 1
        }
        _ => projections,
    }
}

impl State {
    /// Whether operations that can are to run together in `step`. Where there are more tokens, they are long enough to be shared
    /// one by one; where no output is asked for, the last of them have none to run on.
    pub fn shares_job(&self, step: Step<'_>) -> bool {
        step.ids.len() == 1 && step.first_output == 0 && self.pool.threads() > 1
    }

    /// Runs `ops`, which [`count`] found, on the token of `step`; they write `outs`, but for what a gate reads, and what only the
    /// projection by `reader` does.
    pub fn run_together(
        &mut self,
        weights: &Weights,
        ops: &[Op],
        reader: Option<WeightId>,
        step: Step<'_>,
        outs: &mut [Vec<f32>; MOST],
    ) {
        match ops {
            [Op::KvWrite { k, v, .. }, Op::Attention { q, cache, attention, .. }] => {
                let sinks = attention.sinks.map(|id| weights.vector(id));
                self.attend_by_head([*q, *k, *v], *cache, (attention, sinks), step.position, &mut outs[1]);
            }
            _ => self.project(weights, ops, reader, outs),
        }
    }

    /// Stores a token's keys and values, and attends: each head by itself.
    fn attend_by_head(
        &mut self,
        [q, k, v]: [ValueId; 3],
        cache: CacheId,
        (attention, sinks): (&Attention, Option<&[f32]>),
        position: usize,
        out: &mut [f32],
    ) {
        let length = position + 1;
        self.grow_scratch(scores_needed(length));
        let State { level, pool, values, half, scratch, .. } = self;
        let [q, k, v] = [q, k, v].map(|id| &values[id.0 as usize][..]);
        let Some(half) = &mut half[cache.0 as usize] else { return };
        let width = q.len() / half.n_kv_heads();
        let (layout, heads) = half.by_head();
        let cut = (heads, Pieces::new(out, width));
        pool.each_with(scratch, cut, |head, ((keys, values), out), scores| {
            layout.write(head, position, [k, v], (keys, values));
            let (cache, heads) = (layout.head(head, keys, values), head..head + 1);
            Queries { q, position, length, heads, attention, sinks, cache, scores, out }.run(*level);
        });
    }

    /// Projects a token's value by several matrices, and gates it where the last of `ops` does.
    fn project(
        &mut self,
        weights: &Weights,
        ops: &[Op],
        reader: Option<WeightId>,
        outs: &mut [Vec<f32>; MOST],
    ) {
        let linear = |op: &Op| match *op {
            Op::Linear { x, weight, bias, .. } => Some((x, weights.matrix(weight), bias)),
            _ => None,
        };
        let Some((x, first, _)) = linear(&ops[0]) else { return };
        let matrices = ops.iter().filter_map(linear);
        let quantised = matrices.clone().filter(|(_, matrix, _)| matrix.is_quantised());
        if let Some(fine) = quantised.map(|(_, matrix, _)| matrix.fine).reduce(|a, b| a | b) {
            self.quantise(x, fine);
        }
        let pieces = self.pool.threads() * PIECES;
        // Whole blocks of what is gated.
        let length = first.rows.div_ceil(pieces).max(PANELS / 2 * LANES).next_multiple_of(BLOCK);
        self.grow_scratch(3 * length);
        let State { level, pool, values, given, gated: result_blocks, scratch, .. } = self;
        let level = *level;
        let product = |op: usize, panel: usize, out: &mut [f32]| {
            let Some((_, matrix, bias)) = linear(&ops[op]) else { return };
            let x = match matrix.is_quantised() {
                true => Input::Blocks(given.rows(0, matrix.cols / BLOCK, matrix.fine)),
                false => Input::Floats(&values[x.0 as usize]),
            };
            let bias = bias.map(|id| weights.vector(id));
            let panels = panel..panel + out.len().div_ceil(LANES);
            MatMul { matrix, bias, x, alone: false, panels, out }.run(level);
        };
        let &Op::Gated { kind, out: result, .. } = &ops[ops.len() - 1] else {
            let all: usize = matrices.map(|(_, matrix, _)| matrix.rows.div_ceil(LANES)).sum();
            let panels = all.div_ceil(pieces).max(PANELS);
            return pool
                .pieces_of_all(outs, panels * LANES, |op, index, out| product(op, index * panels, out));
        };
        let gated = |index: usize, out: &mut [f32], scratch: &mut [f32]| {
            let (gate, up) = scratch[..2 * out.len()].split_at_mut(out.len());
            product(0, index * length / LANES, gate);
            product(1, index * length / LANES, up);
            elementwise::gated(level, kind, gate, up, out);
        };
        if let Some(reader) = reader.map(|id| weights.matrix(id)).filter(|reader| reader.is_quantised()) {
            let cut = result_blocks.room(result, reader.fine, first.rows / BLOCK, length / BLOCK);
            pool.each_with(scratch, cut, |index, (high, low), scratch| {
                let (out, scratch) = scratch.split_at_mut(high.len() * BLOCK);
                gated(index, out, scratch);
                quantise(level, out, high, low.unwrap_or_default());
            });
        } else {
            let [.., out] = outs;
            pool.each_with(scratch, Pieces::new(out, length), |index, out, scratch| {
                gated(index, out, scratch);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use sotto_plan::{Gated, ValueId, WeightId};

    use super::*;

    fn linear(x: u32, out: u32) -> Op {
        Op::Linear { x: ValueId(x), weight: WeightId(0), bias: None, out: ValueId(out) }
    }

    #[test]
    fn what_needs_another_operation_of_the_job_waits_for_it() {
        let gated =
            |gate, up| Op::Gated { kind: Gated::Silu, gate: ValueId(gate), up: ValueId(up), out: ValueId(9) };
        for (ops, want) in [
            (vec![linear(0, 1)], 1),
            (vec![linear(0, 1), linear(1, 2)], 1),
            (vec![linear(0, 1), linear(0, 2), linear(0, 3), linear(0, 4)], 3),
            (vec![linear(0, 1), linear(0, 2), gated(1, 2), linear(0, 3)], 3),
            (vec![linear(0, 1), linear(0, 2), gated(2, 1)], 2),
            (vec![linear(0, 1), linear(5, 2), gated(1, 2)], 1),
            (vec![gated(1, 2), linear(0, 1)], 1),
            (vec![], 1),
        ] {
            assert_eq!(count(&ops, |_| 1, |_| true), want, "{ops:?}");
        }
        let read_elsewhere = |id| if id == ValueId(2) { 2 } else { 1 };
        assert_eq!(count(&[linear(0, 1), linear(0, 2), gated(1, 2)], read_elsewhere, |_| true), 2);
    }
}
