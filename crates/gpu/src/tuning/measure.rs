//! The measurement that checks the table: a matrix-vector product with each candidate, once a device, in a fraction of
//! a second. The caller remembers the result by the device.

use std::sync::Arc;

use sotto_plan::Rows;

use super::Tuning;
use crate::bench::{Fill, Timer};
use crate::kernel::{Kernels, Slice, Step, StepSize};
use crate::kernels::linear::Linear;
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

impl GpuDevice {
    /// The fastest variants of kernels on this device, by measurement. Those of the table where they are as good, or where
    /// there is nothing to choose from.
    ///
    /// # Errors
    /// What a device may report.
    pub async fn measure(&self) -> Result<Tuning, GpuError> {
        let table = Tuning::of(self.facts());
        let candidates = Tuning::candidates(self.facts());
        if candidates.len() < 2 {
            return Ok(table);
        }
        let bytes = (COPIES * SHAPE.0 * SHAPE.1) as u64;
        let trial = self.allocating("the measurement of kernels", bytes, || Trial::new(self)).await?;
        let chosen = trial.choose(table, &candidates).await;
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
        let one = Step { n_tokens: 1, n_outputs: 1, ..Step::default() };
        device.queue().write_buffer(&step.buffer, 0, bytemuck::bytes_of(&one));
        Ok(Trial {
            // Not the model's objects.
            kernels: Arc::new(Kernels::new(&device.counting())),
            timer: Timer::new(device)?,
            matrices,
            x: fill.buffer(device, 4 * cols as u64)?,
            out: fill.small(device, 4 * rows as u64)?,
            step,
        })
    }

    async fn choose(&self, table: Tuning, candidates: &[Tuning]) -> Result<Tuning, GpuError> {
        let plain = Tuning { subgroups: false, mantissa: false, ints: false, ahead: false, ..table };
        self.seconds(plain).await?;
        let expected = self.result().await?;
        let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let mut best = (table, f64::INFINITY);
        for (at, &tuning) in [table].iter().chain(candidates).enumerate() {
            let seconds = self.seconds(tuning).await?;
            let found = self.result().await?;
            let alike = found.iter().zip(&expected).all(|(f, e)| (f - e).abs() <= ALIKE * largest);
            if alike && (best.1.is_infinite() || seconds < CLEARLY * best.1) {
                best = (tuning, seconds);
            } else if at == 0 {
                best = (plain, f64::INFINITY);
            }
        }
        Ok(best.0)
    }

    async fn seconds(&self, tuning: Tuning) -> Result<f64, GpuError> {
        let mut dispatches = Vec::new();
        for matrix in &self.matrices {
            let linear = Linear {
                matrix,
                first_row: 0,
                rows: SHAPE.0,
                x: &self.x,
                out: &self.out,
                step: &self.step,
                kind: Rows::Tokens,
                bias: None,
                residual: None,
                norm: None,
                gated: None,
            };
            dispatches.extend(linear.matvec(&self.kernels, tuning, 1)?);
        }
        self.timer.seconds(&dispatches, StepSize { tokens: 1, outputs: 1 }, ROUNDS).await
    }

    /// What the last product was.
    async fn result(&self) -> Result<Vec<f32>, GpuError> {
        let device = self.kernels.device();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let target = device.buffer("measurement", self.out.size, usage)?;
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.out.buffer, 0, &target, 0, self.out.size);
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

#[cfg(test)]
mod tests {
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
        let known = Tuning::candidates(device.facts());
        assert!(chosen == Tuning::of(device.facts()) || known.contains(&chosen), "{chosen}");
        assert_eq!(chosen.to_string().parse(), Ok(chosen));
    }
}
