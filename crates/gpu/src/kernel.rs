//! Pipelines and dispatches: what a kernel file needs to turn a shader into a prebuilt step of a program.
//!
//! [`Kernels`] compiles each (shader, flags, constants) once. A [`Dispatch`] is a pipeline, a bind group
//! and a grid; it is made when a model loads and encoded as it is at each step. What varies from step
//! to step is in the [`Step`] uniform that shaders read, and in the grid's [`Count`]s.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use sotto_format::order::sort_by;

use crate::{GpuDevice, GpuError, shader};

/// What a step does, as kernels see it (`shaders/lib/step.wgsl`). A buffer of the GPU that is both a
/// uniform (for the kernels of the forward pass) and storage (for the sampler, which advances it).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Step {
    /// Position of the step's first token: the length of the KV cache before the step.
    pub position: u32,
    /// Tokens of the step, the rows of `Rows::Tokens`.
    pub n_tokens: u32,
    /// Tokens whose output is wanted, the rows of `Rows::Outputs`.
    pub n_outputs: u32,
    /// Row of the first token whose output is wanted; the others follow it.
    pub first_output: u32,
    /// Index of the token that is sampled at the end of the step.
    pub sample_step: u32,
    /// Tokens of the step that are drafts of what follows its first.
    pub n_drafts: u32,
    /// The output that is sampled next; beyond `n_drafts` once a draft was not what was sampled.
    pub row: u32,
    /// Unused; uniforms are a multiple of 16 bytes.
    pub padding: u32,
}

/// A part of a buffer that a kernel binds.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The buffer.
    pub buffer: wgpu::Buffer,
    /// First byte, a multiple of the device's binding alignment.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

impl Slice {
    /// A whole buffer.
    pub fn whole(buffer: &wgpu::Buffer) -> Slice {
        Slice { buffer: buffer.clone(), offset: 0, size: buffer.size() }
    }

    fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: self.offset,
            size: std::num::NonZeroU64::new(self.size),
        })
    }
}

/// Workgroups along one dimension of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Always as many.
    Fixed(u32),
    /// One for each `per` tokens of the step.
    Tokens(u32),
    /// One for each `per` rows whose output is wanted.
    Outputs(u32),
}

/// Workgroups of a dispatch.
pub type Grid = [Count; 3];

/// The sizes of a step that grids depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSize {
    /// Tokens of the step.
    pub tokens: u32,
    /// Rows whose output is wanted.
    pub outputs: u32,
}

impl Count {
    fn resolve(self, size: StepSize) -> u32 {
        match self {
            Count::Fixed(n) => n,
            Count::Tokens(per) => size.tokens.div_ceil(per),
            Count::Outputs(per) => size.outputs.div_ceil(per),
        }
    }
}

/// One prebuilt step of a program.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What it computes, for profiles.
    pub label: String,
    pipeline: wgpu::ComputePipeline,
    /// One, or one for each segment of the KV cache.
    bind_groups: Vec<wgpu::BindGroup>,
    grid: Grid,
    /// The sizes of steps that it is for, in tokens.
    tokens: RangeInclusive<u32>,
    /// Bytes of weights it reads.
    pub weight_bytes: u64,
}

impl Dispatch {
    /// The same for steps of so many tokens alone: others go without it, or have another.
    #[must_use]
    pub fn when(self, tokens: RangeInclusive<u32>) -> Dispatch {
        Dispatch { tokens, ..self }
    }

    /// Whether a step of this size takes it.
    pub fn is_for(&self, size: StepSize) -> bool {
        self.tokens.contains(&size.tokens)
    }

    /// Workgroups for a step of this size.
    pub fn workgroups(&self, size: StepSize) -> [u32; 3] {
        self.grid.map(|count| count.resolve(size))
    }

