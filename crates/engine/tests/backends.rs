//! What a model does must not depend on where it runs: each test runs on every backend.

mod common;

use std::path::PathBuf;

use common::{BACKENDS, DEVICES};
use sotto_engine::text::{LocalTime, StopStrings, StreamDecoder};
use sotto_engine::{
    DeviceChoice, Engine, EngineError, ErrorCode, FinishReason, GenerateOptions, Generation, KvType,
    LoadOptions, Loader, ModelHeader, Outputs, Prompt, TuningChoice,
};

const STORIES: &str = "stories260K/stories260K-f32.gguf";

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn load_bytes(
    bytes: &[u8],
    device: DeviceChoice,
    context_length: Option<usize>,
) -> Result<Engine, EngineError> {
    let header = ModelHeader::parse(&[bytes])?;
    let options = LoadOptions {
        device,
        context_length,
        kv_type: KvType::F32,
        threads: Some(2),
        quantize: None,
        tuning: TuningChoice::Table,
    };
    pollster::block_on(async {
        let mut loader = Loader::open(header, &options).await?;
        // Pieces of an odd length cut blocks, rows and tensors anywhere.
        const PIECE: usize = 99_991;
        for (index, piece) in bytes.chunks(PIECE).enumerate() {
            loader.write(0, (index * PIECE) as u64, piece)?;
        }
        loader.finish().await
    })
}

fn load(name: &str, device: DeviceChoice) -> Engine {
    load_bytes(&fixture(name), device, None).unwrap()
}

fn greedy(max_tokens: usize) -> GenerateOptions {
    GenerateOptions { temperature: 0.0, max_tokens: Some(max_tokens), ..GenerateOptions::default() }
}

struct Reply {
    text: String,
    ids: Vec<u32>,
    reason: Option<FinishReason>,
    reused: usize,
}

fn reply(engine: &mut Engine, prompt: &Prompt, options: &GenerateOptions) -> Result<Reply, EngineError> {
    let mut generation = pollster::block_on(engine.generate(prompt, options))?;
    rest_of(engine, &mut generation)
}

fn rest_of(engine: &mut Engine, generation: &mut Generation) -> Result<Reply, EngineError> {
    let mut reply =
        Reply { text: String::new(), ids: Vec::new(), reason: None, reused: generation.reused_tokens() };
    loop {
        let part = pollster::block_on(engine.next(generation))?;
        reply.text.push_str(&part.text);
        reply.ids.extend(part.ids);
        if part.done {
            reply.reason = part.finish_reason;
            return Ok(reply);
        }
    }
}

fn text(prompt: &str) -> Prompt {
    Prompt::Text(prompt.to_owned())
}

#[test]
fn greedy_text_is_llama2cs() {
    for (file, reference, tokens) in [
        (STORIES, "stories260K/ref_greedy_200.txt", 200),
        ("tok105/tok105-f32.gguf", "tok105/ref_greedy_256.txt", 256),
    ] {
        let want = String::from_utf8(fixture(reference)).unwrap();
        let want = want.trim_end_matches('\n');
        for device in DEVICES {
            let mut engine = load(file, device);
            let options = GenerateOptions { ignore_eos: true, ..greedy(tokens) };
            let got = reply(&mut engine, &text(""), &options).unwrap();
            assert!(got.text.starts_with(want), "{file} on {device:?} wrote {:?}", got.text);
            assert_eq!(got.ids.len(), tokens);
            assert_eq!(got.reason, Some(FinishReason::Length));
        }
    }
}

#[test]
fn logits_are_those_of_implementations_that_are_not_ours() {
    // llama2.c on the f32 file; numpy over weights that the `gguf` package dequantises on the others.
    for (file, reference) in [
        ("tok105-f32", "ref_logits"),
        ("tok105-q8_0", "ref_logits-q8_0"),
        ("tok105-q4_0", "ref_logits-q4_0"),
        ("tok105-q4_1", "ref_logits-q4_1"),
    ] {
        let want = f32s(&format!("tok105/{reference}.f32"));
        for (device, _, bound) in BACKENDS {
            let mut engine = load(&format!("tok105/{file}.gguf"), device);
            let vocab = engine.info().vocab_size;
            let ids = &ids("tok105/ref_tokens.txt")[..want.len() / vocab];
            let got = pollster::block_on(engine.logits(ids, Outputs::All)).unwrap();
            assert_logits(&got, &want, vocab, bound, &format!("{file} on {device:?}"));
        }
    }
}

