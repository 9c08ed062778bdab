//! The measurement that checks the table, once a device, in a fraction of a second: a matrix-vector product with each
//! candidate, then a product of many rows with all that its tiles may hold. The caller remembers the result by the device.

use std::sync::Arc;

use sotto_plan::Rows;

use super::{Tiles, Tuning};
use crate::bench::{Fill, Timer};
use crate::kernel::{Dispatch, Kernels, Slice, Step, StepSize};
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, Room};
use crate::weights::{Matrix, Packing};
use crate::{GpuDevice, GpuError};

/// Rows and columns of the weights that are multiplied: those of a small model's projections.
const SHAPE: (usize, usize) = (4096, 4096);
/// Copies of the weight, so that most caches do not hold them all.
const COPIES: usize = 6;
/// A candidate takes the table's place when it takes at most this share of its time: less is noise.
const CLEARLY: f64 = 0.97;
/// Largest difference between the results of two variants, by the largest of them. What differs more is a fault of the
/// device, as when it numbers the invocations of a subgroup in another order.
const ALIKE: f32 = 1e-3;

/// Rows of the weight that are multiplied with many rows of x.
const TILED_ROWS: usize = 2048;
/// Rows of x: at first, and where that is done in less than [`SOON`].
const TILED_TOKENS: [usize; 2] = [64, 512];
/// Seconds of 1.1 GFLOP that tell a large GPU, which few rows leave idle, from one that many keep busy for long.
const SOON: f64 = 1e-3;
/// As [`ALIKE`], where x is rounded: what logits may be off by then.
const ALIKE_ROUNDED: f32 = 2e-2;

impl GpuDevice {
    /// The fastest variants of kernels on this device, by measurement. Those of the table where they are as good, or where
    /// there is nothing to choose from.
    ///
    /// # Errors
    /// What a device may report.
    pub async fn measure(&self) -> Result<Tuning, GpuError> {
        let candidates = Tuning::candidates(self.facts());
        if candidates.len() < 2 {
            return Ok(Tuning::of(self.facts()));
        }
        let bytes = (COPIES * SHAPE.0 * SHAPE.1) as u64;
        let trial = self.allocating("the measurement of kernels", bytes, || Trial::new(self)).await?;
        let chosen = match trial.choose(&candidates).await {
            Ok(tuning) => trial.choose_tiles(tuning).await,
            Err(error) => Err(error),
        };
        trial.destroy();
        chosen.and_then(|tuning| self.check().map(|()| tuning))
    }
}

/// Weights and what they are multiplied with.
struct Trial {
    kernels: Arc<Kernels>,
    timer: Timer,
    matrices: Vec<Matrix>,
    x: Slice,
    out: Slice,
    step: Slice,
}

impl Trial {
    fn new(device: &GpuDevice) -> Result<Trial, GpuError> {
        let (rows, cols) = SHAPE;
        let fill = Fill::new(device)?;
        let matrix = |_| {
            let matrix = Matrix::new(device, "measurement", Packing::Q4_0, rows, cols)?;
            matrix.parts.iter().flat_map(|part| &part.planes).for_each(|plane| fill.slice(device, plane));
            Ok(matrix)
        };
        let matrices = (0..COPIES).map(matrix).collect::<Result<_, GpuError>>()?;
        let step = fill.small(device, size_of::<Step>() as u64)?;
        let trial = Trial {
            // Not the model's objects.
            kernels: Arc::new(Kernels::new(&device.counting())),
            timer: Timer::new(device)?,
            matrices,
            x: Fill::uniform(device)?.buffer(device, 4 * (TILED_TOKENS[1] * cols) as u64)?,
            out: fill.small(device, 4 * (TILED_TOKENS[1] * rows.min(TILED_ROWS)).max(rows) as u64)?,
            step,
        };
        trial.write_step(1);
        Ok(trial)
    }

    /// The fastest of `candidates`, of which the first is the table's.
    async fn choose(&self, candidates: &[Tuning]) -> Result<Tuning, GpuError> {
        let table = candidates[0];
        let plain = Tuning { subgroups: false, mantissa: false, ints: false, ahead: false, ..table };
        let (mut expected, mut best) = (None, (table, f64::INFINITY));
        if self.seconds(plain).await?.is_some() {
            expected = Some(self.result(SHAPE.0).await?);
            best.0 = plain;
        }
        for &tuning in candidates {
            let Some(seconds) = self.seconds(tuning).await? else { continue };
            let found = self.result(SHAPE.0).await?;
            let alike = alike(&found, expected.get_or_insert_with(|| found.clone()), ALIKE);
            if alike && (best.1.is_infinite() || seconds < CLEARLY * best.1) {
                best = (tuning, seconds);
            }
        }
        Ok(best.0)
    }

