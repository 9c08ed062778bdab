//! Runs a plan step by step over its weights and KV caches.

use sotto_format::dequantize;
use sotto_plan::{Op, Outputs, Plan, ValueId, WeightId};

use super::{CpuError, ops};

/// A loaded model and the keys and values of the tokens it has seen.
pub struct Model {
    plan: Plan,
    weights: Vec<Vec<u8>>,
    caches: Vec<Cache>,
    position: usize,
    context_length: usize,
}

#[derive(Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// What an operation needs to know of the step.
struct Step<'a> {
    ids: &'a [u32],
    position: usize,
    first_output: usize,
}

impl Model {
    pub(super) fn new(plan: Plan, weights: Vec<Vec<u8>>, context_length: usize) -> Self {
        let caches = plan.caches.iter().map(|_| Cache::default()).collect();
        let context_length = context_length.min(plan.max_positions().unwrap_or(usize::MAX));
        Model { plan, weights, caches, position: 0, context_length }
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
        let caches = self.caches.iter().map(|c| 4 * (c.keys.len() + c.values.len()) as u64).sum();
        (weights, caches)
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        self.position = self.position.min(length);
        for (cache, shape) in self.caches.iter_mut().zip(&self.plan.caches) {
            let elements = self.position * shape.n_kv_heads * shape.head_dim;
            cache.keys.truncate(elements);
            cache.values.truncate(elements);
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
        self.check_ids(ids)?;
        let step = Step { ids, position: self.position, first_output: outputs.first(ids.len()) };
        let plan = self.plan.clone();
        let mut values: Vec<Vec<f32>> = vec![Vec::new(); plan.values.len()];
        for op in &plan.ops {
            let result = self.run(op, &step, &values);
            if let Some(out) = op.out() {
                values[out.0 as usize] = result;
            }
        }
        self.position = end;
        Ok(plan.output.map(|id| std::mem::take(&mut values[id.0 as usize])).unwrap_or_default())
    }

    fn check_ids(&self, ids: &[u32]) -> Result<(), CpuError> {
        for op in &self.plan.ops {
            if let Op::Embed { table, .. } = *op {
                let vocab = self.plan.weight(table).rows;
                if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab) {
                    return Err(CpuError::TokenId { id, vocab });
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, op: &Op, step: &Step<'_>, values: &[Vec<f32>]) -> Vec<f32> {
        let value = |id: ValueId| values[id.0 as usize].as_slice();
        match *op {
            Op::Embed { table, scale, .. } => {
                let width = self.plan.weight(table).cols;
                ops::embed(step.ids, scale, width, |id, out| self.weight_row(table, id as usize, out))
            }
            Op::AddRow { x, table, row, .. } => {
                let at = |row: usize, out: &mut [f32]| self.weight_row(table, row, out);
                ops::add_row(value(x), self.plan.value(x).width, step.position, row, at)
            }
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                let bias = bias.map(|id| self.vector(id));
                ops::layer_norm(value(x), &self.vector(weight), bias.as_deref(), eps)
            }
            Op::RmsNorm { x, weight, eps, .. } => ops::rms_norm(value(x), &self.vector(weight), eps),
            Op::Linear { x, weight, bias, .. } => {
                let shape = self.plan.weight(weight);
                let bias = bias.map(|id| self.vector(id));
                let row = |o, out: &mut [f32]| self.weight_row(weight, o, out);
                ops::linear(value(x), (shape.rows, shape.cols), row, bias.as_deref())
            }
            Op::Rope { x, rope, .. } => {
                let factors = rope.factors.map(|id| self.vector(id));
                ops::rope(value(x), self.plan.value(x).width, step.position, &rope, factors.as_deref())
            }
            Op::KvWrite { k, v, cache } => {
                let before = step.position * self.plan.value(k).width;
                let cache = &mut self.caches[cache.0 as usize];
                // Layers that do not look back may share a cache, so that what it held last is of another layer.
                cache.keys.truncate(before);
                cache.values.truncate(before);
                cache.keys.extend_from_slice(value(k));
                cache.values.extend_from_slice(value(v));
                Vec::new()
            }
            Op::Attention { q, cache, ref attention, .. } => {
                let Cache { keys, values } = &self.caches[cache.0 as usize];
                ops::attention(value(q), keys, values, self.plan.cache(cache), step.position, attention)
            }
            Op::Gated { kind, gate, up, .. } => ops::gated(kind, value(gate), value(up)),
            Op::Add { a, b, .. } => ops::add(value(a), value(b)),
            Op::SelectOutputs { x, .. } => value(x)[step.first_output * self.plan.value(x).width..].to_vec(),
        }
    }

    fn vector(&self, id: WeightId) -> Vec<f32> {
        let mut out = vec![0.0; self.plan.weight(id).cols];
        self.weight_row(id, 0, &mut out);
        out
    }

    fn weight_row(&self, id: WeightId, row: usize, out: &mut [f32]) {
        let weight = self.plan.weight(id);
        let bytes = &self.weights[id.0 as usize][row * weight.row_bytes()..][..weight.row_bytes()];
        dequantize(weight.ty, bytes, out).expect("the loader checked that each row is whole blocks");
    }
}
