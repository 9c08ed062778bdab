//! How long a list of dispatches takes: by timestamps of the GPU, else by the clock.

use crate::clock::Stopwatch;
use crate::kernel::{Dispatch, StepSize};
use crate::timestamps::Timestamps;
use crate::{GpuDevice, GpuError};

/// Runs of which the fastest counts: others were held up by something else.
const RUNS: usize = 5;

/// Nanoseconds that a device is busy before it is timed.
const WARM_NS: u64 = 30_000_000;

/// Seconds of a pass beside which it is nothing that browsers round timestamps to 100 µs.
const LASTING: f64 = 5e-3;

/// Repeats of what is so short that it was rounded to nothing.
const MOST_REPEATS: usize = 100;

/// Takes the time that dispatches take.
pub(crate) struct Timer {
    device: GpuDevice,
    /// The first and last moment of a pass; `None` where the device has no timestamps.
    timestamps: Option<Timestamps>,
}

impl Timer {
    pub fn new(device: &GpuDevice) -> Result<Timer, GpuError> {
        Ok(Timer { device: device.clone(), timestamps: Timestamps::new(device, 2)? })
    }

    /// `timestamp` or `clock`.
    pub fn method(&self) -> &'static str {
        if self.timestamps.is_some() { "timestamp" } else { "clock" }
    }

    /// Seconds that one pass of `dispatches` takes, all `repeats` times, divided by all of them.
    pub async fn seconds(
        &self,
        dispatches: &[Dispatch],
        size: StepSize,
        repeats: usize,
    ) -> Result<f64, GpuError> {
        self.warm(dispatches, size, repeats).await?;
        self.best(dispatches, size, repeats).await
    }

    /// Seconds that all of `dispatches` take once, by as many repeats as last about [`LASTING`].
    pub async fn lasting(&self, dispatches: &[Dispatch], size: StepSize) -> Result<f64, GpuError> {
        self.warm(dispatches, size, 1).await?;
        let once = self.pass(dispatches, size, 1).await?;
        Ok(self.best(dispatches, size, repeats(once)).await? * dispatches.len() as f64)
    }

    async fn warm(&self, dispatches: &[Dispatch], size: StepSize, repeats: usize) -> Result<(), GpuError> {
        // The first run also compiles what the driver left for it. A GPU that had nothing to do runs slower for a while.
        let clock = Stopwatch::start();
        self.pass(dispatches, size, 1).await?;
        while !self.device.facts().software && (1..WARM_NS).contains(&clock.nanoseconds()) {
            self.pass(dispatches, size, repeats).await?;
        }
        Ok(())
    }

    async fn best(&self, dispatches: &[Dispatch], size: StepSize, repeats: usize) -> Result<f64, GpuError> {
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            best = best.min(self.pass(dispatches, size, repeats).await?);
        }
        Ok(best / (repeats * dispatches.len()) as f64)
    }

    async fn pass(&self, dispatches: &[Dispatch], size: StepSize, repeats: usize) -> Result<f64, GpuError> {
        let commands = self.commands(dispatches, size, repeats);
        let clock = Stopwatch::start();
        self.device.queue().submit([commands]);
        self.device.finished().await?;
        let seconds = clock.nanoseconds() as f64 * 1e-9;
        let Some(moments) = &self.timestamps else { return Ok(seconds) };
        Ok(moments.seconds(2).await?[0])
    }

    /// One pass.
    pub fn commands(&self, dispatches: &[Dispatch], size: StepSize, repeats: usize) -> wgpu::CommandBuffer {
        let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
        let timestamp_writes = self.timestamps.as_ref().map(|moments| moments.around(0, 1));
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        for _ in 0..repeats {
            dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass, size));
        }
        drop(pass);
        if let Some(moments) = &self.timestamps {
            moments.resolve(&mut encoder, 2);
        }
        encoder.finish()
    }
}

/// How often something that takes `once` seconds is repeated.
fn repeats(once: f64) -> usize {
    ((LASTING / once) as usize).clamp(1, MOST_REPEATS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_repeated_and_what_is_long_is_not() {
        for (once, expected) in [(2.0, 1), (4e-3, 1), (1e-3, 5), (1e-4, 50), (0.0, MOST_REPEATS)] {
            assert_eq!(repeats(once), expected, "{once}");
        }
    }
}
