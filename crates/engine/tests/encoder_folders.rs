//! Small encoders with random weights, as Hugging Face serves them, against what `transformers` computes with them in
//! float32 (`tests/fixtures/encoders/make.py`), on every backend.

mod common;
#[path = "../../../tests/conformance/report.rs"]
mod report;

use std::fs::File;
use std::path::PathBuf;

use common::{BACKENDS, read_f32s, repository};
use report::{Check, assert_logits, record};
use sotto_engine::format::read_safetensors;
use sotto_engine::{
    Classifier, DeviceChoice, Embedder, Engine, ErrorCode, Folder, KvType, LoadOptions, Loader, ModelHeader,
    Outputs, SentenceFiles, Task,
};
use sotto_pii::TokenClassifier;

fn folder(name: &str) -> PathBuf {
    repository().join("tests/fixtures/encoders").join(name)
}

fn load(name: &str, device: DeviceChoice) -> Engine {
    load_calibrated(name, device, None)
}

fn load_calibrated(name: &str, device: DeviceChoice, calibration: Option<&[u8]>) -> Engine {
    let folder = folder(name);
    let small = |name: &str| std::fs::read(folder.join(name)).ok();
    let (config, tokenizer) = (small("config.json").unwrap(), small("tokenizer.json"));
    let (modules, pooling) = (small("modules.json"), small("1_Pooling/config.json"));
    let sentence = SentenceFiles { modules: modules.as_deref(), pooling: pooling.as_deref(), limits: None };
    let tokenizer = tokenizer.as_deref();
    let files = Folder { config: &config, tokenizer, sentence, calibration, ..Folder::default() };
    let path = folder.join("model.safetensors");
    let shard = read_safetensors(&mut File::open(&path).unwrap()).unwrap();
    let weights = std::fs::read(&path).unwrap();
    let header = ModelHeader::from_folder(&files, &[shard]).unwrap_or_else(|e| panic!("{name}: {e}"));
    let options = LoadOptions { device, kv_type: KvType::F32, ..LoadOptions::default() };
    pollster::block_on(async {
        let mut loader = Loader::open(header, &options).await.unwrap();
        for read in loader.reads() {
            let bytes = &weights[read.offset as usize..][..read.bytes as usize];
            loader.write(read.file, read.offset, bytes).unwrap();
        }
        loader.finish().await.unwrap()
    })
}

/// Texts with their ids, and what comes out of each, one after the other.
fn reference(name: &str) -> (Vec<(String, Vec<u32>)>, Vec<f32>) {
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder(name).join("reference.json")).unwrap()).unwrap();
    let case = |case: &serde_json::Value| {
        let ids = serde_json::from_value(case["ids"].clone()).unwrap();
        (case["text"].as_str().unwrap().to_owned(), ids)
    };
    (cases.as_array().unwrap().iter().map(case).collect(), read_f32s(&folder(name).join("reference.f32")))
}

/// What comes out of each text, `[rows, width]`, by `run`; told to the page of what runs.
fn check(name: &str, model: &str, run: impl Fn(&mut Loaded, &str, &[u32]) -> (Vec<f32>, usize)) {
    let (cases, expected) = reference(name);
    for (device, backend, bound) in BACKENDS {
        let engine = load(name, device);
        let architecture = engine.info().architecture.clone();
        let mut loaded = match engine.task() {
            Task::Embed { .. } => Loaded::Embedder(Embedder::new(engine).unwrap()),
            _ => Loaded::Classifier(Classifier::new(engine).unwrap()),
        };
        let (mut rest, mut error) = (expected.as_slice(), 0f32);
        for (text, ids) in &cases {
            let (found, width) = run(&mut loaded, text, ids);
            let (own, after) = rest.split_at(found.len());
            rest = after;
            error = error.max(assert_logits(&format!("{name} on {backend}"), &found, own, width, bound));
        }
        assert!(rest.is_empty(), "{name}");
        let (format, reference) = ("safetensors F32", "transformers, float32");
        record("encoders", &Check { model, architecture: &architecture, format, reference, backend, error });
    }
}

enum Loaded {
    Classifier(Classifier),
    Embedder(Embedder),
}

fn classifies(name: &str, model: &str, n_labels: usize) {
    check(name, model, |loaded, text, ids| {
        let Loaded::Classifier(classifier) = loaded else { panic!("{name} classifies nothing") };
        assert_eq!(classifier.labels().len(), n_labels, "{name}");
        assert_eq!(classifier.engine().tokenizer().encode(text, true, false).unwrap(), ids, "{name}");
        // Spans lie where words do, whatever a model of random weights takes them for.
        for span in pollster::block_on(classifier.classify(text)).unwrap() {
            assert_eq!(text[span.start..span.end].trim(), &text[span.start..span.end]);
        }
        (pollster::block_on(classifier.engine().logits(ids, Outputs::All)).unwrap(), n_labels)
    });
}

fn embeds(name: &str, model: &str) {
    check(name, model, |loaded, text, ids| {
        let Loaded::Embedder(embedder) = loaded else { panic!("{name} embeds nothing") };
        let found = pollster::block_on(embedder.embed(text)).unwrap();
        assert_eq!((found.tokens, found.truncated), (ids.len(), false), "{name}");
        let dim = found.vector.len();
        (found.vector, dim)
    });
}

#[test]
fn bert() {
    classifies("bert-ner", "BERT, token classification", 7);
}

/// Positions are counted from the row behind that of the padding.
#[test]
fn roberta() {
    classifies("roberta-ner", "RoBERTa, token classification", 7);
}

#[test]
fn distilbert() {
    classifies("distilbert-ner", "DistilBERT, token classification", 7);
}

#[test]
fn deberta() {
    classifies("deberta-ner", "DeBERTa v2, v3, token classification", 7);
}

#[test]
fn modernbert() {
    classifies("modernbert-ner", "ModernBERT, token classification", 7);
}

#[test]
fn privacy_filter() {
    classifies("privacy-filter", "openai/privacy-filter", 9);
}

/// Biases so large that they decide alone.
#[test]
fn operating_points_are_a_dial() {
    let calibration = br#"{"operating_points": {
        "default": {"biases": {"transition_bias_background_stay": 1000}},
        "recall": {"biases": {"transition_bias_background_to_start": 1000}}}}"#;
    let engine = load_calibrated("privacy-filter", DeviceChoice::Reference, Some(calibration));
    let mut classifier = Classifier::new(engine).unwrap();
    assert_eq!(classifier.info().operating_points, ["default", "recall"]);
    let text = "Ana lives in Berlin.";
    let spans = |classifier: &mut Classifier| pollster::block_on(classifier.classify(text)).unwrap().len();
    assert_eq!(spans(&mut classifier), 0);
    classifier.set_operating_point(Some("recall")).unwrap();
    assert!(spans(&mut classifier) > 0);
    classifier.set_operating_point(None).unwrap();
    assert_eq!(spans(&mut classifier), 0);
    let error = classifier.set_operating_point(Some("precision")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("known are default, recall"), "{error}");
    let engine = load_calibrated("privacy-filter", DeviceChoice::Reference, Some(b"{}"));
    assert_eq!(Classifier::new(engine).err().unwrap().code(), ErrorCode::ModelFormat);
}

#[test]
fn minilm() {
    embeds("minilm-embed", "BERT, MiniLM, sentence embeddings (mean)");
}

#[test]
fn xlm_roberta() {
    embeds("xlm-roberta-embed", "XLM-R, sentence embeddings (cls)");
}

#[test]
fn nomic_bert() {
    embeds("nomic-embed", "NomicBERT, sentence embeddings (mean)");
}
