//! The interpreter against llama2.c's own output on two real models.

mod common;

use common::{Parsed, argmax, f32s, ids, relative_error};
use sotto_cpu::CpuError;
use sotto_cpu::reference::{Loader, Model};
use sotto_plan::{Outputs, WeightId};

fn load(name: &str) -> Model {
    let file = Parsed::fixture(name);
    let mut loader = Loader::new(file.plan.clone(), file.context_length);
    file.feed(|id, offset, bytes| loader.write(id, offset, bytes).unwrap());
    loader.finish().unwrap()
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
    let file = Parsed::fixture("tok105/tok105-f32.gguf");
    let mut loader = Loader::new(file.plan, 16);
    assert!(matches!(
        loader.write(WeightId(0), 4, &[0; 4]).unwrap_err(),
        CpuError::WriteOutOfOrder { offset: 4, expected: 0, .. }
    ));
    loader.write(WeightId(0), 0, &[0; 4]).unwrap();
    assert!(matches!(loader.finish().err(), Some(CpuError::MissingBytes { got: 4, .. })));
}
