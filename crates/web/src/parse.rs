//! What the package needs to know of files while it downloads them.

use serde::Serialize;
use sotto_engine::format::{Manifest, Parse, parse_gguf};
use wasm_bindgen::prelude::*;

use crate::error::{throw, to_js};

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
