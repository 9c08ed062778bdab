//! The interpreter against llama2.c's own output on two real models.

use std::path::PathBuf;

use sotto_cpu::CpuError;
use sotto_cpu::reference::{Loader, Model};
use sotto_format::{ModelFile, Parse, parse_gguf};
use sotto_plan::{Outputs, WeightId};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn load(name: &str) -> Model {
    let bytes = fixture(name);
    let Parse::Complete(header) = parse_gguf(&bytes, Some(bytes.len() as u64)).unwrap() else {
        panic!("{name} ends within its header");
    };
    let file = ModelFile::from_parts(vec![header]).unwrap();
    let model = sotto_model::build(&file).unwrap();
    let mut loader = Loader::new(model.plan.clone(), model.hyperparameters.context_length);
    for (index, weight) in model.plan.weights.iter().enumerate() {
        let tensor = file.tensor(&weight.name).unwrap();
        let bytes = &bytes[tensor.offset as usize..][..tensor.bytes as usize];
        // Cut where no block ends: pieces come as a network brings them.
        let (head, tail) = bytes.split_at(bytes.len() / 3);
        loader.write(WeightId(index as u32), 0, head).unwrap();
        loader.write(WeightId(index as u32), head.len() as u64, tail).unwrap();
    }
    loader.finish().unwrap()
}

fn ids(name: &str) -> Vec<u32> {
    let text = String::from_utf8(fixture(name)).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

fn f32s(name: &str) -> Vec<f32> {
    fixture(name).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn argmax(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap()
}

/// Largest |difference| as a fraction of the largest |reference|.
fn relative_error(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0f32, |m, (g, w)| m.max((g - w).abs())) / largest
}

#[test]
fn logits_equal_llama2c() {
    for (gguf, folder) in
        [("stories260K/stories260K-f32.gguf", "stories260K"), ("tok105/tok105-f32.gguf", "tok105")]
    {
        let mut model = load(gguf);
        let ids = ids(&format!("{folder}/ref_tokens.txt"));
        let want = f32s(&format!("{folder}/ref_logits.f32"));
        let got = model.forward(&ids, Outputs::All).unwrap();
        let error = relative_error(&got, &want);
        assert!(error < 1e-4, "{gguf}: error {error}");
        let vocab = model.plan().output_width();
        for (got, want) in got.chunks(vocab).zip(want.chunks(vocab)) {
            assert_eq!(argmax(got), argmax(want), "{gguf}");
        }
    }
}

#[test]
fn one_token_at_a_time_equals_all_at_once() {
    let mut model = load("tok105/tok105-q4_0.gguf");
    let ids: Vec<u32> = ids("tok105/ref_tokens.txt").into_iter().take(40).collect();
    let together = model.forward(&ids, Outputs::All).unwrap();
    model.truncate(0);
    let mut apart = Vec::new();
    for &id in &ids {
        apart.extend(model.forward(&[id], Outputs::Last).unwrap());
    }
    assert_eq!(together, apart);

    // Going back to a prefix and on again changes nothing.
    model.truncate(25);
    let again = model.forward(&ids[25..], Outputs::Last).unwrap();
    assert_eq!(&together[together.len() - again.len()..], again);
    assert!(model.forward(&[1], Outputs::None).unwrap().is_empty());
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut model = load("tok105/tok105-q8_0.gguf");
    let limit = model.context_length();
    let long = vec![1; limit + 1];
    assert_eq!(
        model.forward(&long, Outputs::Last).unwrap_err(),
        CpuError::ContextLength { asked: limit + 1, limit }
    );
    assert_eq!(
        model.forward(&[1, 105], Outputs::Last).unwrap_err(),
        CpuError::TokenId { id: 105, vocab: 105 }
    );
    assert_eq!(model.position(), 0);
}

#[test]
fn bytes_out_of_order_or_missing_are_named() {
    let bytes = fixture("tok105/tok105-f32.gguf");
    let Parse::Complete(header) = parse_gguf(&bytes, None).unwrap() else { panic!("header is complete") };
    let file = ModelFile::from_parts(vec![header]).unwrap();
    let model = sotto_model::build(&file).unwrap();
    let mut loader = Loader::new(model.plan, 16);
    assert!(matches!(
        loader.write(WeightId(0), 4, &[0; 4]).unwrap_err(),
        CpuError::WriteOutOfOrder { offset: 4, expected: 0, .. }
    ));
    loader.write(WeightId(0), 0, &[0; 4]).unwrap();
    assert!(matches!(loader.finish().err(), Some(CpuError::MissingBytes { got: 4, .. })));
}
