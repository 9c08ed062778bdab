//! A loaded model: prefill, decoding, and what it costs.

use sotto_plan::{Op, Outputs, Sampling, State};

use crate::decode::{Decoding, Readbacks};
use crate::kernel::{Dispatch, Step, StepSize};
use crate::kernels::delta_net::Kept;
use crate::kernels::{short_conv, stride};
use crate::runtime::Runtime;
use crate::{GpuDevice, GpuError};

/// What a model did on its device since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Steps of decoding submitted.
    pub steps: u64,
    /// Kernels run.
    pub dispatches: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Buffers, bind groups and pipelines made after loading.
    pub objects_created: u64,
    /// Bytes copied back to the CPU.
    pub bytes_read_back: u64,
    /// Bytes of weights that decode steps read.
    pub weight_bytes: u64,
    /// Bytes of the KV cache that decode steps read.
    pub kv_bytes: u64,
    /// Drafts of tokens that decode steps ran the model on.
    pub drafted: u64,
    /// Those of them that were sampled.
    pub accepted: u64,
    /// Nanoseconds that the CPU took to encode and submit decode steps. Not measured in browsers.
    pub host_ns: u64,
}

/// Bytes of GPU memory by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights.
    pub weights: u64,
    /// Keys, values and states.
    pub kv: u64,
    /// Activations, logits and state.
    pub activations: u64,
}

impl Memory {
    /// All of it.
    pub fn total(self) -> u64 {
        self.weights + self.kv + self.activations
    }
}

/// A model on a GPU and the tokens it has seen.
#[derive(Debug)]
pub struct GpuModel {
    pub(crate) runtime: Runtime,
    /// Tokens in the KV cache.
    pub(crate) position: usize,
    /// Positions whose rows states have seen since the first; more than `position` after going back.
    pub(crate) seen_by_states: usize,
    /// Where states that are made over stand.
    pub(crate) made_over: Kept,
    pub(crate) counters: Counters,
    /// Whether the logits of the last token are on the GPU.
    pub(crate) logits_ready: bool,
    pub(crate) decoding: Option<Decoding>,
    pub(crate) readbacks: Readbacks,
    objects_at_load: u64,
    logits_readback: Option<wgpu::Buffer>,
}

impl GpuModel {
    pub(crate) fn new(runtime: Runtime) -> Result<GpuModel, GpuError> {
        let readbacks = Readbacks::new(runtime.kernels.device())?;
        let objects_at_load = runtime.kernels.device().objects_created();
        Ok(GpuModel {
            runtime,
            position: 0,
            seen_by_states: 0,
            made_over: Kept::default(),
            counters: Counters::default(),
            logits_ready: false,
            decoding: None,
            readbacks,
            objects_at_load,
            logits_readback: None,
        })
    }

    pub(crate) fn device(&self) -> &GpuDevice {
        self.runtime.kernels.device()
    }

    /// Tokens in the KV cache: those of the prompt, and once a reply has ended those of the reply.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Positions that the KV cache may grow to.
    pub fn context_length(&self) -> usize {
        self.runtime.options.context_length
    }

    /// Forgets all tokens but the first `length`; all of them where a state has not kept what it saw before
    /// that position ([`GpuModel::position`] tells).
    pub fn truncate(&mut self, length: usize) {
        self.stop_decoding();
        if length < self.position {
            self.logits_ready = false;
            self.position = length;
        }
        let kept = |state: &State| {
            if state.made_over {
                return self.made_over.has(self.position);
            }
            let oldest = self.seen_by_states.saturating_sub(short_conv::ring_rows(*state));
            self.position.saturating_sub(state.rows) >= oldest
        };
        if !self.runtime.plan.states.iter().all(kept) {
            self.position = 0;
            self.logits_ready = false;
        }
        if self.position == 0 {
            self.seen_by_states = 0;
        }
        self.made_over.forget_after(self.position);
    }

    /// What the model did so far.
    pub fn counters(&self) -> Counters {
        let objects_created = self.device().objects_created() - self.objects_at_load;
        Counters { objects_created, ..self.counters }
    }

    /// Kernels that a decode step runs when the largest logit is always taken.
    pub fn dispatches_per_token(&self) -> u64 {
        let sample = self.runtime.sampler.dispatches(&Sampling::greedy());
        (self.runtime.programs.decode.len() + sample.len()) as u64
    }

    /// The GPU memory it holds.
    pub fn memory(&self) -> Memory {
        let Runtime { weights, buffers, sampler, .. } = &self.runtime;
        let size =
            |slices: &mut dyn Iterator<Item = &crate::kernel::Slice>| slices.map(|s| s.size).sum::<u64>();
        let state = [&buffers.step, &buffers.ids, &buffers.attention_scratch];
        let state =
            state.into_iter().chain(&buffers.kv_staging.segments).chain(buffers.matmul_scratch.slices());
        Memory {
            weights: weights.bytes() + size(&mut buffers.joined_biases.values()),
            kv: size(&mut buffers.caches.iter().flat_map(|c| &c.segments).chain(&buffers.states)),
            activations: sampler.bytes()
                + size(&mut buffers.slots.iter().chain(buffers.pinned.values()).chain(state)),
        }
    }

