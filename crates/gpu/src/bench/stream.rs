//! What memory and launches cost at best, and the kernels that are little more than that: norms and sampling.

use sotto_plan::{Rows, Sampling};

use super::{Bench, COPY, Work};
use crate::GpuError;
use crate::kernel::{Count, Dispatch, StepSize};
use crate::kernels::elementwise::add;
use crate::kernels::rms_norm::rms_norm;
use crate::sampler::Sampler;

const ONE: StepSize = StepSize { tokens: 1, outputs: 1 };
/// Invocations a workgroup of `bench_copy.wgsl`.
const WORKGROUP: u32 = 256;

impl Bench<'_> {
    /// The bandwidth that others are compared to, and that of reading alone.
    pub(super) async fn copy(&mut self) -> Result<(), GpuError> {
        let device = self.device().clone();
        let facts = device.facts();
        let bytes = self.options.footprint.min(facts.max_binding_bytes).min(facts.max_buffer_bytes) & !0xffff;
        let (from, to) = (self.fill.buffer(&device, bytes)?, self.fill.small(&device, bytes)?);
        let quads = (bytes / 16) as u32;
        let [mut best, mut best_read] = [None, None];
        // How many loads an invocation has under way decides it: the best of several counts.
        for per_thread in [1, 2, 4, 8] {
            for (flags, best) in [(&[][..], &mut best), (&["read"][..], &mut best_read)] {
                let constants = [
                    ("QUADS", f64::from(quads)),
                    ("PER_THREAD", f64::from(per_thread)),
                    ("WORKGROUP", f64::from(WORKGROUP)),
                ];
                let pipeline = self.kernels.pipeline("bench_copy", flags, &constants)?;
                let workgroups = quads.div_ceil(WORKGROUP * per_thread);
                let x = workgroups.min(facts.max_workgroups);
                let grid = [Count::Fixed(x), Count::Fixed(workgroups.div_ceil(x)), Count::Fixed(1)];
                let dispatch = self.kernels.dispatch("copy", &pipeline, &[(0, &from), (1, &to)], grid);
                let repeats = if facts.software { 1 } else { 8 };
                let seconds = self.timer.seconds(&[dispatch], ONE, repeats).await?;
                *best = Some(best.map_or(seconds, |b: f64| b.min(seconds)));
            }
        }
        for (kernel, seconds, bytes) in [(COPY, best, 2 * bytes), ("read", best_read, bytes)] {
            (self.report)(&super::Measurement {
                kernel: kernel.to_owned(),
                shape: format!("{} MiB", bytes >> 20),
                seconds: seconds.unwrap_or(f64::NAN),
                bytes,
                flops: 0,
                method: self.timer.method(),
            });
        }
        [from, to].iter().for_each(|slice| slice.buffer.destroy());
        Ok(())
    }

    /// What a dispatch costs that does next to nothing, waiting for the one before and not.
    pub(super) async fn launches(&mut self) -> Result<(), GpuError> {
        let device = self.device().clone();
        let (step, size) = self.step(0, 1)?;
        let x = self.fill.buffer(&device, 64)?;
        let outs = (0..16).map(|_| self.fill.small(&device, 64)).collect::<Result<Vec<_>, _>>()?;
        for (kernel, outs) in [("launch, waiting", &outs[..1]), ("launch, apart", &outs[..])] {
            if !self.wanted(kernel) {
                continue;
            }
            let dispatch = |out| add(&self.kernels, (Rows::Tokens, 4), [&x, &x, out, &step]);
            let dispatches = outs.iter().map(dispatch).collect::<Result<Vec<_>, _>>()?;
            let work =
                Work { kernel: kernel.to_owned(), shape: "4".to_owned(), bytes: 48, flops: 4, chain: 1 };
            self.time(work, &dispatches, size).await?;
        }
        Ok(())
    }

    pub(super) async fn norms(&mut self) -> Result<(), GpuError> {
        if !self.wanted("rms_norm") {
            return Ok(());
        }
        let device = self.device().clone();
        for (tokens, width) in [(1, 2048), (1, 4096), (512, 2048), (512, 4096)] {
            let bytes = (4 * tokens * width) as u64;
            let [x, out] = [self.fill.buffer(&device, bytes)?, self.fill.small(&device, bytes)?];
            let weight = self.fill.buffer(&device, 4 * width as u64)?;
            let shape = (Rows::Tokens, width, width);
            let dispatch = rms_norm(&self.kernels, self.tuning(), shape, 1e-5, [&x, &weight, &out])?;
            let work = Work {
                kernel: "rms_norm".to_owned(),
                shape: format!("{tokens} x {width}"),
                bytes: 2 * bytes + 4 * width as u64,
                flops: (3 * tokens * width) as u64,
                chain: 1,
            };
            let size = StepSize { tokens: tokens as u32, outputs: tokens as u32 };
            self.time(work, &[dispatch], size).await?;
        }
        Ok(())
    }

    pub(super) async fn sampling(&mut self) -> Result<(), GpuError> {
        if !self.wanted("sample") {
            return Ok(());
        }
        let device = self.device().clone();
        for vocab in [8192, 128_256] {
            let logits = self.fill.small(&device, 4 * vocab as u64)?;
            // As far apart as a model's, so that few tokens have most of the mass.
            let spread: Vec<f32> = (0..vocab as u32)
                .map(|id| (id.wrapping_mul(2_654_435_769) >> 8) as f32 / (1 << 20) as f32)
                .collect();
            device.queue().write_buffer(&logits.buffer, 0, bytemuck::cast_slice(&spread));
            let (step, size) = self.step(0, 1)?;
            let ids = self.fill.small(&device, 16)?;
            let sampler = Sampler::new(&self.kernels, vocab, [&logits, &step, &ids])?;
            let drawn = Sampling { temperature: 0.8, top_p: 0.9, top_k: 40, ..Sampling::greedy() };
            for (kernel, sampling) in
                [("sample the largest", Sampling::greedy()), ("sample, top-k and top-p", drawn)]
            {
                sampler.prepare(&device, &sampling, &[]);
                let dispatches: &[Dispatch] = sampler.dispatches(&sampling);
                let work = Work {
                    kernel: kernel.to_owned(),
                    shape: vocab.to_string(),
                    bytes: 4 * vocab as u64,
                    flops: 0,
                    chain: dispatches.len(),
                };
                self.time(work, dispatches, size).await?;
            }
        }
        Ok(())
    }
}
