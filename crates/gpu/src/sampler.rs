//! The choice of the next token: its buffers, and the dispatches for greedy replies and for drawn ones, and those that change logits
//! before.

use sotto_plan::{DECODE_TOKENS, Sampling};

use crate::device::buffer_bytes;
use crate::kernel::{Dispatch, Kernels, Slice};
use crate::kernels::edit_logits;
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
    logits: Slice,
    step: Slice,
    /// There since the first reply that asked for it.
    edits: Option<Edits>,
}

/// What changes logits before they are sampled from.
#[derive(Debug)]
struct Edits {
    /// `[vocab / 32]`.
    allowed: Slice,
    /// `[vocab]`.
    bias: Slice,
    dispatch: Dispatch,
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
        Ok(Sampler {
            vocab,
            settings,
            counts,
            ring,
            greedy,
            draw,
            logits: logits.clone(),
            step: step.clone(),
            edits: None,
        })
    }

    /// Sampled ids, that of sample step `s` at `s % RING`.
    pub fn ring(&self) -> &Slice {
        &self.ring
    }

    /// Bytes of GPU memory.
    pub fn bytes(&self) -> u64 {
        let edits = self.edits.as_ref().map_or(0, |edits| edits.allowed.size + edits.bias.size);
        self.settings.size + self.counts.size + self.ring.size + scratch_bytes(self.vocab) + edits
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

    /// Sets up a reply whose logits are changed by `bias`, and by what [`Sampler::allow`] says.
    pub fn prepare_edits(&mut self, kernels: &Kernels, bias: &[(u32, f32)]) -> Result<(), GpuError> {
        let device = kernels.device();
        let edits = match self.edits.take() {
            Some(edits) => edits,
            None => {
                let buffer = |label, words: usize| {
                    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
                    device.buffer(label, 4 * words as u64, usage).map(|buffer| Slice::whole(&buffer))
                };
                let allowed = buffer("allowed tokens", self.vocab.div_ceil(32))?;
                let biases = buffer("logit biases", self.vocab)?;
                let dispatch = edit_logits::dispatch(
                    kernels,
                    self.vocab,
                    [&self.logits, &self.step, &allowed, &biases],
                )?;
                Edits { allowed, bias: biases, dispatch }
            }
        };
        let mut biases = vec![0f32; self.vocab];
        for &(id, bias) in bias {
            if let Some(sum) = biases.get_mut(id as usize) {
                *sum += bias;
            }
        }
        device.queue().write_buffer(&edits.bias.buffer, 0, bytemuck::cast_slice(&biases));
        self.edits = Some(edits);
        self.allow(device, &vec![u32::MAX; self.vocab.div_ceil(32)]);
        Ok(())
    }

    /// Has the next step choose among these tokens, a bit for each.
    pub fn allow(&self, device: &GpuDevice, allowed: &[u32]) {
        if let Some(edits) = &self.edits {
            let words = &allowed[..allowed.len().min(self.vocab.div_ceil(32))];
            device.queue().write_buffer(&edits.allowed.buffer, 0, bytemuck::cast_slice(words));
        }
    }

    /// Where the step's first row of logits is.
    pub fn logits(&self) -> &Slice {
        &self.logits
    }

    /// What goes before a token's dispatches in a reply that [`Sampler::prepare_edits`] set up.
    pub fn edit(&self) -> Option<&Dispatch> {
        self.edits.as_ref().map(|edits| &edits.dispatch)
    }
}
