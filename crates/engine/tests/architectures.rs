//! Every architecture on every backend against the logits that `transformers` computes in float32 with the same weights.
//! `tests/fixtures/architectures/make.py` says how the models were made. One of them alone:
//! `cargo test -p sotto-engine --test architectures olmo2`.

use std::io::Cursor;
use std::path::Path;

use sotto_engine::format::BlockType;
use sotto_engine::format::convert::{Options, convert};
use sotto_engine::{
    DeviceChoice, Engine, GenerateOptions, KvType, LoadOptions, Loader, ModelHeader, Outputs, Prompt,
    TuningChoice,
};

mod common;
#[path = "../../../tests/conformance/report.rs"]
mod report;

use common::{BACKENDS, F32_BOUND};
use report::{Check, assert_logits, record};

/// Those that compute in f32 throughout. Where weights are quantised the CPU engine rounds activations to eight bits, too,
/// which the reference does not.
const IN_F32: [(DeviceChoice, &str); 2] =
    [(DeviceChoice::Reference, "interpreter"), (DeviceChoice::Gpu, "gpu")];
/// Positions that the models of this folder say they were trained for.
const TRAINED: usize = 128;

/// A test for each model: its file, what people call it, and its architecture.
macro_rules! architectures {
    ($($test:ident: $file:literal, $model:literal, $format:literal;)*) => {
        $(#[test] fn $test() { check($file, $model, $format) })*
    };
}

architectures! {
    llama: "llama", "Llama 2, Llama 3, TinyLlama, SmolLM2", "GGUF F16";
    llama3: "llama3", "Llama 3.1, Llama 3.2, DeepSeek-R1 distills", "GGUF F16";
    mistral: "mistral", "Mistral (sliding window)", "GGUF F16";
    mixtral: "mixtral", "Mixtral", "GGUF F16";
    ministral3: "ministral3", "Ministral 3", "GGUF F16";
    smollm3: "smollm3", "SmolLM3", "GGUF F16";
    qwen2: "qwen2", "Qwen2, Qwen2.5, DeepSeek-R1 distills", "GGUF F16";
    qwen3: "qwen3", "Qwen3", "GGUF F16";
    qwen35: "qwen35", "Qwen3.5", "GGUF F16";
    qwen3moe: "qwen3moe", "Qwen3-MoE", "GGUF F16";
    gemma2: "gemma2", "Gemma 2", "GGUF F16";
    gemma3: "gemma3", "Gemma 3", "GGUF F16";
    phi3: "phi3", "Phi-3, Phi-3.5, Phi-4-mini", "GGUF F16";
    olmo2: "olmo2", "OLMo 2", "GGUF F16";
    olmo3: "olmo3", "Olmo 3", "GGUF F16";
    granite: "granite", "Granite 3", "GGUF F16";
    lfm2: "lfm2", "LFM2", "GGUF F16";
    gpt_oss: "gpt-oss", "gpt-oss", "GGUF F16";
    gpt_oss_mxfp4: "gpt-oss-mxfp4", "gpt-oss", "GGUF MXFP4";
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/architectures");
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn floats(name: &str) -> Vec<f32> {
    fixture(name).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn load(bytes: &[u8], device: DeviceChoice, context_length: usize) -> Engine {
    let options = LoadOptions {
        device,
        context_length: Some(context_length),
        kv_type: KvType::F32,
        threads: Some(1),
        quantize: None,
        tuning: TuningChoice::Table,
    };
    pollster::block_on(async {
        let header = ModelHeader::parse(&[bytes]).unwrap();
        let mut loader = Loader::open(header, &options).await.unwrap();
        const PIECE: usize = 99_991;
        for (index, piece) in bytes.chunks(PIECE).enumerate() {
            loader.write(0, (index * PIECE) as u64, piece).unwrap();
        }
        loader.finish().await.unwrap()
    })
}

fn logits(engine: &mut Engine, ids: &[u32]) -> Vec<f32> {
    pollster::block_on(engine.logits(ids, Outputs::All)).unwrap()
}

/// The ids of a greedy reply, and how many tokens of the prompt the cache held already.
fn reply(engine: &mut Engine, prompt: &[u32], max_tokens: usize) -> (Vec<u32>, usize) {
    reply_with(engine, prompt, max_tokens, false)
}

fn reply_with(engine: &mut Engine, prompt: &[u32], max_tokens: usize, speculate: bool) -> (Vec<u32>, usize) {
    let options = GenerateOptions {
        temperature: 0.0,
        max_tokens: Some(max_tokens),
        speculate,
        ..GenerateOptions::default()
    };
    pollster::block_on(async {
        let mut generation = engine.generate(&Prompt::Ids(prompt.to_vec()), &options).await.unwrap();
        let reused = generation.reused_tokens();
        let mut ids = Vec::new();
        loop {
            let part = engine.next(&mut generation).await.unwrap();
            ids.extend(part.ids);
            if part.done {
                return (ids, reused);
            }
        }
    })
}

fn check(name: &str, model: &str, format: &str) {
    let file = fixture(&format!("{name}.gguf"));
    let prompts: Vec<Vec<u32>> = serde_json::from_slice(&fixture(&format!("{name}.prompts.json"))).unwrap();
    let expected = floats(&format!("{name}.logits.f32"));
    let header = ModelHeader::parse(&[&file]).unwrap();
    let (vocab, architecture) = (header.info().vocab_size, header.info().architecture.clone());
    for (device, backend, bound) in BACKENDS {
        let (mut rest, mut error) = (&expected[..], 0f32);
        for prompt in &prompts {
            let (expected, others) = rest.split_at(prompt.len() * vocab);
            rest = others;
            // Some choose their RoPE by the context they are loaded with.
            let mut engine = load(&file, device, prompt.len());
            let what = format!("{name}, {} tokens on {backend}", prompt.len());
            error = error.max(assert_logits(&what, &logits(&mut engine, prompt), expected, vocab, bound));
        }
        let reference = "transformers, float32";
        record("decoders", &Check { model, architecture: &architecture, format, reference, backend, error });
    }
    check_replies(name, &file, &prompts[0]);
    if format == "GGUF F16" {
        for ty in [BlockType::Q8_0, BlockType::Q4_0] {
            let expected = floats(&format!("{name}.{}.logits.f32", ty.name().to_lowercase()));
            let errors = check_quantised(name, ty, &file, &prompts[0], &expected);
            for ((_, backend), error) in IN_F32.into_iter().zip(errors) {
                let (reference, format) =
                    ("transformers, float32, weights dequantised by gguf", &*format!("GGUF {ty}"));
                record(
                    "decoders",
                    &Check { model, architecture: &architecture, format, reference, backend, error },
                );
            }
        }
    }
}

/// Replies, which go token by token, are the same whatever the cache held before, and on all backends in f32.
fn check_replies(name: &str, file: &[u8], prompt: &[u32]) {
    // A state that each token makes over is kept where a reply ends, and not before.
    let goes_back = !ModelHeader::parse(&[file]).unwrap().plan().is_recurrent();
    let long: Vec<u32> = prompt.iter().chain(prompt).chain(prompt).copied().take(110).collect();
    let fork: Vec<u32> = long[..20].iter().chain(&prompt[7..15]).copied().collect();
    let replies = BACKENDS.map(|(device, backend, _)| {
        let mut engine = load(file, device, TRAINED);
        let (whole, _) = reply(&mut engine, &long, 8);
        // Back by less than a state keeps, by more, and a continuation of the reply itself.
        let (again, reused) = reply(&mut engine, &long[..90], 4);
        assert_eq!(reused > 0, goes_back, "{name} on {backend}");
        let (forked, _) = reply(&mut engine, &fork, 8);
        let continued: Vec<u32> = fork.iter().chain(&forked[..5]).copied().collect();
        let (rest, reused) = reply(&mut engine, &continued, 3);
        assert_eq!(reused >= fork.len(), goes_back, "{name} on {backend}: {reused}");
        assert_eq!(forked[5..], rest, "{name} on {backend}: continued");
        let (more, _) = reply(&mut engine, &fork, 12);
        let (_, _) = reply(&mut engine, &fork, 8);
        let whole_reply: Vec<u32> = fork.iter().chain(&forked).copied().collect();
        let (rest, reused) = reply(&mut engine, &whole_reply, 4);
        assert!(reused > fork.len(), "{name} on {backend}: {reused} of a reply");
        assert_eq!(more[8..], rest, "{name} on {backend}: after a reply");
        let mut fresh = load(file, device, TRAINED);
        assert_eq!(reply(&mut fresh, &fork, 8).0, forked, "{name} on {backend}: forked");
        let (plain, _) = reply(&mut fresh, &long, 18);
        let (speculated, _) = reply_with(&mut fresh, &long, 18, true);
        assert_eq!(speculated, plain, "{name} on {backend}: with drafts");
        [whole, again, forked]
    });
    assert_eq!(replies[0], replies[1], "{name}: replies");
}

/// Quantised weights, against what `transformers` makes of the same ones dequantised.
fn check_quantised(name: &str, ty: BlockType, file: &[u8], prompt: &[u32], expected: &[f32]) -> [f32; 2] {
    let options = Options { ty: Some(ty), head: Some(BlockType::Q8_0), ..Options::default() };
    let quantised = convert(&mut [Cursor::new(file)], Vec::new(), &options, |_| {}).unwrap();
    IN_F32.map(|(device, backend)| {
        let found = logits(&mut load(&quantised, device, prompt.len()), prompt);
        let width = expected.len() / prompt.len();
        assert_logits(&format!("{name} as {ty} on {backend}"), &found, expected, width, F32_BOUND)
    })
}
