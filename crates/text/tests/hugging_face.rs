//! Every `tokenizer.json` among the fixtures, read by us and by Hugging Face's `tokenizers`, on the same texts.

use std::path::{Path, PathBuf};

use sotto_text::Tokenizer;

/// Scripts, spaces, numbers, contractions, emoji that are several characters, control characters and half-known markup.
const TEXTS: [&str; 12] = [
    "",
    "Hello, world! It's a test, isn't it?",
    "  leading and trailing  ",
    "one\n\ntwo\r\n\tthree",
    "3.14159 and 1234567 at 10:30",
    "na\u{ef}ve caf\u{e9} na\u{69}\u{308}ve cafe\u{301}",
    "\u{4f60}\u{597d}\u{ff0c}\u{4e16}\u{754c} \u{3053}\u{3093}\u{306b}\u{3061}\u{306f}",
    "\u{0645}\u{0631}\u{062d}\u{0628}\u{0627} \u{05e9}\u{05dc}\u{05d5}\u{05dd}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f44d}\u{1f3fd}",
    "def f(x):\n    return x**2  # <b>not markup</b>",
    "ALLCAPS camelCase snake_case kebab-case",
    "a\u{0}b\u{a0}c\u{2009}d\u{feff}e",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path().join("tokenizer.json"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

#[test]
fn ids_are_hugging_faces() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let all = [files(&fixtures.join("hf")), files(&fixtures.join("encoders"))].concat();
    assert!(all.len() >= 20, "{} files", all.len());
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        let ours = Tokenizer::from_json(&bytes, None).unwrap();
        let mut theirs = tokenizers::Tokenizer::from_bytes(&bytes).unwrap();
        // Lengths are the engine's concern: it has windows, and no batches.
        theirs.with_truncation(None).unwrap();
        theirs.with_padding(None);
        for text in TEXTS {
            for special in [false, true] {
                let want = theirs.encode(text, special).unwrap();
                let got = ours.encode(text, special, true).unwrap();
                assert_eq!(got, want.get_ids(), "{}: {text:?}, special {special}", path.display());
            }
        }
    }
}
