//! A loaded model, stepped through its plan.

use sotto_plan::{Op, Outputs, Plan, Rows};

use super::Options;
use super::run::State;
use super::schedule::{Group, Schedule};
use super::together;
use super::weights::Weights;
use crate::CpuError;
use crate::reference::{self, Step};
use crate::simd::Level;

/// A loaded model and the keys and values of the tokens it has seen.
pub struct Model {
    plan: Plan,
    weights: Weights,
    schedule: Schedule,
    state: State,
    position: usize,
    context_length: usize,
    /// Tokens of one step at most.
    chunk: usize,
}

/// Tokens of one step: more do not make weights cheaper, and take more memory.
const CHUNK: usize = 256;

/// Tokens of one step of `plan`, at most.
pub(super) fn chunk(plan: &Plan) -> usize {
    if plan.is_bidirectional() { usize::MAX } else { CHUNK }
}

impl Model {
    pub(super) fn new(plan: Plan, weights: Weights, context_length: usize, options: &Options) -> Self {
        let schedule = Schedule::new(&plan);
        let context_length = context_length.min(plan.max_positions().unwrap_or(usize::MAX));
        let state = State::new(&plan, &weights, schedule.buffers, context_length, options);
        let chunk = chunk(&plan);
        Model { plan, weights, schedule, state, position: 0, context_length, chunk }
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

    /// The instructions that run it.
    pub fn level(&self) -> Level {
        self.state.level
    }

    /// Threads that run it.
    pub fn threads(&self) -> usize {
        self.state.pool.threads()
    }

    /// Pieces of work that other threads than the caller's have done, wrapping.
    pub fn helped(&self) -> u32 {
        self.state.pool.helped()
    }

    /// Bytes of the weights and of the caches.
    pub fn memory(&self) -> (u64, u64) {
        (self.weights.bytes(), self.state.cache_bytes())
    }

    /// Forgets all tokens but the first `length`; all of them where a state has not kept what it saw before that position
    /// ([`Model::position`] tells).
    pub fn truncate(&mut self, length: usize) {
        self.position = self.state.truncate(&self.plan, self.position, length);
    }

    /// Appends `ids`; leaves the output rows asked for in `out`, `[outputs, output_width]`.
    pub fn forward(&mut self, ids: &[u32], outputs: Outputs, out: &mut Vec<f32>) -> Result<(), CpuError> {
        self.append(ids, outputs, false, out)
    }

    /// Appends `ids`; leaves the output rows of all in `out`, each as [`Model::forward`] gives it for one token after
    /// the other, to the last bit.
    pub fn forward_alone(&mut self, ids: &[u32], out: &mut Vec<f32>) -> Result<(), CpuError> {
        self.append(ids, Outputs::All, true, out)
    }

    fn append(
        &mut self,
        ids: &[u32],
        outputs: Outputs,
        alone: bool,
        out: &mut Vec<f32>,
    ) -> Result<(), CpuError> {
        let end = self.position + ids.len();
        if end > self.context_length {
            return Err(CpuError::ContextLength { asked: end, limit: self.context_length });
        }
        if self.position > 0 && self.plan.is_bidirectional() {
            return Err(CpuError::WholeSequence);
        }
        if let Some(id) = self.weights.damaged() {
            return Err(CpuError::DamagedWeight { name: self.plan.weight(id).name.clone() });
        }
        reference::check_ids(&self.plan, ids)?;
        out.clear();
        let first = outputs.first(ids.len());
        let mut start = 0;
        for ids in ids.chunks(self.chunk) {
            let first_output = first.saturating_sub(start).min(ids.len());
            self.step(Step { ids, position: self.position, first_output, alone });
            self.position += ids.len();
            start += ids.len();
            if let Some(id) = self.plan.output {
                out.extend_from_slice(&self.state.values[id.0 as usize]);
            }
        }
        Ok(())
    }

    fn step(&mut self, step: Step<'_>) {
        let Model { plan, weights, schedule, state, .. } = self;
        state.begin(step);
        // The output lived on after the last step.
        if let Some(id) = plan.output {
            state.buffers[schedule.buffer[id.0 as usize]] = std::mem::take(&mut state.values[id.0 as usize]);
        }
        for Group { ops, ends, reader } in &schedule.groups {
            let ops = &plan.ops[ops.clone()];
            let room = |state: &mut State, op: &Op| {
                let Some(id) = op.out() else { return Vec::new() };
                let value = plan.value(id);
                let rows = match value.rows {
                    Rows::Tokens => step.ids.len(),
                    Rows::Fixed(rows) => rows as usize,
                    Rows::Outputs => step.ids.len() - step.first_output,
                };
                let mut out = std::mem::take(&mut state.buffers[schedule.buffer[id.0 as usize]]);
                out.resize(rows * value.width, 0.0);
                out
            };
            if ops.len() > 1 && state.shares_job(step) {
                let mut outs = [const { Vec::new() }; together::MOST];
                outs.iter_mut().zip(ops).for_each(|(out, op)| *out = room(state, op));
                state.run_together(weights, ops, *reader, step, &mut outs);
                for (op, out) in ops.iter().zip(outs) {
                    if let Some(id) = op.out() {
                        state.values[id.0 as usize] = out;
                    }
                }
            } else {
                for op in ops {
                    let mut out = room(state, op);
                    state.run(plan, weights, op, step, &mut out);
                    if let Some(id) = op.out() {
                        state.values[id.0 as usize] = out;
                    }
                }
            }
            for id in ends {
                let index = id.0 as usize;
                state.buffers[schedule.buffer[index]] = std::mem::take(&mut state.values[index]);
            }
        }
    }
}
