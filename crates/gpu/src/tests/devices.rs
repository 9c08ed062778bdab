//! Models that take every kernel a GPU gets, on every kind of device, against the reference interpreter.

use sotto_plan::Outputs;

use super::{F16_BOUND, F32_BOUND, assert_logits, greedy, greedy_on_cpu, open, options};
use crate::{DeviceOptions, GpuDevice, KvType, ModelOptions, Tiles, Tuning};

/// Whatever the tiles of a prefill hold, replies are the reference's: where one is not, the reference itself is torn between
/// two tokens.
#[test]
fn replies_are_the_same_whatever_tiles_hold() {
    let device_of = |name: &str| {
        let tuning = Some(name.parse().unwrap());
        let options = DeviceOptions { hardware_kernels: true, tuning, ..DeviceOptions::default() };
        pollster::block_on(GpuDevice::request(&options)).unwrap()
    };
    let devices =
        ["8/256/64kmiehgt", "8/256/64kmiehgtx", "8/256/64kmiehgtf", "8/256/64kmiehgts"].map(device_of);
    for (folder, name) in [("stories260K", "stories260K-f16"), ("tok105", "tok105-q4_0")] {
        let file = open(&format!("{folder}/{name}.gguf"));
        let ids = super::reference_logits(folder).0;
        let prompts = [&ids[..30], &ids[..101], &ids[40..110]];
        let expected = prompts.map(|prompt| greedy_on_cpu(&mut file.on_cpu(), prompt, 24));
        for device in &devices {
            let mut model =
                file.on_gpu(device, &ModelOptions { max_batch_tokens: 80, ..options(KvType::F16, true) });
            let halves = matches!(device.tuning().tiles, Tiles::Halves | Tiles::HalfSums);
            let takes_halves =
                model.runtime.programs.prefill.iter().any(|d| d.label.starts_with("halve_rows"));
            assert_eq!(takes_halves, halves, "{name}, {}", device.tuning());
            assert!(!halves || device.facts().f16);
            for (prompt, expected) in prompts.iter().zip(&expected) {
                model.truncate(0);
                let found = greedy(&mut model, prompt, expected.len());
                let Some(at) = found.iter().zip(expected).position(|(f, e)| f != e) else { continue };
                let text = [prompt, &expected[..at]].concat();
                let logits = file.on_cpu().forward(&text, Outputs::Last).unwrap();
                let largest = logits.iter().fold(0f32, |m, v| m.max(v.abs()));
                let gap = logits[expected[at] as usize] - logits[found[at] as usize];
                assert!(gap <= F16_BOUND * largest, "{name}, {}: {found:?}, {expected:?}", device.tuning());
            }
        }
    }
}

/// Devices with the kernels of hardware, whatever does the work.
fn devices() -> Vec<(&'static str, GpuDevice)> {
    let full = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    [
        ("full", full.clone()),
        ("without f16", DeviceOptions { without_f16: true, ..full.clone() }),
        (
            "in halves",
            DeviceOptions { tuning: Some(Tuning { tiles: Tiles::HalfSums, ..Tuning::GPU }), ..full.clone() },
        ),
        ("without subgroups", DeviceOptions { without_subgroups: true, ..full.clone() }),
        ("128 MiB bindings", DeviceOptions { max_binding_bytes: Some(128 << 20), ..full.clone() }),
        ("16 KiB a workgroup", DeviceOptions { max_workgroup_bytes: Some(16 << 10), ..full.clone() }),
        ("128 invocations a workgroup", DeviceOptions { max_invocations: Some(128), ..full.clone() }),
        (
            "all of these",
            DeviceOptions {
                without_f16: true,
                without_subgroups: true,
                max_binding_bytes: Some(128 << 20),
                max_workgroup_bytes: Some(16 << 10),
                max_invocations: Some(128),
                ..full
            },
        ),
    ]
    .into_iter()
    .map(|(name, options)| (name, pollster::block_on(GpuDevice::request(&options)).unwrap()))
    .collect()
}

/// Experts (in F16 and MXFP4), sinks, windows, caps on scores and logits; and quantised projections.
const MODELS: [&str; 4] = [
    "../architectures/qwen3moe.gguf",
    "../architectures/gpt-oss-mxfp4.gguf",
    "../architectures/gemma2.gguf",
    "tok105/tok105-q4_0.gguf",
];

