//! The two backends behind one face.

use std::ops::Sub;

use serde::Serialize;
use sotto_cpu::{fast, reference};
use sotto_format::BlockType;
use sotto_gpu::{GpuDevice, GpuError, GpuModel, ModelOptions};
use sotto_plan::{Outputs, Plan, Sampling, WeightId};

use crate::cpu::{CpuBackend, CpuModel};
use crate::device::Device;
use crate::generation::Begun;
use crate::{EngineError, LoadOptions};

/// Where to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU where there is one that can run the model, else the CPU.
    Auto,
    /// WebGPU in the browser; Vulkan, Metal or DX12 natively. A software adapter will do.
    Gpu,
    /// The CPU.
    Cpu,
    /// The CPU, by the plain interpreter: what the others are checked against.
    Reference,
}

/// Which device runs a model.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// `webgpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name; for the CPU its instructions and threads.
    pub name: String,
    /// Whether this is a WebGPU adapter that computes on the CPU.
    pub software: bool,
    /// Why this device.
    pub reason: String,
    /// Threads that a model runs on, on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The variants of kernels that a GPU got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuning: Option<String>,
}

impl DeviceInfo {
    pub(crate) fn of_gpu(device: &GpuDevice, reason: &str) -> Self {
        let facts = device.facts();
        DeviceInfo {
            backend: "webgpu",
            name: facts.name.clone(),
            software: facts.software,
            reason: reason.to_owned(),
            threads: None,
            tuning: Some(device.tuning().to_string()),
        }
    }
}

/// What a backend did since it was loaded.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Kernels run.
    pub dispatches: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Buffers, bind groups and pipelines created after loading.
    pub gpu_objects_created: u64,
    /// Bytes copied from the device.
    pub bytes_read_back: u64,
    /// Decode steps run, without those of a model that drafts.
    pub steps: u64,
    /// Tokens that were drafted, and that steps ran the model on to see whether they are sampled.
    pub drafted: u64,
    /// Those of them that were.
    pub accepted: u64,
    /// Pieces of work that threads on the CPU have done beside the engine's own.
    pub helped: u64,
    /// Bytes of weights, keys and values that decode steps on a GPU read.
    pub bytes_read: u64,
    /// Nanoseconds that the processor took to prepare decode steps for a GPU. Not measured in browsers.
    pub host_nanoseconds: u64,
    /// Bytes of device memory held: weights, activations, KV.
    pub device_bytes: u64,
}

impl Counters {
    /// These, and what the device did for a model that drafts. Steps and drafts are counted where the reply is written, and
    /// helpers' work is the CPU's, not a model's.
    pub(crate) fn with_draft(self, draft: Counters) -> Counters {
        Counters {
            dispatches: self.dispatches + draft.dispatches,
            submits: self.submits + draft.submits,
            gpu_objects_created: self.gpu_objects_created + draft.gpu_objects_created,
            bytes_read_back: self.bytes_read_back + draft.bytes_read_back,
            bytes_read: self.bytes_read + draft.bytes_read,
            host_nanoseconds: self.host_nanoseconds + draft.host_nanoseconds,
            device_bytes: self.device_bytes + draft.device_bytes,
            ..self
        }
    }
}

impl Sub for Counters {
    type Output = Counters;

    /// What happened between `earlier` and now; memory is as it stands now.
    fn sub(self, earlier: Counters) -> Counters {
        Counters {
            dispatches: self.dispatches - earlier.dispatches,
            submits: self.submits - earlier.submits,
            gpu_objects_created: self.gpu_objects_created - earlier.gpu_objects_created,
            bytes_read_back: self.bytes_read_back - earlier.bytes_read_back,
            steps: self.steps - earlier.steps,
            drafted: self.drafted - earlier.drafted,
            accepted: self.accepted - earlier.accepted,
            helped: self.helped.wrapping_sub(earlier.helped),
            bytes_read: self.bytes_read - earlier.bytes_read,
            host_nanoseconds: self.host_nanoseconds - earlier.host_nanoseconds,
            device_bytes: self.device_bytes,
        }
    }
}

/// The device of one model. Its memory goes with the model: a browser would keep buffers until its garbage is collected.
pub(crate) struct OwnDevice(pub GpuDevice);

