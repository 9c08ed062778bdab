//! The two backends behind one face.

use std::ops::Sub;

use serde::Serialize;
use sotto_cpu::reference;
use sotto_gpu::{DeviceOptions, GpuDevice, GpuModel, ModelOptions};
use sotto_plan::{Outputs, Plan, Sampling, WeightId};
use sotto_text::sampling::{TokenCounts, sample};

use crate::{EngineError, LoadOptions};

/// Where to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// WebGPU in the browser; Vulkan, Metal or DX12 natively.
    Gpu,
    /// The plain interpreter.
    Cpu,
}

/// Which device runs a model.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// `webgpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name.
    pub name: String,
    /// Whether the adapter computes on the CPU.
    pub software: bool,
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
    /// Decode steps run.
    pub steps: u64,
    /// Bytes of device memory held: weights, activations, KV.
    pub device_bytes: u64,
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
            device_bytes: self.device_bytes,
        }
    }
}

/// The device of one model. Its memory goes with the model: a browser would keep buffers until its garbage is collected.
pub(crate) struct OwnDevice(GpuDevice);

impl Drop for OwnDevice {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

pub(crate) enum BackendLoader {
    Gpu(Box<sotto_gpu::Loader>, OwnDevice),
    Cpu(reference::Loader),
}

impl BackendLoader {
    pub async fn open(plan: Plan, context_length: usize, options: &LoadOptions) -> Result<Self, EngineError> {
        match options.device {
            DeviceChoice::Cpu => Ok(BackendLoader::Cpu(reference::Loader::new(plan, context_length))),
            DeviceChoice::Gpu => {
                let device = OwnDevice(GpuDevice::request(&DeviceOptions::default()).await?);
                let options = ModelOptions { context_length, kv_type: options.kv_type, ..Default::default() };
                let loader = sotto_gpu::Loader::new(&device.0, plan, &options).await?;
                Ok(BackendLoader::Gpu(Box::new(loader), device))
            }
        }
    }

    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        match self {
            BackendLoader::Gpu(loader, _) => loader.write(id, offset, bytes)?,
            BackendLoader::Cpu(loader) => loader.write(id, offset, bytes)?,
        }
        Ok(())
    }

    pub async fn finish(self) -> Result<Backend, EngineError> {
        Ok(match self {
            BackendLoader::Gpu(loader, device) => Backend::Gpu(Box::new(loader.finish().await?), device),
            BackendLoader::Cpu(loader) => Backend::Cpu(Box::new(CpuBackend {
                model: loader.finish()?,
                logits: Vec::new(),
                reply: None,
                steps: 0,
            })),
        })
    }
}

pub(crate) enum Backend {
    Gpu(Box<GpuModel>, OwnDevice),
    Cpu(Box<CpuBackend>),
}

/// The interpreter, with what the GPU keeps on its side: the last logits, the sampler, the pending token.
pub(crate) struct CpuBackend {
    model: reference::Model,
    logits: Vec<f32>,
    reply: Option<Reply>,
    steps: u64,
}

/// Where a reply stands.
struct Reply {
    sampling: Sampling,
    counts: TokenCounts,
    /// Tokens sampled so far.
    step: u32,
    /// The last one, whose keys and values are not in the cache yet.
    last: Option<u32>,
}

impl Backend {
    pub fn device(&self) -> DeviceInfo {
        match self {
            Backend::Gpu(_, device) => {
                let facts = device.0.facts();
                DeviceInfo { backend: "webgpu", name: facts.name.clone(), software: facts.software }
            }
            Backend::Cpu(_) => DeviceInfo { backend: "cpu", name: "CPU".to_owned(), software: false },
        }
    }

    /// Tokens in the KV cache.
    pub fn position(&self) -> usize {
        match self {
            Backend::Gpu(model, _) => model.position(),
            Backend::Cpu(cpu) => cpu.model.position(),
        }
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Backend::Gpu(model, _) => model.truncate(length),
            Backend::Cpu(cpu) => cpu.model.truncate(length),
        }
    }

    /// Appends `ids`; gives the logits of the rows asked for, `[rows, vocab]`.
    pub async fn logits(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        match self {
            Backend::Gpu(model, _) => Ok(model.prefill(ids, outputs).await?),
            Backend::Cpu(cpu) => Ok(cpu.model.forward(ids, outputs)?),
        }
    }

    /// Appends `ids`, the rest of the prompt, and sets up sampling for the tokens that follow.
    pub async fn start(
        &mut self,
        ids: &[u32],
        prompt: &[u32],
        sampling: &Sampling,
    ) -> Result<(), EngineError> {
        match self {
            Backend::Gpu(model, _) => {
                model.prefill_for_decode(ids).await?;
                model.start(sampling, prompt)?;
            }
            Backend::Cpu(cpu) => {
                cpu.logits = cpu.model.forward(ids, Outputs::Last)?;
                let mut counts = TokenCounts::new(cpu.logits.len());
                prompt.iter().for_each(|&id| counts.prompt(id));
                cpu.reply = Some(Reply { sampling: *sampling, counts, step: 0, last: None });
            }
        }
        Ok(())
    }

    /// The next sampled token.
    pub async fn next(&mut self) -> Result<u32, EngineError> {
        match self {
            Backend::Gpu(model, _) => Ok(model.next().await?),
            Backend::Cpu(cpu) => cpu.next(),
        }
    }

    /// Ends the generation. Tokens computed ahead are forgotten.
    pub async fn stop(&mut self) -> Result<(), EngineError> {
        match self {
            Backend::Gpu(model, _) => model.stop().await?,
            Backend::Cpu(cpu) => cpu.reply = None,
        }
        Ok(())
    }

    pub fn counters(&self) -> Counters {
        match self {
            Backend::Gpu(model, _) => {
                let c = model.counters();
                Counters {
                    dispatches: c.dispatches,
                    submits: c.submits,
                    gpu_objects_created: c.objects_created,
                    bytes_read_back: c.bytes_read_back,
                    steps: c.steps,
                    device_bytes: model.memory().total(),
                }
            }
            Backend::Cpu(cpu) => {
                let (weights, caches) = cpu.model.memory();
                Counters { device_bytes: weights + caches, steps: cpu.steps, ..Counters::default() }
            }
        }
    }
}

impl CpuBackend {
    fn next(&mut self) -> Result<u32, EngineError> {
        let Some(reply) = &mut self.reply else { return Err(EngineError::NoReply) };
        if let Some(id) = reply.last {
            self.logits = self.model.forward(&[id], Outputs::Last)?;
            self.steps += 1;
        }
        let id = sample(&mut self.logits, reply.counts.as_slice(), &reply.sampling, reply.step)?;
        reply.counts.generated(id);
        reply.step += 1;
        reply.last = Some(id);
        Ok(id)
    }
}
