//! Whole models against the reference interpreter and against logits that llama2.c computed.

mod devices;
mod drafts;
mod pipelines;
mod profile;

use std::path::PathBuf;

use sotto_cpu::reference;
use sotto_format::{BlockType, ModelFile, Parse, parse_gguf};
use sotto_plan::{Outputs, Plan, Sampling, WeightId};

use crate::testing::variants;
use crate::{DeviceOptions, GpuDevice, GpuError, GpuModel, KvType, Loader, ModelOptions};

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
        let weight = &self.plan.weights[id as usize];
        let tensor = self.model.tensor(&weight.name).unwrap();
        &self.bytes[(tensor.offset + weight.offset) as usize..][..weight.bytes() as usize]
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
    ModelOptions { context_length: 512, first_positions: 50, kv_type, max_batch_tokens: 33, fuse }
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

fn greedy(model: &mut GpuModel, prompt: &[u32], n: usize) -> Vec<u32> {
    reply(model, prompt, n, &Sampling::greedy())
}

fn reply(model: &mut GpuModel, prompt: &[u32], n: usize, sampling: &Sampling) -> Vec<u32> {
    pollster::block_on(async {
        model.prefill_for_decode(prompt).await.unwrap();
        model.start(sampling, prompt).unwrap();
        let mut ids = Vec::new();
        for _ in 0..n {
            ids.push(model.next().await.unwrap());
        }
        model.stop().await.unwrap();
        ids
    })
}

fn greedy_on_cpu(model: &mut reference::Model, prompt: &[u32], n: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut logits = model.forward(prompt, Outputs::Last).unwrap();
    for _ in 0..n {
        ids.push(argmax(&logits) as u32);
        logits = model.forward(&ids[ids.len() - 1..], Outputs::Last).unwrap();
    }
    ids
}

/// The tokens that the text of llama2.c's greedy reply encodes to, by the reference interpreter's own choice.
#[test]
fn greedy_replies_are_those_of_the_reference() {
    for name in ["stories260K/stories260K-f32.gguf", "tok105/tok105-q4_0.gguf"] {
        let file = open(name);
        let expected = greedy_on_cpu(&mut file.on_cpu(), &[1], 60);
        for fuse in [false, true] {
            let mut model = file.on_gpu(&device(), &options(KvType::F32, fuse));
            assert_eq!(greedy(&mut model, &[1], 60), expected, "{name}, fuse {fuse}");
        }
    }
}

#[test]
fn quantised_models_agree_with_the_reference_on_every_device() {
    let names = [
        "tok105/tok105-q8_0.gguf",
        "tok105/tok105-q4_0.gguf",
        "tok105/tok105-q4_1.gguf",
        "stories260K/stories260K-f16.gguf",
    ];
    for (at, variant) in variants().iter().enumerate() {
        let file = open(names[at % names.len()]);
        let ids: Vec<u32> =
            reference_logits(names[at % names.len()].split('/').next().unwrap()).0[..40].to_vec();
        let expected = file.on_cpu().forward(&ids, Outputs::All).unwrap();
        let vocab = file.plan.output_width();
        for (kv_type, bound) in [(KvType::F32, F32_BOUND), (KvType::F16, F16_BOUND)] {
            let mut model = file.on_gpu(&variant.device, &options(kv_type, true));
            let found = pollster::block_on(model.prefill(&ids, Outputs::All)).unwrap();
            let what = format!("{} with {kv_type:?} on {}", names[at % names.len()], variant.name);
            assert_logits(&what, &found, &expected, vocab, bound);
        }
    }
}

