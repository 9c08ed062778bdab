//! Replies that follow a grammar, or whose logits are changed: the same on every backend.

mod common;

use std::path::PathBuf;

use common::{DEVICES, REPEATING, Reply, greedy, settings};
use serde_json::{Value, json};
use sotto_engine::text::grammar::{Grammar, GrammarError, Matcher, TokenIndex};
use sotto_engine::{DeviceChoice, Engine, EngineError, ErrorCode, FinishReason, GenerateOptions, Prompt};

const MODELS: [&str; 2] = ["stories260K/stories260K-f32.gguf", "tok105/tok105-f32.gguf"];

fn load(name: &str, device: DeviceChoice) -> Engine {
    let path: PathBuf = common::repository().join("tests/fixtures/models").join(name);
    common::load(&path, device)
}

fn reply(engine: &mut Engine, options: &GenerateOptions) -> Result<Reply, EngineError> {
    let prompt = Prompt::Text("Once upon a time".to_owned());
    pollster::block_on(async {
        let mut generation = engine.generate(&prompt, options).await?;
        let mut reply = Reply { text: String::new(), ids: Vec::new(), reason: None };
        loop {
            let part = engine.next(&mut generation).await?;
            reply.text.push_str(&part.text);
            reply.ids.extend(part.ids);
            if part.done {
                assert_eq!(generation.generated_tokens(), reply.ids.len());
                return Ok(Reply { reason: part.finish_reason, ..reply });
            }
        }
    })
}

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 12 },
            "age": { "type": "integer", "minimum": 1, "maximum": 99 },
            "mood": { "enum": ["glad", "sad"] },
            "toys": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]{2,6}$" }, "minItems": 1, "maxItems": 3 },
        },
        "required": ["name", "age", "mood", "toys"],
    })
}

/// Every setting of sampling, with a grammar.
fn constrained() -> Vec<GenerateOptions> {
    let grammars = [
        (Some("root ::= \" \" (\"there was\" | \"a\" [a-z]+) \" \" [a-z ]{3,20} \".\"".to_owned()), None),
        (None, Some(person().to_string())),
    ];
    grammars
        .into_iter()
        .flat_map(|(grammar, json_schema)| {
            settings().into_iter().map(move |options| GenerateOptions {
                grammar: grammar.clone(),
                json_schema: json_schema.clone(),
                max_tokens: Some(200),
                ignore_eos: false,
                ..options
            })
        })
        .collect()
}

#[test]
fn a_reply_follows_its_grammar_and_is_the_same_on_every_backend() {
    for name in MODELS {
        let mut engines = DEVICES.map(|device| load(name, device));
        // The second one has no token with a brace.
        let all = constrained();
        for options in all.iter().filter(|options| name == MODELS[0] || options.json_schema.is_none()) {
            let mut expected = None;
            for engine in &mut engines {
                let device = engine.device().name;
                let got = reply(engine, options).unwrap();
                assert_eq!(got.reason, Some(FinishReason::Stop), "{name} on {device}: {:?}", got.text);
                if options.json_schema.is_some() {
                    let value: Value = serde_json::from_str(&got.text).unwrap();
                    assert!((1..100).contains(&value["age"].as_i64().unwrap()), "{}", got.text);
                    assert!(value["name"].as_str().unwrap().chars().count() <= 12);
                    assert!(["glad", "sad"].contains(&value["mood"].as_str().unwrap()));
                    assert!((1..=3).contains(&value["toys"].as_array().unwrap().len()));
                } else {
                    assert!(got.text.starts_with(' ') && got.text.ends_with('.'), "{:?}", got.text);
                }
                // Drawn tokens and quantised activations may differ where two are as probable; what is greedy is the same.
                if options.temperature == 0.0 {
                    assert_eq!(*expected.get_or_insert(got.text.clone()), got.text, "{name} on {device}");
                }
            }
        }
    }
}

#[test]
fn a_grammar_changes_nothing_where_it_allows_what_is_written() {
    for device in DEVICES {
        let mut engine = load(MODELS[0], device);
        for options in settings() {
            let plain = reply(&mut engine, &options).unwrap();
            // Drafts are left aside.
            let options =
                GenerateOptions { grammar: Some("root ::= .*".to_owned()), speculate: true, ..options };
            assert_eq!(reply(&mut engine, &options).unwrap(), plain, "{device:?}, {options:?}");
            let again = GenerateOptions { grammar: None, ..options };
            assert_eq!(reply(&mut engine, &again).unwrap(), plain, "{device:?}");
        }
    }
}

