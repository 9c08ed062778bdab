//! Moments of the GPU, as passes leave them.

use crate::{GpuDevice, GpuError};

/// Room for some moments.
pub(crate) struct Timestamps {
    device: GpuDevice,
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: wgpu::Buffer,
}

/// Of a moment.
const BYTES: u64 = size_of::<u64>() as u64;

impl Timestamps {
    /// `None` where the device has no timestamps.
    pub fn new(device: &GpuDevice, count: u32) -> Result<Option<Timestamps>, GpuError> {
        if !device.facts().timestamps {
            return Ok(None);
        }
        let set = device.wgpu().create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let bytes = BYTES * u64::from(count);
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = device.buffer("timestamps", bytes, usage)?;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let read = device.buffer("timestamps", bytes, usage)?;
        Ok(Some(Timestamps { device: device.clone(), set, resolved, read }))
    }

    /// Has a pass write the moments at which it begins and ends.
    pub fn around(&self, begin: u32, end: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(begin),
            end_of_pass_write_index: Some(end),
        }
    }

    /// Writes the moment at which what came before in the pass is done.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn write(&self, pass: &mut wgpu::ComputePass<'_>, index: u32) {
        pass.write_timestamp(&self.set, index);
    }

    /// Copies the first `count` moments, after the passes that wrote them.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder, count: u32) {
        encoder.resolve_query_set(&self.set, 0..count, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.read, 0, BYTES * u64::from(count));
    }

    /// Seconds between each two of the first `count` moments, once they were submitted.
    pub async fn seconds(&self, count: u32) -> Result<Vec<f64>, GpuError> {
        let bytes = BYTES * u64::from(count);
        self.device.map(self.read.slice(..bytes)).await?;
        let ticks: Vec<u64> = {
            let range = self.read.slice(..bytes).get_mapped_range();
            let view = range.map_err(|e| GpuError::Device { message: e.to_string() })?;
            bytemuck::pod_collect_to_vec(&view)
        };
        self.read.unmap();
        let nanoseconds = f64::from(self.device.queue().get_timestamp_period());
        let seconds = |both: &[u64]| both[1].saturating_sub(both[0]) as f64 * nanoseconds * 1e-9;
        Ok(ticks.chunks_exact(2).map(seconds).collect())
    }
}
