//! Options as JavaScript gives them: plain objects, in which every name must be known.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sotto_engine::ErrorCode;
use wasm_bindgen::JsValue;

use crate::error::thrown;

/// Reads an options object; `undefined` is one without options. `whose` begins the error.
///
/// `serde_wasm_bindgen` asks a plain object for the fields it wants and looks at no others, so the object becomes plain
/// data first, in which `deny_unknown_fields` sees every name.
pub(crate) fn read<T: DeserializeOwned>(value: JsValue, whose: &str) -> Result<T, JsValue> {
    read_over(value, &(), whose)
}

/// Reads an options object as [`read`] does; what it does not name is as in `defaults`.
pub(crate) fn read_over<T: DeserializeOwned>(
    value: JsValue,
    defaults: &impl Serialize,
    whose: &str,
) -> Result<T, JsValue> {
    let value = if value.is_undefined() { js_sys::Object::new().into() } else { value };
    let refused = |why: &str| thrown(ErrorCode::InvalidArgument, format!("{whose}: {why}"));
    let plain: Value = serde_wasm_bindgen::from_value(value).map_err(|_| refused("not a plain object"))?;
    let all = match (serde_json::to_value(defaults), plain) {
        (Ok(Value::Object(mut all)), Value::Object(given)) => {
            all.extend(given);
            Value::Object(all)
        }
        (_, plain) => plain,
    };
    serde_json::from_value(all).map_err(|error| {
        let error = error.to_string();
        // These name options and their choices. What else serde says may quote a value, such as a stop string.
        let names_only = ["unknown field", "unknown variant"].iter().any(|start| error.starts_with(start));
        refused(if names_only { &error } else { "a value is of the wrong type" })
    })
}
