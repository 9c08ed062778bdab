//! Text without such numbers holds none: an excerpt of WikiText-2 (test split; CC BY-SA 3.0, `fixtures/wiki_excerpt.txt`),
//! and source code (this crate's own tables of constants, and dense numeric text made here).
//!
//! `SOTTO_PII_CORPUS=FILE_OR_FOLDER cargo test -p sotto-pii --test false_positives -- --nocapture` looks through more.

use std::path::{Path, PathBuf};

use sotto_pii::{By, Entity, OperatingPoint, Policy, Recognisers, Redactor};

fn validated(text: &str) -> Vec<Entity> {
    let policy = Policy::default().at(OperatingPoint::Recall);
    let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
    redactor.analyze(text).into_iter().filter(|e| e.by == By::Validated).collect()
}

fn show(found: &[Entity], text: &str) -> Vec<String> {
    found.iter().map(|e| format!("{} {:?} by {}", e.label, e.text(text), e.explain.recogniser)).collect()
}

#[test]
fn prose() {
    let text = include_str!("fixtures/wiki_excerpt.txt");
    assert_eq!(show(&validated(text), text), [""; 0]);
}

#[test]
fn source_code() {
    for text in [
        include_str!("../src/recognisers/phone_plans.rs"),
        include_str!("../src/normal.rs"),
        include_str!("../src/bioes.rs"),
    ] {
        assert_eq!(show(&validated(text), text), [""; 0]);
    }
}

#[test]
fn numbers_that_look_like_others() {
    // Years, thousands, decimals, hashes, hex dumps, timestamps, versions: ten thousand of each.
    let mut state = 20_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 20
    };
    let mut text = String::new();
    for _ in 0..10_000 {
        let n = next();
        text += &format!(
            "{} {} {}, {:03} {:03} {:03}; {}.{:015}; {:016x}; {:040x}; {}; {}.{}.{}.{}; {}\n",
            1900 + n % 120,
            1900 + n % 119,
            1900 + n % 118,
            n % 1000,
            n % 997,
            n % 991,
            n % 10,
            n,
            n,
            u128::from(n) << 40,
            1_500_000_000 + n % 200_000_000,
            n % 40,
            n % 41,
            n % 42,
            n % 43,
            1_500_000_000_000 + n % 200_000_000_000,
        );
    }
    assert_eq!(show(&validated(&text), &text), [""; 0]);
}

#[test]
fn a_corpus_of_the_callers() {
    let Some(root) = std::env::var_os("SOTTO_PII_CORPUS") else { return };
    let mut files = Vec::new();
    collect(Path::new(&root), &mut files);
    let (mut bytes, mut found) = (0, 0);
    for path in files {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        bytes += text.len();
        for line in show(&validated(&text), &text) {
            println!("{}: {line}", path.display());
            found += 1;
        }
    }
    println!("{found} validated findings in {bytes} bytes");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if let Ok(entries) = std::fs::read_dir(path) {
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
        paths.sort();
        paths.iter().for_each(|path| collect(path, files));
    } else if path.is_file() {
        files.push(path.to_owned());
    }
}
