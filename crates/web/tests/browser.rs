//! The wasm face in a real browser: what it throws, and a real model from bytes to text.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Object, Reflect, Uint8Array};
use sotto_web::{Loader, parse_header, parse_manifest, split_part_names};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const MODEL: &[u8] = include_bytes!("../../../tests/fixtures/models/stories260K/stories260K-f32.gguf");
const GREEDY: &str = include_str!("../../../tests/fixtures/models/stories260K/ref_greedy_200.txt");

fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap()
}

fn text(object: &JsValue, name: &str) -> String {
    field(object, name).as_string().unwrap_or_default()
}

fn options(pairs: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in pairs {
        Reflect::set(&object, &(*name).into(), value).unwrap();
    }
    object.into()
}

#[wasm_bindgen_test]
fn faults_are_objects_with_a_code() {
    let error = parse_header(b"<!doctype html><html></html>", None).unwrap_err();
    assert_eq!(text(&error, "code"), "E_MODEL_FORMAT");
    assert!(text(&error, "message").contains("GGUF"));
    assert_eq!(text(&parse_manifest("{}").unwrap_err(), "code"), "E_MODEL_FORMAT");
}

#[wasm_bindgen_test]
fn a_header_says_whether_it_is_whole() {
    let parsed = parse_header(&MODEL[..64], Some(MODEL.len() as f64)).unwrap();
    assert_eq!(text(&parsed, "status"), "incomplete");
    assert!(field(&parsed, "need").as_f64().unwrap() > 64.0);
    let parsed = parse_header(MODEL, Some(MODEL.len() as f64)).unwrap();
    assert_eq!(text(&parsed, "status"), "complete");
    assert_eq!(split_part_names("a-00001-of-00002.gguf").unwrap().len(), 2);
}

#[wasm_bindgen_test]
async fn a_real_model_streams_its_reference_text() {
    let load = options(&[("device", "cpu".into())]);
    let mut loader = Loader::open(vec![Uint8Array::from(MODEL)], None, load).await.unwrap();
    for (index, chunk) in MODEL.chunks(300_000).enumerate() {
        loader.write(0, (index * 300_000) as f64, chunk).unwrap();
    }
    let engine = loader.finish(1).await.unwrap();
    let greedy = options(&[("temperature", 0.into()), ("maxTokens", 50.into())]);
    let mut generation = engine.generate("".into(), greedy, false, None).await.unwrap();
    let mut got = String::new();
    let mut done = false;
    while !done {
        for part in Array::from(&generation.next_few().await.unwrap()) {
            assert!(!done, "the last piece says so");
            got.push_str(&text(&part, "text"));
            done = field(&part, "done").is_truthy();
        }
    }
    assert!(got.len() > 60 && GREEDY.starts_with(&got), "got {} bytes that are not the reference", got.len());

    for (name, value, says) in [
        ("temperature", (-1).into(), "temperature"),
        ("max_tokens", 3.into(), "max_tokens"),
        ("stop", "secret".into(), "wrong type"),
    ] {
        let error = engine.generate("".into(), options(&[(name, value)]), false, None).await.err().unwrap();
        assert_eq!(text(&error, "code"), "E_INVALID_ARGUMENT");
        let message = text(&error, "message");
        assert!(message.contains(says) && !message.contains("secret"), "{message}");
    }
}

#[wasm_bindgen_test]
async fn unknown_options_of_a_load_are_named() {
    for (name, value) in [("contextSize", 64.into()), ("device", "abacus".into())] {
        let load = options(&[(name, value)]);
        let error = Loader::open(vec![Uint8Array::from(MODEL)], None, load).await.err().unwrap();
        assert_eq!(text(&error, "code"), "E_INVALID_ARGUMENT");
        let message = text(&error, "message");
        assert!(message.contains("contextSize") || message.contains("abacus"), "{message}");
    }
}