#[test]
fn replies_end_where_the_grammar_or_a_limit_says() {
    for device in DEVICES {
        let mut engine = load(MODELS[0], device);
        let under = |grammar: &str| GenerateOptions { grammar: Some(grammar.to_owned()), ..greedy(30) };
        let empty = reply(&mut engine, &under("root ::= \"\"")).unwrap();
        assert_eq!((empty.ids.len(), empty.reason), (0, Some(FinishReason::Stop)));
        let fixed = reply(&mut engine, &under("root ::= \" yes\"")).unwrap();
        assert_eq!((&*fixed.text, fixed.reason), (" yes", Some(FinishReason::Stop)));
        let long = reply(&mut engine, &under("root ::= [a-z]{500}")).unwrap();
        assert_eq!((long.ids.len(), long.reason), (30, Some(FinishReason::Length)));
        // It may end, and the model is not asked to go on.
        for ignore_eos in [false, true] {
            let options = GenerateOptions { ignore_eos, ..under("root ::= \" a\" [a-z]? \"b\"?") };
            let short = reply(&mut engine, &options).unwrap();
            assert_eq!(short.reason, Some(FinishReason::Stop));
            assert!(short.text.starts_with(" a") && short.text.len() <= 4, "{:?}", short.text);
        }
        let stopped = GenerateOptions { stop: vec!["ye".to_owned()], ..under("root ::= \"no yes\"") };
        assert_eq!(reply(&mut engine, &stopped).unwrap().text, "no ");
    }
}

#[test]
fn what_cannot_be_is_an_error_before_or_at_the_step() {
    for device in DEVICES {
        let mut engine = load(MODELS[1], device);
        let steps = engine.counters().steps;
        let mut error = |options: GenerateOptions| reply(&mut engine, &options).unwrap_err();
        let grammar = |text: &str| GenerateOptions { grammar: Some(text.to_owned()), ..greedy(9) };
        let broken = error(grammar("root ::= \"a"));
        assert_eq!(broken.code(), ErrorCode::Grammar);
        assert!(broken.to_string().contains("line 1, column 12"), "{broken}");
        let schema = json!({"properties": {"a": {"not": {}}}});
        let schema = error(GenerateOptions { json_schema: Some(schema.to_string()), ..greedy(9) });
        assert_eq!(schema.code(), ErrorCode::Grammar);
        assert!(schema.to_string().contains("#/properties/a/not"), "{schema}");
        let text = error(GenerateOptions { json_schema: Some("{\"type\": 3}".to_owned()), ..greedy(9) });
        assert!(text.to_string().contains("type is a string"), "{text}");
        let deep = error(GenerateOptions { json_schema: Some("[".repeat(100_000)), ..greedy(9) });
        assert_eq!(deep.code(), ErrorCode::Grammar);
        let both = GenerateOptions { json_schema: Some("{}".to_owned()), ..grammar("root ::= \"a\"") };
        assert_eq!(error(both).code(), ErrorCode::InvalidArgument);
        for logit_bias in [vec![(5, 101.0)], vec![(5, f32::NAN)], vec![(1 << 30, 1.0)]] {
            let options = GenerateOptions { logit_bias, ..greedy(9) };
            assert_eq!(error(options).code(), ErrorCode::InvalidArgument);
        }
        let impossible = error(GenerateOptions { json_schema: Some("false".to_owned()), ..greedy(9) });
        assert!(matches!(impossible, EngineError::Grammar(GrammarError::NoText)), "{impossible}");
        assert_eq!(engine.counters().steps, steps);
        // What failed is in nobody's way.
        assert_eq!(reply(&mut engine, &greedy(9)).unwrap().ids.len(), 9);
    }
}

#[test]
fn a_bias_bans_tokens_or_forces_them_with_drafts_or_without() {
    for device in DEVICES {
        let mut engine = load(MODELS[0], device);
        let plain = reply(&mut engine, &greedy(40)).unwrap();
        let banned = plain.ids[2];
        let options = GenerateOptions { logit_bias: vec![(banned, -100.0)], ..greedy(40) };
        let got = reply(&mut engine, &options).unwrap();
        assert_eq!(got.ids[..2], plain.ids[..2]);
        assert!(!got.ids.contains(&banned), "{device:?}");
        let forced = GenerateOptions { logit_bias: vec![(banned, 60.0), (banned, 40.0)], ..greedy(10) };
        assert_eq!(reply(&mut engine, &forced).unwrap().ids, [banned; 10]);
        for options in settings() {
            let options =
                GenerateOptions { logit_bias: vec![(banned, -1.5), (plain.ids[0], 2.0)], ..options };
            let prompt = Prompt::Text(REPEATING.to_owned());
            let (plain, _) = common::reply(&mut engine, &prompt, &options, false);
            let (drafted, _) = common::reply(&mut engine, &prompt, &options, true);
            assert_eq!(drafted, plain, "{device:?}, {options:?}");
        }
        let counters = engine.counters();
        reply(&mut engine, &options).unwrap();
        assert_eq!((engine.counters() - counters).gpu_objects_created, 0);
    }
}

