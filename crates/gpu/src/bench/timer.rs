//! How long a list of dispatches takes: by timestamps of the GPU, else by the clock.

use crate::clock::Stopwatch;
use crate::kernel::{Dispatch, StepSize};
use crate::{GpuDevice, GpuError};

/// Runs of which the fastest counts: others were held up by something else.
const RUNS: usize = 5;

/// Nanoseconds that a device is busy before it is timed.
const WARM_NS: u64 = 30_000_000;

/// Takes the time that dispatches take.
pub(crate) struct Timer {
    device: GpuDevice,
    /// The first and last moment of a pass; `None` where the device has no timestamps.
    queries: Option<Queries>,
}

struct Queries {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: wgpu::Buffer,
    nanoseconds: f64,
}

const BYTES: u64 = 2 * size_of::<u64>() as u64;

impl Timer {
    pub fn new(device: &GpuDevice) -> Result<Timer, GpuError> {
        let queries = || {
            let set = device.wgpu().create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            });
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            let resolved = device.buffer("timestamps", BYTES, usage)?;
            let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
            let read = device.buffer("timestamps", BYTES, usage)?;
            let nanoseconds = f64::from(device.queue().get_timestamp_period());
            Ok(Queries { set, resolved, read, nanoseconds })
        };
        let queries = device.facts().timestamps.then(queries).transpose()?;
        Ok(Timer { device: device.clone(), queries })
    }

    /// `timestamp` or `clock`.
    pub fn method(&self) -> &'static str {
        if self.queries.is_some() { "timestamp" } else { "clock" }
    }

    /// Seconds that one pass of `dispatches` takes, all `repeats` times, divided by all of them.
    pub async fn seconds(
        &self,
        dispatches: &[Dispatch],
        size: StepSize,
        repeats: usize,
    ) -> Result<f64, GpuError> {
        // The first run also compiles what the driver left for it. A GPU that had nothing to do runs slower for a while.
        let clock = Stopwatch::start();
        self.pass(dispatches, size, 1).await?;
        while !self.device.facts().software && (1..WARM_NS).contains(&clock.nanoseconds()) {
            self.pass(dispatches, size, repeats).await?;
        }
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            best = best.min(self.pass(dispatches, size, repeats).await?);
        }
        Ok(best / (repeats * dispatches.len()) as f64)
    }

    async fn pass(&self, dispatches: &[Dispatch], size: StepSize, repeats: usize) -> Result<f64, GpuError> {
        let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
        let timestamp_writes = self.queries.as_ref().map(|queries| wgpu::ComputePassTimestampWrites {
            query_set: &queries.set,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        for _ in 0..repeats {
            dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass, size));
        }
        drop(pass);
        if let Some(queries) = &self.queries {
            encoder.resolve_query_set(&queries.set, 0..2, &queries.resolved, 0);
            encoder.copy_buffer_to_buffer(&queries.resolved, 0, &queries.read, 0, BYTES);
        }
        let clock = Stopwatch::start();
        self.device.queue().submit([encoder.finish()]);
        self.device.finished().await?;
        let seconds = clock.nanoseconds() as f64 * 1e-9;
        let Some(queries) = &self.queries else { return Ok(seconds) };
        self.device.map(queries.read.slice(..)).await?;
        let [begin, end] = {
            let range = queries.read.slice(..).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            bytemuck::pod_read_unaligned::<[u64; 2]>(&view[..BYTES as usize])
        };
        queries.read.unmap();
        Ok(end.saturating_sub(begin) as f64 * queries.nanoseconds * 1e-9)
    }
}
