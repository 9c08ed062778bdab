//! Replies that a second model drafts are those without it, to the last bit, on every backend.

mod common;

use common::{DEVICES, greedy, load_with, reply, settings};
use sotto_engine::text::VocabDifference;
use sotto_engine::{
    DeviceChoice, Engine, EngineError, ErrorCode, GenerateOptions, KvType, LoadOptions, ModelHeader, Outputs,
    Prompt,
};

const STORIES: &str = "stories260K/stories260K-f32.gguf";

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(common::repository().join("tests/fixtures/models").join(name)).unwrap()
}

/// The weights of a file of floats, each off by up to `part` of itself.
fn disturbed(file: &[u8], part: f32) -> Vec<u8> {
    let start = ModelHeader::parse(&[file]).unwrap().info().header_bytes as usize;
    let (mut out, mut state) = (file.to_vec(), 1u32);
    for float in out[start..].chunks_exact_mut(4) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
        let value = f32::from_le_bytes(float.try_into().unwrap()) * (1.0 + part * noise);
        float.copy_from_slice(&value.to_le_bytes());
    }
    out
}

/// The model of `file` with that of `draft` to draft for it.
fn pair(file: &[u8], draft: &[u8], device: DeviceChoice, context_length: Option<usize>) -> Engine {
    let options = LoadOptions { device, context_length, kv_type: KvType::F32, ..LoadOptions::default() };
    let mut engine = load_with(file, &options).unwrap();
    let options = engine.draft_options(&ModelHeader::parse(&[draft]).unwrap(), &options).unwrap();
    assert_eq!(options.context_length, Some(engine.context_length()));
    engine.set_draft(load_with(draft, &options).unwrap()).unwrap();
    engine
}

fn story() -> Prompt {
    Prompt::Text("Once upon a time, there was a".to_owned())
}

#[test]
fn the_same_model_drafts_what_is_written() {
    let file = bytes(STORIES);
    for device in DEVICES {
        let mut engine = pair(&file, &file, device, None);
        assert!(engine.defaults().speculate);
        let (plain, without) = reply(&mut engine, &story(), &greedy(120), false);
        let (got, with) = reply(&mut engine, &story(), &greedy(120), true);
        assert_eq!(got, plain, "{device:?}");
        assert_eq!((without.drafted, without.accepted), (0, 0));
        assert_eq!(with.drafted, with.accepted, "{device:?}");
        // Eight tokens a step at best.
        assert!(without.steps >= 119 && with.steps < 25, "{device:?}: {with:?}");
        assert_eq!(with.gpu_objects_created, 0);
    }
}

#[test]
fn other_weights_change_no_reply() {
    let stories = bytes(STORIES);
    let pairs = [
        (stories.clone(), disturbed(&stories, 0.5)),
        (bytes("tok105/tok105-f32.gguf"), bytes("tok105/tok105-q4_0.gguf")),
        (bytes("tok105/tok105-q8_0.gguf"), bytes("tok105/tok105-f32.gguf")),
    ];
    for (number, (file, draft)) in pairs.iter().enumerate() {
        for device in DEVICES {
            let mut engine = pair(file, draft, device, None);
            let (mut drafted, mut accepted) = (0, 0);
            // Each pair with other settings: all take minutes on a GPU in software.
            for options in settings().iter().step_by(1 + number) {
                let (plain, without) = reply(&mut engine, &story(), options, false);
                let (got, with) = reply(&mut engine, &story(), options, true);
                assert_eq!(got, plain, "pair {number} on {device:?}, {options:?}");
                assert!(with.steps + with.accepted <= without.steps + 1, "{with:?}, {without:?}");
                (drafted, accepted) = (drafted + with.drafted, accepted + with.accepted);
            }
            assert!(accepted > 0 && accepted < drafted, "pair {number}: {accepted} of {drafted}");
        }
    }
}

#[test]
fn a_draft_follows_what_was_cut_and_continued() {
    let stories = bytes(STORIES);
    let draft = disturbed(&stories, 0.3);
    for device in DEVICES {
        let mut engine = pair(&stories, &draft, device, None);
        let (whole, _) = reply(&mut engine, &story(), &greedy(50), false);
        let ids = pollster::block_on(async {
            let mut generation = engine.generate(&story(), &engine.defaults()).await.unwrap();
            engine.stop(&mut generation).await.unwrap();
            engine.tokenizer().encode("Once upon a time, there was a", true, false).unwrap()
        });
        for given in (1..30).step_by(3) {
            pollster::block_on(async {
                let options = GenerateOptions { speculate: true, ..greedy(50) };
                let mut generation = engine.generate(&story(), &options).await.unwrap();
                for _ in 0..given {
                    engine.next(&mut generation).await.unwrap();
                }
                engine.stop(&mut generation).await.unwrap();
            });
            let so_far: Vec<u32> = ids.iter().chain(&whole.ids[..given]).copied().collect();
            let (rest, _) = reply(&mut engine, &Prompt::Ids(so_far), &greedy(12), true);
            assert_eq!(rest.ids, whole.ids[given..][..12], "{device:?}, {given}");
        }
        // Another text, logits in between, and back.
        let other = Prompt::Text("Lily".to_owned());
        let (plain, _) = reply(&mut engine, &other, &greedy(20), false);
        pollster::block_on(engine.logits(&ids, Outputs::Last)).unwrap();
        assert_eq!(reply(&mut engine, &other, &greedy(20), true).0, plain, "{device:?}");
        assert_eq!(reply(&mut engine, &story(), &greedy(50), true).0, whole, "{device:?}");
    }
}

