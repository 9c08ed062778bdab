//! Perplexity against a forward pass in numpy (`tests/fixtures/models/stories260K/perplexity.py`).

mod common;

use std::path::Path;

use sotto_engine::{DeviceChoice, Engine, LoadOptions, Loader, ModelHeader};

/// Context, stride and what `perplexity.py` printed for them.
const EXPECTED: [(usize, usize, f64); 4] =
    [(512, 256, 3.728438), (64, 32, 4.065770), (50, 49, 4.679813), (7, 1, 5.899005)];

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models/stories260K");
    std::fs::read(folder.join(name)).unwrap()
}

fn load(device: DeviceChoice) -> Engine {
    let bytes = fixture("stories260K-f32.gguf");
    let options = LoadOptions { device, ..LoadOptions::default() };
    pollster::block_on(async {
        let mut loader = Loader::open(ModelHeader::parse(&[&bytes]).unwrap(), &options).await.unwrap();
        loader.write(0, 0, &bytes).unwrap();
        loader.finish().await.unwrap()
    })
}

fn ids() -> Vec<u32> {
    let text = String::from_utf8(fixture("ref_tokens.txt")).unwrap();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn perplexity_is_numpys() {
    let ids = ids();
    for device in common::DEVICES {
        let mut engine = load(device);
        for (context, stride, expected) in EXPECTED {
            // A window a token takes hundreds of runs, which say nothing more of the slower ones.
            if device != DeviceChoice::Cpu && stride == 1 {
                continue;
            }
            let found = pollster::block_on(engine.perplexity(&ids, context, stride)).unwrap();
            let value = found.value();
            assert!((value / expected - 1.0).abs() < 1e-3, "{device:?}, {context}/{stride}: {value}");
            assert_eq!(found.tokens, ids.len() - 1);
        }
    }
}

#[test]
fn windows_that_cannot_be_are_refused() {
    let mut engine = load(DeviceChoice::Reference);
    let ids = ids();
    for (ids, context, stride) in
        [(&ids[..1], 64, 32), (&ids[..], 1, 1), (&ids[..], 513, 256), (&ids[..], 64, 0), (&ids[..], 64, 64)]
    {
        let refused = pollster::block_on(engine.perplexity(ids, context, stride));
        assert!(refused.is_err(), "{} ids, {context}/{stride}", ids.len());
    }
}
