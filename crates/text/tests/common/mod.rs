//! Tokenizers made from the fixtures.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::PathBuf;

use sotto_format::{Parse, parse_gguf};
use sotto_text::{GgufVocab, Tokenizer};

pub fn fixture(path: &str) -> Vec<u8> {
    read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path))
}

pub fn fixture_text(path: &str) -> String {
    String::from_utf8(fixture(path)).unwrap()
}

/// A file of one of the small models that all crates test with.
pub fn model(path: &str) -> Vec<u8> {
    read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(path))
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn reference() -> serde_json::Value {
    serde_json::from_slice(&fixture("reference.json")).unwrap()
}

pub fn texts(reference: &serde_json::Value) -> Vec<&str> {
    reference["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

pub fn ids(json: &serde_json::Value) -> Vec<u32> {
    serde_json::from_value(json.clone()).unwrap()
}

pub fn vocab_of(gguf: &[u8]) -> GgufVocab {
    let Parse::Complete(header) = parse_gguf(gguf, None).unwrap() else { panic!("the header is not whole") };
    GgufVocab::from_metadata(&header.metadata).unwrap()
}

/// The vocabularies llama.cpp's vectors are for: "llama-spm", "phi-3", "gpt-2", "bert-bge", "qwen2".
pub fn llamacpp(name: &str) -> Tokenizer {
    Tokenizer::from_gguf(&llamacpp_vocab(name)).unwrap()
}

pub fn llamacpp_vocab(name: &str) -> GgufVocab {
    if name == "qwen2" { qwen2() } else { vocab_of(&fixture(&format!("llamacpp/ggml-vocab-{name}.gguf"))) }
}

/// Qwen's ids are GPT-2's byte alphabet and then the merges in order, so its vocabulary need not be stored.
fn qwen2() -> GgufVocab {
    let merges: Vec<String> = fixture_text("qwen2.5/merges.txt").lines().map(str::to_owned).collect();
    let alphabet = (33..127).chain(161..173).chain(174..324).filter_map(char::from_u32).map(String::from);
    let mut tokens: Vec<String> = alphabet.chain(merges.iter().map(|pair| pair.replace(' ', ""))).collect();
    let mut token_types = vec![1; tokens.len()];
    for special in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] {
        tokens.push(special.to_owned());
        token_types.push(3);
    }
    let eos = (tokens.len() - 1) as u32;
    GgufVocab {
        model: "gpt2".into(),
        pre: Some("qwen2".into()),
        tokens,
        token_types,
        merges,
        eos: Some(eos),
        add_bos: Some(false),
        ..GgufVocab::default()
    }
}
