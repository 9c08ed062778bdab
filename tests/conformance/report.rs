// What conformance tests found, for the page that `cargo xtask models` writes. Test files of several crates include this
// file; each of their tests tells what it checked, whether or not anyone asked for a page.

use std::io::Write;

use serde_json::json;

/// One model in one format on one backend, against an implementation that is not ours.
pub struct Check<'a> {
    /// As people call it: "OLMo 2".
    pub model: &'a str,
    /// `general.architecture`, or `model_type` of a config.json.
    pub architecture: &'a str,
    /// Container and types: "GGUF F16".
    pub format: &'a str,
    /// What it was checked against: "transformers, float32".
    pub reference: &'a str,
    /// "gpu" or "cpu".
    pub backend: &'a str,
    /// Largest |difference| as a fraction of the largest |reference|.
    pub error: f32,
}

/// Tells of a check that held. With `SOTTO_MODELS_REPORT`, a folder, appends it to the file `<suite>.jsonl` there.
pub fn record(suite: &str, check: &Check<'_>) {
    let line = json!({
        "model": check.model,
        "architecture": check.architecture,
        "format": check.format,
        "reference": check.reference,
        "backend": check.backend,
        "error": check.error,
    });
    println!("{line}");
    let Some(folder) = std::env::var_os("SOTTO_MODELS_REPORT") else { return };
    let path = std::path::PathBuf::from(folder).join(format!("{suite}.jsonl"));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write: tests run side by side.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Panics unless `found` is within `bound` of the largest |expected|, and its top-1 is that of `expected` wherever the two
/// largest are further apart than that. Returns the largest |difference| as a fraction of the largest |expected|.
#[track_caller]
pub fn assert_logits(what: &str, found: &[f32], expected: &[f32], vocab: usize, bound: f32) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let mut worst = 0f32;
    for (row, (found, expected)) in found.chunks(vocab).zip(expected.chunks(vocab)).enumerate() {
        for (id, (f, e)) in found.iter().zip(expected).enumerate() {
            let error = (f - e).abs() / largest;
            assert!(error <= bound, "{what}: row {row}, id {id} is {f}, expected {e}; error {error:.1e}");
            worst = worst.max(error);
        }
        let top = argmax(expected);
        let second = expected.iter().enumerate().filter(|&(i, _)| i != top).map(|(_, &v)| v);
        if expected[top] - second.fold(f32::NEG_INFINITY, f32::max) > bound * largest {
            assert_eq!(argmax(found), top, "{what}: top-1 of row {row}");
        }
    }
    worst
}

/// The index of the largest, the lowest where several are.
pub fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0)
}
