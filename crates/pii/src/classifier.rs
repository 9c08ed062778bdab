//! The face that a token classifier shows to redaction, and how its spans become entities.
//!
//! This crate runs no model. Whoever does ([`TokenClassifier`]) gives spans of classes; a [`LabelMap`] says which of our
//! labels each class means.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::eval::LabelMap;
use crate::offsets::{ceil_char_boundary, floor_char_boundary};
use crate::{By, Entity};

/// A stretch of text to which a token classifier gives one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The class as the model names it: `PERSON`, `PER`, `private_person`.
    pub class: String,
    /// 0 to 1: the mean probability of the class over the span's tokens.
    pub score: f32,
}

/// A model that finds spans in a text. Futures need not be `Send`: in a browser all runs on one thread.
#[expect(async_fn_in_trait, reason = "a browser's futures stay on one thread")]
pub trait TokenClassifier {
    /// What can go wrong.
    type Error;

    /// The model's name, for [`Explain`](crate::Explain).
    fn name(&self) -> &str;

    /// The spans of `text`, in order and without overlap. Texts of any length are taken.
    async fn classify(&mut self, text: &str) -> Result<Vec<ClassSpan>, Self::Error>;
}

/// A model's spans as entities. Classes that `labels` maps to nothing are left out.
pub fn entities(spans: &[ClassSpan], labels: &LabelMap, model: &str) -> Vec<Entity> {
    let entity = |span: &ClassSpan| {
        let label = labels.get(&span.class)?;
        Some(Entity::new(label, span.start, span.end, span.score, By::Model, model.to_owned()))
    };
    spans.iter().filter_map(entity).collect()
}

/// What a run of tokens, bytes `span` of `text`, means as a span of text: without white space at its edges, and with an edge
/// that falls inside a word moved out to the word's edge, a word being letters and the marks on them. Empty where
/// nothing is left.
pub fn snap(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor_char_boundary(text, span.start);
    let end = ceil_char_boundary(text, span.end).max(start);
    let inside = &text[start..end];
    let mut start = start + (inside.len() - inside.trim_start().len());
    let mut end = start + text[start..end].trim_end().len();
    if start >= end {
        return start..start;
    }
    let before = |at: usize| text[..at].chars().next_back();
    let after = |at: usize| text[at..].chars().next();
    while let (Some(c), Some(first)) = (before(start), after(start)) {
        if !(is_letter(c) && is_letter(first)) {
            break;
        }
        start -= c.len_utf8();
    }
    while let (Some(last), Some(c)) = (before(end), after(end)) {
        if !(is_letter(last) && is_letter(c)) {
            break;
        }
        end += c.len_utf8();
    }
    start..end
}

fn is_letter(c: char) -> bool {
    // A literal, which the tests compile.
    static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}]").ok());
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    LETTER.as_ref().is_some_and(|letter| letter.is_match(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;

    #[test]
    fn spans_end_at_words() {
        for (text, span, expected) in [
            ("to Ana Ruiz.", 2..6, "Ana"),
            ("to Ana Ruiz.", 4..9, "Ana Ruiz"),
            ("Škvorecký", 4..6, "Škvorecký"),
            // A mark belongs to its letter, and a token may end inside a character.
            ("Jose\u{301}!", 0..4, "Jose\u{301}"),
            ("a 😀b", 3..4, "😀"),
            ("no 12345", 4..6, "23"),
            ("x   y", 1..4, ""),
        ] {
            let range = span.start.min(text.len())..span.end;
            assert_eq!(&text[snap(text, range)], expected, "{text:?}");
        }
        assert_eq!(snap("", 0..0), 0..0);
        assert_eq!(snap("ab", 1..9), 0..2);
    }

    #[test]
    fn classes_become_labels() {
        let span = |class: &str| ClassSpan { start: 0, end: 3, class: class.to_owned(), score: 0.7 };
        let map = LabelMap::new().with("MISC", Some(Label::IdNumber)).with("LOC", None);
        let found = entities(&[span("PER"), span("MISC"), span("LOC"), span("cabbage")], &map, "m");
        let labels: Vec<_> = found.iter().map(|e| e.label.name()).collect();
        assert_eq!(labels, ["PERSON", "ID_NUMBER"]);
        assert!(found.iter().all(|e| e.by == By::Model && e.explain.recogniser == "m" && e.score == 0.7));
    }
}
