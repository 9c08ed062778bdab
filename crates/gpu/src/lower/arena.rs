//! Memory for activations: a few buffers that values share when they do not live at the same time.
//!
//! Each slot is a buffer of its own rather than a range of one large buffer: WebGPU counts usage by the buffer, so
//! a kernel could not read one range of it as read-only storage and write another.

use std::collections::HashMap;

use sotto_plan::{DECODE_TOKENS, Plan, Rows, ValueId};

use super::node::Node;
use crate::device::buffer_bytes;
use crate::kernel::Slice;
use crate::kernels::stride;
use crate::{GpuDevice, GpuError};

/// Rows that a program's values have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub tokens: usize,
    pub outputs: usize,
}

impl Capacity {
    /// Tokens of a decode step at most, where the model has room for so many.
    pub fn few(self) -> usize {
        DECODE_TOKENS.min(self.tokens).min(self.outputs)
    }

    pub fn bytes(self, plan: &Plan, value: ValueId) -> u64 {
        let value = plan.value(value);
        let rows = match value.rows {
            Rows::Tokens => self.tokens,
            Rows::Fixed(rows) => rows as usize,
            Rows::Outputs => self.outputs,
        };
        (rows * stride(value.width) * size_of::<f32>()) as u64
    }
}

/// Sizes of the slots, while programs are planned one after the other.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    slots: Vec<u64>,
}

/// Which slot each value of a program has.
pub(crate) type Assignment = HashMap<ValueId, usize>;

impl Arena {
    /// Gives every value of `nodes` a slot, but for `pinned` values, which have buffers of their own.
    pub fn assign(
        &mut self,
        plan: &Plan,
        nodes: &[Node],
        capacity: Capacity,
        pinned: &[ValueId],
    ) -> Assignment {
        let mut last_use = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            for value in node.inputs().chain(node.out()) {
                last_use.insert(value, at);
            }
        }
        let mut taken: Vec<bool> = vec![false; self.slots.len()];
        let mut assignment = Assignment::new();
        for (at, node) in nodes.iter().enumerate() {
            if let Some(out) = node.out().filter(|out| !pinned.contains(out)) {
                let slot = self.take(&mut taken, capacity.bytes(plan, out));
                assignment.insert(out, slot);
            }
            // A slot is free again after the node that reads it last, never for that node's own output.
            for (value, slot) in &assignment {
                if last_use.get(value) == Some(&at) {
                    taken[*slot] = false;
                }
            }
        }
        assignment
    }

    /// A free slot: the smallest that is large enough, else the largest, grown; else a new one.
    fn take(&mut self, taken: &mut Vec<bool>, bytes: u64) -> usize {
        let free = |taken: &[bool]| (0..taken.len()).filter(|&s| !taken[s]).collect::<Vec<_>>();
        let candidates = free(taken);
        let fitting = candidates.iter().copied().filter(|&s| self.slots[s] >= bytes);
        let slot = fitting
            .min_by_key(|&s| self.slots[s])
            .or_else(|| candidates.iter().copied().max_by_key(|&s| self.slots[s]))
            .unwrap_or_else(|| {
                self.slots.push(0);
                taken.push(false);
                self.slots.len() - 1
            });
        self.slots[slot] = self.slots[slot].max(bytes);
        taken[slot] = true;
        slot
    }

    /// Number of slots.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the buffers.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().map(|&bytes| buffer_bytes(bytes)).sum()
    }

    /// The buffers, in the order of the slots.
    pub fn allocate(&self, device: &GpuDevice) -> Result<Vec<Slice>, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let slot = |&bytes: &u64| Ok(Slice::whole(&device.buffer("activations", bytes, usage)?));
        self.slots.iter().map(slot).collect()
    }
}
