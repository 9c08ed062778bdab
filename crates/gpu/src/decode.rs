//! Decoding: the loop that stays on the GPU.
//!
//! A step runs the model on the token that the step before sampled, samples the next one, and writes its id to a
//! ring; the kernels themselves advance the position and the random step. The CPU submits steps ahead and
//! reads ids late, each from a small buffer of its own, so that neither waits for the other.
//!
//! A step with drafts runs the model on several tokens: the last one, and guesses of what follows (Leviathan et al., "Fast
//! Inference from Transformers via Speculative Decoding", 2023). Its outputs are sampled one after the other with the counts,
//! the settings and the random numbers that the tokens would have had, as long as each token is the draft whose
//! output comes next. As the same pipelines compute every row that compute the row of a step without drafts, the reply is
//! the same to the last bit, greedy or drawn. Such a step waits for the ids before it, and the next for its own.
//!
//! A step whose tokens depend on the text so far ([`GpuModel::next_among`], [`GpuModel::next_from`]) is submitted when the one before
//! it has been read, and nothing ahead of it.

use std::collections::VecDeque;

use sotto_plan::Sampling;

use crate::clock::Stopwatch;
use crate::device::Mapping;
use crate::kernel::{Slice, Step, StepSize};
use crate::kernels::sample::NO_ID;
use crate::sampler::RING;
use crate::{GpuDevice, GpuError, GpuModel};

/// Steps that are submitted before the first of them is awaited: one runs while the CPU handles the other's token.
/// What is computed in vain when a reply ends is one less.
pub(crate) const STEPS_IN_FLIGHT: usize = 2;

/// A reply in progress.
#[derive(Debug)]
pub(crate) struct Decoding {
    sampling: Sampling,
    /// Tokens in the KV cache when it began.
    first_position: usize,
    /// Tokens sampled, or about to be by steps in flight; of a step with drafts once it has been read.
    sampled: usize,
    /// Tokens given out.
    given: usize,
    in_flight: VecDeque<InFlight>,
    /// Tokens that were read and not given out.
    read: VecDeque<u32>,
    /// The one given out last.
    last: u32,
    /// Whether the step submitted last had drafts: the CPU then sets up the one after it.
    after_drafts: bool,
    /// Whether logits are changed before they are sampled from.
    edited: bool,
    /// Whether the next step's logits are there: they were read, and are to be sampled from.
    forwarded: bool,
}

impl Decoding {
    /// Positions that the next step needs: it runs the model on the token before the one that it samples.
    fn positions(&self) -> usize {
        self.first_position + self.sampled
    }
}

/// A submitted step whose token has not been read.
#[derive(Debug)]
struct InFlight {
    readback: usize,
    mapping: Mapping,
    submission: wgpu::SubmissionIndex,
    drafts: Vec<u32>,
}

/// Buffers that sampled ids are read from, in turn.
#[derive(Debug)]
pub(crate) struct Readbacks {
    buffers: Vec<wgpu::Buffer>,
}

impl Readbacks {
    pub fn new(device: &GpuDevice) -> Result<Readbacks, GpuError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = |_| device.buffer("sampled ids", RING_BYTES, usage);
        Ok(Readbacks { buffers: (0..STEPS_IN_FLIGHT).map(buffer).collect::<Result<_, _>>()? })
    }
}

const IDLE: GpuError = GpuError::State { what: "no reply was begun, or it has ended" };

const ID_BYTES: u64 = size_of::<u32>() as u64;
const RING_BYTES: u64 = RING as u64 * ID_BYTES;

/// Bytes read back of a step: its id, or the whole ring, where its ids may go round the end.
fn bytes_read(drafts: &[u32]) -> u64 {
    if drafts.is_empty() { ID_BYTES } else { RING_BYTES }
}

impl GpuModel {
    /// Begins a reply to the tokens in the cache, the last of which [`GpuModel::prefill_for_decode`] appended.
    /// `prompt_ids` are the tokens that a repetition penalty looks at besides the reply's own.
    ///
    /// # Errors
    /// [`GpuError::State`] when no logits are there to sample from.
    pub fn start(&mut self, sampling: &Sampling, prompt_ids: &[u32]) -> Result<(), GpuError> {
        self.start_with(sampling, prompt_ids, None)
    }