    /// Rows that it works on in a step of this size.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn rows(&self, size: StepSize) -> u32 {
        let of = |count: &Count| match count {
            Count::Fixed(_) => None,
            Count::Tokens(_) => Some(size.tokens),
            Count::Outputs(_) => Some(size.outputs),
        };
        self.grid.iter().find_map(of).unwrap_or(1)
    }

    /// Appends this to `pass`.
    pub fn encode(&self, pass: &mut wgpu::ComputePass<'_>, size: StepSize) {
        self.encode_in(pass, size, 0);
    }

    /// Appends this to `pass`, for a step whose positions are in segment `segment` of the KV cache.
    pub fn encode_in(&self, pass: &mut wgpu::ComputePass<'_>, size: StepSize, segment: usize) {
        let [x, y, z] = self.workgroups(size);
        if x == 0 || y == 0 || z == 0 || !self.is_for(size) {
            return;
        }
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_groups[segment.min(self.bind_groups.len() - 1)], &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Compiles pipelines, each once.
#[derive(Debug)]
pub struct Kernels {
    device: GpuDevice,
    modules: Mutex<HashMap<ModuleKey, wgpu::ShaderModule>>,
    pipelines: Mutex<HashMap<PipelineKey, Pipeline>>,
}

type ModuleKey = (&'static str, Vec<&'static str>);
type PipelineKey = (ModuleKey, Vec<(&'static str, u64)>);

/// A compiled kernel.
pub type Pipeline = Arc<wgpu::ComputePipeline>;

impl Kernels {
    /// An empty cache of pipelines on `device`.
    pub fn new(device: &GpuDevice) -> Kernels {
        Kernels { device: device.clone(), modules: Mutex::default(), pipelines: Mutex::default() }
    }

    /// Pipelines that were asked for.
    #[cfg(test)]
    pub fn pipelines(&self) -> usize {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The device that pipelines are compiled for.
    pub fn device(&self) -> &GpuDevice {
        &self.device
    }

    /// The pipeline of `shaders/<shader>.wgsl` (entry point `main`) with its `#if` conditions resolved for
    /// `flags` and its override constants set. The flag `web` is added where it holds.
    pub fn pipeline(
        &self,
        shader: &'static str,
        flags: &[&'static str],
        constants: &[(&'static str, f64)],
    ) -> Result<Pipeline, GpuError> {
        let mut flags = flags.to_vec();
        if cfg!(target_arch = "wasm32") {
            flags.push("web");
        }
        sort_by(&mut flags, &Ord::cmp);
        let module_key = (shader, flags);
        let bits = constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
        let key = (module_key.clone(), bits);
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(Arc::clone(pipeline));
        }
        let module = self.module(module_key)?;
        self.device.count_object();
        let pipeline =
            Arc::new(self.device.wgpu().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(shader),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants,
                    // Kernels write workgroup memory before they read it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            }));
        pipelines.insert(key, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    fn module(&self, key: ModuleKey) -> Result<wgpu::ShaderModule, GpuError> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&key) {
            return Ok(module.clone());
        }
        let source = shader::compose(key.0, &key.1)?;
        #[cfg(test)]
        crate::testing::keep_for_browsers(key.0, &key.1);
        let module = module(
            self.device.wgpu(),
            wgpu::ShaderModuleDescriptor {
                label: Some(key.0),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            },
        );
        modules.insert(key, module.clone());
        Ok(module)
    }

    /// Binds `bindings` (number in the shader, what to bind) to a pipeline.
    pub fn dispatch(
        &self,
        label: impl Into<String>,
        pipeline: &Pipeline,
        bindings: &[(u32, &Slice)],
        grid: Grid,
    ) -> Dispatch {
        let label = label.into();
        let bind_groups = vec![self.bind_group(&label, pipeline, bindings.iter().copied())];
        Dispatch {
            label,
            pipeline: wgpu::ComputePipeline::clone(pipeline),
            bind_groups,
            grid,
            tokens: 0..=u32::MAX,
            weight_bytes: 0,
        }
    }

    /// As [`Kernels::dispatch`], with the segment of the KV cache that holds the step's positions bound to `cache.0`.
    pub fn dispatch_by_segment(
        &self,
        label: impl Into<String>,
        pipeline: &Pipeline,
        bindings: &[(u32, &Slice)],
        cache: (u32, &[Slice]),
        grid: Grid,
    ) -> Dispatch {
        let label = label.into();
        let (binding, segments) = cache;
        let with = |segment| bindings.iter().copied().chain([(binding, segment)]);
        let bind_groups =
            segments.iter().map(|segment| self.bind_group(&label, pipeline, with(segment))).collect();
        Dispatch {
            label,
            pipeline: wgpu::ComputePipeline::clone(pipeline),
            bind_groups,
            grid,
            tokens: 0..=u32::MAX,
            weight_bytes: 0,
        }
    }

    fn bind_group<'a>(
        &self,
        label: &str,
        pipeline: &Pipeline,
        bindings: impl Iterator<Item = (u32, &'a Slice)>,
    ) -> wgpu::BindGroup {
        let entries: Vec<_> = bindings
            .map(|(binding, slice)| wgpu::BindGroupEntry { binding, resource: slice.binding() })
            .collect();
        self.device.count_object();
        self.device.wgpu().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }
}

/// Compiles one of our shaders. naga counts the rounds of every loop, lest one never end, and so keeps drivers from unrolling
/// them: without its checks matrix-vector products were 18 to 30 % faster on a card (`docs/performance.md`). Browsers do as
/// they see fit.
#[expect(unsafe_code, reason = "wgpu has no safe way to do without the counters")]
fn module(device: &wgpu::Device, shader: wgpu::ShaderModuleDescriptor<'_>) -> wgpu::ShaderModule {
    let checks =
        wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
    // SAFETY: Only shaders of this crate come here. Each of their loops ends: it counts to a constant, or to a length of
    // the step or the cache. All other checks stay.
    unsafe { device.create_shader_module_trusted(shader, checks) }
}
