//! Loading models from files, replies of theirs, and the bound that logits keep.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use sotto_engine::{
    Counters, DeviceChoice, Engine, EngineError, FinishReason, GenerateOptions, KvType, LoadOptions, Loader,
    ModelHeader, Prompt,
};

/// How far logits may be from their reference, as a part of the largest, where all is f32.
pub const F32_BOUND: f32 = 2e-3;
/// The same where keys, values and activations are stored in fewer bits, as the CPU engine stores them.
pub const F16_BOUND: f32 = 2e-2;
/// Where every test of what a model does runs: the interpreter first, which the others are held to. With what reports call
/// it, and how far it may be off.
pub const BACKENDS: [(DeviceChoice, &str, f32); 3] = [
    (DeviceChoice::Reference, "interpreter", F32_BOUND),
    (DeviceChoice::Gpu, "gpu", F32_BOUND),
    (DeviceChoice::Cpu, "cpu", F16_BOUND),
];
/// Their devices.
pub const DEVICES: [DeviceChoice; 3] = [BACKENDS[0].0, BACKENDS[1].0, BACKENDS[2].0];

pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A model of one GGUF file.
pub fn load(path: &Path, device: DeviceChoice) -> Engine {
    load_bytes(&std::fs::read(path).unwrap(), device).unwrap()
}

/// A model of one GGUF file that holds `bytes`.
pub fn load_bytes(bytes: &[u8], device: DeviceChoice) -> Result<Engine, EngineError> {
    let options = LoadOptions { device, kv_type: KvType::F32, ..LoadOptions::default() };
    load_with(bytes, &options)
}

/// A model of one GGUF file that holds `bytes`, as `options` say.
pub fn load_with(bytes: &[u8], options: &LoadOptions) -> Result<Engine, EngineError> {
    let header = ModelHeader::parse(&[bytes])?;
    let mut loader = pollster::block_on(Loader::open(header, options))?;
    for (at, piece) in bytes.chunks(100_003).enumerate() {
        loader.write(0, (at * 100_003) as u64, piece)?;
    }
    pollster::block_on(loader.finish())
}

/// A text that repeats itself.
pub const REPEATING: &str = "Tom has a red ball. Lily has a red ball. Tom has a red ball. Lily has a";

/// The most probable tokens, this many.
pub fn greedy(max_tokens: usize) -> GenerateOptions {
    GenerateOptions {
        temperature: 0.0,
        max_tokens: Some(max_tokens),
        ignore_eos: true,
        ..GenerateOptions::default()
    }
}

/// A whole reply.
#[derive(Debug, PartialEq)]
pub struct Reply {
    pub text: String,
    pub ids: Vec<u32>,
    pub reason: Option<FinishReason>,
}

/// The reply, with drafts or without, and what it took.
pub fn reply(
    engine: &mut Engine,
    prompt: &Prompt,
    options: &GenerateOptions,
    speculate: bool,
) -> (Reply, Counters) {
    let options = GenerateOptions { speculate, ..options.clone() };
    let before = engine.counters();
    let reply = pollster::block_on(async {
        let mut generation = engine.generate(prompt, &options).await.unwrap();
        let mut reply = Reply { text: String::new(), ids: Vec::new(), reason: None };
        loop {
            let part = engine.next(&mut generation).await.unwrap();
            reply.text.push_str(&part.text);
            reply.ids.extend(part.ids);
            if part.done {
                reply.reason = part.finish_reason;
                return reply;
            }
        }
    });
    (reply, engine.counters() - before)
}

/// Greedy replies and drawn ones, with penalties and without.
pub fn settings() -> Vec<GenerateOptions> {
    let drawn = |temperature, seed| GenerateOptions { temperature, seed, ..greedy(70) };
    vec![
        greedy(100),
        GenerateOptions { repetition_penalty: 1.2, frequency_penalty: 0.1, ..greedy(70) },
        drawn(0.3, 1),
        drawn(0.7, 2),
        GenerateOptions {
            top_k: 20,
            top_p: 0.9,
            presence_penalty: 0.3,
            repetition_penalty: 1.1,
            ..drawn(0.6, 3)
        },
        GenerateOptions { min_p: 0.05, ..drawn(1.0, 4) },
    ]
}

/// Little-endian f32.
pub fn read_f32s(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Within `tolerance` of the largest output, and the same largest one of a row wherever the two largest are further
/// apart than that.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], width: usize, tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let bound = tolerance * expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (row, (found, expected)) in found.chunks(width).zip(expected.chunks(width)).enumerate() {
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!(
                (f - e).abs() <= bound,
                "{what}: row {row}, element {i} is {f}, expected {e} (bound {bound})"
            );
        }
        let largest = |row: &[f32]| (0..width).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let top = largest(expected);
        let second = (0..width).filter(|&i| i != top).map(|i| expected[i]).fold(f32::NEG_INFINITY, f32::max);
        if expected[top] - second > bound {
            assert_eq!(largest(found), top, "{what}: the largest of row {row}");
        }
    }
}
