//! The fast engine against the interpreter and llama2.c, on real models: every weight type there is a file of, every
//! set of instructions that this machine has, with and without threads.

mod common;

use common::{Parsed, argmax, f32s, ids, relative_error};
use sotto_cpu::simd::Level;
use sotto_cpu::{CpuError, fast, reference};
use sotto_plan::Outputs;

/// Activations are rounded to eight bits, as those of larger models are.
const ROUNDED: fast::Options = fast::Options { threads: 1, level: None, floats: Some(false) };

/// What half-float caches and eight-bit activations may change: of the largest logit.
const BOUND: f32 = 2e-2;

fn fast(file: &Parsed, options: fast::Options) -> fast::Model {
    let mut loader = fast::Loader::new(file.plan.clone(), file.context_length, options).unwrap();
    file.feed(|id, offset, bytes| loader.write(id, offset, bytes).unwrap());
    loader.finish().unwrap()
}

fn logits(model: &mut fast::Model, ids: &[u32], outputs: Outputs) -> Vec<f32> {
    let mut out = Vec::new();
    model.forward(ids, outputs, &mut out).unwrap();
    out
}

fn oracle(file: &Parsed, ids: &[u32]) -> Vec<f32> {
    let mut loader = reference::Loader::new(file.plan.clone(), file.context_length);
    file.feed(|id, offset, bytes| loader.write(id, offset, bytes).unwrap());
    loader.finish().unwrap().forward(ids, Outputs::All).unwrap()
}

/// Within the bound, and the same token wherever the best two are further apart than that.
fn assert_close(got: &[f32], want: &[f32], vocab: usize, what: &str) {
    let error = relative_error(got, want);
    assert!(error <= BOUND, "{what}: error {error}");
    let largest = want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    for (got, want) in got.chunks(vocab).zip(want.chunks(vocab)) {
        let mut sorted = want.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        if sorted[0] - sorted[1] > 2.0 * error * largest {
            assert_eq!(argmax(got), argmax(want), "{what}");
        }
    }
}

/// The mean of `-ln p` of each next token.
fn surprise(logits: &[f32], ids: &[u32], vocab: usize) -> f64 {
    let rows = logits.chunks(vocab).zip(&ids[1..]);
    let costs: Vec<f64> = rows
        .map(|(row, &next)| {
            let sum: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
            sum.ln() - f64::from(row[next as usize])
        })
        .collect();
    costs.iter().sum::<f64>() / costs.len() as f64
}

