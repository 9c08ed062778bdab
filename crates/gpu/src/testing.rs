//! What kernel tests share: devices of every kind, random data, running dispatches, reading back.

use std::sync::{Arc, OnceLock};

use crate::kernel::{Dispatch, Kernels, Slice, Step, StepSize};
use crate::{DeviceOptions, GpuDevice};

/// A device and what is special about it.
pub(crate) struct Variant {
    pub name: &'static str,
    pub device: GpuDevice,
    pub kernels: Arc<Kernels>,
}

/// The device with all its features and limits.
pub(crate) fn device() -> &'static Variant {
    &variants()[0]
}

/// Devices that stand for smaller ones: every kernel test runs on each.
pub(crate) fn variants() -> &'static [Variant] {
    static VARIANTS: OnceLock<Vec<Variant>> = OnceLock::new();
    VARIANTS.get_or_init(|| {
        let full = DeviceOptions::default();
        let table = [
            ("full", full.clone()),
            ("without f16", DeviceOptions { without_f16: true, ..full.clone() }),
            ("without subgroups", DeviceOptions { without_subgroups: true, ..full.clone() }),
            ("128 MiB bindings", DeviceOptions { max_binding_bytes: Some(128 << 20), ..full.clone() }),
            (
                "16 KiB and 128 invocations a workgroup",
                DeviceOptions {
                    max_workgroup_bytes: Some(16 << 10),
                    max_invocations: Some(128),
                    max_binding_bytes: Some(128 << 20),
                    without_f16: true,
                    without_subgroups: true,
                    ..full
                },
            ),
        ];
        table
            .into_iter()
            .map(|(name, options)| {
                let device = pollster::block_on(GpuDevice::request(&options))
                    .expect("tests need a Vulkan, Metal or DX12 device; on Debian: apt-get install mesa-vulkan-drivers");
                let kernels = Arc::new(Kernels::new(&device));
                Variant { name, device, kernels }
            })
            .collect()
    })
}

/// Leaves the shader as a browser gets it in the folder that `SOTTO_WGSL` names, if any: end-to-end tests compile there what
/// naga compiled here.
pub(crate) fn keep_for_browsers(name: &str, flags: &[&str]) {
    let Some(folder) = std::env::var_os("SOTTO_WGSL") else { return };
    let flags: Vec<&str> = flags.iter().copied().chain(["web"]).collect();
    let source = crate::shader::compose(name, &flags).expect("what was composed without a flag");
    let file = std::path::Path::new(&folder).join(format!("{name} {}.wgsl", flags.join(" ")));
    std::fs::write(file, source).expect("a folder that can be written to");
}

/// Elements of a Q8_0 cache that share a scale.
pub(crate) fn q8_block(head_dim: usize) -> usize {
    [32, 16, 8, 4].into_iter().find(|block| head_dim.is_multiple_of(*block)).unwrap()
}

/// A Q8_0 cache's words for `values`, `block` of which share a scale.
pub(crate) fn to_q8(values: &[f32], block: usize) -> Vec<u32> {
    let words = |values: &[f32]| {
        // NaN is the largest.
        let largest = values.iter().fold(0f32, |m, v| if v.abs() <= m { m } else { v.abs() });
        let scale = largest / 127.0;
        let byte =
            |v: &f32| if largest == 0.0 { 0 } else { (v * (127.0 / largest)).round_ties_even() as i8 as u8 };
        let quads = values.chunks(4).map(|quad| u32::from_le_bytes(std::array::from_fn(|i| byte(&quad[i]))));
        quads.chain([scale.to_bits()]).collect::<Vec<_>>()
    };
    values.chunks(block).flat_map(words).collect()
}

/// What the words of a Q8_0 cache stand for.
pub(crate) fn from_q8(words: &[u32], block: usize) -> Vec<f32> {
    let values = |words: &[u32]| {
        let (bytes, scale) = words.split_at(block / 4);
        let scale = f32::from_bits(scale[0]);
        let quads = bytes.iter().flat_map(|word| word.to_le_bytes());
        quads.map(|byte| scale * f32::from(byte as i8)).collect::<Vec<_>>()
    };
    words.chunks(block / 4 + 1).flat_map(values).collect()
}

/// Uniform in `[-1, 1)`, from `seed`.
pub(crate) fn random(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
    .take(n)
    .collect()
}

impl Variant {
    /// A storage buffer that holds `data`, rounded up to 16 bytes with zeros.
    pub fn upload<T: bytemuck::Pod>(&self, data: &[T]) -> Slice {
        let slice = self.empty(std::mem::size_of_val(data) as u64);
        let mut bytes = bytemuck::cast_slice(data).to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        self.device.queue().write_buffer(&slice.buffer, 0, &bytes);
        slice
    }

    /// A storage buffer of zeros of at least `bytes`.
    pub fn empty(&self, bytes: u64) -> Slice {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::UNIFORM
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        Slice::whole(&self.device.buffer("test", bytes, usage).expect("a test buffer"))
    }

    /// Rows of `width` elements at the stride of activations, the padding NaN.
    pub fn upload_rows(&self, data: &[f32], width: usize) -> Slice {
        let mut padded = Vec::new();
        for row in data.chunks(width) {
            padded.extend_from_slice(row);
            padded.resize(padded.len().next_multiple_of(4), f32::NAN);
        }
        self.upload(&padded)
    }

    /// A [`Step`] uniform.
    pub fn step(&self, step: Step) -> Slice {
        self.upload(&[step])
    }

    /// Runs dispatches in one pass.
    pub fn run(&self, dispatches: &[Dispatch], size: StepSize) {
        let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for dispatch in dispatches {
            dispatch.encode(&mut pass, size);
        }
        drop(pass);
        self.device.queue().submit([encoder.finish()]);
    }

    /// The first `n` elements of a slice.
    pub fn read<T: bytemuck::Pod>(&self, slice: &Slice, n: usize) -> Vec<T> {
        let bytes = (n * size_of::<T>()) as u64;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let target = self.device.buffer("test readback", bytes, usage).expect("a test buffer");
        let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&slice.buffer, slice.offset, &target, 0, bytes.next_multiple_of(4));
        self.device.queue().submit([encoder.finish()]);
        pollster::block_on(self.device.map(target.slice(..))).expect(self.name);
        let view = target.slice(..).get_mapped_range().expect("a mapped buffer");
        bytemuck::pod_collect_to_vec(&view[..bytes as usize])
    }

    /// `rows` rows of `width` elements of an activation, without padding.
    pub fn read_rows(&self, slice: &Slice, rows: usize, width: usize) -> Vec<f32> {
        let stride = width.next_multiple_of(4);
        let data: Vec<f32> = self.read(slice, rows * stride);
        data.chunks(stride).flat_map(|row| row[..width].to_vec()).collect()
    }
}

/// Panics unless `found` is within `tolerance` of `expected`, relative to the largest expected magnitude.
/// NaN is expected to be NaN, infinity the same infinity.
#[track_caller]
pub(crate) fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let scale = expected.iter().filter(|v| v.is_finite()).fold(1e-6f32, |m, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        let same = if e.is_finite() {
            (f - e).abs() <= tolerance * scale
        } else {
            f == e || (f.is_nan() && e.is_nan())
        };
        assert!(same, "{what}: element {i} is {f}, expected {e} (scale {scale})");
    }
}