/// The prompt has more tokens than a tile of any kernel, and what an expert gets of it has too. What differs between devices
/// is the workgroup: each lacks something for one model, and all of it for all.
#[test]
fn every_kernel_of_hardware_runs_on_every_device() {
    let devices = devices();
    for (at, name) in MODELS.into_iter().enumerate() {
        let file = open(name);
        let vocab = file.plan.output_width();
        let ids: Vec<u32> = (0..150).map(|i| (7 * i + i * i / 5) % vocab as u32).collect();
        let expected = file.on_cpu().forward(&ids, Outputs::All).unwrap();
        for (number, (device_name, device)) in devices.iter().enumerate() {
            let last = number + 1 == devices.len();
            if !last && number % MODELS.len() != at {
                continue;
            }
            let kv_types = if last {
                &[(KvType::F16, F16_BOUND), (KvType::F32, F32_BOUND)][..]
            } else {
                &[(KvType::F16, F16_BOUND)]
            };
            for &(kv_type, bound) in kv_types {
                let options = ModelOptions { max_batch_tokens: 130, ..options(kv_type, true) };
                let mut model = file.on_gpu(device, &options);
                let found = pollster::block_on(model.prefill(&ids, Outputs::All)).unwrap();
                let what = format!("{name}, {kv_type:?} on {device_name}");
                assert_logits(&what, &found, &expected, vocab, bound);
                if kv_type == KvType::F32 {
                    let replied = greedy_on_cpu(&mut file.on_cpu(), &ids[..40], 8);
                    model.truncate(0);
                    assert_eq!(greedy(&mut model, &ids[..40], 8), replied, "{what}");
                }
            }
        }
    }
}

/// Fraction of the largest logit by which one may be off where keys and values are bytes. Models of random weights, whose
/// attention is no sharper than chance, are further off than those that were trained.
const Q8_BOUND: f32 = 5e-2;

/// Models with heads of 32 and of 16 elements; one has norms of queries and keys, one windows, and the last was trained.
const MODELS_OF_Q8: [&str; 4] = [
    "../architectures/llama3.gguf",
    "../architectures/qwen3.gguf",
    "../architectures/gemma3.gguf",
    "tok105/tok105-q8_0.gguf",
];

#[test]
fn keys_and_values_in_bytes_stay_within_their_bound() {
    let [software, hardware] = [false, true].map(|hardware_kernels| {
        let options = DeviceOptions { hardware_kernels, ..DeviceOptions::default() };
        pollster::block_on(GpuDevice::request(&options)).unwrap()
    });
    for name in MODELS_OF_Q8 {
        let file = open(name);
        let trained = name.starts_with("tok105");
        let vocab = file.plan.output_width();
        let ids: Vec<u32> = match trained {
            true => super::reference_logits("tok105").0[..110].to_vec(),
            false => (0..110).map(|i| (7 * i + i * i / 5) % vocab as u32).collect(),
        };
        let expected = file.on_cpu().forward(&ids, Outputs::All).unwrap();
        for device in [&software, &hardware] {
            let what = format!("{name} on {}", device.tuning());
            let options = options(KvType::Q8_0, true);
            let mut model = file.on_gpu(device, &options);
            let found = pollster::block_on(model.prefill(&ids, Outputs::All)).unwrap();
            let bound = if trained { F16_BOUND } else { Q8_BOUND };
            assert_logits(&what, &found, &expected, vocab, bound);
            // What follows token by token is what the prompt at once gives, wherever that is clear.
            model.truncate(40);
            let replied = greedy(&mut model, &ids[40..41], 12);
            let text: Vec<u32> = ids[..41].iter().chain(&replied).copied().collect();
            model.truncate(0);
            let logits = pollster::block_on(model.prefill(&text, Outputs::All)).unwrap();
            for (row, &id) in logits.chunks(vocab).skip(40).zip(&replied) {
                let top = row.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
                let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
                assert!(top - row[id as usize] <= F16_BOUND * largest, "{what}: {replied:?}");
            }
            if trained {
                let mut halves = file.on_gpu(device, &super::options(KvType::F16, true));
                assert_eq!(greedy(&mut halves, &ids[..41], 12), replied, "{what}");
            }
        }
    }
}

/// A step that takes no more room than was foreseen, and less than with halves.
#[test]
fn memory_of_keys_and_values_in_bytes_is_foreseen() {
    let device = super::device();
    let file = open("../architectures/llama3.gguf");
    let [q8, f16] = [KvType::Q8_0, KvType::F16].map(|kv_type| {
        let options = ModelOptions { first_positions: 512, ..options(kv_type, true) };
        let model = file.on_gpu(&device, &options);
        let memory = model.memory();
        assert_eq!(memory, crate::memory_needed(&device, &file.plan, &options).unwrap(), "{kv_type:?}");
        // Floats of eight tokens' keys and values: the last of a reply, and seven drafts.
        let [cache, ..] = file.plan.caches[..] else { panic!("no cache") };
        let floats = if kv_type == KvType::Q8_0 { 8 * 2 * cache.n_kv_heads * cache.head_dim } else { 0 };
        let staging: u64 = model.runtime.buffers.kv_staging.segments.iter().map(|slice| slice.size).sum();
        assert!(staging >= 4 * floats as u64, "{staging} bytes for {floats} floats");
        memory.kv
    });
    assert_eq!(32 * q8, 18 * f16);
}
