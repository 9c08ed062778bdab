//! Encoders on both backends against implementations that are not ours.

mod common;

use std::ops::ControlFlow;

use common::{BACKENDS, DEVICES, assert_close, load, repository};
use sotto_engine::{Classifier, DeviceChoice, EngineError, GenerateOptions, Outputs, Prompt, Task};
use sotto_pii::{ClassSpan, TokenClassifier};

/// A case of `models/pii-mini/reference`, which numpy computed from the same file.
struct Case {
    text: String,
    ids: Vec<u32>,
    tags: Vec<String>,
    /// Label, start and end in code points.
    spans: Vec<(String, usize, usize)>,
    /// `[tokens, labels]`
    logits: Vec<f32>,
}

fn pii_mini_cases(n_labels: usize) -> Vec<Case> {
    let folder = repository().join("models/pii-mini/reference");
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
    let logits = common::read_f32s(&folder.join("logits.f32"));
    let mut rest = logits.as_slice();
    let mut take = |case: &serde_json::Value| {
        let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let (own, after) = rest.split_at(ids.len() * n_labels);
        rest = after;
        let span = |s: &serde_json::Value| {
            let place = |key: &str| s[key].as_u64().unwrap() as usize;
            (s["label"].as_str().unwrap().to_owned(), place("start"), place("end"))
        };
        Case {
            text: case["text"].as_str().unwrap().to_owned(),
            ids,
            tags: serde_json::from_value(case["tags"].clone()).unwrap(),
            spans: case["spans"].as_array().unwrap().iter().map(span).collect(),
            logits: own.to_vec(),
        }
    };
    let cases: Vec<Case> = cases.as_array().unwrap().iter().map(&mut take).collect();
    assert!(rest.is_empty());
    cases
}

#[test]
fn pii_mini_gives_the_logits_and_spans_of_its_reference() {
    let path = repository().join("models/pii-mini/pii-mini.gguf");
    for (device, _, bound) in BACKENDS {
        let mut classifier = Classifier::new(load(&path, device)).unwrap();
        let labels = classifier.labels().to_vec();
        for case in pii_mini_cases(labels.len()) {
            let ids = classifier.engine().tokenizer().encode(&case.text, true, false).unwrap();
            assert_eq!(ids, case.ids);
            let found = pollster::block_on(classifier.engine().logits(&ids, Outputs::All)).unwrap();
            assert_close(&format!("{device:?}"), &found, &case.logits, labels.len(), bound);
            let spans = pollster::block_on(classifier.classify(&case.text)).unwrap();
            let code_points = |byte: usize| case.text[..byte].chars().count();
            let spans: Vec<_> =
                spans.iter().map(|s| (s.class.clone(), code_points(s.start), code_points(s.end))).collect();
            assert_eq!(spans, case.spans, "{:?}", case.tags);
        }
    }
}

/// Windows and their overlap change nothing that the band cannot see.
#[test]
fn a_long_text_is_read_in_windows() {
    let path = repository().join("models/pii-mini/pii-mini.gguf");
    let mut classifier = Classifier::new(load(&path, DeviceChoice::Gpu)).unwrap();
    let sentence = "Please ask Ana Ruiz (ana.ruiz@example.org) about the flat in Lisbon.\n";
    let text = sentence.repeat(90);
    let mut seen = Vec::new();
    let mut progress = |p: sotto_engine::ClassifyProgress| {
        seen.push(p.done);
        assert!(p.done <= p.total);
        ControlFlow::Continue(())
    };
    let spans = pollster::block_on(classifier.classify_with(&text, &mut progress)).unwrap();
    assert!(seen.len() >= 2 && seen.is_sorted(), "{seen:?}");
    // One a sentence; the model is not always sure whether a bracket belongs to it.
    let address =
        |s: &&ClassSpan| s.class == "EMAIL" && text[s.start..s.end].contains("ana.ruiz@example.org");
    let sentences: Vec<usize> = spans.iter().filter(address).map(|s| s.start / sentence.len()).collect();
    assert_eq!(sentences, (0..90).collect::<Vec<_>>());
    let mut stop = |_| ControlFlow::Break(());
    let stopped = pollster::block_on(classifier.classify_with(&text, &mut stop));
    assert!(matches!(stopped, Err(EngineError::Aborted)));
    assert_eq!(pollster::block_on(classifier.classify("")).unwrap(), []);
}

#[test]
fn an_encoder_neither_writes_nor_reads_on() {
    let path = repository().join("models/pii-mini/pii-mini.gguf");
    for device in DEVICES {
        let mut engine = load(&path, device);
        assert!(matches!(engine.task(), Task::ClassifyTokens { labels } if labels.len() == 73));
        let prompt = Prompt::Text("Hello".to_owned());
        let Err(error) = pollster::block_on(engine.generate(&prompt, &GenerateOptions::default())) else {
            panic!("an encoder wrote")
        };
        assert!(matches!(error, EngineError::Task { needed: "generate", .. }), "{error}");
        let too_long = vec![5; engine.context_length() + 1];
        let error = pollster::block_on(engine.logits(&too_long, Outputs::All)).unwrap_err();
        assert_eq!(error.code().as_str(), "E_CONTEXT_LENGTH");
    }
}
