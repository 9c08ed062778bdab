//! Loading, chunk by chunk.

use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use sotto_engine::format::BlockType;
use sotto_engine::{
    Device as FoundDevice, DeviceChoice, DeviceInfo, ErrorCode, KvType, LoadOptions, MemoryNeed, ModelHeader,
    ModelInfo, Read, TuningChoice, TuningMemory,
};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::error::{throw, thrown, to_js};
use crate::heap::Watch;
use crate::options;
use crate::parse::Folder;

/// Options of a load, as JavaScript gives them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    device: Device,
    context_length: Option<usize>,
    kv_type: Kv,
    quantize: Option<String>,
    tuning: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Device {
    #[default]
    Auto,
    Webgpu,
    Cpu,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kv {
    F32,
    #[default]
    F16,
    #[serde(rename = "q8_0")]
    Q8,
}

/// Options of a load, as the engine takes them.
fn load_options(options: JsValue) -> Result<LoadOptions, JsValue> {
    let options: Options = options::read(options, "load options")?;
    let quantize = match options.quantize.as_deref() {
        None => None,
        Some(name) => Some(BlockType::from_name(name).ok_or_else(|| {
            thrown(ErrorCode::InvalidArgument, format!("quantize: \"{name}\" is no block type"))
        })?),
    };
    Ok(LoadOptions {
        device: match options.device {
            Device::Auto => DeviceChoice::Auto,
            Device::Webgpu => DeviceChoice::Gpu,
            Device::Cpu => DeviceChoice::Cpu,
        },
        context_length: options.context_length,
        kv_type: match options.kv_type {
            Kv::F32 => KvType::F32,
            Kv::F16 => KvType::F16,
            Kv::Q8 => KvType::Q8_0,
        },
        threads: None,
        quantize,
        tuning: tuning(options.tuning.as_deref()),
    })
}

/// The header of a model, from the prefixes of its files of weights.
fn read_header(headers: &[Uint8Array], folder: Option<Folder>) -> Result<ModelHeader, JsValue> {
    match folder {
        Some(folder) => folder.header(headers),
        None => {
            let prefixes: Vec<Vec<u8>> = headers.iter().map(Uint8Array::to_vec).collect();
            ModelHeader::parse(&prefixes).map_err(throw)
        }
    }
}

/// `measure`, or the name of what was measured before; one that this version does not know is passed over.
fn tuning(name: Option<&str>) -> TuningChoice {
    match name {
        Some("measure") => TuningChoice::Measure(TuningMemory { recall: |_| None, keep: |_, _| () }),
        Some(name) => name.parse().map_or(TuningChoice::Table, TuningChoice::Use),
        None => TuningChoice::Table,
    }
}

/// A model whose bytes are arriving.
#[wasm_bindgen]
pub struct Loader {
    inner: sotto_engine::Loader,
    heap: Watch,
}

/// What there is to know of a model before its weights, and of the device that it would be loaded on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection<'a> {
    #[serde(flatten)]
    info: &'a ModelInfo,
    device: DeviceInfo,
    memory: Vec<MemoryNeed>,
}

/// Tells of a model what its headers say, and the memory that it takes with contexts of some lengths. The arguments are
/// those of [`Loader::open`].
#[wasm_bindgen]
pub async fn inspect(
    headers: Vec<Uint8Array>,
    folder: Option<Folder>,
    options: JsValue,
) -> Result<JsValue, JsValue> {
    let options = load_options(options)?;
    let mut header = read_header(&headers, folder)?;
    if let Some(ty) = options.quantize {
        header = header.quantized(ty).map_err(throw)?;
    }
    let device = FoundDevice::find(options.device).await.map_err(throw)?;
    let memory = device.needs(&header, options.kv_type).map_err(throw)?;
    Ok(to_js(&Inspection { info: header.info(), device: device.info(), memory }))
}

impl Loader {
    async fn of(header: ModelHeader, options: &LoadOptions) -> Result<Loader, JsValue> {
        let inner = sotto_engine::Loader::open(header, options).await.map_err(throw)?;
        Ok(Loader { inner, heap: Watch::start() })
    }
}

#[wasm_bindgen]
impl Engine {
    /// As [`Loader::open`], for a smaller model that is to draft for this one; refused where its vocabulary is another.
    #[wasm_bindgen(js_name = openDraft)]
    pub async fn open_draft(
        &self,
        headers: Vec<Uint8Array>,
        folder: Option<Folder>,
        options: JsValue,
    ) -> Result<Loader, JsValue> {
        let options = load_options(options)?;
        let header = read_header(&headers, folder)?;
        let options = self.shared.read(|e| e.draft_options(&header, &options))?.map_err(throw)?;
        Loader::of(header, &options).await
    }
}

#[wasm_bindgen]
impl Loader {
    /// Reads the headers of all files of weights of a model, finds the device, makes room. `folder` has the small files of
    /// a safetensors folder; without it the files are GGUF.
    pub async fn open(
        headers: Vec<Uint8Array>,
        folder: Option<Folder>,
        options: JsValue,
    ) -> Result<Loader, JsValue> {
        let options = load_options(options)?;
        Loader::of(read_header(&headers, folder)?, &options).await
    }

    /// What to [`Loader::write`], in order: three numbers each, a file, its first byte and how many.
    pub fn reads(&self) -> Vec<f64> {
        let numbers = |read: &Read| [read.file as f64, read.offset as f64, read.bytes as f64];
        self.inner.reads().iter().flat_map(numbers).collect()
    }

    /// What to show of the model.
    pub fn info(&self) -> JsValue {
        to_js(self.inner.info())
    }

    /// The next bytes of file number `file`; `offset` counts from the file's first byte. What no tensor needs is passed over.
    pub fn write(&mut self, file: usize, offset: f64, bytes: &[u8]) -> Result<(), JsValue> {
        self.inner.write(file, offset as u64, bytes).map_err(throw)
    }

    /// Whether the model comes to the CPU, where helpers are of use.
    #[wasm_bindgen(getter, js_name = onCpu)]
    pub fn on_cpu(&self) -> bool {
        self.inner.is_on_cpu()
    }

    /// The loaded model. On the CPU it runs on `threads`, all but one of them helpers.
    pub async fn finish(self, threads: usize) -> Result<Engine, JsValue> {
        let Loader { mut inner, heap } = self;
        inner.set_threads(threads);
        let engine = inner.finish().await.map_err(throw)?;
        Engine::new(engine, heap.peak()).map_err(throw)
    }
}
