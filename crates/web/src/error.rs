//! Errors as JavaScript throws them.

use serde::Serialize;
use sotto_engine::{EngineError, ErrorCode};
use wasm_bindgen::JsValue;

/// `{ code, message }`.
#[derive(Serialize)]
struct Thrown {
    code: &'static str,
    message: String,
}

/// An error as JavaScript throws it.
pub(crate) fn thrown(code: ErrorCode, message: impl Into<String>) -> JsValue {
    to_js(&Thrown { code: code.as_str(), message: message.into() })
}

/// An engine error as JavaScript throws it.
pub(crate) fn throw(error: impl Into<EngineError>) -> JsValue {
    let error = error.into();
    thrown(error.code(), error.to_string())
}

/// A plain JavaScript object; maps become objects, not `Map`s.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}
