//! Every encoder on every backend against what `transformers` computes in float32 with the same weights.
//! `tests/fixtures/encoders/make.py` says how the models were made. One of them alone:
//! `cargo test -p sotto-engine --test encoder_models deberta`.

mod common;
#[path = "../../../tests/conformance/report.rs"]
mod report;

use std::path::PathBuf;

use common::{BACKENDS, load, read_f32s, repository};
use report::{Check, assert_logits, record};
use sotto_engine::{Outputs, Pooling, Task};

fn folder(name: &str) -> PathBuf {
    repository().join("tests/fixtures/encoders").join(name)
}

/// The ids of each text, and what comes out of each, one after the other: logits `[tokens, labels]` or a vector.
fn reference(name: &str) -> (Vec<Vec<u32>>, Vec<f32>) {
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder(name).join("reference.json")).unwrap()).unwrap();
    let ids = |case: &serde_json::Value| serde_json::from_value(case["ids"].clone()).unwrap();
    (cases.as_array().unwrap().iter().map(ids).collect(), read_f32s(&folder(name).join("reference.f32")))
}

/// One vector of length 1 from states `[tokens, dim]`.
fn pooled(states: &[f32], n_tokens: usize, pooling: Pooling) -> Vec<f32> {
    let dim = states.len() / n_tokens;
    let of = |i: usize| match pooling {
        Pooling::Cls => states[i],
        Pooling::Last => states[states.len() - dim + i],
        Pooling::Mean => states.iter().skip(i).step_by(dim).sum::<f32>() / n_tokens as f32,
    };
    let vector: Vec<f32> = (0..dim).map(of).collect();
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / length).collect()
}

fn check(name: &str, model: &str, n_labels: Option<usize>) {
    let (texts, expected) = reference(name);
    for (device, backend, bound) in BACKENDS {
        let mut engine = load(&folder(name).join("model.gguf"), device);
        let (task, architecture) = (engine.task().clone(), engine.info().architecture.clone());
        let (mut rest, mut error) = (expected.as_slice(), 0f32);
        for ids in &texts {
            let found = pollster::block_on(engine.logits(ids, Outputs::All)).unwrap();
            let (found, width) = match &task {
                Task::Embed { pooling, .. } => {
                    let vector = pooled(&found, ids.len(), *pooling);
                    let dim = vector.len();
                    (vector, dim)
                }
                Task::ClassifyTokens { labels } => {
                    assert_eq!(Some(labels.len()), n_labels, "{name}");
                    (found, labels.len())
                }
                Task::Generate => panic!("{name} writes"),
            };
            let (own, after) = rest.split_at(found.len());
            error = error.max(assert_logits(&format!("{name} on {backend}"), &found, own, width, bound));
            rest = after;
        }
        assert!(rest.is_empty(), "{name}");
        let (format, reference) = ("GGUF F32", "transformers, float32");
        record("encoders", &Check { model, architecture: &architecture, format, reference, backend, error });
    }
}

#[test]
fn bert() {
    check("bert-ner", "BERT, token classification", Some(7));
}

/// Positions are counted from the row behind that of the padding.
#[test]
fn roberta() {
    check("roberta-ner", "RoBERTa, token classification", Some(7));
}

#[test]
fn distilbert() {
    check("distilbert-ner", "DistilBERT, token classification", Some(7));
}

#[test]
fn deberta() {
    check("deberta-ner", "DeBERTa v2, v3, token classification", Some(7));
}

#[test]
fn modernbert() {
    check("modernbert-ner", "ModernBERT, token classification", Some(7));
}

#[test]
fn privacy_filter() {
    check("privacy-filter", "openai/privacy-filter", Some(9));
}

#[test]
fn minilm() {
    check("minilm-embed", "BERT, MiniLM, sentence embeddings (mean)", None);
}

#[test]
fn xlm_roberta() {
    check("xlm-roberta-embed", "XLM-R, sentence embeddings (cls)", None);
}

#[test]
fn nomic_bert() {
    check("nomic-embed", "NomicBERT, sentence embeddings (mean)", None);
}