    /// `tuning` with what its tiles hold at best.
    async fn choose_tiles(&self, tuning: Tuning) -> Result<Tuning, GpuError> {
        if !tuning.tiled_matmul {
            return Ok(tuning);
        }
        let mut tokens = TILED_TOKENS[0];
        let mut floats = self.tiled_seconds(Tiles::Floats, tokens).await?;
        if floats.is_some_and(|seconds| seconds < SOON) {
            tokens = TILED_TOKENS[1];
            floats = self.tiled_seconds(Tiles::Floats, tokens).await?;
        }
        if floats.is_none() {
            return Ok(Tuning { tiled_matmul: false, ..tuning });
        }
        let expected = self.result(tokens * TILED_ROWS).await?;
        let mut best = (Tiles::Floats, f64::INFINITY);
        let candidates = Tuning::tile_candidates(self.kernels.device().facts());
        for &holds in [&tuning.tiles].into_iter().chain(candidates) {
            let Some(seconds) = self.tiled_seconds(holds, tokens).await? else { continue };
            let alike = alike(&self.result(tokens * TILED_ROWS).await?, &expected, ALIKE_ROUNDED);
            if alike && (best.1.is_infinite() || seconds < CLEARLY * best.1) {
                best = (holds, seconds);
            }
        }
        Ok(Tuning { tiles: best.0, ..tuning })
    }

    /// Seconds that the matrix-vector products take; `None` where the device fails at them.
    async fn seconds(&self, tuning: Tuning) -> Result<Option<f64>, GpuError> {
        let products = || {
            let product = |matrix| self.linear(matrix, SHAPE.0).matvec(&self.kernels, tuning, 1);
            Ok(self.matrices.iter().map(product).collect::<Result<Vec<_>, _>>()?.concat())
        };
        self.attempt(StepSize { tokens: 1, outputs: 1 }, products).await
    }

    /// Seconds of the dispatches of `build`; `None` where the device does not compile or run them.
    async fn attempt(
        &self,
        size: StepSize,
        build: impl FnOnce() -> Result<Vec<Dispatch>, GpuError>,
    ) -> Result<Option<f64>, GpuError> {
        let device = self.kernels.device();
        let run = || {
            let dispatches = build()?;
            // Nothing of what was there before may pass for a result.
            let mut encoder = device.wgpu().create_command_encoder(&Default::default());
            encoder.clear_buffer(&self.out.buffer, 0, None);
            device.queue().submit([encoder.finish(), self.timer.commands(&dispatches, size, 1)]);
            Ok(dispatches)
        };
        let (dispatches, done) = device.begin("a variant of a kernel", 0, run);
        let done = done.await;
        // A fault of the device, and no other, is all variants'.
        device.check()?;
        match (dispatches, done) {
            (Ok(dispatches), Ok(())) => self.timer.lasting(&dispatches, size).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Seconds that `tokens` rows of x take in tiles that hold so; `None` where the device has none, or fails at them.
    async fn tiled_seconds(&self, holds: Tiles, tokens: usize) -> Result<Option<f64>, GpuError> {
        let device = self.kernels.device();
        let linear = self.linear(&self.matrices[0], TILED_ROWS);
        let tile = linear.tile(device.facts(), holds);
        if tile.holds != holds {
            return Ok(None);
        }
        self.write_step(tokens);
        let mut scratch = None;
        let product = || {
            let room = Room::of_product(tile, tokens, SHAPE.1, TILED_ROWS);
            linear.rounded_matmul(&self.kernels, tile, scratch.insert(MatmulScratch::new(device, room)?))
        };
        let size = StepSize { tokens: tokens as u32, outputs: 1 };
        let seconds = self.attempt(size, product).await;
        scratch.iter().flat_map(|scratch| scratch.slices()).for_each(|slice| slice.buffer.destroy());
        seconds
    }

    fn linear<'a>(&'a self, matrix: &'a Matrix, rows: usize) -> Linear<'a> {
        Linear {
            matrix,
            first_row: 0,
            rows,
            x: &self.x,
            out: &self.out,
            step: &self.step,
            kind: Rows::Tokens,
            bias: None,
            residual: None,
            norm: None,
            gated: None,
        }
    }

    fn write_step(&self, tokens: usize) {
        let step = Step { n_tokens: tokens as u32, n_outputs: 1, ..Step::default() };
        self.kernels.device().queue().write_buffer(&self.step.buffer, 0, bytemuck::bytes_of(&step));
    }

    /// The first `n` numbers of what the last product was.
    async fn result(&self, n: usize) -> Result<Vec<f32>, GpuError> {
        let device = self.kernels.device();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let bytes = 4 * n as u64;
        let target = device.buffer("measurement", bytes, usage)?;
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.out.buffer, 0, &target, 0, bytes);
        device.queue().submit([encoder.finish()]);
        device.map(target.slice(..)).await?;
        let values = {
            let range = target.slice(..).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            bytemuck::pod_collect_to_vec(&view)
        };
        target.destroy();
        Ok(values)
    }

    fn destroy(&self) {
        let planes = self.matrices.iter().flat_map(|m| &m.parts).flat_map(|part| &part.planes);
        planes.chain([&self.x, &self.out]).for_each(|slice| slice.buffer.destroy());
    }
}

/// Whether no result is further off than `bound` times the largest that is expected.
fn alike(found: &[f32], expected: &[f32], bound: f32) -> bool {
    let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= bound * largest)
}

