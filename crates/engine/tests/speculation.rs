//! Replies with drafts looked up in the text are those without, to the last bit, on every backend.

mod common;

use std::collections::HashMap;

use common::{REPEATING, greedy, reply, settings};
use sotto_engine::{
    DeviceChoice, Engine, GenerateOptions, KvType, LoadOptions, Loader, ModelHeader, Outputs, Prompt,
};

const BACKENDS: [DeviceChoice; 3] = [DeviceChoice::Reference, DeviceChoice::Cpu, DeviceChoice::Gpu];
/// Quantised weights and floats, a vocabulary of words and one of letters.
const MODELS: [&str; 4] = [
    "stories260K/stories260K-f32.gguf",
    "stories260K/stories260K-f16.gguf",
    "tok105/tok105-q4_0.gguf",
    "tok105/tok105-q8_0.gguf",
];

const PROMPTS: [&str; 2] = [REPEATING, "One day"];

fn load(name: &str, device: DeviceChoice) -> Engine {
    common::load(&common::repository().join("tests/fixtures/models").join(name), device)
}

#[test]
fn replies_are_the_same_with_drafts_and_take_fewer_steps() {
    for name in MODELS {
        for device in BACKENDS {
            let mut engine = load(name, device);
            for prompt in PROMPTS.map(|text| Prompt::Text(text.to_owned())) {
                for options in settings() {
                    let (plain, without) = reply(&mut engine, &prompt, &options, false);
                    let (got, with) = reply(&mut engine, &prompt, &options, true);
                    assert_eq!(got, plain, "{name} on {device:?}, {options:?}");
                    assert_eq!((without.drafted, without.accepted), (0, 0));
                    assert!(with.accepted <= with.drafted);
                    // A step with drafts gives one token more than were accepted.
                    assert!(
                        with.steps + with.accepted <= without.steps + 1,
                        "{device:?}: {with:?}, {without:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn text_that_repeats_itself_takes_few_steps() {
    for device in BACKENDS {
        let mut engine = load("stories260K/stories260K-f32.gguf", device);
        // Greedy replies of a small model go round in the end.
        let (_, counters) = reply(&mut engine, &Prompt::Text(REPEATING.to_owned()), &greedy(300), true);
        assert!(counters.accepted > 150, "{device:?}: {counters:?}");
        assert!(counters.steps < 150, "{device:?}: {counters:?}");
        assert_eq!(counters.gpu_objects_created, 0);
    }
}

#[test]
fn a_stop_string_ends_a_reply_amid_drafts_and_the_cache_is_right() {
    for device in BACKENDS {
        let mut engine = load("stories260K/stories260K-f32.gguf", device);
        let prompt = Prompt::Text(REPEATING.to_owned());
        let (whole, _) = reply(&mut engine, &prompt, &greedy(120), false);
        for length in 1..60 {
            // The last of these letters may be in any token of a step.
            let Some((at, _)) = whole.text.char_indices().nth(length) else { break };
            let stop = whole.text[at..].chars().take(4).collect::<String>();
            let options = GenerateOptions { stop: vec![stop], ..greedy(120) };
            let (plain, _) = reply(&mut engine, &prompt, &options, false);
            let (got, _) = reply(&mut engine, &prompt, &options, true);
            assert_eq!(got, plain, "{device:?}");
            // What the cache holds of a reply that was cut is the prefix of the next.
            let ids = engine.tokenizer().encode(REPEATING, true, false).unwrap();
            let so_far: Vec<u32> = ids.iter().chain(&got.ids).copied().collect();
            let (rest, _) = reply(&mut engine, &Prompt::Ids(so_far), &greedy(8), false);
            assert_eq!(rest.ids, whole.ids[got.ids.len()..][..8], "{device:?}");
        }
    }
}

#[test]
fn a_reply_can_be_stopped_amid_drafts() {
    for device in BACKENDS {
        let mut engine = load("stories260K/stories260K-f32.gguf", device);
        let prompt = Prompt::Text(REPEATING.to_owned());
        let (whole, _) = reply(&mut engine, &prompt, &greedy(40), false);
        let ids = engine.tokenizer().encode(REPEATING, true, false).unwrap();
        for given in 1..20 {
            pollster::block_on(async {
                let options = GenerateOptions { speculate: true, ..greedy(40) };
                let mut generation = engine.generate(&prompt, &options).await.unwrap();
                for _ in 0..given {
                    engine.next(&mut generation).await.unwrap();
                }
                engine.stop(&mut generation).await.unwrap();
            });
            let so_far: Vec<u32> = ids.iter().chain(&whole.ids[..given]).copied().collect();
            let (rest, _) = reply(&mut engine, &Prompt::Ids(so_far), &greedy(10), true);
            assert_eq!(rest.ids, whole.ids[given..][..10], "{device:?}, {given}");
        }
    }
}

#[test]
fn drafts_stay_within_the_context_and_the_limit() {
    let path = common::repository().join("tests/fixtures/models/stories260K/stories260K-f32.gguf");
    let bytes = std::fs::read(path).unwrap();
    for device in BACKENDS {
        let options =
            LoadOptions { device, context_length: Some(60), kv_type: KvType::F32, ..LoadOptions::default() };
        let mut engine = pollster::block_on(async {
            let mut loader = Loader::open(ModelHeader::parse(&[&bytes]).unwrap(), &options).await.unwrap();
            loader.write(0, 0, &bytes).unwrap();
            loader.finish().await.unwrap()
        });
        let prompt = Prompt::Ids([1, 400, 401, 402, 403].repeat(6));
        for max_tokens in (1..12).map(Some).chain([None]) {
            let options = GenerateOptions { max_tokens, ..greedy(1) };
            let (plain, _) = reply(&mut engine, &prompt, &options, false);
            let (got, _) = reply(&mut engine, &prompt, &options, true);
            assert_eq!(got, plain, "{device:?}, {max_tokens:?}");
            assert_eq!(got.ids.len(), max_tokens.unwrap_or(60 - 30 + 1));
        }
    }
}

/// Tokens drawn where a draft stands against the model's own distribution: Pearson's chi-squared.
#[test]
fn drafts_do_not_shift_the_distribution() {
    const DRAWS: u64 = 4000;
    const FIRST_SEED: u64 = 77;
    let mut engine = load("stories260K/stories260K-f32.gguf", DeviceChoice::Cpu);
    let encode = |engine: &Engine, text: &str| engine.tokenizer().encode(text, true, false).unwrap();
    let once = encode(&engine, "She saw a big dog. She saw a");
    let (mut counts, mut drafted, mut n) = (HashMap::new(), 0, 0u64);
    // The first token decides what is looked up; the second is the one that a draft stands for.
    let mut prefix = once.clone();
    let (first, _) = reply(&mut engine, &Prompt::Ids(once.clone()), &greedy(1), false);
    prefix.push(first.ids[0]);
    // So that the text has gone on like this before.
    let mut text = prefix.clone();
    let (next, _) = reply(&mut engine, &Prompt::Ids(prefix.clone()), &greedy(1), false);
    text.push(next.ids[0]);
    text.extend(&once);
    for seed in FIRST_SEED..FIRST_SEED + DRAWS {
        let options = GenerateOptions { temperature: 1.0, seed, ..greedy(3) };
        let (got, counters) = reply(&mut engine, &Prompt::Ids(text.clone()), &options, true);
        if got.ids[0] == first.ids[0] {
            n += 1;
            drafted += u64::from(counters.drafted > 0);
            *counts.entry(got.ids[1]).or_insert(0u64) += 1;
        }
    }
    assert!(n > DRAWS / 20 && drafted > n / 2, "seeds from {FIRST_SEED}: {drafted} of {n} drafted");
    text.push(first.ids[0]);
    let logits = pollster::block_on(engine.logits(&text, Outputs::Last)).unwrap();
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|l| f64::from(l - max).exp()).collect();
    let total: f64 = weights.iter().sum();
    // Tokens that are too rare for the test are one class.
    let (mut chi, mut classes, mut rare) = (0.0, 0, (0.0, 0.0));
    for (id, weight) in (0u32..).zip(&weights) {
        let expected = n as f64 * weight / total;
        let found = counts.get(&id).copied().unwrap_or(0) as f64;
        if expected < 5.0 {
            rare = (rare.0 + expected, rare.1 + found);
            continue;
        }
        chi += (found - expected).powi(2) / expected;
        classes += 1;
    }
    if rare.0 >= 5.0 {
        chi += (rare.1 - rare.0).powi(2) / rare.0;
        classes += 1;
    }
    let freedom = f64::from(classes - 1);
    // Wilson and Hilferty: the cube root is nearly normal; 4.3 deviations are passed once in 100 000 tries.
    let spread = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - spread + 4.3 * spread.sqrt()).powi(3);
    println!("seeds from {FIRST_SEED}: {n} draws, {classes} classes, chi-squared {chi:.1}, limit {limit:.1}");
    assert!(classes >= 4 && chi < limit, "seeds from {FIRST_SEED}: chi-squared {chi}, limit {limit}");
}
