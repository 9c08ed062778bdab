//! Loading, chunk by chunk.

use serde::Deserialize;
use sotto_engine::format::BlockType;
use sotto_engine::{DeviceChoice, ErrorCode, KvType, LoadOptions, ModelHeader};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::error::{throw, thrown, to_js};
use crate::heap::Watch;
use crate::options;

/// Options of a load, as JavaScript gives them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    device: Device,
    context_length: Option<usize>,
    kv_type: Kv,
    quantize: Option<String>,
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
}

/// A model whose bytes are arriving.
#[wasm_bindgen]
pub struct Loader {
    inner: sotto_engine::Loader,
    heap: Watch,
}

#[wasm_bindgen]
impl Loader {
    /// Reads the headers of all files of a model, finds the device, makes room.
    pub async fn open(headers: Vec<js_sys::Uint8Array>, options: JsValue) -> Result<Loader, JsValue> {
        let options: Options = options::read(options, "load options")?;
        let header = {
            let prefixes: Vec<Vec<u8>> = headers.iter().map(js_sys::Uint8Array::to_vec).collect();
            ModelHeader::parse(&prefixes).map_err(throw)?
        };
        let quantize = match options.quantize.as_deref() {
            None => None,
            Some(name) => Some(BlockType::from_name(name).ok_or_else(|| {
                thrown(ErrorCode::InvalidArgument, format!("quantize: \"{name}\" is no block type"))
            })?),
        };
        let options = LoadOptions {
            device: match options.device {
                Device::Auto => DeviceChoice::Auto,
                Device::Webgpu => DeviceChoice::Gpu,
                Device::Cpu => DeviceChoice::Cpu,
            },
            context_length: options.context_length,
            kv_type: match options.kv_type {
                Kv::F32 => KvType::F32,
                Kv::F16 => KvType::F16,
            },
            threads: None,
            quantize,
        };
        let inner = sotto_engine::Loader::open(header, &options).await.map_err(throw)?;
        Ok(Loader { inner, heap: Watch::start() })
    }

    /// What to show of the model.
    pub fn info(&self) -> JsValue {
        to_js(self.inner.info())
    }

    /// The next bytes of file number `file`; `offset` counts from the file's first byte.
    pub fn write(&mut self, file: usize, offset: f64, bytes: &[u8]) -> Result<(), JsValue> {
        self.inner.write(file, offset as u64, bytes).map_err(throw)
    }

    /// The loaded model.
    pub async fn finish(self) -> Result<Engine, JsValue> {
        let Loader { inner, heap } = self;
        let engine = inner.finish().await.map_err(throw)?;
        Engine::new(engine, heap.peak()).map_err(throw)
    }
}