#[test]
fn logits_are_the_interpreters_on_every_target() {
    for (name, folder) in [
        ("stories260K/stories260K-f32", "stories260K"),
        ("stories260K/stories260K-f16", "stories260K"),
        ("tok105/tok105-f32", "tok105"),
        ("tok105/tok105-q8_0", "tok105"),
        ("tok105/tok105-q4_0", "tok105"),
        ("tok105/tok105-q4_1", "tok105"),
    ] {
        let file = Parsed::fixture(&format!("{name}.gguf"));
        let ids = ids(&format!("{folder}/ref_tokens.txt"));
        let want = oracle(&file, &ids);
        let vocab = file.plan.output_width();
        for level in Level::all() {
            for threads in [1, 2] {
                let mut model =
                    fast(&file, fast::Options { threads, level: Some(level), floats: Some(false) });
                let what = format!("{name}, {}, {threads} threads", level.name());
                let all = logits(&mut model, &ids, Outputs::All);
                assert_close(&all, &want, vocab, &what);
                let perplexity = (surprise(&all, &ids, vocab) - surprise(&want, &ids, vocab)).exp();
                assert!((perplexity - 1.0).abs() < 5e-3, "{what}: perplexity times {perplexity}");
                if name.ends_with("f32") {
                    let want = f32s(&format!("{folder}/ref_logits.f32"));
                    assert_close(&all, &want, vocab, &format!("llama2.c, {what}"));
                }
                model.truncate(0);
                let one_by_one: Vec<f32> =
                    ids[..40].iter().flat_map(|&id| logits(&mut model, &[id], Outputs::Last)).collect();
                assert_close(&one_by_one, &want[..one_by_one.len()], vocab, &format!("{what}, one by one"));
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    for name in ["tok105/tok105-q4_0", "tok105/tok105-f32", "stories260K/stories260K-f16"] {
        let file = Parsed::fixture(&format!("{name}.gguf"));
        let prompt: Vec<u32> = (0..90).map(|at| 3 + at * 7 % 90).collect();
        let run = |threads| {
            let mut model = fast(&file, fast::Options { threads, ..ROUNDED });
            let mut all = logits(&mut model, &prompt, Outputs::All);
            (0..20).for_each(|id| all.extend(logits(&mut model, &[3 + id], Outputs::Last)));
            all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = run(1);
        for threads in [2, 3, 5] {
            assert!(run(threads) == one, "{name}, {threads} threads");
        }
    }
}

#[test]
fn each_thread_is_counted() {
    let plan = &Parsed::fixture("tok105/tok105-q4_0.gguf").plan;
    let needed = |context, threads| fast::memory_needed(plan, context, threads).total();
    // Four queries' scores of every position, as floats.
    assert_eq!(needed(512, 3) - needed(512, 1), 2 * 4 * 4 * 512);
    assert_eq!(needed(512, 1000), needed(512, 64), "there are never more");
}

#[test]
fn a_token_may_go_without_an_output() {
    let file = Parsed::fixture("tok105/tok105-q4_0.gguf");
    for threads in [1, 2] {
        let mut model = fast(&file, fast::Options { threads, ..ROUNDED });
        let with = [7, 9, 11].map(|id| logits(&mut model, &[id], Outputs::Last));
        model.truncate(0);
        assert!(logits(&mut model, &[7], Outputs::None).is_empty());
        assert!(logits(&mut model, &[9], Outputs::None).is_empty());
        assert!(logits(&mut model, &[11], Outputs::Last) == with[2], "{threads} threads");
    }
}

#[test]
fn going_back_changes_nothing() {
    let file = Parsed::fixture("tok105/tok105-q4_0.gguf");
    let mut model = fast(&file, ROUNDED);
    let ids = &ids("tok105/ref_tokens.txt")[..60];
    let all = logits(&mut model, ids, Outputs::All);
    model.truncate(25);
    assert_eq!(model.position(), 25);
    let again = logits(&mut model, &ids[25..], Outputs::Last);
    assert!(relative_error(&again, &all[all.len() - again.len()..]) < 1e-5);
    assert!(logits(&mut model, &[1], Outputs::None).is_empty());
    assert_eq!(model.position(), 61);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let file = Parsed::fixture("tok105/tok105-q8_0.gguf");
    let mut model = fast(&file, ROUNDED);
    let limit = model.context_length();
    let mut out = Vec::new();
    let mut error = |ids: &[u32]| model.forward(ids, Outputs::Last, &mut out).unwrap_err();
    assert_eq!(error(&vec![1; limit + 1]), CpuError::ContextLength { asked: limit + 1, limit });
    assert_eq!(error(&[1, 105]), CpuError::TokenId { id: 105, vocab: 105 });
    assert_eq!(model.position(), 0);
}

#[test]
fn scales_that_are_no_numbers_are_named() {
    const NAN: [u8; 2] = [0x00, 0x7e];
    let mut file = Parsed::fixture("tok105/tok105-q4_0.gguf");
    file.tensor_mut("blk.1.ffn_up.weight")[18 * 5..][..2].copy_from_slice(&NAN);
    let mut model = fast(&file, ROUNDED);
    let error = model.forward(&[1], Outputs::Last, &mut Vec::new()).unwrap_err();
    assert_eq!(error, CpuError::DamagedWeight { name: "blk.1.ffn_up.weight".to_owned() });
}
