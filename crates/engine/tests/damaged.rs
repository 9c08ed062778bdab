//! Weights that are no numbers, and files that lack some: an error that names the tensor, and never text of them.

mod common;

use common::{DEVICES, load, load_bytes, repository};
use sotto_engine::format::BlockType;
use sotto_engine::{
    DeviceChoice, Engine, EngineError, ErrorCode, GenerateOptions, ModelHeader, Outputs, Prompt,
};

fn model(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("tests/fixtures/models").join(name)).unwrap()
}

/// The error of the first sampled token.
fn first_token(engine: &mut Engine) -> EngineError {
    let options = GenerateOptions { max_tokens: Some(4), ..GenerateOptions::default() };
    let sampled = pollster::block_on(async {
        let mut reply = engine.generate(&Prompt::Text("Once upon a time".to_owned()), &options).await?;
        engine.next(&mut reply).await
    });
    sampled.unwrap_err()
}

/// NaN and infinity as the elements of `ty` have them, or the scales of its blocks.
fn no_numbers(ty: BlockType) -> [Vec<u8>; 2] {
    match ty {
        BlockType::F32 => [f32::NAN, f32::NEG_INFINITY].map(|v| v.to_le_bytes().to_vec()),
        _ => [[0x00, 0x7e], [0x00, 0xfc]].map(|half| half.to_vec()),
    }
}

/// Every tensor of every type on the processor; on the GPU, where a load takes longer, one of each type.
#[test]
fn no_weight_that_is_no_number_is_computed_with() {
    for (name, on_gpu) in [
        ("tok105/tok105-f32.gguf", "output_norm.weight"),
        ("tok105/tok105-q4_0.gguf", "blk.1.ffn_down.weight"),
        ("tok105/tok105-q4_1.gguf", "blk.0.attn_k.weight"),
        ("tok105/tok105-q8_0.gguf", "token_embd.weight"),
        ("stories260K/stories260K-f16.gguf", "blk.4.attn_output.weight"),
    ] {
        let bytes = model(name);
        let header = ModelHeader::parse(&[&bytes]).unwrap();
        for tensor in &header.file().tensors {
            // In the middle, so that a piece of the file may end in the block.
            let block = tensor.ty.block_bytes() as u64;
            let at = (tensor.offset + tensor.bytes / block / 2 * block) as usize;
            for bad in no_numbers(tensor.ty) {
                let mut damaged = bytes.clone();
                damaged[at..at + bad.len()].copy_from_slice(&bad);
                for device in DEVICES {
                    if device == DeviceChoice::Gpu && tensor.name != on_gpu {
                        continue;
                    }
                    let what = format!("{name}, {} on {device:?}", tensor.name);
                    let mut engine = load_bytes(&damaged, device).unwrap();
                    let error = first_token(&mut engine);
                    assert_eq!(error.code(), ErrorCode::ModelFormat, "{what}: {error}");
                    assert!(error.to_string().contains(&tensor.name), "{what}: {error}");
                    let logits = pollster::block_on(engine.logits(&[1], Outputs::Last));
                    assert_eq!(logits.unwrap_err().code(), ErrorCode::ModelFormat, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_file_that_ends_early_is_named_by_its_tensor() {
    let bytes = model("stories260K/stories260K-f32.gguf");
    for device in DEVICES {
        let missing = load_bytes(&bytes[..bytes.len() - 1], device);
        assert_eq!(missing.err().unwrap().code(), ErrorCode::ModelFormat, "{device:?}");
    }
}

/// What is no number without being stored as such: sums that overflow. The sampler sees it.
#[test]
fn sums_that_overflow_are_an_error() {
    let mut bytes = model("tok105/tok105-f32.gguf");
    let header = ModelHeader::parse(&[&bytes]).unwrap();
    for name in ["blk.0.attn_v.weight", "blk.0.ffn_up.weight", "output_norm.weight"] {
        let tensor = header.file().tensor(name).unwrap();
        for element in bytes[tensor.offset as usize..][..tensor.bytes as usize].as_chunks_mut().0 {
            *element = f32::MAX.to_le_bytes();
        }
    }
    for device in DEVICES {
        let mut engine = load_bytes(&bytes, device).unwrap();
        assert_eq!(first_token(&mut engine).code(), ErrorCode::ModelFormat, "{device:?}");
    }
    // And what is a number goes on as before.
    let path = repository().join("tests/fixtures/models/tok105/tok105-f32.gguf");
    assert!(pollster::block_on(load(&path, DeviceChoice::Cpu).logits(&[1], Outputs::Last)).is_ok());
}