#[test]
fn a_full_context_ends_a_reply_as_without_drafts() {
    let file = bytes(STORIES);
    for device in DEVICES {
        let prompt = Prompt::Ids([1, 400, 401, 402, 403].repeat(6));
        let mut engine = pair(&file, &file, device, Some(60));
        for max_tokens in (1..12).chain([31, 99]) {
            let (plain, _) = reply(&mut engine, &prompt, &greedy(max_tokens), false);
            let (got, _) = reply(&mut engine, &prompt, &greedy(max_tokens), true);
            assert_eq!(got, plain, "{device:?}, {max_tokens}");
            assert_eq!(got.ids.len(), max_tokens.min(60 - 30 + 1));
        }
        // A draft with a shorter context helps as far as that goes.
        let options =
            |context| LoadOptions { device, context_length: Some(context), ..LoadOptions::default() };
        for context in [20, 40] {
            engine.set_draft(load_with(&file, &options(context)).unwrap()).unwrap();
            let (plain, _) = reply(&mut engine, &prompt, &greedy(99), false);
            let (got, counters) = reply(&mut engine, &prompt, &greedy(99), true);
            assert_eq!(got, plain, "{device:?}, a draft with a context of {context}");
            assert_eq!(counters.drafted > 0, context == 40, "{counters:?}");
            assert!(counters.drafted < 12, "{counters:?}");
        }
    }
}

#[test]
fn memory_is_that_of_both() {
    let (file, draft) = (bytes("tok105/tok105-f32.gguf"), bytes("tok105/tok105-q4_0.gguf"));
    for device in DEVICES {
        let options =
            LoadOptions { device, context_length: Some(100), kv_type: KvType::F32, ..LoadOptions::default() };
        let of = |file: &[u8]| load_with(file, &options).unwrap().counters().device_bytes;
        let engine = pair(&file, &draft, device, Some(100));
        assert_eq!(engine.counters().device_bytes, of(&file) + of(&draft), "{device:?}");
    }
}

#[test]
fn a_draft_must_know_the_same_tokens() {
    let (file, other) = (bytes(STORIES), bytes("tok105/tok105-q4_0.gguf"));
    let options = LoadOptions { device: DeviceChoice::Cpu, ..LoadOptions::default() };
    let mut engine = load_with(&file, &options).unwrap();
    let error = engine.draft_options(&ModelHeader::parse(&[&other]).unwrap(), &options).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let message = error.to_string();
    for part in
        ["\"babyllama-tok105\" cannot draft for \"stories260K\"", "105 tokens and not 512", "same tokenizer"]
    {
        assert!(message.contains(part), "{message}");
    }
    let error = engine.set_draft(load_with(&other, &options).unwrap()).unwrap_err();
    assert!(matches!(error, EngineError::DraftVocabulary { .. }), "{error}");

    // As many tokens, one of which is another: "▁the" becomes "▁thq".
    let mut renamed = file.clone();
    let name = "\u{2581}the".as_bytes();
    let at = file.windows(name.len()).position(|window| window == name).unwrap();
    renamed[at + name.len() - 1] = b'q';
    let error = engine.draft_options(&ModelHeader::parse(&[&renamed]).unwrap(), &options).unwrap_err();
    let EngineError::DraftVocabulary { difference: VocabDifference::Token { id }, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(engine.tokenizer().decode(&[1, id], true).trim(), "the");
    assert!(!engine.defaults().speculate);
}

#[test]
fn models_that_keep_states_draft_where_they_can_go_back() {
    let [lfm2, qwen35] = ["lfm2", "qwen35"].map(|name| bytes(&format!("../architectures/{name}.gguf")));
    let prompt = Prompt::Ids((10..40).collect());
    for device in DEVICES {
        let mut engine = pair(&lfm2, &lfm2, device, None);
        let (plain, _) = reply(&mut engine, &prompt, &greedy(30), false);
        let (got, with) = reply(&mut engine, &prompt, &greedy(30), true);
        assert_eq!(got, plain, "{device:?}");
        assert!(with.accepted > 0, "{device:?}: {with:?}");
    }
    let options = LoadOptions { device: DeviceChoice::Cpu, ..LoadOptions::default() };
    let engine = load_with(&qwen35, &options).unwrap();
    let error = engine.draft_options(&ModelHeader::parse(&[&qwen35]).unwrap(), &options).unwrap_err();
    assert!(matches!(error, EngineError::Recurrent { .. }), "{error}");
}

#[test]
fn a_damaged_draft_is_refused_by_its_tensor() {
    let file = bytes(STORIES);
    let mut damaged = file.clone();
    let at = damaged.len() - 4;
    damaged[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    let options = LoadOptions { device: DeviceChoice::Cpu, ..LoadOptions::default() };
    let mut engine = load_with(&file, &options).unwrap();
    let error = engine.set_draft(load_with(&damaged, &options).unwrap()).unwrap_err();
    assert!(matches!(error, EngineError::NotANumber { .. }), "{error}");
}
