//! Grammars against llama.cpp's, and JSON Schemas against `jsonschema`; `fixtures/grammar/make.py` says how.

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod llama_cpp;
mod schemas;
mod written;

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use sotto_text::Tokenizer;
use sotto_text::grammar::{Grammar, GrammarError, Matcher, TokenIndex};

fn fixture(name: &str) -> Value {
    serde_json::from_slice(&common::fixture(&format!("grammar/{name}.json"))).unwrap()
}

fn fnv(ids: &[u32]) -> String {
    let hash = ids
        .iter()
        .flat_map(|id| id.to_le_bytes())
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    format!("{hash:016x}")
}

fn ids(mask: &[u32]) -> Vec<u32> {
    (0..mask.len() as u32 * 32).filter(|&id| mask[id as usize / 32] >> (id % 32) & 1 == 1).collect()
}

fn index(tokenizer: &Tokenizer) -> Arc<TokenIndex> {
    Arc::new(TokenIndex::new(tokenizer, tokenizer.vocab_size()))
}

/// Whether all of `text` is what the grammar says.
fn takes(grammar: &Grammar, tokens: &Arc<TokenIndex>, text: &str) -> bool {
    let mut matcher = Matcher::new(grammar, tokens).unwrap();
    matcher.accept_bytes(text.as_bytes()).unwrap() && matcher.may_end()
}