impl Drop for OwnDevice {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

pub(crate) enum BackendLoader {
    Gpu(Box<sotto_gpu::Loader>, OwnDevice, String),
    Cpu(Box<fast::Loader>, String),
    Reference(reference::Loader),
}

/// Why a device was taken that was asked for by name.
pub(crate) const ASKED_FOR: &str = "asked for";

impl BackendLoader {
    pub async fn open(plan: Plan, context_length: usize, options: &LoadOptions) -> Result<Self, EngineError> {
        let cpu = |plan, reason| {
            let options = fast::Options {
                threads: options.threads.unwrap_or_else(threads),
                ..fast::Options::default()
            };
            fast::Loader::new(plan, context_length, options).map(|l| BackendLoader::Cpu(Box::new(l), reason))
        };
        match options.device {
            DeviceChoice::Reference => {
                Ok(BackendLoader::Reference(reference::Loader::new(plan, context_length)))
            }
            DeviceChoice::Cpu => Ok(cpu(plan, ASKED_FOR.to_owned())?),
            choice @ (DeviceChoice::Gpu | DeviceChoice::Auto) => {
                let (device, reason) = Device::find(choice).await?.into_parts();
                let Some(device) = device else { return Ok(cpu(plan, reason)?) };
                let kept = (choice == DeviceChoice::Auto).then(|| plan.clone());
                match (Self::on_gpu(device, plan, context_length, options, &reason).await, kept) {
                    (Err(EngineError::Gpu(error @ GpuError::Unsupported { .. })), Some(plan)) => {
                        Ok(cpu(plan, error.to_string())?)
                    }
                    (other, _) => other,
                }
            }
        }
    }

    async fn on_gpu(
        mut device: OwnDevice,
        plan: Plan,
        context_length: usize,
        options: &LoadOptions,
        reason: &str,
    ) -> Result<Self, EngineError> {
        device.0 = options.tuning.apply(device.0.clone()).await?;
        let options = ModelOptions { context_length, kv_type: options.kv_type, ..Default::default() };
        let loader = sotto_gpu::Loader::new(&device.0, plan, &options).await?;
        Ok(BackendLoader::Gpu(Box::new(loader), device, reason.to_owned()))
    }

    /// Has the weights `ids` come as rows of floats of type `ty`, for the backend to quantise; `false` where it does not.
    pub fn take_floats(&mut self, ids: &[WeightId], ty: BlockType) -> Result<bool, EngineError> {
        match self {
            BackendLoader::Gpu(loader, ..) => Ok(loader.take_floats(ids, ty)?),
            BackendLoader::Cpu(..) | BackendLoader::Reference(..) => Ok(false),
        }
    }

    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        match self {
            BackendLoader::Gpu(loader, ..) => loader.write(id, offset, bytes)?,
            BackendLoader::Cpu(loader, _) => loader.write(id, offset, bytes)?,
            BackendLoader::Reference(loader) => loader.write(id, offset, bytes)?,
        }
        Ok(())
    }

    /// Whether the model comes to the CPU's fast engine, which knows threads.
    pub fn is_on_cpu(&self) -> bool {
        matches!(self, BackendLoader::Cpu(..))
    }

    /// How many threads the model is to run on, where it can have some.
    pub fn set_threads(&mut self, threads: usize) {
        if let BackendLoader::Cpu(loader, _) = self {
            loader.set_threads(threads);
        }
    }

    pub async fn finish(self) -> Result<Backend, EngineError> {
        Ok(match self {
            BackendLoader::Gpu(loader, device, reason) => {
                Backend::Gpu(Box::new(loader.finish().await?), device, reason)
            }
            BackendLoader::Cpu(loader, reason) => {
                Backend::Cpu(Box::new(CpuBackend::new(CpuModel::Fast(Box::new(loader.finish()?)), reason)))
            }
            BackendLoader::Reference(loader) => Backend::Cpu(Box::new(CpuBackend::new(
                CpuModel::Reference(Box::new(loader.finish()?)),
                ASKED_FOR.to_owned(),
            ))),
        })
    }
}

/// As many threads as the processor runs at once; one in a browser.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) enum Backend {
    Gpu(Box<GpuModel>, OwnDevice, String),
    Cpu(Box<CpuBackend>),
}

impl Backend {
    pub fn device(&self) -> DeviceInfo {
        match self {
            Backend::Gpu(_, device, reason) => DeviceInfo::of_gpu(&device.0, reason),
            Backend::Cpu(cpu) => DeviceInfo {
                backend: "cpu",
                name: cpu.name(),
                software: false,
                reason: cpu.reason().to_owned(),
                threads: Some(cpu.threads()),
                tuning: None,
            },
        }
    }

