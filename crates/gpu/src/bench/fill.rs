//! Operands without meaning: memory that was written, with numbers that are small in every format.

use crate::kernel::Slice;
use crate::{GpuDevice, GpuError};

/// Bytes that are made; larger buffers repeat them.
const CHUNK: u64 = 4 << 20;

pub(crate) struct Fill {
    chunk: wgpu::Buffer,
}

impl Fill {
    pub fn new(device: &GpuDevice) -> Result<Fill, GpuError> {
        // Below 1 as f16, BF16 and f32 alike, and of either sign.
        Fill::of(device, |bits| bits & 0xafff_afff)
    }

    /// With floats from -1 to 1, all as likely.
    pub fn uniform(device: &GpuDevice) -> Result<Fill, GpuError> {
        Fill::of(device, |bits| (bits.cast_signed() as f32 / (1u32 << 31) as f32).to_bits())
    }

    /// With words of random bits.
    fn of(device: &GpuDevice, word: fn(u32) -> u32) -> Result<Fill, GpuError> {
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let chunk = device.buffer("filling", CHUNK, usage)?;
        let mut state = 0x9e37_79b9_u32;
        let words: Vec<u32> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            word(state)
        })
        .take(CHUNK as usize / 4)
        .collect();
        device.queue().write_buffer(&chunk, 0, bytemuck::cast_slice(&words));
        Ok(Fill { chunk })
    }

    /// A buffer of at least `bytes`.
    pub fn buffer(&self, device: &GpuDevice, bytes: u64) -> Result<Slice, GpuError> {
        let slice = self.small(device, bytes)?;
        self.slice(device, &slice);
        Ok(slice)
    }

    /// Fills a buffer.
    pub fn slice(&self, device: &GpuDevice, slice: &Slice) {
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        for offset in (0..slice.size).step_by(CHUNK as usize) {
            let bytes = CHUNK.min(slice.size - offset);
            encoder.copy_buffer_to_buffer(&self.chunk, 0, &slice.buffer, slice.offset + offset, bytes);
        }
        device.queue().submit([encoder.finish()]);
    }

    /// A buffer of zeros for any use.
    pub fn small(&self, device: &GpuDevice, bytes: u64) -> Result<Slice, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC
            | if bytes <= 1 << 16 { wgpu::BufferUsages::UNIFORM } else { wgpu::BufferUsages::empty() };
        Ok(Slice::whole(&device.buffer("benchmark", bytes, usage)?))
    }
}
