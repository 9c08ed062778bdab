//! The choice of the next token from logits, as [`sotto_plan::Sampling`] says: `sample_keys.wgsl`,
//! `sample_histogram.wgsl`, `sample_candidates.wgsl` and `sample_draw.wgsl`, or `sample_keys.wgsl` and `sample_argmax.wgsl`
//! when the largest logit is always taken.
//!
//! The vocabulary is cut into slices, a workgroup each; the last kernel is one workgroup. It writes the id to the
//! ring and to the next step's ids, counts it, and advances the step; in a step with drafts, to the row of the draft that was
//! sampled, so that the same dispatches again sample what follows it. Nothing but the uniform of settings
//! changes between replies, so the dispatches are made once.

use sotto_plan::Sampling;

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::stride;
use crate::{DeviceFacts, GpuDevice, GpuError};

/// What stands for an id when a logit is NaN or none is above minus infinity.
pub(crate) const NO_ID: u32 = u32::MAX;

/// Invocations of `sample_argmax.wgsl` at most: there are no more slices.
const MAX_ARGMAX: usize = 64;

/// [`Sampling`] as shaders read it (`shaders/lib/sample.wgsl`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct SamplingUniform {
    temperature: f32,
    top_k: u32,
    top_p: u32,
    min_p: f32,
    repetition_penalty: f32,
    presence_penalty: f32,
    frequency_penalty: f32,
    penalties: u32,
    seed: [u32; 2],
    padding: [u32; 2],
}

impl SamplingUniform {
    /// The settings for a vocabulary of `vocab` tokens.
    pub fn new(sampling: &Sampling, vocab: usize) -> SamplingUniform {
        let keeps_all = sampling.top_k as usize >= vocab;
        SamplingUniform {
            temperature: sampling.temperature,
            top_k: if keeps_all { 0 } else { sampling.top_k },
            top_p: if sampling.top_p < 1.0 { ((sampling.top_p * 2f32.powi(32)) as u32).max(1) } else { 0 },
            min_p: sampling.min_p,
            repetition_penalty: sampling.repetition_penalty,
            presence_penalty: sampling.presence_penalty,
            frequency_penalty: sampling.frequency_penalty,
            penalties: u32::from(sampling.has_penalties()),
            seed: [sampling.seed as u32, (sampling.seed >> 32) as u32],
            padding: [0; 2],
        }
    }
}

/// What suits a kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SampleTuning {
    /// Invocations a workgroup of the kernels that take a slice each.
    workgroup: usize,
    /// Invocations of the last kernel.
    last_workgroup: usize,
    /// Slices at most. The last kernel looks at each.
    slices: usize,
    /// Bins of `sample_histogram.wgsl`, three words each.
    bins: usize,
    /// Bits that `sample_draw.wgsl` finds at a time: 4 or 8.
    digit_bits: usize,
}

const ON_A_GPU: SampleTuning =
    SampleTuning { workgroup: 256, last_workgroup: 256, slices: 64, bins: 1024, digit_bits: 8 };
/// Few invocations, since a barrier switches between them; little workgroup memory, since SwiftShader takes
/// milliseconds to compile the zeroing of each word. More in the last kernel, since lavapipe leaves every loop once
/// an invocation has gone round 65535 times, all loops together.
const IN_SOFTWARE: SampleTuning =
    SampleTuning { workgroup: 16, last_workgroup: 64, slices: 8, bins: 64, digit_bits: 4 };

/// How a vocabulary is dealt out to workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleShape {
    /// Tokens.
    pub vocab: usize,
    /// Ids that the ring holds.
    pub ring: usize,
    tuning: SampleTuning,
    /// Tokens a slice.
    slice: usize,
}

impl SampleShape {
    /// The shape that suits a device.
    pub fn new(facts: &DeviceFacts, vocab: usize, ring: usize) -> SampleShape {
        if facts.software {
            return SampleShape::with(vocab, ring, IN_SOFTWARE);
        }
        let n = facts.max_invocations as usize;
        let SampleTuning { workgroup, last_workgroup, .. } = ON_A_GPU;
        let tuning =
            SampleTuning { workgroup: workgroup.min(n), last_workgroup: last_workgroup.min(n), ..ON_A_GPU };
        SampleShape::with(vocab, ring, tuning)
    }

    fn with(vocab: usize, ring: usize, tuning: SampleTuning) -> SampleShape {
        let slice = vocab.div_ceil(tuning.slices).max(1).next_multiple_of(tuning.workgroup);
        SampleShape { vocab, ring, tuning, slice }
    }

    fn slices(&self) -> usize {
        self.vocab.div_ceil(self.slice)
    }

    fn of_keys(&self) -> Vec<(&'static str, f64)> {
        self.constants(self.tuning.workgroup, &[("STRIDE", stride(self.vocab))])
    }

