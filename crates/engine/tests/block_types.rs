//! Every block type on every backend against the logits that `transformers` computes in float32 with the weights that the
//! Python package `gguf` dequantises. `tests/fixtures/types/make.py` says how the model was made. One type alone:
//! `cargo test -p sotto-engine --test block_types q4_k`.

mod common;
#[path = "../../../tests/conformance/report.rs"]
mod report;

use std::io::Cursor;

use common::{load_bytes, read_f32s, repository};
use report::{Check, assert_logits, record};
use sotto_engine::format::convert::{Options, convert};
use sotto_engine::format::{BlockType, read_gguf};
use sotto_engine::{DeviceChoice, Outputs};

/// Fraction of the largest logit by which one may be off.
const BOUND: f32 = 2e-3;
/// The backends that compute in f32 throughout.
const IN_F32: [(DeviceChoice, &str); 2] =
    [(DeviceChoice::Reference, "interpreter"), (DeviceChoice::Gpu, "gpu")];
/// Which rounds activations to eight bits where weights are quantised, as the reference does not.
const CPU: (DeviceChoice, &str) = (DeviceChoice::Cpu, "cpu");

fn file(name: &str) -> Vec<u8> {
    let path = repository().join("tests/fixtures/types").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The model with its matrices in blocks of `ty`: as llama.cpp quantised it where there is no encoder, else converted here.
fn model(ty: BlockType) -> Vec<u8> {
    if !ty.can_quantize() {
        return file(&format!("llama-{ty}.gguf"));
    }
    let head = (ty.block_len() > 1).then_some(BlockType::Q8_0);
    let options = Options { ty: Some(ty), head, ..Options::default() };
    convert(&mut [Cursor::new(file("llama.gguf"))], Vec::new(), &options, |_| {}).unwrap()
}

fn check(name: &str) {
    let ty = BlockType::from_name(name).unwrap();
    let ids: Vec<u32> = serde_json::from_slice(&file("llama.ids.json")).unwrap();
    let path = repository().join("tests/fixtures/types").join(format!("{ty}.logits.f32"));
    let (expected, model) = (read_f32s(&path), model(ty));
    let header = read_gguf(&mut Cursor::new(&model)).unwrap();
    assert!(header.tensors.iter().any(|tensor| tensor.name == "blk.0.ffn_down.weight" && tensor.ty == ty));
    let cpu = (ty.block_len() == 1).then_some(CPU);
    for (device, backend) in IN_F32.into_iter().chain(cpu) {
        let mut engine = load_bytes(&model, device).unwrap();
        let found = pollster::block_on(engine.logits(&ids, Outputs::All)).unwrap();
        let width = expected.len() / ids.len();
        let error = assert_logits(&format!("{ty} on {backend}"), &found, &expected, width, BOUND);
        let (model, format) = ("Llama, a block type each", &*format!("GGUF {ty}"));
        let reference = "transformers, float32, weights dequantised by gguf";
        record("block_types", &Check { model, architecture: "llama", format, reference, backend, error });
    }
}

macro_rules! block_types {
    ($($test:ident)*) => {
        $(#[test] fn $test() { check(stringify!($test)) })*
        const TESTED: &[&str] = &[$(stringify!($test)),*];
    };
}

block_types! {
    f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs mxfp4 tq1_0 tq2_0
}

#[test]
fn none_is_left_out() {
    for ty in BlockType::ALL {
        assert!(TESTED.iter().any(|name| BlockType::from_name(name) == Some(*ty)), "{ty}");
    }
}
