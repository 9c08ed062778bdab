//! Whole models against the reference interpreter and against logits that llama2.c computed.

use std::path::PathBuf;

use sotto_cpu::reference;
use sotto_format::{ModelFile, Parse, parse_gguf};
use sotto_plan::{Outputs, Plan, WeightId};

use crate::{DeviceOptions, GpuDevice, GpuModel, KvType, Loader, ModelOptions};

/// A model file in memory.
struct File {
    bytes: Vec<u8>,
    model: ModelFile,
    plan: Plan,
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models")
}

fn open(path: &str) -> File {
    let bytes = std::fs::read(fixtures().join(path)).unwrap();
    let Parse::Complete(header) = parse_gguf(&bytes, Some(bytes.len() as u64)).unwrap() else {
        panic!("{path} is cut");
    };
    let model = ModelFile::from_parts(vec![header]).unwrap();
    let plan = sotto_model::build(&model).unwrap().plan;
    File { bytes, model, plan }
}

impl File {
    fn weight(&self, id: u32) -> &[u8] {
        let tensor = self.model.tensor(&self.plan.weights[id as usize].name).unwrap();
        &self.bytes[tensor.offset as usize..][..tensor.bytes as usize]
    }

    fn on_gpu(&self, device: &GpuDevice, options: &ModelOptions) -> GpuModel {
        let mut loader = pollster::block_on(Loader::new(device, self.plan.clone(), options)).unwrap();
        for id in 0..self.plan.weights.len() as u32 {
            let mut offset = 0;
            for piece in self.weight(id).chunks(10_001) {
                loader.write(WeightId(id), offset, piece).unwrap();
                offset += piece.len() as u64;
            }
        }
        pollster::block_on(loader.finish()).unwrap()
    }

    fn on_cpu(&self) -> reference::Model {
        let mut loader = reference::Loader::new(self.plan.clone(), 512);
        for id in 0..self.plan.weights.len() as u32 {
            loader.write(WeightId(id), 0, self.weight(id)).unwrap();
        }
        loader.finish().unwrap()
    }
}

/// Token ids and the logits that llama2.c's run.c computes after each.
fn reference_logits(folder: &str) -> (Vec<u32>, Vec<f32>) {
    let read = |name: &str| fixtures().join(folder).join(name);
    let ids = std::fs::read_to_string(read("ref_tokens.txt")).unwrap();
    let ids = ids.split_whitespace().map(|id| id.parse().unwrap()).collect();
    let logits = std::fs::read(read("ref_logits.f32")).unwrap();
    (ids, logits.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn options(kv_type: KvType, fuse: bool) -> ModelOptions {
    // Small batches, so that a prompt takes several and the last is odd.
    ModelOptions { context_length: 512, kv_type, max_batch_tokens: 33, fuse }
}

/// The bound that all backends keep: `tolerance` times the largest logit, and the same top-1 wherever the two
/// largest logits are further apart than that.
#[track_caller]
fn assert_logits(what: &str, found: &[f32], expected: &[f32], vocab: usize, tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let bound = tolerance * largest;
    for (row, (found, expected)) in found.chunks(vocab).zip(expected.chunks(vocab)).enumerate() {
        for (id, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() <= bound, "{what}: row {row}, id {id} is {f}, expected {e}, bound {bound}");
        }
        let top = argmax(expected);
        let second = expected.iter().enumerate().filter(|&(i, _)| i != top).map(|(_, &v)| v);
        if expected[top] - second.fold(f32::NEG_INFINITY, f32::max) > bound {
            assert_eq!(argmax(found), top, "{what}: top-1 of row {row}");
        }
    }
}

fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

const F32_BOUND: f32 = 2e-3;
const F16_BOUND: f32 = 2e-2;

fn device() -> GpuDevice {
    crate::testing::device().device.clone()
}

#[test]
fn logits_are_those_of_llama2_c() {
    for (folder, file) in [("stories260K", "stories260K-f32.gguf"), ("tok105", "tok105-f32.gguf")] {
        let (ids, expected) = reference_logits(folder);
        let file = open(&format!("{folder}/{file}"));
        for fuse in [false, true] {
            let mut model = file.on_gpu(&device(), &options(KvType::F32, fuse));
            let found = pollster::block_on(model.prefill(&ids, Outputs::All)).unwrap();
            let vocab = file.plan.output_width();
            assert_logits(&format!("{folder}, fuse {fuse}"), &found, &expected, vocab, F32_BOUND);
        }
    }
}