/// Software adapters run kernels of their own; here they run those of hardware.
#[test]
fn the_kernels_of_hardware_agree_with_the_reference() {
    let hardware = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    let small = DeviceOptions {
        max_workgroup_bytes: Some(16 << 10),
        max_invocations: Some(128),
        without_f16: true,
        without_subgroups: true,
        ..hardware.clone()
    };
    let tuned = |name: &str| DeviceOptions { tuning: Some(name.parse().unwrap()), ..hardware.clone() };
    for (device, name) in [
        (tuned("8/128/64kiegt"), "tok105/tok105-q4_0.gguf"),
        (tuned("4/64/16kiagt"), "tok105/tok105-q8_0.gguf"),
        (tuned("8/256/64kmegt"), "tok105/tok105-q4_1.gguf"),
        (tuned("8/256/64kmegtf"), "tok105/tok105-q4_1.gguf"),
        (tuned("8/256/64kmiehgts"), "tok105/tok105-q8_0.gguf"),
        (tuned("8/256/64kmiehgtx"), "tok105/tok105-q4_0.gguf"),
        (tuned("8/256/64kmiehgtf"), "stories260K/stories260K-f16.gguf"),
        (hardware, "stories260K/stories260K-f16.gguf"),
        (small, "tok105/tok105-q4_0.gguf"),
    ] {
        let device = pollster::block_on(GpuDevice::request(&device)).unwrap();
        let file = open(name);
        let ids = &reference_logits(name.split('/').next().unwrap()).0[..90];
        let expected = file.on_cpu().forward(ids, Outputs::All).unwrap();
        let replied = greedy_on_cpu(&mut file.on_cpu(), &ids[..40], 12);
        for (kv_type, bound) in [(KvType::F32, F32_BOUND), (KvType::F16, F16_BOUND)] {
            let mut model = file.on_gpu(&device, &options(kv_type, true));
            let found = pollster::block_on(model.prefill(ids, Outputs::All)).unwrap();
            assert_logits(
                &format!("{name}, {kv_type:?}"),
                &found,
                &expected,
                file.plan.output_width(),
                bound,
            );
            model.truncate(0);
            assert_eq!(greedy(&mut model, &ids[..40], 12), replied, "{name}, {kv_type:?}");
            assert!(model.dispatches_per_token() <= 6 * file.plan.caches.len() as u64 + 4);
        }
    }
}

#[test]
fn decode_creates_nothing_and_reads_back_ids_only() {
    let file = open("tok105/tok105-q4_0.gguf");
    let mut model = file.on_gpu(&device(), &options(KvType::F16, true));
    // Room for what follows, so that the cache need not grow.
    pollster::block_on(model.prefill(&[1; 40], Outputs::None)).unwrap();
    model.truncate(0);
    let before = model.counters();
    reply(&mut model, &[1, 5, 9], 20, &Sampling::greedy());
    let after = model.counters();
    assert_eq!(after.objects_created, before.objects_created);
    assert_eq!(after.bytes_read_back, 4 * 20);
    let layers = file.plan.caches.len() as u64;
    // The first step only samples.
    let steps = after.steps - 1;
    let prefill = 1;
    assert_eq!(after.submits - before.submits, after.steps + prefill);
    let per_token = model.dispatches_per_token();
    assert!(per_token <= 6 * layers + 4, "{per_token} dispatches a token for {layers} layers");
    // Quantised rows with their scales, and one row of the embedding table.
    let matrices = file.plan.weight_bytes() as f64;
    let read = after.weight_bytes as f64 / steps as f64;
    assert!(read < 1.06 * matrices, "{read} bytes of {matrices} a token");
    assert_eq!(model.position(), 3 + 20);
}

#[test]
fn a_reply_can_be_cut_and_continued_and_the_cache_grows() {
    let file = open("stories260K/stories260K-f32.gguf");
    let mut options = options(KvType::F16, true);
    options.context_length = 128;
    options.first_positions = 16;
    let mut model = file.on_gpu(&device(), &options);
    let whole = greedy(&mut model, &[1], 100);
    model.truncate(0);
    let mut short = greedy(&mut model, &[1], 10);
    // The last token given out may or may not have run through the model; both are a valid prefix.
    let kept = model.position();
    assert!((10..=11).contains(&kept), "{kept}");
    model.truncate(8);
    short.extend(greedy(&mut model, &whole[7..10], 90));
    assert_eq!(short, whole);
    let error = pollster::block_on(model.prefill(&[1; 129], Outputs::None)).unwrap_err();
    assert!(matches!(error, GpuError::ContextLength { limit: 128, .. }), "{error}");
    model.truncate(0);
    let last = pollster::block_on(async {
        model.prefill_for_decode(&[1; 120]).await.unwrap();
        model.start(&Sampling::greedy(), &[]).unwrap();
        let mut n = 0;
        loop {
            match model.next().await {
                Ok(_) => n += 1,
                Err(error) => return (n, error),
            }
        }
    });
    assert_eq!(last, (9, GpuError::ContextLength { needed: 129, limit: 128 }));
}

#[test]
fn seeds_decide_and_penalties_apply() {
    let file = open("stories260K/stories260K-f32.gguf");
    let mut model = file.on_gpu(&device(), &options(KvType::F32, true));
    let mut draw = |seed, penalty| {
        model.truncate(0);
        let sampling = Sampling { seed, frequency_penalty: penalty, ..Sampling::default() };
        reply(&mut model, &[1], 30, &sampling)
    };
    let first = draw(1, 0.0);
    assert_eq!(first, draw(1, 0.0));
    assert_ne!(first, draw(2, 0.0));
    assert_ne!(first, draw(1, 2.0));
}