    /// As [`GpuModel::start`], for a reply whose logits are changed before they are sampled from, where `bias` is there: it is added to
    /// the logits of these ids.
    ///
    /// # Errors
    /// As [`GpuModel::start`], and what a device may report.
    pub fn start_with(
        &mut self,
        sampling: &Sampling,
        prompt_ids: &[u32],
        bias: Option<&[(u32, f32)]>,
    ) -> Result<(), GpuError> {
        self.device().check()?;
        self.stop_decoding();
        if !self.logits_ready {
            return Err(GpuError::State { what: "a reply needs a prompt of at least one token" });
        }
        let step = Step { position: self.position as u32, ..Step::default() };
        let queue = self.device().queue();
        queue.write_buffer(&self.runtime.buffers.step.buffer, 0, bytemuck::bytes_of(&step));
        self.runtime.sampler.prepare(self.device(), sampling, prompt_ids);
        if let Some(bias) = bias {
            let kernels = self.runtime.kernels.clone();
            self.runtime.sampler.prepare_edits(&kernels, bias)?;
        }
        self.decoding = Some(Decoding {
            sampling: *sampling,
            first_position: self.position,
            sampled: 0,
            given: 0,
            in_flight: VecDeque::new(),
            read: VecDeque::new(),
            last: NO_ID,
            after_drafts: false,
            edited: bias.is_some(),
            forwarded: false,
        });
        Ok(())
    }

    /// The next token of the reply.
    ///
    /// # Errors
    /// [`GpuError::NotANumber`] when the logits hold NaN, [`GpuError::ContextLength`] when the context is full,
    /// [`GpuError::State`] when no reply was begun.
    pub async fn next(&mut self) -> Result<u32, GpuError> {
        self.next_with(&[]).await
    }

    /// The next token of the reply. `drafts` are what may follow the last one given out; they change how fast tokens come,
    /// and nothing else.
    ///
    /// # Errors
    /// As [`GpuModel::next`].
    pub async fn next_with(&mut self, drafts: &[u32]) -> Result<u32, GpuError> {
        self.device().check()?;
        let result = self.next_id(drafts, STEPS_IN_FLIGHT).await;
        self.or_stop(result)
    }

    /// The next token of a reply that [`GpuModel::start_with`] began, of those that have a bit in `allowed`, `[vocab / 32]`. Every
    /// token of such a reply comes so, or by [`GpuModel::next_from`].
    ///
    /// # Errors
    /// As [`GpuModel::next`].
    pub async fn next_among(&mut self, allowed: &[u32]) -> Result<u32, GpuError> {
        self.device().check()?;
        self.runtime.sampler.allow(self.device(), allowed);
        let result = self.next_id(&[], 1).await;
        self.or_stop(result)
    }

    /// The logits that the next token of the reply is sampled from, `[vocab]`. What is in flight must be read before.
    ///
    /// # Errors
    /// As [`GpuModel::next`].
    pub async fn next_logits(&mut self) -> Result<Vec<f32>, GpuError> {
        self.device().check()?;
        let mut logits = Vec::new();
        let result = match self.forward().await {
            Ok(()) => self.read_logits(1, &mut logits).await,
            Err(error) => Err(error),
        };
        self.or_stop(result.map(|()| logits))
    }

    /// The next token, sampled from `logits` in place of those that [`GpuModel::next_logits`] gave.
    ///
    /// # Errors
    /// As [`GpuModel::next`].
    pub async fn next_from(&mut self, logits: &[f32], allowed: Option<&[u32]>) -> Result<u32, GpuError> {
        let target = self.runtime.sampler.logits();
        let width = self.runtime.plan.output_width().min(logits.len());
        let queue = self.device().queue();
        queue.write_buffer(&target.buffer, target.offset, bytemuck::cast_slice(&logits[..width]));
        match allowed {
            Some(allowed) => self.next_among(allowed).await,
            None => {
                let result = self.next_id(&[], 1).await;
                self.or_stop(result)
            }
        }
    }

    /// A reply that failed is over.
    fn or_stop<T>(&mut self, result: Result<T, GpuError>) -> Result<T, GpuError> {
        if result.is_err() {
            self.stop_decoding();
        }
        result
    }