    fn constants(&self, workgroup: usize, more: &[(&'static str, usize)]) -> Vec<(&'static str, f64)> {
        let all = [
            ("VOCAB", self.vocab),
            ("SLICE", self.slice),
            ("SLICES", self.slices()),
            ("WORKGROUP", workgroup),
        ];
        all.iter().chain(more).map(|&(name, value)| (name, value as f64)).collect()
    }
}

/// Buffers that hold nothing from one token to the next.
#[derive(Debug)]
pub(crate) struct SampleScratch {
    keys: Slice,
    slices: Slice,
    histogram: Slice,
    candidates: Slice,
    list: Slice,
}

impl SampleScratch {
    /// Five words a token of the vocabulary, and a little.
    pub fn new(device: &GpuDevice, shape: &SampleShape) -> Result<SampleScratch, GpuError> {
        let padded = (shape.slices() * shape.slice) as u64;
        let buffer = |label, bytes| {
            device.buffer(label, bytes, wgpu::BufferUsages::STORAGE).map(|buffer| Slice::whole(&buffer))
        };
        Ok(SampleScratch {
            keys: buffer("sampling keys", 4 * padded)?,
            slices: buffer("sampling slices", 24 * shape.slices() as u64)?,
            histogram: buffer("sampling histogram", 12 * shape.tuning.bins as u64)?,
            candidates: buffer("sampling candidates", 8 * padded)?,
            list: buffer("sampling list", 8 * shape.vocab as u64)?,
        })
    }
}

/// The buffers of a sampler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleSlices<'a> {
    /// A [`SamplingUniform`], written once a reply.
    pub sampling: &'a Slice,
    /// `[outputs, stride(vocab)]` f32, of which the step's row is taken.
    pub logits: &'a Slice,
    /// `[vocab]` u32: times generated in the low 31 bits, the top bit set when the prompt holds the token. Read when
    /// there are penalties, always counted up.
    pub counts: &'a Slice,
    /// The [`Step`](crate::kernel::Step), as storage: `position += n_tokens`, then one token and one output; after a step with
    /// drafts its row and sample step alone.
    pub step: &'a Slice,
    /// `[1 or more]` u32: the first becomes the sampled id, or 0 when that is [`NO_ID`].
    pub ids: &'a Slice,
    /// `[ring]` u32: the id of sample step `s` at `s % ring`.
    pub ring: &'a Slice,
    pub scratch: &'a SampleScratch,
}

/// Always the largest logit: two dispatches.
pub(crate) fn greedy(
    kernels: &Kernels,
    shape: &SampleShape,
    slices: SampleSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    let SampleSlices { sampling, logits, counts, step, ids, ring, scratch } = slices;
    let pipeline = kernels.pipeline("sample_keys", &["greedy"], &shape.of_keys())?;
    let bindings = [(0, sampling), (1, logits), (2, counts), (4, &scratch.slices), (5, step)];
    let keys = kernels.dispatch("sample_keys", &pipeline, &bindings, workgroups(shape.slices()));
    let constants = shape.constants(shape.tuning.last_workgroup.min(MAX_ARGMAX), &[("RING", shape.ring)]);
    let pipeline = kernels.pipeline("sample_argmax", &[], &constants)?;
    let bindings = [(2, counts), (4, &scratch.slices), (5, step), (8, ids), (9, ring)];
    let argmax = kernels.dispatch("sample_argmax", &pipeline, &bindings, workgroups(1));
    Ok(vec![keys, argmax])
}

/// A draw, with any settings but temperature 0: four dispatches.
pub(crate) fn draw(
    kernels: &Kernels,
    shape: &SampleShape,
    slices: SampleSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    let SampleSlices { sampling, logits, counts, step, ids, ring, scratch } = slices;
    let SampleScratch { keys, slices, histogram, candidates, list } = scratch;
    let dispatch = |shader, constants: &[_], bindings: &[_], n| -> Result<Dispatch, GpuError> {
        let pipeline = kernels.pipeline(shader, &[], constants)?;
        Ok(kernels.dispatch(shader, &pipeline, bindings, workgroups(n)))
    };
    let n = shape.slices();
    let SampleTuning { workgroup, last_workgroup, bins, digit_bits, .. } = shape.tuning;
    let with_bins = shape.constants(workgroup, &[("BINS", bins)]);
    let finishing = shape.constants(last_workgroup, &[("RING", shape.ring), ("DIGIT_BITS", digit_bits)]);

    let bindings =
        [(0, sampling), (1, logits), (2, counts), (3, keys), (4, slices), (5, step), (6, histogram)];
    let find_keys = dispatch("sample_keys", &shape.of_keys(), &bindings, n)?;
    let bindings = [(0, sampling), (3, keys), (4, slices), (6, histogram)];
    let fill_histogram = dispatch("sample_histogram", &with_bins, &bindings, n)?;
    let bindings = [(0, sampling), (3, keys), (4, slices), (6, histogram), (7, candidates)];
    let find_candidates = dispatch("sample_candidates", &with_bins, &bindings, n)?;
    let bindings = [(0, sampling), (3, keys), (4, slices), (6, list), (7, candidates)];
    let finished = [(2, counts), (5, step), (8, ids), (9, ring)];
    let draw = dispatch("sample_draw", &finishing, &[&bindings[..], &finished].concat(), 1)?;
    Ok(vec![find_keys, fill_histogram, find_candidates, draw])
}

fn workgroups(n: usize) -> [Count; 3] {
    [Count::Fixed(n as u32), Count::Fixed(1), Count::Fixed(1)]
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
