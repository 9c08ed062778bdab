//! The measurement that checks the table, once a device, in a fraction of a second: a matrix-vector product with each
//! candidate, then a product of many rows with all that its tiles may hold. The caller remembers the result by the device.

use std::sync::Arc;

use sotto_plan::Rows;

use super::{Tiles, Tuning};
use crate::bench::{Fill, Timer};
use crate::kernel::{Kernels, Slice, Step, StepSize};
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, Room};
use crate::weights::{Matrix, Packing};
use crate::{GpuDevice, GpuError};

/// Rows and columns of the weights that are multiplied: those of a small model's projections.
const SHAPE: (usize, usize) = (4096, 4096);
/// Copies of the weight, so that most caches do not hold them all.
const COPIES: usize = 6;
/// Rounds over the copies that are timed together.
const ROUNDS: usize = 4;
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
        chosen
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
            x: fill.buffer(device, 4 * (TILED_TOKENS[1] * cols) as u64)?,
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
        self.seconds(plain).await?;
        let expected = self.result(SHAPE.0).await?;
        let mut best = (table, f64::INFINITY);
        for (at, &tuning) in candidates.iter().enumerate() {
            let seconds = self.seconds(tuning).await?;
            let alike = alike(&self.result(SHAPE.0).await?, &expected, ALIKE);
            if alike && (best.1.is_infinite() || seconds < CLEARLY * best.1) {
                best = (tuning, seconds);
            } else if at == 0 {
                best = (plain, f64::INFINITY);
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
        if self.tiled_seconds(Tiles::Floats, tokens).await?.is_some_and(|seconds| seconds < SOON) {
            tokens = TILED_TOKENS[1];
            self.tiled_seconds(Tiles::Floats, tokens).await?;
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

    async fn seconds(&self, tuning: Tuning) -> Result<f64, GpuError> {
        let mut dispatches = Vec::new();
        for matrix in &self.matrices {
            dispatches.extend(self.linear(matrix, SHAPE.0).matvec(&self.kernels, tuning, 1)?);
        }
        self.timer.seconds(&dispatches, StepSize { tokens: 1, outputs: 1 }, ROUNDS).await
    }

    /// Seconds that `tokens` rows of x take in tiles that hold so; `None` where the device has none.
    async fn tiled_seconds(&self, holds: Tiles, tokens: usize) -> Result<Option<f64>, GpuError> {
        let device = self.kernels.device();
        let linear = self.linear(&self.matrices[0], TILED_ROWS);
        let tile = linear.tile(device.facts(), holds);
        if tile.holds != holds {
            return Ok(None);
        }
        self.write_step(tokens);
        let scratch = MatmulScratch::new(device, Room::of_product(tile, tokens, SHAPE.1, TILED_ROWS))?;
        let dispatches = linear.rounded_matmul(&self.kernels, tile, &scratch)?;
        let size = StepSize { tokens: tokens as u32, outputs: 1 };
        let seconds = self.timer.seconds(&dispatches, size, 1).await? * dispatches.len() as f64;
        scratch.slices().into_iter().for_each(|slice| slice.buffer.destroy());
        Ok(Some(seconds))
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
    use super::alike;
    use crate::testing::device;
    use crate::{DeviceOptions, GpuDevice, Tuning};

    #[test]
    fn software_has_nothing_to_choose_from() {
        let device = &device().device;
        assert_eq!(pollster::block_on(device.measure()), Ok(Tuning::SOFTWARE));
    }

    #[test]
    fn what_is_measured_is_a_candidate_or_the_table() {
        let options = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
        let device = pollster::block_on(GpuDevice::request(&options)).unwrap();
        let chosen = pollster::block_on(device.measure()).unwrap();
        let table = Tuning::of(device.facts());
        let known = [&Tuning::candidates(device.facts())[..], &[table]].concat();
        assert!(known.contains(&Tuning { tiles: table.tiles, ..chosen }), "{chosen}");
        assert_eq!(chosen.to_string().parse(), Ok(chosen));
    }

    #[test]
    fn what_is_no_number_is_like_nothing() {
        let expected = [1.0, -4.0];
        assert!(alike(&[1.03, -4.0], &expected, 1e-2));
        assert!(!alike(&[1.05, -4.0], &expected, 1e-2));
        assert!(!alike(&[1.0, f32::NAN], &expected, 1e-2));
    }
}
