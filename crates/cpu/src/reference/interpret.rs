//! One operation of a plan, on plain vectors: what [`super::Model`] runs for every operation, and a faster engine for
//! those that it has no form of its own for.

use sotto_plan::{Factors, Op, Plan, Rope, ValueId, WeightId};

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
    /// Whether each token is to be computed as it would be alone, to the last bit; else in the order that is fastest.
    pub alone: bool,
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
    /// Rows that states have seen, by their id: the last of them is that of the position before the step. Of one that is made
    /// over there is none before position 0.
    pub states: &'a mut [Vec<f32>],
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
            Op::Table { table, .. } => self.matrix(table),
            Op::RelativeAttention { q, cache, relative, ref attention, .. } => {
                let Cache { keys, values } = &self.caches[cache.0 as usize];
                let sides = [value(relative.keys), value(relative.queries)];
                let buckets = plan.table(relative.buckets);
                let shape = plan.cache(cache);
                ops::relative_attention(
                    value(q),
                    [keys, values],
                    shape,
                    step.position,
                    attention,
                    sides,
                    buckets,
                )
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
                let factors = self.factors(&rope);
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
                let sinks = attention.sinks.map(|id| self.vector(id));
                let shape = plan.cache(cache);
                ops::attention(value(q), keys, values, shape, step.position, attention, sinks.as_deref())
            }
            Op::Gated { kind, gate, up, .. } => ops::gated(kind, value(gate), value(up)),
            Op::Add { a, b, .. } => ops::add(value(a), value(b)),
            Op::Map { map, x, .. } => ops::map(map, value(x)),
            Op::Route { logits, n_used, normalise, .. } => {
                ops::route(value(logits), plan.value(logits).width, n_used, normalise)
            }
            Op::ExpertLinear { x, routes, weight, bias, out } => {
                let n_used = plan.value(routes).width / 2;
                let shape = (plan.value(out).width / n_used, plan.weight(weight).cols);
                let bias = bias.map(|id| self.matrix(id));
                let row = |o, out: &mut [f32]| (self.weight_row)(weight, o, out);
                ops::expert_linear(value(x), value(routes), n_used, shape, row, bias.as_deref())
            }
            Op::ExpertSum { x, routes, .. } => {
                ops::expert_sum(value(x), value(routes), plan.value(routes).width / 2)
            }
            Op::ShortConv { x, weight, state, .. } => {
                let weight = self.matrix(weight);
                let history = &mut self.states[state.0 as usize];
                let out = ops::short_conv(value(x), history, &weight, plan.value(x).width);
                history.extend_from_slice(value(x));
                out
            }
            Op::DeltaNet { x, a, b, decay, bias, state, net, .. } => {
                let (decay, bias) = (self.vector(decay), self.vector(bias));
                let state = &mut self.states[state.0 as usize];
                state.resize(net.state(), 0.0);
                ops::delta_net([value(x), value(a), value(b)], &decay, &bias, net, state)
            }
            Op::GroupPart { x, group, first, out } => {
                let part = plan.value(out).width * group / plan.value(x).width;
                value(x).chunks_exact(group).flat_map(|x| &x[first..first + part]).copied().collect()
            }
            Op::SelectOutputs { x, .. } => value(x)[step.first_output * plan.value(x).width..].to_vec(),
        }
    }

    fn factors(&self, rope: &Rope) -> Option<Vec<f32>> {
        Some(match rope.factors? {
            Factors::Weight(id) => self.vector(id),
            Factors::Table(id) => self.plan.table(id).to_vec(),
        })
    }

    fn matrix(&self, id: WeightId) -> Vec<f32> {
        let weight = self.plan.weight(id);
        let mut out = vec![0.0; weight.rows * weight.cols];
        out.chunks_exact_mut(weight.cols).enumerate().for_each(|(row, out)| (self.weight_row)(id, row, out));
        out
    }

    fn vector(&self, id: WeightId) -> Vec<f32> {
        let mut out = vec![0.0; self.plan.weight(id).cols];
        (self.weight_row)(id, 0, &mut out);
        out
    }
}
