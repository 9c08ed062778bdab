//! Decoding: the loop that stays on the GPU.
//!
//! A step runs the model on the token that the step before sampled, samples the next one, and writes its id to a
//! ring; the kernels themselves advance the position and the random step. The CPU submits steps ahead and
//! reads ids late, each from a small buffer of its own, so that neither waits for the other.

use std::collections::VecDeque;

use sotto_plan::Sampling;

use crate::clock::Stopwatch;
use crate::device::Mapping;
use crate::kernel::{Step, StepSize};
use crate::kernels::sample::NO_ID;
use crate::sampler::RING;
use crate::{GpuDevice, GpuError, GpuModel};

/// Steps that are submitted before the first of them is awaited: one runs while the CPU handles the other's token.
/// What is computed in vain when a reply ends is one less.
const STEPS_IN_FLIGHT: usize = 2;

/// A reply in progress.
#[derive(Debug)]
pub(crate) struct Decoding {
    sampling: Sampling,
    /// Tokens in the KV cache when it began.
    first_position: usize,
    submitted: usize,
    accepted: usize,
    in_flight: VecDeque<InFlight>,
}

/// A submitted step whose token has not been read.
#[derive(Debug)]
struct InFlight {
    readback: usize,
    mapping: Mapping,
    submission: wgpu::SubmissionIndex,
}

/// Buffers that sampled ids are read from, in turn.
#[derive(Debug)]
pub(crate) struct Readbacks {
    buffers: Vec<wgpu::Buffer>,
}

impl Readbacks {
    pub fn new(device: &GpuDevice) -> Result<Readbacks, GpuError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = |_| device.buffer("sampled id", ID_BYTES, usage);
        Ok(Readbacks { buffers: (0..STEPS_IN_FLIGHT).map(buffer).collect::<Result<_, _>>()? })
    }
}

const ID_BYTES: u64 = size_of::<u32>() as u64;

impl GpuModel {
    /// Begins a reply to the tokens in the cache, the last of which [`GpuModel::prefill_for_decode`] appended.
    /// `prompt_ids` are the tokens that a repetition penalty looks at besides the reply's own.
    ///
    /// # Errors
    /// [`GpuError::State`] when no logits are there to sample from.
    pub fn start(&mut self, sampling: &Sampling, prompt_ids: &[u32]) -> Result<(), GpuError> {
        self.device().check()?;
        self.stop_decoding();
        if !self.logits_ready {
            return Err(GpuError::State { what: "a reply needs a prompt of at least one token" });
        }
        let step = Step { position: self.position as u32, ..Step::default() };
        let queue = self.device().queue();
        queue.write_buffer(&self.runtime.buffers.step.buffer, 0, bytemuck::bytes_of(&step));
        self.runtime.sampler.prepare(self.device(), sampling, prompt_ids);
        self.decoding = Some(Decoding {
            sampling: *sampling,
            first_position: self.position,
            submitted: 0,
            accepted: 0,
            in_flight: VecDeque::new(),
        });
        Ok(())
    }

    /// The next token of the reply.
    ///
    /// # Errors
    /// [`GpuError::NotANumber`] when the logits hold NaN, [`GpuError::ContextLength`] when the context is full,
    /// [`GpuError::State`] when no reply was begun.
    pub async fn next(&mut self) -> Result<u32, GpuError> {
        self.device().check()?;
        let result = self.next_id().await;
        if result.is_err() {
            self.stop_decoding();
        }
        result
    }

    async fn next_id(&mut self) -> Result<u32, GpuError> {
        const IDLE: GpuError = GpuError::State { what: "no reply was begun, or it has ended" };
        loop {
            let Some(decoding) = &self.decoding else { return Err(IDLE) };
            // The step that samples token i runs the model on token i - 1 first, at this position.
            let positions = decoding.first_position + decoding.submitted;
            let full = decoding.in_flight.len() == STEPS_IN_FLIGHT;
            if full || positions > self.context_length() {
                break;
            }
            self.runtime.grow(positions).await?;
            self.submit_step();
        }
        let limit = self.context_length();
        let Some(decoding) = &mut self.decoding else { return Err(IDLE) };
        let Some(step) = decoding.in_flight.pop_front() else {
            return Err(GpuError::ContextLength { needed: limit + 1, limit });
        };
        let buffer = self.readbacks.buffers[step.readback].clone();
        let device = self.runtime.kernels.device();
        device.mapped(step.mapping, Some(step.submission)).await?;
        let id = {
            let range = buffer.slice(..ID_BYTES).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            bytemuck::pod_read_unaligned(&view[..ID_BYTES as usize])
        };
        buffer.unmap();
        self.counters.bytes_read_back += ID_BYTES;
        if id == NO_ID {
            return Err(GpuError::NotANumber);
        }
        decoding.accepted += 1;
        Ok(id)
    }

    fn submit_step(&mut self) {
        let began = Stopwatch::start();
        let Some(decoding) = &mut self.decoding else { return };
        let index = decoding.submitted;
        let positions = (decoding.first_position + index) as u32;
        let size = StepSize { tokens: 1, outputs: 1 };
        let runtime = &self.runtime;
        let device = runtime.kernels.device();
        // The first token is sampled from the logits that the prefill left.
        let forward = if index == 0 { &[][..] } else { &runtime.programs.decode };
        let sample = runtime.sampler.dispatches(&decoding.sampling);
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        // The model runs on the token before the one that is sampled.
        let segment = runtime.segments.of((positions as usize).saturating_sub(1));
        forward.iter().chain(sample).for_each(|dispatch| dispatch.encode_in(&mut pass, size, segment));
        drop(pass);
        let readback = index % STEPS_IN_FLIGHT;
        let buffer = &self.readbacks.buffers[readback];
        let ring = &runtime.sampler.ring().buffer;
        encoder.copy_buffer_to_buffer(ring, (index % RING) as u64 * ID_BYTES, buffer, 0, ID_BYTES);
        let submission = device.queue().submit([encoder.finish()]);
        let (send, mapping) = futures_channel::oneshot::channel();
        buffer.slice(..ID_BYTES).map_async(wgpu::MapMode::Read, move |result| drop(send.send(result)));
        decoding.in_flight.push_back(InFlight { readback, mapping, submission });
        decoding.submitted += 1;

        let counters = &mut self.counters;
        counters.steps += 1;
        counters.submits += 1;
        counters.dispatches += (forward.len() + sample.len()) as u64;
        if index > 0 {
            self.seen_by_states = self.seen_by_states.max(positions as usize);
            counters.weight_bytes += runtime.decode_weight_bytes;
            let elements = runtime.plan.kv_elements_per_position() as u64;
            counters.kv_bytes += u64::from(positions) * elements * runtime.options.kv_type.bytes() as u64;
        }
        counters.host_ns += began.nanoseconds();
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
        let run = decoding.submitted.saturating_sub(1);
        self.position = decoding.first_position + decoding.accepted.min(run);
        self.logits_ready = false;
    }
}