    /// Runs the model on the token before the next one, if that has not been done.
    async fn forward(&mut self) -> Result<(), GpuError> {
        let Some(decoding) = &self.decoding else { return Err(IDLE) };
        if !decoding.in_flight.is_empty() || !decoding.read.is_empty() {
            return Err(GpuError::State { what: "logits of a reply that runs ahead" });
        }
        let (index, positions, ready) = (decoding.sampled, decoding.positions(), decoding.forwarded);
        if index == 0 || ready {
            return Ok(());
        }
        self.runtime.grow(positions).await?;
        let runtime = &self.runtime;
        let device = runtime.kernels.device();
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let segment = runtime.segments.of(positions - 1);
        let size = StepSize { tokens: 1, outputs: 1 };
        runtime.programs.decode.iter().for_each(|dispatch| dispatch.encode_in(&mut pass, size, segment));
        drop(pass);
        device.queue().submit([encoder.finish()]);
        self.counters.submits += 1;
        self.counters.dispatches += runtime.programs.decode.len() as u64;
        self.ran(positions);
        if let Some(decoding) = &mut self.decoding {
            decoding.forwarded = true;
        }
        Ok(())
    }

    /// Counts a step of the model over so many positions.
    fn ran(&mut self, positions: usize) {
        self.seen_by_states = self.seen_by_states.max(positions);
        self.made_over.at(positions);
        self.counters.weight_bytes += self.runtime.decode_weight_bytes;
        let position_bytes = self.runtime.options.kv_type.bytes_per_position(&self.runtime.plan);
        self.counters.kv_bytes += positions as u64 * position_bytes;
    }

    /// Whether drafts matter to the next token: not to the first of a reply, nor where it is known already.
    pub fn takes_drafts(&self) -> bool {
        // A draft that is not taken leaves its trace in a state that is made over.
        !self.runtime.plan.is_recurrent()
            && self.decoding.as_ref().is_some_and(|decoding| decoding.given > 0 && decoding.read.is_empty())
    }

    /// The next id, with so many steps in flight at most.
    async fn next_id(&mut self, drafts: &[u32], ahead: usize) -> Result<u32, GpuError> {
        if self.decoding.as_ref().ok_or(IDLE)?.read.is_empty() {
            self.submit(drafts, ahead).await?;
            self.read().await?;
        }
        let decoding = self.decoding.as_mut().ok_or(IDLE)?;
        let limit = self.runtime.options.context_length;
        let id = decoding.read.pop_front().ok_or(GpuError::ContextLength { needed: limit + 1, limit })?;
        if id == NO_ID {
            return Err(GpuError::NotANumber);
        }
        decoding.given += 1;
        decoding.last = id;
        Ok(id)
    }

    /// Submits what is to be in flight before the next token is awaited. Steps in flight will give the first of the drafts;
    /// where there are more of these, nothing follows until those are known.
    async fn submit(&mut self, drafts: &[u32], ahead: usize) -> Result<(), GpuError> {
        loop {
            let Some(decoding) = &self.decoding else { return Ok(()) };
            let (n, positions) = (decoding.in_flight.len(), decoding.positions());
            let hold = n > 0 && drafts.len() > n;
            if hold || n >= ahead || positions > self.context_length() {
                return Ok(());
            }
            let drafts = if n == 0 { &drafts[..self.drafts_that_fit(drafts.len())] } else { &[] };
            self.runtime.grow(positions + drafts.len()).await?;
            self.submit_step(drafts);
            if !drafts.is_empty() {
                return Ok(());
            }
        }
    }

    /// How many of `wanted` drafts the next step can take: as many as there are rows and positions for, in one segment of
    /// the cache. The first token follows from what the prefill left, without a step.
    fn drafts_that_fit(&self, wanted: usize) -> usize {
        let Some(decoding) = self.decoding.as_ref().filter(|decoding| decoding.sampled > 0) else { return 0 };
        let (runtime, positions) = (&self.runtime, decoding.positions());
        let end = runtime.segments.end(runtime.segments.of(positions - 1)).min(self.context_length());
        wanted.min(runtime.capacity.few() - 1).min(end.saturating_sub(positions))
    }