#[cfg(test)]
mod tests {
    use super::{ALIKE_ROUNDED, TILED_ROWS, TILED_TOKENS, Tiles, Trial, alike};
    use crate::kernel::{Dispatch, StepSize};
    use crate::testing::device;
    use crate::{DeviceOptions, GpuDevice, GpuError, Tuning};

    fn hardware() -> GpuDevice {
        let options = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
        pollster::block_on(GpuDevice::request(&options)).unwrap()
    }

    #[test]
    fn software_has_nothing_to_choose_from() {
        let device = &device().device;
        assert_eq!(pollster::block_on(device.measure()), Ok(Tuning::SOFTWARE));
    }

    #[test]
    fn what_is_measured_is_a_candidate_or_the_table() {
        let device = hardware();
        let chosen = pollster::block_on(device.measure()).unwrap();
        let table = Tuning::of(device.facts());
        let known = [&Tuning::candidates(device.facts())[..], &[table]].concat();
        assert!(known.contains(&Tuning { tiles: table.tiles, ..chosen }), "{chosen}");
        assert_eq!(chosen.to_string().parse(), Ok(chosen));
    }

    fn attempt(
        trial: &Trial,
        tokens: u32,
        build: impl FnOnce() -> Result<Vec<Dispatch>, GpuError>,
    ) -> Result<Option<f64>, GpuError> {
        pollster::block_on(trial.attempt(StepSize { tokens, outputs: 1 }, build))
    }

    #[test]
    fn what_does_not_compile_or_run_is_passed_over() {
        let device = hardware();
        let trial = Trial::new(&device).unwrap();
        let kernels = &trial.kernels;
        let product = || trial.linear(&trial.matrices[0], 64).matvec(kernels, Tuning::SOFTWARE, 1);
        // Not one of the kernels': browsers compile what those were in the tests.
        let uncompiled = || {
            let source = wgpu::ShaderSource::Wgsl("fn main() -> Absent {}".into());
            let _ = device.wgpu().create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
            product()
        };
        assert_eq!(attempt(&trial, 1, uncompiled), Ok(None));
        // More workgroups than a dispatch may have.
        assert_eq!(attempt(&trial, u32::MAX, product), Ok(None));
        assert_eq!(device.check(), Ok(()));
        assert!(attempt(&trial, 1, product).unwrap().is_some_and(|seconds| seconds > 0.0));
        // More invocations than a workgroup may have.
        let bad = Tuning { workgroup: 1 << 20, ..Tuning::SOFTWARE };
        let good = Tuning { subgroups: false, ..Tuning::GPU };
        assert_eq!(pollster::block_on(trial.choose(&[good, bad])), Ok(good));
        assert_eq!(pollster::block_on(trial.choose(&[bad, good])), Ok(good));
        assert_eq!(device.check(), Ok(()));
        // A lost device is not a variant's fault.
        device.destroy();
        let lost = attempt(&trial, 1, product);
        assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
    }

    /// As they are to each other on a device that computes as it should, or the check would take none.
    #[test]
    fn all_tiles_of_a_device_are_alike() {
        let device = hardware();
        let trial = Trial::new(&device).unwrap();
        let result = |holds| {
            let seconds = pollster::block_on(trial.tiled_seconds(holds, TILED_TOKENS[0])).unwrap();
            seconds.map(|_| pollster::block_on(trial.result(TILED_TOKENS[0] * TILED_ROWS)).unwrap())
        };
        let expected = result(Tiles::Floats).unwrap();
        for holds in [Tiles::Bytes, Tiles::Halves, Tiles::HalfSums] {
            let Some(found) = result(holds) else { continue };
            assert!(alike(&found, &expected, ALIKE_ROUNDED), "{holds:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_like_nothing() {
        let expected = [1.0, -4.0];
        assert!(alike(&[1.03, -4.0], &expected, 1e-2));
        assert!(!alike(&[1.05, -4.0], &expected, 1e-2));
        assert!(!alike(&[1.0, f32::NAN], &expected, 1e-2));
    }
}