    /// Tokens in the KV cache.
    pub fn position(&self) -> usize {
        match self {
            Backend::Gpu(model, ..) => model.position(),
            Backend::Cpu(cpu) => cpu.position(),
        }
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Backend::Gpu(model, ..) => model.truncate(length),
            Backend::Cpu(cpu) => cpu.truncate(length),
        }
    }

    /// Appends `ids`; gives the logits of the rows asked for, `[rows, vocab]`.
    pub async fn logits(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        match self {
            Backend::Gpu(model, ..) => Ok(model.prefill(ids, outputs).await?),
            Backend::Cpu(cpu) => cpu.logits(ids, outputs),
        }
    }

    /// Appends `ids`, the rest of `text`, and sets up sampling for the tokens that follow.
    ///
    /// # Errors
    /// [`EngineError::Resume`] where a reply that is begun is to go on on a GPU.
    pub async fn start(
        &mut self,
        ids: &[u32],
        text: &Begun<'_>,
        sampling: &Sampling,
    ) -> Result<(), EngineError> {
        match self {
            Backend::Gpu(..) if text.ids.len() > text.prompt => return Err(EngineError::Resume),
            Backend::Gpu(model, ..) => {
                model.prefill_for_decode(ids).await?;
                model.start_with(sampling, text.ids, text.bias)?;
            }
            Backend::Cpu(cpu) => cpu.start(ids, text, sampling)?,
        }
        Ok(())
    }

    /// Whether drafts may make the next token's step worth more.
    pub fn takes_drafts(&self) -> bool {
        match self {
            Backend::Gpu(model, ..) => model.takes_drafts(),
            Backend::Cpu(cpu) => cpu.takes_drafts(),
        }
    }

    /// Drafts that steps ran the model on, and those that were sampled.
    pub fn drafts(&self) -> (u64, u64) {
        match self {
            Backend::Gpu(model, ..) => {
                let counters = model.counters();
                (counters.drafted, counters.accepted)
            }
            Backend::Cpu(cpu) => cpu.drafts(),
        }
    }

    /// The next sampled token. `drafts` are what may follow the last one; they change how fast tokens come, and nothing else.
    pub async fn next(&mut self, drafts: &[u32]) -> Result<u32, EngineError> {
        match self {
            Backend::Gpu(model, ..) => Ok(model.next_with(drafts).await?),
            Backend::Cpu(cpu) => cpu.next(drafts),
        }
    }

    /// The next sampled token, among those that have a bit in `allowed`.
    pub async fn next_among(&mut self, allowed: &[u32]) -> Result<u32, EngineError> {
        match self {
            Backend::Gpu(model, ..) => Ok(model.next_among(allowed).await?),
            Backend::Cpu(cpu) => cpu.next_among(allowed),
        }
    }

    /// The logits that the next token is sampled from.
    pub async fn next_logits(&mut self) -> Result<Vec<f32>, EngineError> {
        match self {
            Backend::Gpu(model, ..) => Ok(model.next_logits().await?),
            Backend::Cpu(cpu) => cpu.next_logits(),
        }
    }

    /// The next token, sampled from `logits` in place of those that [`Backend::next_logits`] gave.
    pub async fn next_from(&mut self, logits: &[f32], allowed: Option<&[u32]>) -> Result<u32, EngineError> {
        match self {
            Backend::Gpu(model, ..) => Ok(model.next_from(logits, allowed).await?),
            Backend::Cpu(cpu) => cpu.next_from(logits, allowed),
        }
    }

    /// Ends the generation. Tokens computed ahead are forgotten.
    pub async fn stop(&mut self) -> Result<(), EngineError> {
        match self {
            Backend::Gpu(model, ..) => model.stop().await?,
            Backend::Cpu(cpu) => cpu.stop(),
        }
        Ok(())
    }

    pub fn counters(&self) -> Counters {
        match self {
            Backend::Gpu(model, ..) => {
                let c = model.counters();
                Counters {
                    dispatches: c.dispatches,
                    submits: c.submits,
                    gpu_objects_created: c.objects_created,
                    bytes_read_back: c.bytes_read_back,
                    steps: c.steps,
                    drafted: c.drafted,
                    accepted: c.accepted,
                    helped: 0,
                    bytes_read: c.weight_bytes + c.kv_bytes,
                    host_nanoseconds: c.host_ns,
                    device_bytes: model.memory().total(),
                }
            }
            Backend::Cpu(cpu) => {
                let (device_bytes, steps, helped) = (cpu.bytes(), cpu.steps(), cpu.helped());
                let (drafted, accepted) = cpu.drafts();
                Counters { device_bytes, steps, drafted, accepted, helped, ..Counters::default() }
            }
        }
    }
}