fn ids(name: &str) -> Vec<u32> {
    let text = String::from_utf8(fixture(name)).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

fn f32s(name: &str) -> Vec<f32> {
    fixture(name).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Within the bound, and the same top-1 wherever the two largest logits are further apart than that.
fn assert_logits(got: &[f32], want: &[f32], vocab: usize, bound: f32, what: &str) {
    let bound = assert_close(got, want, bound, what);
    for (row, (got, want)) in got.chunks(vocab).zip(want.chunks(vocab)).enumerate() {
        let mut order: Vec<usize> = (0..vocab).collect();
        order.sort_by(|&a, &b| want[b].total_cmp(&want[a]));
        if want[order[0]] - want[order[1]] > bound {
            let top = (0..vocab).max_by(|&a, &b| got[a].total_cmp(&got[b]));
            assert_eq!(top, Some(order[0]), "{what}: top-1 of row {row}");
        }
    }
}

/// Within this part of the largest logit, which it returns. NaN is outside it.
fn assert_close(got: &[f32], want: &[f32], bound: f32, what: &str) -> f32 {
    assert_eq!(got.len(), want.len());
    let bound = bound * want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    for (at, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= bound, "{what}: {g} at {at}, expected {w} within {bound}");
    }
    bound
}

#[test]
fn a_shared_prefix_is_reused_and_changes_nothing() {
    for device in DEVICES {
        let mut engine = load(STORIES, device);
        let short = reply(&mut engine, &text("Once upon a time there was a cat"), &greedy(12)).unwrap();
        let longer = text("Once upon a time there was a dog named");
        let warm = reply(&mut engine, &longer, &greedy(30)).unwrap();
        assert_eq!(short.reused, 0);
        assert!(warm.reused >= 5, "{device:?}: {}", warm.reused);
        engine.reset();
        let cold = reply(&mut engine, &longer, &greedy(30)).unwrap();
        assert_eq!(cold.reused, 0);
        assert_eq!(warm.ids, cold.ids, "{device:?}");

        // The same prompt again runs its last token only.
        let again = reply(&mut engine, &longer, &greedy(30)).unwrap();
        assert!(again.reused > warm.reused);
        assert_eq!(again.ids, cold.ids, "{device:?}");
    }
}

#[test]
fn a_reply_that_is_stopped_early_leaves_a_usable_model() {
    for device in DEVICES {
        let mut engine = load(STORIES, device);
        let whole = reply(&mut engine, &text("One day"), &greedy(40)).unwrap();
        engine.reset();
        pollster::block_on(async {
            let mut generation = engine.generate(&text("One day"), &greedy(40)).await.unwrap();
            for _ in 0..7 {
                engine.next(&mut generation).await.unwrap();
            }
            engine.stop(&mut generation).await.unwrap();
            let after = engine.next(&mut generation).await.unwrap();
            assert!(after.done && after.ids.is_empty());
        });
        // A conversation goes on from what was said: its prefix is prompt and the seven tokens.
        let ids = engine.tokenizer().encode("One day", true, false).unwrap();
        let so_far = Prompt::Ids(ids.iter().chain(&whole.ids[..7]).copied().collect());
        let rest = reply(&mut engine, &so_far, &greedy(33)).unwrap();
        assert_eq!(rest.ids, whole.ids[7..], "{device:?}");
        assert!(rest.reused >= ids.len() + 5, "{device:?}: {}", rest.reused);
    }
}

/// A reply that another device began: its tokens, text and random numbers go on as if it had been begun here.
#[test]
fn a_reply_goes_on_where_it_was_left() {
    let sampled = GenerateOptions {
        temperature: 0.9,
        top_p: 0.95,
        repetition_penalty: 1.2,
        frequency_penalty: 0.2,
        seed: 5,
        stop: vec!["never there".to_owned()],
        ..greedy(60)
    };
    for options in [greedy(60), sampled] {
        for device in [DeviceChoice::Reference, DeviceChoice::Cpu] {
            let mut engine = load(STORIES, device);
            let prompt = text("Once there was a bird");
            let whole = reply(&mut engine, &prompt, &options).unwrap();
            for written in [0, 1, 17, whole.ids.len() - 1] {
                let before = text_of(&engine, &prompt, &whole.ids[..written], &options.stop);
                engine.reset();
                let mut generation =
                    pollster::block_on(engine.resume(&prompt, &options, &whole.ids[..written])).unwrap();
                assert_eq!(generation.generated_tokens(), written);
                let rest = rest_of(&mut engine, &mut generation).unwrap();
                assert_eq!(rest.ids, whole.ids[written..], "{device:?} after {written}");
                assert_eq!(before + &rest.text, whole.text, "{device:?} after {written}");
                assert_eq!(rest.reason, whole.reason);
            }
        }
    }
    let mut engine = load(STORIES, DeviceChoice::Gpu);
    let refused = pollster::block_on(engine.resume(&text("Once"), &greedy(4), &[1]));
    assert!(matches!(refused, Err(EngineError::Resume)));
}

/// The text that is final after a prompt and these ids of its reply.
fn text_of(engine: &Engine, prompt: &Prompt, ids: &[u32], stop: &[String]) -> String {
    let Prompt::Text(text) = prompt else { panic!("a prompt of text") };
    let tokenizer = engine.tokenizer();
    let prompt = tokenizer.encode(text, true, false).unwrap();
    let mut decoder = StreamDecoder::after(tokenizer, &prompt, true);
    let mut stops = StopStrings::new(stop.to_vec());
    ids.iter().map(|&id| stops.push(&decoder.push(tokenizer, id)).text).collect()
}

#[test]
fn text_becomes_the_reference_tokens_and_text_again() {
    let words = String::from_utf8(fixture("stories260K/ref_text.txt")).unwrap();
    let want = ids("stories260K/ref_tokens.txt");
    for device in DEVICES {
        let engine = load(STORIES, device);
        assert_eq!(engine.tokenizer().encode(&words, true, false).unwrap(), want, "{device:?}");
        assert_eq!(text_of(&engine, &text(""), &want[1..], &[]).trim(), words.trim(), "{device:?}");
    }
}

#[test]
fn a_stop_string_ends_the_reply_before_it() {
    for device in DEVICES {
        let mut engine = load(STORIES, device);
        let options = GenerateOptions { stop: vec!["park".to_owned()], ..greedy(100) };
        let got = reply(&mut engine, &text(""), &options).unwrap();
        let want = "Once upon a time, there was a little girl named Lily. She loved to play outside in the ";
        assert_eq!(got.text, want, "{device:?}");
        assert_eq!(got.reason, Some(FinishReason::Stop));
    }
}

#[test]
fn a_seed_gives_the_same_reply_and_another_seed_another() {
    for device in DEVICES {
        let mut engine = load(STORIES, device);
        let mut sampled = |seed| {
            let options = GenerateOptions {
                temperature: 0.9,
                top_k: 40,
                top_p: 0.95,
                min_p: 0.02,
                repetition_penalty: 1.1,
                frequency_penalty: 0.1,
                seed,
                ..greedy(60)
            };
            reply(&mut engine, &text("The"), &options).unwrap().ids
        };
        let first = sampled(1);
        assert_eq!(first, sampled(1), "{device:?}");
        assert_ne!(first, sampled(2), "{device:?}");
    }
}

#[test]
fn backends_sample_the_same_tokens() {
    let options = GenerateOptions { temperature: 0.8, top_p: 0.9, seed: 11, ..greedy(40) };
    let ids = DEVICES.map(|device| reply(&mut load(STORIES, device), &text("A"), &options).unwrap().ids);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}

#[test]
fn the_end_of_the_context_ends_the_reply() {
    for device in DEVICES {
        let mut engine = load_bytes(&fixture(STORIES), device, Some(24)).unwrap();
        let options = GenerateOptions { max_tokens: None, ..greedy(1) };
        let got = reply(&mut engine, &text("Once upon a time"), &options).unwrap();
        assert_eq!(got.reason, Some(FinishReason::Length));
        assert_eq!(got.ids.len(), 24 - 5 + 1, "{device:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name_and_leaves_a_usable_model() {
    for device in DEVICES {
        let mut engine = load_bytes(&fixture(STORIES), device, Some(16)).unwrap();
        let code = |engine: &mut Engine, prompt: &Prompt, options: &GenerateOptions| {
            reply(engine, prompt, options).map(|_| ()).unwrap_err().code()
        };
        let long = text(&"word ".repeat(40));
        assert_eq!(code(&mut engine, &long, &greedy(4)), ErrorCode::ContextLength);
        assert_eq!(code(&mut engine, &Prompt::Ids(vec![512]), &greedy(4)), ErrorCode::InvalidArgument);
        assert_eq!(code(&mut engine, &text("a"), &greedy(0)), ErrorCode::InvalidArgument);
        let hot = GenerateOptions { temperature: -1.0, ..greedy(4) };
        assert_eq!(code(&mut engine, &text("a"), &hot), ErrorCode::InvalidArgument);
        let chat = engine.render_chat(&serde_json::json!({ "messages": [{}] }), LocalTime::new(0, 0));
        assert_eq!(chat.unwrap_err().code(), ErrorCode::InvalidArgument);
        assert_eq!(reply(&mut engine, &text("Once"), &greedy(4)).unwrap().ids.len(), 4);
    }
}

#[test]
fn a_context_longer_than_the_model_was_trained_for_is_refused() {
    let error = load_bytes(&fixture(STORIES), DeviceChoice::Cpu, Some(513)).err().unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("512"), "{error}");
}
