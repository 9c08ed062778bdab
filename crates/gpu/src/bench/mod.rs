//! How fast each kernel is, by itself: `sotto bench --kernels`.
//!
//! Every entry is the kernel that models run, at a shape of theirs. A weight matrix is there as many times as it takes
//! to fill [`Options::footprint`] bytes, and the dispatches go round the copies, so that a cache does not stand in for
//! memory. They write to one buffer, so each waits for the one before it as it does in a model: what it costs to start
//! and to drain a dispatch is part of the time. Bytes are those that must be read and written once.

mod attention;
mod experts;
mod fill;
mod linear;
mod stream;
mod timer;

use std::sync::Arc;

use sotto_format::BlockType;

use crate::kernel::{Dispatch, Kernels, Slice, Step, StepSize};
use crate::tuning::Tuning;
use crate::{GpuDevice, GpuError};
pub(crate) use fill::Fill;
pub(crate) use timer::Timer;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Types of weights.
    pub types: Vec<BlockType>,
    /// Rows and columns of weight matrices.
    pub shapes: Vec<(usize, usize)>,
    /// Rows of x in `matmul.wgsl`.
    pub tokens: Vec<usize>,
    /// Positions in the cache of the attention kernels.
    pub depths: Vec<usize>,
    /// Bytes that a kernel's operands take together, at least; copies of them are made until they do.
    pub footprint: u64,
    /// Only kernels whose name begins with this.
    pub only: String,
    /// Other variants of the matrix-vector product too, each under its name.
    pub variants: Vec<Tuning>,
}

impl Default for Options {
    fn default() -> Self {
        use BlockType::{BF16, F16, F32, IQ4_NL, MXFP4, Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0};
        Options {
            types: vec![Q4_0, Q4_K, Q8_0, Q6_K, Q5_K, Q5_0, Q5_1, Q4_1, IQ4_NL, MXFP4, F16, BF16, F32],
            shapes: vec![
                (2048, 2048),
                (2048, 8192),
                (4096, 4096),
                (4096, 14_336),
                (14_336, 4096),
                (28_672, 4096),
                (128_256, 2048),
            ],
            tokens: vec![128, 512],
            depths: vec![1024, 4096],
            footprint: 512 << 20,
            only: String::new(),
            variants: Vec::new(),
        }
    }
}

/// What one kernel took at one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The kernel, and what of it: `matvec Q4_0`.
    pub kernel: String,
    /// Its sizes, as `rows x cols`.
    pub shape: String,
    /// Seconds a dispatch, or a chain of dispatches that belong together.
    pub seconds: f64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Multiplications and additions.
    pub flops: u64,
    /// `timestamp` of the GPU, or `clock`.
    pub method: &'static str,
}

impl Measurement {
    /// Gigabytes (10⁹) a second.
    pub fn gigabytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.seconds * 1e-9
    }

    /// Gigaflops a second.
    pub fn gigaflops(&self) -> f64 {
        self.flops as f64 / self.seconds * 1e-9
    }
}

/// The name of the measurement that others are compared to: a kernel that copies memory.
pub const COPY: &str = "copy";

/// Measures kernels, the copy first, and gives each measurement to `report` when it is there.
///
/// # Errors
/// What a device may report, as when the operands of a kernel do not fit its memory.
pub async fn run(
    device: &GpuDevice,
    options: &Options,
    report: &mut dyn FnMut(&Measurement),
) -> Result<(), GpuError> {
    let kernels = Arc::new(Kernels::new(&device.counting()));
    let timer = Timer::new(device)?;
    let mut bench = Bench { fill: Fill::new(device)?, kernels, timer, options, report };
    bench.copy().await?;
    bench.launches().await?;
    bench.matvecs().await?;
    bench.matmuls().await?;
    bench.experts().await?;
    bench.attention().await?;
    bench.norms().await?;
    bench.sampling().await
}

/// Gigabytes a second that a kernel reads and writes when it copies.
///
/// # Errors
/// What a device may report.
pub async fn copy_gigabytes_per_second(device: &GpuDevice) -> Result<f64, GpuError> {
    let kernels = Arc::new(Kernels::new(&device.counting()));
    let mut rate = f64::NAN;
    let mut report = |m: &Measurement| {
        if m.kernel == COPY {
            rate = m.gigabytes_per_second();
        }
    };
    let options = Options::default();
    let (fill, timer) = (Fill::new(device)?, Timer::new(device)?);
    Bench { kernels, timer, fill, options: &options, report: &mut report }.copy().await?;
    Ok(rate)
}

struct Bench<'a> {
    kernels: Arc<Kernels>,
    timer: Timer,
    fill: Fill,
    options: &'a Options,
    report: &'a mut dyn FnMut(&Measurement),
}

/// What to call a measurement, and what it moves.
struct Work {
    kernel: String,
    shape: String,
    bytes: u64,
    flops: u64,
    /// Dispatches that make one unit of it.
    chain: usize,
}

impl Bench<'_> {
    fn device(&self) -> &GpuDevice {
        self.kernels.device()
    }

    fn tuning(&self) -> Tuning {
        self.device().tuning()
    }

    fn wanted(&self, kernel: &str) -> bool {
        kernel.starts_with(&self.options.only)
    }

    /// Copies of something of `bytes` bytes, so that they take [`Options::footprint`].
    fn copies(&self, bytes: u64) -> usize {
        (self.options.footprint / bytes.max(1)).clamp(1, 64) as usize
    }

    /// Times `dispatches`, which are several rounds of one unit of `work`.
    async fn time(&mut self, work: Work, dispatches: &[Dispatch], size: StepSize) -> Result<(), GpuError> {
        /// Bytes that a pass moves at least, so that it lasts.
        const PASS_BYTES: u64 = 1 << 30;
        let in_one = work.bytes * (dispatches.len() / work.chain) as u64;
        let least = if self.device().facts().software { 1 } else { 64usize.div_ceil(dispatches.len()) };
        let most = if self.device().facts().software { 1 } else { 64 };
        let repeats = ((PASS_BYTES / in_one.max(1)) as usize).clamp(least, most.max(least));
        let seconds = self.timer.seconds(dispatches, size, repeats).await? * work.chain as f64;
        self.device().check()?;
        (self.report)(&Measurement {
            kernel: work.kernel,
            shape: work.shape,
            seconds,
            bytes: work.bytes,
            flops: work.flops,
            method: self.timer.method(),
        });
        Ok(())
    }

    /// A step of `tokens` tokens at `position`.
    fn step(&self, position: usize, tokens: usize) -> Result<(Slice, StepSize), GpuError> {
        let tokens = tokens as u32;
        let step = Step {
            position: position as u32,
            n_tokens: tokens,
            n_outputs: tokens,
            first_output: 0,
            ..Step::default()
        };
        let slice = self.fill.small(self.device(), size_of::<Step>() as u64)?;
        self.device().queue().write_buffer(&slice.buffer, 0, bytemuck::bytes_of(&step));
        Ok((slice, StepSize { tokens, outputs: tokens }))
    }
}
