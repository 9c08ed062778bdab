//! The memory that is told before a model is loaded is what it takes when it is.

use sotto_engine::{Device, DeviceChoice, KvType, LoadOptions, Loader, ModelHeader, Outputs};

mod common;

const MODELS: [&str; 8] = [
    "architectures/llama.gguf",
    "architectures/qwen2.gguf",
    "architectures/gemma3.gguf",
    "architectures/lfm2.gguf",
    "architectures/gpt-oss-mxfp4.gguf",
    "models/stories260K/stories260K-f32.gguf",
    "models/tok105/tok105-q4_0.gguf",
    "architectures/qwen35.gguf",
];

#[test]
fn what_is_told_is_what_it_takes() {
    for name in MODELS {
        let bytes = std::fs::read(common::repository().join("tests/fixtures").join(name)).unwrap();
        for device in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
            let header = ModelHeader::parse(&[&bytes]).unwrap();
            let context = header.info().context_length.min(256);
            let found = pollster::block_on(Device::find(device)).unwrap();
            let need = found.need(&header, context, KvType::F16).unwrap();
            assert!(need.fits, "{name} on {device:?}: {:?}", need.problem);
            let options = LoadOptions {
                device,
                context_length: Some(context),
                kv_type: KvType::F16,
                ..Default::default()
            };
            let mut loader = pollster::block_on(Loader::open(header, &options)).unwrap();
            loader.write(0, 0, &bytes).unwrap();
            let mut engine = pollster::block_on(loader.finish()).unwrap();
            assert_eq!(engine.device().name, found.info().name);
            let ids: Vec<u32> = (0..context as u32).map(|at| at % 7).collect();
            pollster::block_on(engine.logits(&ids, Outputs::Last)).unwrap();
            let held = engine.counters().device_bytes;
            let told = match device {
                // It counts what stays, and not what a step takes.
                DeviceChoice::Cpu => need.weight_bytes + need.cache_bytes,
                _ => need.total_bytes,
            };
            assert_eq!(told, held, "{name} on {device:?}: {need:?}");
        }
    }
}

#[test]
fn contexts_are_told_with_what_they_take() {
    let bytes = std::fs::read(common::repository().join("tests/fixtures").join(MODELS[5])).unwrap();
    let header = ModelHeader::parse(&[&bytes]).unwrap();
    let device = pollster::block_on(Device::find(DeviceChoice::Cpu)).unwrap();
    let needs = device.needs(&header, KvType::F16).unwrap();
    assert_eq!(needs.iter().map(|need| need.context_length).collect::<Vec<_>>(), [2048, 4096, 8192, 32768]);
    for pair in needs.windows(2) {
        let factor = (pair[1].context_length / pair[0].context_length) as u64;
        assert_eq!(pair[1].cache_bytes, factor * pair[0].cache_bytes);
        assert_eq!(pair[1].weight_bytes, pair[0].weight_bytes);
    }
    // It was trained for 512.
    assert!(needs.iter().all(|need| !need.fits && need.problem.as_ref().unwrap().contains("512")));
}