/// Every token by way of a caller who sees its logits.
fn by_hand(engine: &mut Engine, options: &GenerateOptions, change: impl Fn(&mut [f32], usize)) -> Reply {
    let prompt = Prompt::Text("Once upon a time".to_owned());
    pollster::block_on(async {
        let mut generation = engine.generate(&prompt, options).await.unwrap();
        let mut reply = Reply { text: String::new(), ids: Vec::new(), reason: None };
        loop {
            let mut logits = engine.next_logits(&mut generation).await.unwrap();
            change(&mut logits, reply.ids.len());
            let part = engine.next_from(&mut generation, logits).await.unwrap();
            reply.text.push_str(&part.text);
            reply.ids.extend(part.ids);
            if part.done {
                engine.next_logits(&mut generation).await.unwrap_err();
                return Reply { reason: part.finish_reason, ..reply };
            }
        }
    })
}

#[test]
fn logits_that_a_caller_hands_back_are_what_is_sampled_from() {
    for device in DEVICES {
        let mut engine = load(MODELS[0], device);
        for options in settings().into_iter().chain(constrained().into_iter().take(2)) {
            let plain = reply(&mut engine, &options).unwrap();
            assert_eq!(by_hand(&mut engine, &options, |_, _| ()), plain, "{device:?}, {options:?}");
        }
        let wanted = [300, 301, 302, 410];
        let got = by_hand(&mut engine, &greedy(4), |logits, step| logits[wanted[step] as usize] = 1e4);
        assert_eq!(got.ids, wanted);
        let prompt = Prompt::Text("Once".to_owned());
        let mut generation = pollster::block_on(engine.generate(&prompt, &greedy(4))).unwrap();
        for wrong in [vec![], vec![f32::NAN; 512], vec![f32::NEG_INFINITY; 512], vec![0.0; 511]] {
            let error = pollster::block_on(engine.next_from(&mut generation, wrong)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
        }
        pollster::block_on(engine.stop(&mut generation)).unwrap();
    }
}

#[test]
fn constrained_steps_wait_and_others_do_not() {
    let mut engine = load(MODELS[0], DeviceChoice::Gpu);
    let options = GenerateOptions { grammar: Some("root ::= [a-z ]{400}".to_owned()), ..greedy(20) };
    reply(&mut engine, &options).unwrap();
    let before = engine.counters();
    let got = reply(&mut engine, &options).unwrap();
    let spent = engine.counters() - before;
    // A submit for each token, the prefill's besides; an id read back each.
    assert_eq!((spent.steps, spent.gpu_objects_created), (got.ids.len() as u64, 0));
    assert_eq!(spent.bytes_read_back, 4 * got.ids.len() as u64);
    let plain = |engine: &mut Engine| {
        let before = engine.counters();
        reply(engine, &greedy(20)).unwrap();
        engine.counters() - before
    };
    let after = plain(&mut engine);
    let fresh = plain(&mut load(MODELS[0], DeviceChoice::Gpu));
    assert_eq!(
        (after.steps, after.dispatches, after.submits),
        (fresh.steps, fresh.dispatches, fresh.submits)
    );
}

#[test]
fn a_reply_that_is_gone_on_with_follows_its_grammar_still() {
    let mut engine = load(MODELS[0], DeviceChoice::Cpu);
    let options = GenerateOptions { json_schema: Some(person().to_string()), ..greedy(200) };
    let whole = reply(&mut engine, &options).unwrap();
    let prompt = Prompt::Text("Once upon a time".to_owned());
    for written in [1, 7, whole.ids.len() - 1] {
        let rest = pollster::block_on(async {
            let mut generation = engine.resume(&prompt, &options, &whole.ids[..written]).await.unwrap();
            let mut ids = Vec::new();
            loop {
                let part = engine.next(&mut generation).await.unwrap();
                ids.extend(part.ids);
                if part.done {
                    return ids;
                }
            }
        });
        assert_eq!(rest, whole.ids[written..]);
    }
    let tokens = std::sync::Arc::new(TokenIndex::new(engine.tokenizer(), engine.info().vocab_size));
    let mut matcher = Matcher::new(&Grammar::from_json_schema(&person()).unwrap(), &tokens).unwrap();
    for &id in &whole.ids {
        assert!(matcher.accept(engine.tokenizer(), id).unwrap());
    }
    assert!(matcher.must_end());
}
