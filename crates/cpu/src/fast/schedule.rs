//! Which buffer each activation lives in: activations that are never needed at once share one.

use std::ops::Range;

use sotto_plan::{Op, Plan, Rows, ValueId, WeightId};

use super::run::is_half;
use super::together;

/// The buffers of a plan.
pub struct Schedule {
    /// The buffer of each value.
    pub buffer: Vec<usize>,
    /// How many there are.
    pub buffers: usize,
    /// The plan's operations, in their order.
    pub groups: Vec<Group>,
}

/// Operations that may run together (see [`together`]).
pub struct Group {
    /// Their indices.
    pub ops: Range<usize>,
    /// The values that nobody reads after them.
    pub ends: Vec<ValueId>,
    /// The weight of the projection that comes next, where it alone reads what the last of them writes.
    pub reader: Option<WeightId>,
}

/// Bytes of the buffers when a step has `tokens` tokens.
pub fn bytes_needed(plan: &Plan, tokens: usize) -> u64 {
    let schedule = Schedule::new(plan);
    let mut buffers = vec![0; schedule.buffers];
    for op in &plan.ops {
        let Some(id) = op.out() else { continue };
        let value = plan.value(id);
        let rows = match value.rows {
            Rows::Tokens => tokens,
            Rows::Fixed(rows) => rows as usize,
            // A decoder is asked for one, but for checks.
            Rows::Outputs => {
                if plan.is_bidirectional() {
                    tokens
                } else {
                    1
                }
            }
        };
        let buffer: &mut usize = &mut buffers[schedule.buffer[id.0 as usize]];
        *buffer = (*buffer).max(rows * value.width);
    }
    (buffers.iter().sum::<usize>() * size_of::<f32>()) as u64
}

impl Schedule {
    /// Walks `plan` once.
    pub fn new(plan: &Plan) -> Self {
        let mut last_use = vec![None; plan.values.len()];
        let mut readers = vec![0; plan.values.len()];
        for (index, op) in plan.ops.iter().enumerate() {
            op.inputs().for_each(|id| readers[id.0 as usize] += 1);
            for id in op.inputs().chain(op.out()) {
                last_use[id.0 as usize] = Some(index);
            }
        }
        if let Some(output) = plan.output {
            last_use[output.0 as usize] = None;
            readers[output.0 as usize] += 1;
        }
        let readers = |id: ValueId| readers[id.0 as usize];
        let mut groups = Vec::new();
        let mut schedule = Schedule { buffer: vec![0; plan.values.len()], buffers: 0, groups: Vec::new() };
        // A buffer has one size for ever: none is cleared for a longer value than it held before.
        let (mut free, mut sizes, mut start) = (Vec::new(), Vec::new(), 0);
        while start < plan.ops.len() {
            let count = together::count(&plan.ops[start..], readers, |id| is_half(plan, id.0 as usize));
            let ops = start..start + count;
            start = ops.end;
            for out in plan.ops[ops.clone()].iter().filter_map(Op::out) {
                let size = (plan.value(out).rows, plan.value(out).width);
                let fits = free.iter().rposition(|&buffer: &usize| sizes[buffer] == size);
                schedule.buffer[out.0 as usize] = fits.map(|at| free.remove(at)).unwrap_or_else(|| {
                    sizes.push(size);
                    sizes.len() - 1
                });
            }
            let ended = |(_, last): &(ValueId, Option<usize>)| last.is_some_and(|last| ops.contains(&last));
            let ends: Vec<_> =
                (0..).map(ValueId).zip(last_use.iter().copied()).filter(ended).map(|(id, _)| id).collect();
            free.extend(ends.iter().map(|id| schedule.buffer[id.0 as usize]));
            let reader = match plan.ops.get(ops.end) {
                Some(&Op::Linear { x, weight, .. }) if plan.ops[ops.end - 1].out() == Some(x) => {
                    (readers(x) == 1).then_some(weight)
                }
                _ => None,
            };
            groups.push(Group { ops, ends, reader });
        }
        Schedule { groups, buffers: sizes.len(), ..schedule }
    }
}
