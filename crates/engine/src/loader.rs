//! Hands a model's bytes to its backend as they come.

use sotto_format::BlockType;

use crate::backend::{BackendLoader, DeviceChoice};
use crate::checked::CheckedLoader;
use crate::header::{Segment, Target};
use crate::making::Making;
use crate::reads::{self, Read};
use crate::{Engine, EngineError, KvType, ModelHeader, ModelInfo, TuningChoice};

/// How to load a model.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Where to run.
    pub device: DeviceChoice,
    /// Positions to hold at most; `None` takes the model's own, up to [`DEFAULT_CONTEXT_LENGTH`].
    pub context_length: Option<usize>,
    /// How keys and values are stored on the GPU. The CPU has them as F16, and refuses to have them as Q8_0.
    pub kv_type: KvType,
    /// Threads on the CPU; `None` takes as many as the processor runs at once.
    pub threads: Option<usize>,
    /// The type that weight matrices in F32, F16 and BF16 get as they load; `None` leaves them as they are.
    pub quantize: Option<BlockType>,
    /// Variants of the GPU's kernels.
    pub tuning: TuningChoice,
}

/// Positions a model holds when the caller names no number: KV memory is bought by the position.
pub const DEFAULT_CONTEXT_LENGTH: usize = 4096;

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            device: DeviceChoice::Gpu,
            context_length: None,
            kv_type: KvType::F16,
            threads: None,
            quantize: None,
            tuning: TuningChoice::Table,
        }
    }
}

/// A model whose bytes are arriving.
pub struct Loader {
    header: ModelHeader,
    backend: CheckedLoader,
    segments: Vec<Vec<Segment>>,
    /// Tensors that are made as their sources arrive.
    makings: Vec<Making>,
    context_length: usize,
}

impl Loader {
    /// Finds the device, makes room for the weights and starts to compile the pipelines.
    pub async fn open(mut header: ModelHeader, options: &LoadOptions) -> Result<Self, EngineError> {
        let trained = header.info.context_length;
        let context_length = options.context_length.unwrap_or(trained.min(DEFAULT_CONTEXT_LENGTH));
        if context_length == 0 || context_length > trained {
            return Err(EngineError::Option {
                name: "contextLength",
                value: context_length.to_string(),
                range: format!("at least 1 and at most {trained}, the context this model was trained for"),
            });
        }
        if options.kv_type == KvType::Q8_0
            && matches!(options.device, DeviceChoice::Cpu | DeviceChoice::Reference)
        {
            return Err(EngineError::Option {
                name: "kvType",
                value: "q8_0".to_owned(),
                range: "f16 or f32 on the processor: only a GPU keeps keys and values in eight bits"
                    .to_owned(),
            });
        }
        if let Some(ty) = options.quantize {
            header = header.quantized(ty)?;
        }
        header.plan_for(context_length)?;
        // An encoder's layers share one cache, so that the wider type costs next to nothing.
        let kv_type = if header.model.plan.is_bidirectional() { KvType::F32 } else { options.kv_type };
        let options = LoadOptions { kv_type, ..*options };
        let backend = BackendLoader::open(header.model.plan.clone(), context_length, &options).await?;
        let backend = CheckedLoader::new(backend, &header.model.plan);
        let (segments, makings) = header.segments();
        let mut loader = Loader { header, backend, segments, makings, context_length };
        for making in &mut loader.makings {
            making.leave_quantising(&mut loader.backend)?;
            // What comes from the header alone is there already.
            making.pass_on(&mut loader.backend)?;
        }
        Ok(loader)
    }

    /// What to [`Loader::write`], in order. Files whose tensors are used as they are come whole. What makes a tensor comes
    /// together: small side tensors first, then the elements, matrix by matrix, so that no more than one matrix waits in
    /// memory, wherever the files have its parts.
    pub fn reads(&self) -> Vec<Read> {
        reads::reads(&self.segments, &self.header.file.file_bytes)
    }

    /// What to show of the model.
    pub fn info(&self) -> &ModelInfo {
        &self.header.info
    }

    /// The next bytes of file number `file`; `offset` counts from the file's first byte. Each tensor's bytes
    /// must come in order, as [`Loader::reads`] lists them; bytes between tensors are passed over.
    pub fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let Some(segments) = self.segments.get(file) else {
            return Err(EngineError::Option {
                name: "file",
                value: file.to_string(),
                range: format!("below {}, the number of the model's files", self.segments.len()),
            });
        };
        let end = offset + bytes.len() as u64;
        let first = segments.partition_point(|s| s.end <= offset);
        for segment in segments[first..].iter().take_while(|s| s.start < end) {
            let (from, to) = (segment.start.max(offset), segment.end.min(end));
            let part = &bytes[(from - offset) as usize..(to - offset) as usize];
            let within = from - segment.start;
            match segment.target {
                Target::Weight(id) => self.backend.write(id, within, part)?,
                Target::Source { making, matrix, place } => {
                    let making = &mut self.makings[making];
                    making.write(matrix, place, within, part)?;
                    making.pass_on(&mut self.backend)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the model comes to the CPU.
    pub fn is_on_cpu(&self) -> bool {
        self.backend.is_on_cpu()
    }

    /// The model is to run on this many threads, the caller's among them, if it comes to the CPU: as
    /// [`LoadOptions::threads`], for who gets threads only once it is known where the model comes.
    pub fn set_threads(&mut self, threads: usize) {
        self.backend.set_threads(threads);
    }

    /// The loaded model; an error names the first tensor whose bytes did not all come.
    pub async fn finish(self) -> Result<Engine, EngineError> {
        let (backend, damaged) = self.backend.finish().await?;
        Ok(Engine::new(backend, self.header, self.context_length, damaged))
    }
}
