//! What a model's programs and memory will be on a device, before any memory is had: what is allocated later, and what
//! an estimate adds up.

use sotto_plan::{Plan, ValueId, WeightId};

use crate::device::buffer_bytes;
use crate::kernel::Step;
use crate::kv::segment_bytes;
use crate::lower::{Arena, Capacity, fuse, groups};
use crate::model::Memory;
use crate::runtime::{
    Planned, attention_scratch_bytes, can_group, capacity, fusions, joined_bias_bytes, kv_staging_bytes,
    matmul_room, segments, state_bytes,
};
use crate::sampler;
use crate::tuning::Tuning;
use crate::weights::Arrangement;
use crate::{GpuDevice, GpuError, ModelOptions};

/// A model's programs, and where in which buffers their values go.
#[derive(Debug)]
pub(crate) struct Layout {
    /// As asked, with no more positions than the model has.
    pub options: ModelOptions,
    pub output: ValueId,
    pub tuning: Tuning,
    pub decode: Planned,
    pub prefill: Planned,
    /// Weights that lie in one matrix.
    pub groups: Vec<Vec<WeightId>>,
    pub capacity: Capacity,
    pub arena: Arena,
}

impl Layout {
    pub fn new(device: &GpuDevice, plan: &Plan, options: &ModelOptions) -> Result<Layout, GpuError> {
        let limit = plan.max_positions().unwrap_or(usize::MAX);
        let options = ModelOptions { context_length: options.context_length.min(limit), ..options.clone() };
        let output = plan
            .output
            .ok_or_else(|| GpuError::Unsupported { what: "a model without an output".to_owned() })?;
        let can_group = |ids: &[WeightId]| can_group(device, plan, ids);
        let [decode, prefill] = fusions(device, &options).map(|f| fuse(plan, f, &can_group));
        let groups = groups(&decode, &can_group);
        let capacity = capacity(plan, &options);
        let mut arena = Arena::default();
        let prefill_slots = arena.assign(plan, &prefill, capacity, &[output]);
        let few = capacity.few();
        let few = Capacity { tokens: few, outputs: few };
        let decode_slots = arena.assign(plan, &decode, few, &[output]);
        Ok(Layout {
            options,
            output,
            tuning: device.tuning(),
            decode: Planned { nodes: decode, slots: decode_slots },
            prefill: Planned { nodes: prefill, slots: prefill_slots },
            groups,
            capacity,
            arena,
        })
    }

    /// The memory of a model whose cache has its first `n_segments` segments.
    fn memory(&self, device: &GpuDevice, plan: &Plan, n_segments: usize) -> Result<Memory, GpuError> {
        let padded = |bytes: usize| buffer_bytes(bytes as u64);
        let weights = Arrangement::new(plan, &self.groups);
        let together = |a, b| weights.together(a, b);
        let biases = joined_bias_bytes(plan, &self.decode.nodes, together);
        let mut kv = plan.states.iter().map(|&s| buffer_bytes(state_bytes(s))).sum::<u64>();
        let segments = segments(plan, &self.options);
        for segment in 0..n_segments.min(segments.count()) {
            for cache in &plan.caches {
                kv += buffer_bytes(segment_bytes(device, cache, &self.options, segments, segment)?);
            }
        }
        let programs = [&self.decode.nodes[..], &self.prefill.nodes];
        let state = [
            size_of::<Step>(),
            4 * self.capacity.tokens,
            self.capacity.bytes(plan, self.output) as usize,
            attention_scratch_bytes(device, programs, plan, &self.options, self.capacity),
            kv_staging_bytes(plan, &self.options, self.capacity),
        ];
        let room = matmul_room(device, self.tuning, plan, &self.options, &self.prefill.nodes, self.capacity);
        let state = state.into_iter().chain(room.sizes());
        Ok(Memory {
            weights: weights.bytes(device, plan)? + biases.map(|(_, bytes)| padded(bytes)).sum::<u64>(),
            kv,
            activations: sampler::bytes_needed(plan.output_width())
                + self.arena.bytes()
                + state.map(padded).sum::<u64>(),
        })
    }
}

/// The GPU memory that a model will hold when its context of `options.context_length` positions is full.
///
/// # Errors
/// [`GpuError::TooLarge`] for what `device` allows in no buffer, [`GpuError::Unsupported`] for what no kernel does.
pub fn memory_needed(device: &GpuDevice, plan: &Plan, options: &ModelOptions) -> Result<Memory, GpuError> {
    let layout = Layout::new(device, plan, options)?;
    layout.memory(device, plan, usize::MAX)
}

/// The GPU memory that a model holds once it is loaded.
pub(crate) fn memory_at_load(
    device: &GpuDevice,
    plan: &Plan,
    options: &ModelOptions,
) -> Result<Memory, GpuError> {
    let layout = Layout::new(device, plan, options)?;
    layout.memory(device, plan, 1)
}
