//! Runs a plan step by step over its weights and KV caches.

use sotto_format::dequantize;
use sotto_plan::{Op, Outputs, Plan, WeightId};

use super::{Cache, Interpreter, Step};
use crate::CpuError;

/// A loaded model and the keys and values of the tokens it has seen.
pub struct Model {
    plan: Plan,
    weights: Vec<Vec<u8>>,
    caches: Vec<Cache>,
    /// All rows that each state has seen, so that any of them can be gone back to; the last of one that is made over.
    states: Vec<Vec<f32>>,
    position: usize,
    context_length: usize,
}

impl Model {
    pub(super) fn new(plan: Plan, weights: Vec<Vec<u8>>, context_length: usize) -> Self {
        let caches = plan.caches.iter().map(|_| Cache::default()).collect();
        let context_length = context_length.min(plan.max_positions().unwrap_or(usize::MAX));
        let states = vec![Vec::new(); plan.states.len()];
        Model { plan, weights, caches, states, position: 0, context_length }
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Number of tokens in the caches.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Most tokens that the caches may hold.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Bytes of the weights and of the caches as they stand.
    pub fn memory(&self) -> (u64, u64) {
        let weights = self.weights.iter().map(|w| w.len() as u64).sum();
        let caches: u64 = self.caches.iter().map(|c| 4 * (c.keys.len() + c.values.len()) as u64).sum();
        let states: u64 = self.states.iter().map(|s| 4 * s.len() as u64).sum();
        (weights, caches + states)
    }

    /// Forgets all tokens but the first `length`; all of them where a state is made over at each.
    pub fn truncate(&mut self, length: usize) {
        if length < self.position {
            self.position = if self.plan.is_recurrent() { 0 } else { length };
        }
        for (cache, shape) in self.caches.iter_mut().zip(&self.plan.caches) {
            let elements = self.position * shape.n_kv_heads * shape.head_dim;
            cache.keys.truncate(elements);
            cache.values.truncate(elements);
        }
        for (rows, state) in self.states.iter_mut().zip(&self.plan.states) {
            let rows_kept = if state.made_over { self.position.min(1) } else { self.position };
            rows.truncate(rows_kept * state.width);
        }
    }

    /// Appends `ids` and returns the output rows asked for, `[outputs, output_width]`.
    pub fn forward(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, CpuError> {
        let end = self.position + ids.len();
        if end > self.context_length {
            return Err(CpuError::ContextLength { asked: end, limit: self.context_length });
        }
        if self.position > 0 && self.plan.is_bidirectional() {
            return Err(CpuError::WholeSequence);
        }
        check_ids(&self.plan, ids)?;
        let step = Step { ids, position: self.position, first_output: outputs.first(ids.len()), alone: true };
        let Model { plan, weights, caches, states, .. } = self;
        let weight_row = |id, row, out: &mut [f32]| weight_row(plan, weights, id, row, out);
        let mut values: Vec<Vec<f32>> = vec![Vec::new(); plan.values.len()];
        for op in &plan.ops {
            let weight_row = &weight_row;
            let result = Interpreter { plan, step, weight_row, values: &values, caches, states }.run(op);
            if let Some(out) = op.out() {
                values[out.0 as usize] = result;
            }
        }
        self.position = end;
        Ok(self.plan.output.map(|id| std::mem::take(&mut values[id.0 as usize])).unwrap_or_default())
    }
}

/// Refuses ids that `plan` has no embedding for.
pub fn check_ids(plan: &Plan, ids: &[u32]) -> Result<(), CpuError> {
    for op in &plan.ops {
        if let Op::Embed { table, .. } = *op {
            let vocab = plan.weight(table).rows;
            if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab) {
                return Err(CpuError::TokenId { id, vocab });
            }
        }
    }
    Ok(())
}

fn weight_row(plan: &Plan, weights: &[Vec<u8>], id: WeightId, row: usize, out: &mut [f32]) {
    let weight = plan.weight(id);
    let bytes = &weights[id.0 as usize][row * weight.row_bytes()..][..weight.row_bytes()];
    dequantize(weight.ty, bytes, out).expect("the loader checked that each row is whole blocks");
}