    /// Appends `ids`; gives the output rows asked for, `[rows, output_width]`. An encoder
    /// ([`sotto_plan::Plan::is_bidirectional`]) takes a whole sequence, up to the context's length, and nothing after it.
    ///
    /// # Errors
    /// [`GpuError::TokenId`], [`GpuError::ContextLength`], [`GpuError::WholeSequence`], and what a device may report.
    pub async fn prefill(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, GpuError> {
        let batch = match outputs {
            Outputs::All => self.runtime.capacity.outputs,
            _ => self.runtime.capacity.tokens,
        };
        self.begin_prefill(ids).await?;
        let mut logits = Vec::new();
        let mut rest = ids;
        while !rest.is_empty() {
            let batch = self.next_batch(&mut rest, batch);
            let outputs = if outputs == Outputs::Last && !rest.is_empty() { Outputs::None } else { outputs };
            self.prefill_batch(batch, outputs);
            let rows = batch.len() - outputs.first(batch.len());
            if rows > 0 {
                self.read_logits(rows, &mut logits).await?;
            }
        }
        self.device().check()?;
        Ok(logits)
    }

    /// Appends `ids`, and leaves the last one's logits on the GPU, from where [`GpuModel::start`] takes them.
    ///
    /// # Errors
    /// As [`GpuModel::prefill`].
    pub async fn prefill_for_decode(&mut self, ids: &[u32]) -> Result<(), GpuError> {
        self.begin_prefill(ids).await?;
        let batch = self.runtime.capacity.tokens;
        let mut rest = ids;
        while !rest.is_empty() {
            let batch = self.next_batch(&mut rest, batch);
            self.prefill_batch(batch, if rest.is_empty() { Outputs::Last } else { Outputs::None });
        }
        self.device().check()
    }

    pub(crate) async fn begin_prefill(&mut self, ids: &[u32]) -> Result<(), GpuError> {
        self.device().check()?;
        self.stop_decoding();
        if self.position > 0 && !ids.is_empty() && self.runtime.plan.is_bidirectional() {
            return Err(GpuError::WholeSequence);
        }
        for op in &self.runtime.plan.ops {
            if let Op::Embed { table, .. } = *op {
                let vocab = self.runtime.plan.weight(table).rows;
                if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab) {
                    return Err(GpuError::TokenId { id, vocab });
                }
            }
        }
        self.runtime.grow(self.position + ids.len()).await
    }

    /// Takes from `rest` what one step can: up to `most` tokens, all in one segment of the KV cache.
    pub(crate) fn next_batch<'a>(&self, rest: &mut &'a [u32], most: usize) -> &'a [u32] {
        let segments = self.runtime.segments;
        let room = segments.end(segments.of(self.position)) - self.position;
        let (batch, left) = rest.split_at(most.min(room).min(rest.len()));
        *rest = left;
        batch
    }

    /// Tells the GPU of the step that comes.
    pub(crate) fn write_batch(&self, ids: &[u32], outputs: Outputs) -> StepSize {
        let n = ids.len() as u32;
        let first_output = outputs.first(ids.len()) as u32;
        let step = Step {
            position: self.position as u32,
            n_tokens: n,
            n_outputs: n - first_output,
            first_output,
            ..Step::default()
        };
        let buffers = &self.runtime.buffers;
        let queue = self.device().queue();
        queue.write_buffer(&buffers.ids.buffer, 0, bytemuck::cast_slice(ids));
        queue.write_buffer(&buffers.step.buffer, 0, bytemuck::bytes_of(&step));
        StepSize { tokens: n, outputs: step.n_outputs }
    }

    /// What steps of a prefill run, some of it for steps of other sizes.
    pub(crate) fn prefill_dispatches(&self, outputs: Outputs) -> impl Iterator<Item = &Dispatch> {
        let programs = &self.runtime.programs;
        let head: &[Dispatch] = match outputs {
            Outputs::None => &[],
            Outputs::Last => &programs.head_one,
            Outputs::All => &programs.head_many,
        };
        programs.prefill.iter().chain(head)
    }

    fn prefill_batch(&mut self, ids: &[u32], outputs: Outputs) {
        let size = self.write_batch(ids, outputs);
        let mut encoder = self.device().wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let segment = self.runtime.segments.of(self.position);
        let mut dispatches = 0;
        for dispatch in self.prefill_dispatches(outputs).filter(|dispatch| dispatch.is_for(size)) {
            dispatch.encode_in(&mut pass, size, segment);
            dispatches += 1;
        }
        drop(pass);
        self.device().queue().submit([encoder.finish()]);
        self.counters.submits += 1;
        self.counters.dispatches += dispatches;
        self.made_over.forget_after(self.position);
        self.position += ids.len();
        self.made_over.at(self.position);
        self.seen_by_states = self.seen_by_states.max(self.position);
        self.logits_ready = outputs == Outputs::Last;
    }

    /// Appends the first `rows` rows of logits to `logits`, without padding.
    pub(crate) async fn read_logits(&mut self, rows: usize, logits: &mut Vec<f32>) -> Result<(), GpuError> {
        let width = self.runtime.plan.output_width();
        let source = &self.runtime.buffers.pinned[&self.runtime.output];
        let bytes = (4 * rows * stride(width)) as u64;
        let device = self.device().clone();
        let target = match &self.logits_readback {
            Some(buffer) => buffer.clone(),
            None => {
                let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                let create = || device.buffer("logits readback", source.size, usage);
                device.allocating("a buffer for logits", source.size, create).await?
            }
        };
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&source.buffer, source.offset, &target, 0, bytes);
        device.queue().submit([encoder.finish()]);
        device.map(target.slice(..bytes)).await?;
        {
            let range = target.slice(..bytes).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(&view);
            values.chunks_exact(stride(width)).for_each(|row| logits.extend_from_slice(&row[..width]));
        }
        target.unmap();
        self.logits_readback = Some(target);
        self.counters.submits += 1;
        self.counters.bytes_read_back += bytes;
        Ok(())
    }
}
