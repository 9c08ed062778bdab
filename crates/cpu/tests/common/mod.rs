//! Real models, and how to give one to a loader.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;

use sotto_format::{ModelFile, Parse, parse_gguf};
use sotto_plan::{Plan, WeightId};

/// A file of tests/fixtures/models.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A model file's plan, its context length, and its weights' bytes.
pub struct Parsed {
    pub plan: Plan,
    pub context_length: usize,
    file: ModelFile,
    bytes: Vec<u8>,
}

impl Parsed {
    pub fn fixture(name: &str) -> Self {
        Self::new(fixture(name))
    }

    pub fn new(bytes: Vec<u8>) -> Self {
        let Parse::Complete(header) = parse_gguf(&bytes, Some(bytes.len() as u64)).unwrap() else {
            panic!("the file ends within its header");
        };
        let file = ModelFile::from_parts(vec![header]).unwrap();
        let model = sotto_model::build(&file).unwrap();
        Parsed { plan: model.plan, context_length: model.hyperparameters.context_length, file, bytes }
    }

    /// Calls `write` with each weight's bytes, cut where no block ends: pieces come as a network brings them.
    pub fn feed(&self, mut write: impl FnMut(WeightId, u64, &[u8])) {
        for (index, weight) in self.plan.weights.iter().enumerate() {
            let tensor = self.file.tensor(&weight.name).unwrap();
            let start = (tensor.offset + weight.offset) as usize;
            let bytes = &self.bytes[start..][..weight.bytes() as usize];
            let mut offset = 0;
            for piece in [1, bytes.len() / 3, bytes.len() - 1 - bytes.len() / 3] {
                write(WeightId(index as u32), offset as u64, &bytes[offset..offset + piece]);
                offset += piece;
            }
        }
    }

    /// The bytes of the tensor called `name`.
    pub fn tensor_mut(&mut self, name: &str) -> &mut [u8] {
        let tensor = self.file.tensor(name).unwrap();
        &mut self.bytes[tensor.offset as usize..][..tensor.bytes as usize]
    }
}

/// The ids in a file of numbers.
pub fn ids(name: &str) -> Vec<u32> {
    let text = String::from_utf8(fixture(name)).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// The little-endian f32 of a file.
pub fn f32s(name: &str) -> Vec<f32> {
    fixture(name).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// The index of the largest, the lowest of equals.
pub fn argmax(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap()
}

/// Largest |difference| as a fraction of the largest |reference|.
pub fn relative_error(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0f32, |m, (g, w)| m.max((g - w).abs())) / largest
}