    /// Reads the ids of the step that was submitted first; none when there is no step in flight.
    async fn read(&mut self) -> Result<(), GpuError> {
        let Some(decoding) = &mut self.decoding else { return Ok(()) };
        let Some(step) = decoding.in_flight.pop_front() else { return Ok(()) };
        let buffer = self.readbacks.buffers[step.readback].clone();
        let device = self.runtime.kernels.device();
        device.mapped(step.mapping, Some(step.submission)).await?;
        let bytes = bytes_read(&step.drafts);
        let ids: Vec<u32> = {
            let range = buffer.slice(..bytes).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            bytemuck::pod_collect_to_vec(&view)
        };
        buffer.unmap();
        self.counters.bytes_read_back += bytes;
        if step.drafts.is_empty() {
            decoding.read.extend(ids);
            return Ok(());
        }
        // What follows a token that is not its draft was not sampled.
        let sampled = |i: usize| ids[(decoding.sampled + i) % RING];
        let accepted = step.drafts.iter().enumerate().take_while(|&(i, &draft)| sampled(i) == draft).count();
        decoding.read.extend((0..=accepted).map(sampled));
        decoding.sampled += accepted + 1;
        self.counters.drafted += step.drafts.len() as u64;
        self.counters.accepted += accepted as u64;
        Ok(())
    }

    /// Submits a step, on the last token or tokens sampled before and on `drafts`.
    fn submit_step(&mut self, drafts: &[u32]) {
        let began = Stopwatch::start();
        let Some(decoding) = &mut self.decoding else { return };
        let index = decoding.sampled;
        let position = decoding.positions().saturating_sub(1);
        let positions = decoding.positions() + drafts.len();
        let rows = 1 + drafts.len() as u32;
        let runtime = &self.runtime;
        let device = runtime.kernels.device();
        if !drafts.is_empty() || decoding.after_drafts {
            let step = Step {
                position: position as u32,
                n_tokens: rows,
                n_outputs: rows,
                sample_step: index as u32,
                n_drafts: drafts.len() as u32,
                ..Step::default()
            };
            let ids: Vec<u32> = [decoding.last].iter().chain(drafts).copied().collect();
            let write = |slice: &Slice, bytes: &[u8]| device.queue().write_buffer(&slice.buffer, 0, bytes);
            write(&runtime.buffers.step, bytemuck::bytes_of(&step));
            write(&runtime.buffers.ids, bytemuck::cast_slice(&ids));
        }
        // The first token is sampled from the logits that the prefill left.
        let forwarded = index == 0 || std::mem::take(&mut decoding.forwarded);
        let forward = if forwarded { &[][..] } else { &runtime.programs.decode };
        let sample = runtime.sampler.dispatches(&decoding.sampling);
        let edit = runtime.sampler.edit().filter(|_| decoding.edited);
        let size = StepSize { tokens: rows, outputs: rows };
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let segment = runtime.segments.of(position);
        let sample_each = (0..rows).flat_map(|_| edit.into_iter().chain(sample));
        forward.iter().chain(sample_each).for_each(|dispatch| dispatch.encode_in(&mut pass, size, segment));
        drop(pass);
        let readback = index % STEPS_IN_FLIGHT;
        let buffer = &self.readbacks.buffers[readback];
        let ring = &runtime.sampler.ring().buffer;
        let bytes = bytes_read(drafts);
        let from = if drafts.is_empty() { (index % RING) as u64 * ID_BYTES } else { 0 };
        encoder.copy_buffer_to_buffer(ring, from, buffer, 0, bytes);
        let submission = device.queue().submit([encoder.finish()]);
        let (send, mapping) = futures_channel::oneshot::channel();
        buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| drop(send.send(result)));
        decoding.in_flight.push_back(InFlight { readback, mapping, submission, drafts: drafts.to_vec() });
        decoding.after_drafts = !drafts.is_empty();
        decoding.sampled += usize::from(drafts.is_empty());

        let counters = &mut self.counters;
        counters.steps += 1;
        counters.submits += 1;
        let to_sample = sample.len() + usize::from(edit.is_some());
        counters.dispatches += (forward.len() + rows as usize * to_sample) as u64;
        if !forwarded {
            self.ran(positions);
        }
        self.counters.host_ns += began.nanoseconds();
    }

    /// Ends the reply. Steps in flight are forgotten; the cache keeps the prompt and the tokens that were given out
    /// and run through the model, which is all of them but, at times, the last.
    ///
    /// # Errors
    /// What a device may report.
    pub async fn stop(&mut self) -> Result<(), GpuError> {
        self.stop_decoding();
        self.device().check()
    }

    pub(crate) fn stop_decoding(&mut self) {
        let Some(decoding) = self.decoding.take() else { return };
        for step in decoding.in_flight {
            // Also ends a mapping that is still pending.
            self.readbacks.buffers[step.readback].unmap();
        }
        let run = decoding.sampled.saturating_sub(1);
        self.position = decoding.first_position + decoding.given.min(run);
        self.logits_ready = false;
    }
}
