//! One operation of a plan, on plain vectors: what [`super::Model`] runs for every operation, and a faster engine for
//! those that it has no form of its own for.

use sotto_plan::{Op, Plan, ValueId, WeightId};

use super::ops;

/// Keys and values of one cache: `[positions, n_kv_heads, head_dim]` each.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// Rotated keys.
    pub keys: Vec<f32>,
    /// Values.
    pub values: Vec<f32>,
}

/// What an operation needs to know of the step.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The step's tokens.
    pub ids: &'a [u32],
    /// Position of the first.
    pub position: usize,
    /// The first of them that gives an output row.
    pub first_output: usize,
}

/// The state that operations read and write.
pub struct Interpreter<'a> {
    /// The plan the operations are of.
    pub plan: &'a Plan,
    /// The step.
    pub step: Step<'a>,
    /// Writes one row of a weight, dequantised.
    pub weight_row: &'a dyn Fn(WeightId, usize, &mut [f32]),
    /// Activations by their id, `[rows, width]`.
    pub values: &'a [Vec<f32>],
    /// Caches by their id.
    pub caches: &'a mut [Cache],
}

impl Interpreter<'_> {
    /// What `op` yields; nothing for one that only writes a cache.
    pub fn run(&mut self, op: &Op) -> Vec<f32> {
        let (plan, step, values) = (self.plan, self.step, self.values);
        let value = |id: ValueId| values[id.0 as usize].as_slice();
        match *op {
            Op::Embed { table, scale, .. } => {
                let width = plan.weight(table).cols;
                ops::embed(step.ids, scale, width, |id, out| (self.weight_row)(table, id as usize, out))
            }
            Op::AddRow { x, table, row, .. } => {
                let at = |row: usize, out: &mut [f32]| (self.weight_row)(table, row, out);
                ops::add_row(value(x), plan.value(x).width, step.position, row, at)
            }
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                let bias = bias.map(|id| self.vector(id));
                ops::layer_norm(value(x), &self.vector(weight), bias.as_deref(), eps)
            }
            Op::RmsNorm { x, weight, eps, .. } => ops::rms_norm(value(x), &self.vector(weight), eps),
            Op::Linear { x, weight, bias, .. } => {
                let shape = plan.weight(weight);
                let bias = bias.map(|id| self.vector(id));
                let row = |o, out: &mut [f32]| (self.weight_row)(weight, o, out);
                ops::linear(value(x), (shape.rows, shape.cols), row, bias.as_deref())
            }
            Op::Rope { x, rope, .. } => {
                let factors = rope.factors.map(|id| self.vector(id));
                ops::rope(value(x), plan.value(x).width, step.position, &rope, factors.as_deref())
            }
            Op::KvWrite { k, v, cache } => {
                let before = step.position * plan.value(k).width;
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
                ops::attention(value(q), keys, values, plan.cache(cache), step.position, attention)
            }
            Op::Gated { kind, gate, up, .. } => ops::gated(kind, value(gate), value(up)),
            Op::Add { a, b, .. } => ops::add(value(a), value(b)),
            Op::SelectOutputs { x, .. } => value(x)[step.first_output * plan.value(x).width..].to_vec(),
        }
    }

    fn vector(&self, id: WeightId) -> Vec<f32> {
        let mut out = vec![0.0; self.plan.weight(id).cols];
        (self.weight_row)(id, 0, &mut out);
        out
    }
}
