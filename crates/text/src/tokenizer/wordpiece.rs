//! WordPiece (`tokenizer.ggml.model` = "bert"): the text is cleaned, lower-cased, stripped of accents and cut at
//! white space, punctuation and Chinese characters (BERT's `BasicTokenizer`); each word is then the longest
//! token that starts it, and so on to its end. GGUF writes `▁word` for what starts a word and `word` for
//! what BERT's own vocabulary calls `##word`.

use std::collections::HashMap;
use std::ops::Range;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::TokenizerError;
use super::encoding::{Output, offset_in};

const WORD_START: &str = "\u{2581}";

/// Longer words are unknown as a whole, as in BERT.
const MAX_WORD_CHARS: usize = 100;

#[derive(Debug)]
pub(crate) struct WordPiece {
    pieces: HashMap<Box<str>, u32>,
    longest: usize,
    unk: u32,
    /// Whether letters lose their case and accents.
    lowercase: bool,
    classes: Classes,
}

/// The character classes BERT asks about.
#[derive(Debug)]
struct Classes {
    /// What stands as a word of its own: punctuation, ASCII symbols and Chinese characters.
    alone: Regex,
    accent: Regex,
    control: Regex,
}

impl Classes {
    fn new() -> Result<Self, regex::Error> {
        Ok(Classes {
            alone: Regex::new(concat!(
                r"[\p{P}!-/:-@\[-`{-~",
                r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}",
                r"\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
            ))?,
            accent: Regex::new(r"\p{Mn}")?,
            control: Regex::new(r"[\p{C}\x{FFFD}]")?,
        })
    }
}

impl WordPiece {
    /// `tokens` as they stand in the file.
    pub(crate) fn new(tokens: &[String], unk: u32, lowercase: bool) -> Result<Self, TokenizerError> {
        let mut pieces = HashMap::with_capacity(tokens.len());
        for (id, token) in (0u32..).zip(tokens) {
            pieces.entry(token.as_str().into()).or_insert(id);
        }
        let longest = tokens.iter().map(String::len).max().unwrap_or(0);
        let classes = Classes::new().map_err(|error| TokenizerError::Build(error.to_string()))?;
        Ok(WordPiece { pieces, longest, unk, lowercase, classes })
    }

    pub(crate) fn encode(&self, text: &str, out: &mut Output) {
        let cleaned = self.clean(text);
        for run in cleaned.text.split_whitespace() {
            let mut rest = 0;
            for alone in self.classes.alone.find_iter(run) {
                self.encode_word(&run[rest..alone.start()], &cleaned, out);
                self.encode_word(alone.as_str(), &cleaned, out);
                rest = alone.end();
            }
            self.encode_word(&run[rest..], &cleaned, out);
        }
    }

    /// Character by character, so that each keeps the place of the one it comes from.
    fn clean(&self, text: &str) -> Cleaned {
        let mut cleaned = Cleaned { text: String::with_capacity(text.len()), origins: Vec::new() };
        let mut utf8 = [0; 4];
        for (at, c) in text.char_indices() {
            let origin = at..at + c.len_utf8();
            // These are control characters by class, but white space to BERT.
            if matches!(c, '\t' | '\n' | '\r') {
                cleaned.push(' ', origin);
            } else if c.is_ascii() {
                if !c.is_ascii_control() {
                    cleaned.push(if self.lowercase { c.to_ascii_lowercase() } else { c }, origin);
                }
            } else if !self.classes.control.is_match(c.encode_utf8(&mut utf8)) {
                self.fold(c, |folded| cleaned.push(folded, origin.clone()));
            }
        }
        cleaned
    }

    /// What is left of a character without case and accent, or the character itself.
    fn fold(&self, c: char, mut push: impl FnMut(char)) {
        if !self.lowercase {
            return push(c);
        }
        let mut utf8 = [0; 4];
        for part in std::iter::once(c).nfd() {
            if !self.classes.accent.is_match(part.encode_utf8(&mut utf8)) {
                part.to_lowercase().for_each(&mut push);
            }
        }
    }

    fn encode_word(&self, word: &str, cleaned: &Cleaned, out: &mut Output) {
        if word.is_empty() {
            return;
        }
        let at = offset_in(word, &cleaned.text);
        let whole = cleaned.origin(at..at + word.len());
        let first = out.ids.len();
        let marked = format!("{WORD_START}{word}");
        let mut rest = marked.as_str();
        if word.chars().count() > MAX_WORD_CHARS {
            out.push(self.unk, whole);
            return;
        }
        // Bytes of the word that are passed; the mark of its start is none.
        let mut passed = 0;
        let mut mark = WORD_START.len();
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let longest = ends
                .take_while(|&end| end <= self.longest)
                .filter_map(|end| self.pieces.get(&rest[..end]).map(|&id| (end, id)))
                .last();
            let Some((end, id)) = longest else {
                out.truncate(first);
                out.push(self.unk, whole);
                return;
            };
            let length = end - std::mem::take(&mut mark).min(end);
            out.push(id, cleaned.origin(at + passed..at + passed + length));
            passed += length;
            rest = &rest[end..];
        }
    }
}

/// A cleaned text, and where each of its characters comes from.
struct Cleaned {
    text: String,
    /// For each character: its first byte in `text`, and the bytes of the original it comes from.
    origins: Vec<(usize, Range<usize>)>,
}

impl Cleaned {
    fn push(&mut self, c: char, origin: Range<usize>) {
        self.origins.push((self.text.len(), origin));
        self.text.push(c);
    }

    /// The bytes of the original that bytes `span` of the cleaned text come from.
    fn origin(&self, span: Range<usize>) -> Range<usize> {
        let at = |byte: usize| self.origins.partition_point(|(start, _)| *start < byte);
        let of = &self.origins[at(span.start)..at(span.end)];
        match (of.first(), of.last()) {
            (Some((_, first)), Some((_, last))) => first.start..last.end,
            _ => 0..0,
        }
    }
}

/// What a token of a "bert" vocabulary adds to a text.
pub(crate) fn piece_bytes(token: &str) -> Vec<u8> {
    match token.strip_prefix(WORD_START) {
        Some(word) => format!(" {word}").into_bytes(),
        None => token.as_bytes().to_vec(),
    }
}
