//! The choice of the next token: its buffers, and the dispatches for greedy replies and for drawn ones.

use sotto_plan::{DECODE_TOKENS, Sampling};

use crate::device::buffer_bytes;
use crate::kernel::{Dispatch, Kernels, Slice};
use crate::kernels::sample::{SampleScratch, SampleShape, SampleSlices, SamplingUniform, draw, greedy};
use crate::{GpuDevice, GpuError};

/// Ids that the ring holds. A step with drafts samples up to [`DECODE_TOKENS`], which are read back together.
pub(crate) const RING: usize = 16;
const _: () = assert!(RING >= DECODE_TOKENS);

/// A token that the prompt holds, in the sampler's counts.
const IN_PROMPT: u32 = 1 << 31;

/// Five words a token, and a little.
fn scratch_bytes(vocab: usize) -> u64 {
    5 * 4 * vocab as u64
}

/// Bytes of GPU memory that a sampler of `vocab` tokens takes.
pub(crate) fn bytes_needed(vocab: usize) -> u64 {
    let state = [size_of::<SamplingUniform>(), vocab * size_of::<u32>(), RING * size_of::<u32>()];
    state.into_iter().map(|bytes| buffer_bytes(bytes as u64)).sum::<u64>() + scratch_bytes(vocab)
}

/// The choice of the next token.
#[derive(Debug)]
pub(crate) struct Sampler {
    vocab: usize,
    settings: Slice,
    counts: Slice,
    ring: Slice,
    greedy: Vec<Dispatch>,
    draw: Vec<Dispatch>,
}

impl Sampler {
    /// Samples from the step's row of `logits`, `[rows, vocab]`; advances `step` and writes the id to `ids`.
    pub fn new(
        kernels: &Kernels,
        vocab: usize,
        [logits, step, ids]: [&Slice; 3],
    ) -> Result<Sampler, GpuError> {
        let device = kernels.device();
        let state = |label, bytes: usize| {
            let usage = wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC;
            device.buffer(label, bytes as u64, usage).map(|buffer| Slice::whole(&buffer))
        };
        let settings = state("sampling", size_of::<SamplingUniform>())?;
        let counts = state("token counts", vocab * size_of::<u32>())?;
        let ring = state("sampled ids", RING * size_of::<u32>())?;
        let shape = SampleShape::new(device.facts(), vocab, RING);
        let scratch = SampleScratch::new(device, &shape)?;
        let slices = SampleSlices {
            sampling: &settings,
            logits,
            counts: &counts,
            step,
            ids,
            ring: &ring,
            scratch: &scratch,
        };
        let (greedy, draw) = (greedy(kernels, &shape, slices)?, draw(kernels, &shape, slices)?);
        Ok(Sampler { vocab, settings, counts, ring, greedy, draw })
    }

    /// Sampled ids, that of sample step `s` at `s % RING`.
    pub fn ring(&self) -> &Slice {
        &self.ring
    }

    /// Bytes of GPU memory.
    pub fn bytes(&self) -> u64 {
        self.settings.size + self.counts.size + self.ring.size + scratch_bytes(self.vocab)
    }

    /// Sets a reply up.
    pub fn prepare(&self, device: &GpuDevice, sampling: &Sampling, prompt_ids: &[u32]) {
        let settings = SamplingUniform::new(sampling, self.vocab);
        let mut counts = vec![0u32; self.vocab];
        for &id in prompt_ids {
            if let Some(count) = counts.get_mut(id as usize) {
                *count = IN_PROMPT;
            }
        }
        device.queue().write_buffer(&self.settings.buffer, 0, bytemuck::bytes_of(&settings));
        device.queue().write_buffer(&self.counts.buffer, 0, bytemuck::cast_slice(&counts));
    }

    /// One token's dispatches.
    pub fn dispatches(&self, sampling: &Sampling) -> &[Dispatch] {
        if sampling.is_greedy() { &self.greedy } else { &self.draw }
    }
}
