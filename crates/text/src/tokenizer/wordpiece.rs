//! WordPiece (`tokenizer.ggml.model` = "bert"): the text is cleaned, lower-cased, stripped of accents and cut at
//! white space, punctuation and Chinese characters (BERT's `BasicTokenizer`); each word is then the longest
//! token that starts it, and so on to its end. GGUF writes `▁word` for what starts a word and `word` for
//! what BERT's own vocabulary calls `##word`.

use std::collections::HashMap;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::TokenizerError;

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

    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let text = self.clean(text);
        for run in text.split_whitespace() {
            let mut rest = 0;
            for alone in self.classes.alone.find_iter(run) {
                self.encode_word(&run[rest..alone.start()], ids);
                self.encode_word(alone.as_str(), ids);
                rest = alone.end();
            }
            self.encode_word(&run[rest..], ids);
        }
    }

    fn clean(&self, text: &str) -> String {
        // These are control characters by class, but white space to BERT.
        let text = text.replace(['\t', '\n', '\r'], " ");
        let text = self.classes.control.replace_all(&text, "");
        if !self.lowercase {
            return text.into_owned();
        }
        let decomposed: String = text.nfd().collect();
        self.classes.accent.replace_all(&decomposed, "").chars().flat_map(char::to_lowercase).collect()
    }

    fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let first = ids.len();
        let marked = format!("{WORD_START}{word}");
        let mut rest = marked.as_str();
        if word.chars().count() > MAX_WORD_CHARS {
            ids.push(self.unk);
            return;
        }
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let longest = ends
                .take_while(|&end| end <= self.longest)
                .filter_map(|end| self.pieces.get(&rest[..end]).map(|&id| (end, id)))
                .last();
            let Some((end, id)) = longest else {
                ids.truncate(first);
                ids.push(self.unk);
                return;
            };
            ids.push(id);
            rest = &rest[end..];
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
