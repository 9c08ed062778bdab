//! What rounding activations does to logits of weights that nobody trained, where nothing evens errors out.

mod common;

use common::F16_BOUND;
use sotto_cpu::simd::Level;
use sotto_cpu::{fast, reference};
use sotto_engine::format::BlockType;
use sotto_engine::synthetic::Shape;
use sotto_engine::{ModelHeader, Outputs};
use sotto_plan::WeightId;

/// Those that the fast engine multiplies as they are.
const TYPES: [BlockType; 8] = [
    BlockType::Q4_0,
    BlockType::Q4_1,
    BlockType::Q5_0,
    BlockType::Q5_1,
    BlockType::Q8_0,
    BlockType::Q4_K,
    BlockType::Q5_K,
    BlockType::Q6_K,
];

/// Calls `write` with each weight of the GGUF file `bytes`.
fn feed(header: &ModelHeader, bytes: &[u8], mut write: impl FnMut(WeightId, &[u8])) {
    for (id, weight) in (0..).map(WeightId).zip(&header.plan().weights) {
        let start = (header.file().tensor(&weight.name).unwrap().offset + weight.offset) as usize;
        write(id, &bytes[start..][..weight.bytes() as usize]);
    }
}

/// Holds every set of instructions to the interpreter, with room to spare: other seeds do a little worse.
fn check(shape: Shape, ty: BlockType, seed: u64) {
    let file = shape.write(ty, seed, Vec::new()).unwrap();
    let header = ModelHeader::parse(&[&file]).unwrap();
    let ids: Vec<u32> = (0..24).map(|at| 3 + at * 797 % (shape.vocab as u32 - 3)).collect();
    let mut oracle = reference::Loader::new(header.plan().clone(), ids.len());
    feed(&header, &file, |id, bytes| oracle.write(id, 0, bytes).unwrap());
    let want = oracle.finish().unwrap().forward(&ids, Outputs::All).unwrap();
    let largest = want.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    for level in Level::all() {
        let options = fast::Options { level: Some(level), floats: Some(false), ..fast::Options::default() };
        let mut loader = fast::Loader::new(header.plan().clone(), ids.len(), options).unwrap();
        feed(&header, &file, |id, bytes| loader.write(id, 0, bytes).unwrap());
        let mut got = Vec::new();
        loader.finish().unwrap().forward(&ids, Outputs::All, &mut got).unwrap();
        let error = got.iter().zip(&want).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest;
        let what = format!("{} layers in {ty}, seed {seed}, {}", shape.layers, level.name());
        assert!(error <= 0.8 * F16_BOUND, "{what}: {error}");
    }
}

#[test]
fn logits_of_untrained_weights_are_within_the_bound_in_every_type() {
    let mini = Shape::named("mini").unwrap();
    let small = Shape { dim: 256, hidden_dim: 768, layers: 4, heads: 4, kv_heads: 2, vocab: 256, ..mini };
    for ty in TYPES {
        for seed in [0, 1] {
            check(small, ty, seed);
        }
    }
    check(Shape { layers: 16, ..small }, BlockType::Q4_0, 0);
    check(Shape { vocab: 512, ..mini }, BlockType::Q8_0, 2);
}