#[test]
fn damage_is_an_error_and_never_a_token() {
    let file = open("tok105/tok105-f32.gguf");
    let mut loader =
        pollster::block_on(Loader::new(&device(), file.plan.clone(), &options(KvType::F32, true))).unwrap();
    let wrong = loader.write(WeightId(0), 4, &[0; 4]).unwrap_err();
    assert!(matches!(wrong, GpuError::WriteOrder { offset: 4, expected: 0, .. }), "{wrong}");
    let poison = f32::NAN.to_le_bytes();
    for id in 0..file.plan.weights.len() as u32 {
        let mut bytes = file.weight(id).to_vec();
        bytes[..4].copy_from_slice(&poison);
        let too_long = [&bytes[..], &[0]].concat();
        assert!(loader.write(WeightId(id), 0, &too_long).is_err());
        loader.write(WeightId(id), 0, &bytes).unwrap();
    }
    let mut model = pollster::block_on(loader.finish()).unwrap();
    pollster::block_on(model.prefill_for_decode(&[1, 2])).unwrap();
    model.start(&Sampling::greedy(), &[]).unwrap();
    assert_eq!(pollster::block_on(model.next()), Err(GpuError::NotANumber));
    assert!(matches!(pollster::block_on(model.next()), Err(GpuError::State { .. })));
    let vocab = file.plan.output_width();
    let unknown = pollster::block_on(model.prefill(&[vocab as u32], Outputs::None));
    assert_eq!(unknown, Err(GpuError::TokenId { id: vocab as u32, vocab }));
}

/// What is not a number stays so where x becomes whole steps.
#[test]
fn damage_is_an_error_with_the_kernels_of_hardware() {
    for (tuning, damaged) in
        [("8/128/64kiegt", "blk.0.attn_norm.weight"), ("8/64/16kmgt", "token_embd.weight")]
    {
        let options_of = DeviceOptions {
            hardware_kernels: true,
            tuning: Some(tuning.parse().unwrap()),
            ..DeviceOptions::default()
        };
        let device = pollster::block_on(GpuDevice::request(&options_of)).unwrap();
        let file = open("tok105/tok105-q4_0.gguf");
        let options = options(KvType::F32, true);
        let mut loader = pollster::block_on(Loader::new(&device, file.plan.clone(), &options)).unwrap();
        let mut found = false;
        for id in 0..file.plan.weights.len() as u32 {
            let mut bytes = file.weight(id).to_vec();
            let weight = file.plan.weight(WeightId(id));
            if weight.name == damaged {
                found = true;
                // Of a vector an element, of Q4_0 the scale of the first block.
                let poison: &[u8] =
                    if weight.ty == BlockType::F32 { &[0, 0, 0xc0, 0x7f] } else { &[0, 0x7e] };
                bytes[..poison.len()].copy_from_slice(poison);
            }
            loader.write(WeightId(id), 0, &bytes).unwrap();
        }
        assert!(found, "{damaged} is no weight of the model");
        let mut model = pollster::block_on(loader.finish()).unwrap();
        pollster::block_on(model.prefill_for_decode(&[1])).unwrap();
        model.start(&Sampling::greedy(), &[]).unwrap();
        assert_eq!(pollster::block_on(model.next()), Err(GpuError::NotANumber), "{damaged}");
    }
}

#[test]
fn missing_bytes_are_named() {
    let file = open("tok105/tok105-q8_0.gguf");
    let mut loader =
        pollster::block_on(Loader::new(&device(), file.plan.clone(), &options(KvType::F32, true))).unwrap();
    for id in 0..file.plan.weights.len() as u32 {
        let bytes = file.weight(id);
        let end = if id == 3 { bytes.len() - 1 } else { bytes.len() };
        loader.write(WeightId(id), 0, &bytes[..end]).unwrap();
    }
    let missing = pollster::block_on(loader.finish()).unwrap_err();
    let tensor = file.plan.weights[3].name.clone();
    let bytes = file.plan.weights[3].bytes();
    assert_eq!(missing, GpuError::MissingBytes { tensor, written: bytes - 1, bytes });
}

#[test]
fn a_lost_device_fails_every_later_call() {
    let lost = pollster::block_on(GpuDevice::request(&DeviceOptions::default())).unwrap();
    let file = open("tok105/tok105-q4_0.gguf");
    let mut model = file.on_gpu(&lost, &options(KvType::F16, true));
    pollster::block_on(model.prefill_for_decode(&[1])).unwrap();
    model.start(&Sampling::greedy(), &[]).unwrap();
    lost.destroy();
    assert!(matches!(pollster::block_on(model.next()), Err(GpuError::DeviceLost { .. })));
    assert!(matches!(
        pollster::block_on(model.prefill(&[1], Outputs::Last)),
        Err(GpuError::DeviceLost { .. })
    ));
}
