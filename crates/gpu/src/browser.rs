//! What a browser says that wgpu has no name for.

use wasm_bindgen::{JsCast, JsValue};

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &JsValue::from_str(key)).ok()
}

/// Who made the GPU, and what family it is of, in the browser's words; either may be empty.
pub(crate) fn vendor_and_architecture(device: &wgpu::Device) -> Option<(String, String)> {
    let info = get(device.as_webgpu()?.as_ref(), "adapterInfo")?;
    let word = |key| get(&info, key)?.as_string();
    Some((word("vendor")?, word("architecture")?))
}

/// Whether the browser's WGSL has a feature of the language.
pub(crate) fn has_language_feature(name: &str) -> bool {
    let features = get(&js_sys::global(), "navigator")
        .and_then(|navigator| get(&navigator, "gpu"))
        .and_then(|gpu| get(&gpu, "wgslLanguageFeatures"));
    features.is_some_and(|features| {
        let has = get(&features, "has").and_then(|has| has.dyn_into::<js_sys::Function>().ok());
        has.and_then(|has| has.call1(&features, &JsValue::from_str(name)).ok())
            .is_some_and(|found| found.is_truthy())
    })
}
