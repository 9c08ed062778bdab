//! The module in a real browser: strings with every unit they have, typed faults, streams cut inside a character.

#![cfg(target_arch = "wasm32")]

use js_sys::{JsString, Reflect};
use sotto_web_pii::{Analysis, RedactStream, Vault, describe, labels, redact, redact_document, values};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const GDPR: &str = r#"{"policy":{"preset":"gdpr"}}"#;

fn units(text: &JsString) -> Vec<u16> {
    text.iter().collect()
}

fn find(text: &JsString) -> String {
    let mut analysis = Analysis::new(GDPR, text, None, 1 << 16).unwrap();
    while analysis.step(None, None).unwrap() {}
    assert_eq!(analysis.progress(), 1.0);
    analysis.finish()
}

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into()).unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
fn any_string_comes_back_unit_by_unit() {
    for text in [
        JsString::from("ana@example.com"),
        JsString::from_char_code(&[0xd800, 0x61, 0xdc00, 0x20, 0xd83d, 0xde00]),
        JsString::from_char_code(&[0xdbfe, 0xdc00, 0xdbff, 0xdfff, 0xdc00]),
        JsString::from("\u{fffd}\0\u{10ffff}"),
        JsString::from(""),
    ] {
        let mut vault = Vault::new(b"seed");
        let text = text.concat(&" ana@example.com ".into()).concat(&text);
        let redaction = redact(GDPR, &text, &find(&text), &mut vault).unwrap();
        let redacted = units(&redaction.text());
        let mail: Vec<u16> = "ana@".encode_utf16().collect();
        assert!(!redacted.windows(4).any(|window| window == mail));
        assert_eq!(units(&vault.restore(&redaction.text())), units(&text));
    }
}

#[wasm_bindgen_test]
fn offsets_count_as_javascript_does() {
    let text = JsString::from_char_code(&[0xd800]).concat(&"😀é ana@example.com".into());
    let shown = describe(&text, &find(&text)).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["start"], 5);
    assert_eq!(shown[0]["codePoints"]["start"], 4);
    assert_eq!(shown[0]["bytes"]["start"], 10);
}

#[wasm_bindgen_test]
fn a_stream_may_be_cut_inside_a_character() {
    let mut vault = Vault::new(b"seed");
    let mut stream = RedactStream::new(GDPR, false).unwrap();
    for part in [&[0x61, 0xd83d][..], &[0xde00, 0x20, 0xd800], &[0x21]] {
        stream.append(&JsString::from_char_code(part));
    }
    stream.append(&" bo@example.com".into());
    stream.close();
    let found = find(&stream.known());
    let redaction = stream.advance(&found, true, &mut vault).unwrap();
    assert_eq!(units(&redaction.text())[..7], [0x61, 0xd83d, 0xde00, 0x20, 0xd800, 0x21, 0x20]);
    assert!(redaction.entities().contains("\"start\":7"));
}

#[wasm_bindgen_test]
fn faults_are_objects_with_a_code_and_no_text() {
    assert_eq!(code(&Analysis::new("{}}", &"x".into(), None, 1).err().unwrap()), "E_INVALID_ARGUMENT");
    let error = values(GDPR, r#"{"kind":"json"}"#, &"{\"secret\":".into()).unwrap_err();
    assert_eq!(code(&error), "E_DOCUMENT_FORMAT");
    let message = Reflect::get(&error, &"message".into()).unwrap().as_string().unwrap();
    assert!(message.contains("line 1") && !message.contains("secret"));
    assert_eq!(code(&Vault::from_bytes(b"secret").err().unwrap()), "E_VAULT");
    assert!(labels().contains("\"CREDIT_CARD\""));
}

#[wasm_bindgen_test]
fn a_lone_surrogate_in_json_stays_an_escape() {
    let mut vault = Vault::new(b"seed");
    let shape = r#"{"kind":"json"}"#;
    let json = JsString::from(r#"{"a":"\ud800 ana@example.com"}"#);
    let listed = js_sys::JSON::parse(&values(GDPR, shape, &json).unwrap()).unwrap();
    let text = |value: JsValue| JsString::from(Reflect::get(&value, &"text".into()).unwrap());
    let found = js_sys::Array::from(&listed).iter().map(|value| find(&text(value))).collect();
    let redaction = redact_document(GDPR, shape, &json, found, &mut vault).unwrap();
    assert!(String::from(redaction.text()).contains(r"\ud800"));
}
