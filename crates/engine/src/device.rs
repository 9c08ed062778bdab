//! A device before any model is on it: which one it is, and the memory that a model would take there.

use serde::Serialize;
use sotto_cpu::fast;
use sotto_cpu::simd::Level;
use sotto_gpu::{DeviceOptions, GpuDevice, GpuError, ModelOptions, memory_needed};

use crate::backend::{ASKED_FOR, DeviceChoice, DeviceInfo, OwnDevice, threads};
use crate::{EngineError, KvType, ModelHeader};

/// A GPU or the CPU.
pub struct Device {
    /// `None` is the CPU.
    gpu: Option<OwnDevice>,
    reason: String,
}

/// Contexts whose memory is told of a model, in tokens.
pub const TOLD_CONTEXTS: [usize; 4] = [2048, 4096, 8192, 32768];

/// Memory that a model takes with a context, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryNeed {
    /// Tokens of the context.
    pub context_length: usize,
    /// Weights, as the device holds them.
    pub weight_bytes: u64,
    /// Keys and values of a full context, and other states.
    pub cache_bytes: u64,
    /// Activations, logits and what sampling takes.
    pub activation_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
    /// Whether the device can have it, as far as it tells.
    pub fits: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl MemoryNeed {
    fn new(context_length: usize, [weight_bytes, cache_bytes, activation_bytes]: [u64; 3]) -> Self {
        let total_bytes = weight_bytes + cache_bytes + activation_bytes;
        MemoryNeed {
            context_length,
            weight_bytes,
            cache_bytes,
            activation_bytes,
            total_bytes,
            fits: true,
            problem: None,
        }
    }

    fn but(self, problem: String) -> Self {
        MemoryNeed { fits: false, problem: Some(problem), ..self }
    }
}

impl Device {
    /// The device that a model would be loaded on, by the same rules.
    pub async fn find(choice: DeviceChoice) -> Result<Device, EngineError> {
        let cpu = |reason: String| Device { gpu: None, reason };
        if matches!(choice, DeviceChoice::Cpu | DeviceChoice::Reference) {
            return Ok(cpu(ASKED_FOR.to_owned()));
        }
        let found = GpuDevice::request(&DeviceOptions::default()).await.map(OwnDevice);
        Ok(match found {
            Ok(device) if choice == DeviceChoice::Gpu => {
                Device { gpu: Some(device), reason: ASKED_FOR.to_owned() }
            }
            Err(error) if choice == DeviceChoice::Gpu => return Err(error.into()),
            Err(error) => cpu(error.to_string()),
            Ok(device) if device.0.facts().software => cpu(SLOW_GPU.to_owned()),
            Ok(device) => Device { gpu: Some(device), reason: A_GPU.to_owned() },
        })
    }

    /// The GPU if it is one, and why this device.
    pub(crate) fn into_parts(self) -> (Option<OwnDevice>, String) {
        (self.gpu, self.reason)
    }

    /// What it is.
    pub fn info(&self) -> DeviceInfo {
        match &self.gpu {
            Some(gpu) => DeviceInfo::of_gpu(&gpu.0, &self.reason),
            None => DeviceInfo {
                backend: "cpu",
                name: crate::cpu::name(Level::best(), threads()),
                software: false,
                reason: self.reason.clone(),
                threads: None,
                tuning: None,
            },
        }
    }

    /// The memory that a model takes here with each of [`TOLD_CONTEXTS`]; an encoder, whose texts are no longer than it was
    /// trained for, with that length alone.
    pub fn needs(&self, header: &ModelHeader, kv_type: KvType) -> Result<Vec<MemoryNeed>, EngineError> {
        let longest = header.info.context_length;
        let contexts = if header.model.plan.is_bidirectional() { &[longest][..] } else { &TOLD_CONTEXTS };
        contexts.iter().map(|&context| self.need(header, context, kv_type)).collect()
    }

    /// The memory that a model takes here when its context is full.
    pub fn need(
        &self,
        header: &ModelHeader,
        context_length: usize,
        kv_type: KvType,
    ) -> Result<MemoryNeed, EngineError> {
        let plan = sotto_model::build_for(&header.file, Some(context_length))?.plan;
        let kv_type = if plan.is_bidirectional() { KvType::F32 } else { kv_type };
        let need = match &self.gpu {
            None => {
                let memory = fast::memory_needed(&plan, context_length, threads());
                let need =
                    MemoryNeed::new(context_length, [memory.weights, memory.caches, memory.activations]);
                match memory.check() {
                    Ok(()) => need,
                    Err(error) => need.but(error.to_string()),
                }
            }
            Some(device) => {
                let options = ModelOptions { context_length, kv_type, ..ModelOptions::default() };
                match memory_needed(&device.0, &plan, &options) {
                    Ok(memory) => {
                        MemoryNeed::new(context_length, [memory.weights, memory.kv, memory.activations])
                    }
                    // What no buffer can hold has a size all the same.
                    Err(error @ (GpuError::TooLarge { .. } | GpuError::Unsupported { .. })) => {
                        let kv = kv_type.bytes_per_position(&plan) * context_length as u64;
                        let parts = [plan.weight_bytes(), kv, 0];
                        MemoryNeed::new(context_length, parts).but(error.to_string())
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let trained = header.info.context_length;
        Ok(match context_length > trained && need.fits {
            true => need.but(format!("the model was trained for a context of {trained}")),
            false => need,
        })
    }
}

/// Why the CPU, where there is an adapter.
const SLOW_GPU: &str = "the only WebGPU adapter computes on the processor, slower";
/// Why the GPU.
const A_GPU: &str = "there is a GPU";
