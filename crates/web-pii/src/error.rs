//! Errors as JavaScript throws them.

use js_sys::{Object, Reflect};
use sotto_pii::VaultError;
use sotto_pii::structured::StructureError;
use wasm_bindgen::JsValue;

/// What went wrong, as the package's error classes name it.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    InvalidArgument,
    DocumentFormat,
    Vault,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Code::InvalidArgument => "E_INVALID_ARGUMENT",
            Code::DocumentFormat => "E_DOCUMENT_FORMAT",
            Code::Vault => "E_VAULT",
        }
    }
}

/// `{ code, message, details }`.
pub(crate) fn thrown(code: Code, message: &str, details: &[(&str, f64)]) -> JsValue {
    let error = Object::new();
    let facts = Object::new();
    let set = |object: &Object, name: &str, value: &JsValue| {
        // Setting a property of a plain object does not fail.
        let _ = Reflect::set(object, &name.into(), value);
    };
    for (name, value) in details {
        set(&facts, name, &(*value).into());
    }
    set(&error, "code", &code.name().into());
    set(&error, "message", &message.into());
    set(&error, "details", &facts);
    error.into()
}

/// A wrong option or call.
pub(crate) fn invalid(message: impl std::fmt::Display) -> JsValue {
    thrown(Code::InvalidArgument, &message.to_string(), &[])
}

/// A document that is not what it was said to be.
pub(crate) fn malformed(error: StructureError) -> JsValue {
    let details = match error {
        StructureError::Json { line, column } => vec![("line", line as f64), ("column", column as f64)],
        StructureError::Csv { row } => vec![("row", row as f64)],
    };
    thrown(Code::DocumentFormat, &error.to_string(), &details)
}

/// A vault that cannot be read.
pub(crate) fn no_vault(error: &VaultError) -> JsValue {
    thrown(Code::Vault, &error.to_string(), &[])
}
