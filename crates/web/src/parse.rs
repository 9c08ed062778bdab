//! What the package needs to know of files while it downloads them.

use js_sys::Uint8Array;
use serde::Serialize;
use sotto_engine::format::{Manifest, Parse, parse_gguf, parse_safetensors};
use sotto_engine::{ErrorCode, FolderFiles, ModelHeader};
use wasm_bindgen::prelude::*;

use crate::error::{throw, thrown, to_js};

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "status")]
enum Parsed {
    Incomplete { need: f64 },
    Complete { split_count: u32, header_bytes: f64 },
}

/// Reads a prefix of a GGUF file: whether it holds the whole header, or how many bytes to try next.
#[wasm_bindgen(js_name = parseHeader)]
pub fn parse_header(prefix: &[u8], file_bytes: Option<f64>) -> Result<JsValue, JsValue> {
    let parsed = match parse_gguf(prefix, file_bytes.map(|n| n as u64)).map_err(throw)? {
        Parse::Incomplete { need } => Parsed::Incomplete { need: need as f64 },
        Parse::Complete(header) => Parsed::Complete {
            split_count: header.metadata.u32_or("split.count", 1).map_err(throw)?,
            header_bytes: header.data_offset as f64,
        },
    };
    Ok(to_js(&parsed))
}

/// Reads a prefix of a safetensors file, as [`parse_header`] does of a GGUF.
#[wasm_bindgen(js_name = parseShard)]
pub fn parse_shard(prefix: &[u8], file_bytes: Option<f64>) -> Result<JsValue, JsValue> {
    let parsed = match parse_safetensors(prefix, file_bytes.map(|n| n as u64)).map_err(throw)? {
        Parse::Incomplete { need } => Parsed::Incomplete { need: need as f64 },
        Parse::Complete(header) => {
            Parsed::Complete { split_count: 1, header_bytes: header.data_offset as f64 }
        }
    };
    Ok(to_js(&parsed))
}

/// The small files of a safetensors folder, as far as there are any.
#[wasm_bindgen]
#[derive(Clone, Default)]
pub struct Folder {
    files: FolderFiles,
}

#[wasm_bindgen]
impl Folder {
    /// One without files.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The names to look for; only the first must be there.
    pub fn names() -> Vec<String> {
        FolderFiles::NAMES.map(str::to_owned).to_vec()
    }

    /// Adds a file that was found.
    pub fn insert(&mut self, name: &str, bytes: &[u8]) {
        self.files.insert(name, bytes.to_vec());
    }

    /// A further small file that those found by now name, which may be there.
    pub fn further(&self) -> Result<Option<String>, JsValue> {
        self.files.further().map_err(throw)
    }

    /// The files of weights, in order.
    pub fn weights(&self) -> Result<Vec<String>, JsValue> {
        self.files.weights().map_err(throw)
    }
}

impl Folder {
    /// The header of the folder's model, of the headers of its files of weights.
    pub(crate) fn header(&self, shards: &[Uint8Array]) -> Result<ModelHeader, JsValue> {
        let headers =
            shards.iter().map(|shard| match parse_safetensors(&shard.to_vec(), None).map_err(throw)? {
                Parse::Complete(header) => Ok(header),
                Parse::Incomplete { .. } => Err(thrown(
                    ErrorCode::ModelFormat,
                    "a file of weights ends within its header; get it again",
                )),
            });
        let headers = headers.collect::<Result<Vec<_>, JsValue>>()?;
        let folder = self.files.folder().map_err(throw)?;
        ModelHeader::from_folder(&folder, &headers).map_err(throw)
    }
}

/// Reads and checks a manifest.
#[wasm_bindgen(js_name = parseManifest)]
pub fn parse_manifest(json: &str) -> Result<JsValue, JsValue> {
    Ok(to_js(&Manifest::parse(json).map_err(throw)?))
}

/// The names of all parts of a split GGUF, given the first one's; `undefined` for other names.
#[wasm_bindgen(js_name = splitPartNames)]
pub fn split_part_names(name: &str) -> Option<Vec<String>> {
    sotto_engine::format::split_part_names(name)
}
