//! `added_tokens`: texts that are always one token, cut out before the model sees the rest.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::field::{flag, text};
use crate::tokenizer::TokenizerError;

/// One of the list.
#[derive(Clone, Debug)]
pub(crate) struct AddedToken {
    pub id: u32,
    pub content: String,
    pub special: bool,
    /// Looked for in the normalised text.
    pub normalized: bool,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
}

impl AddedToken {
    pub(crate) fn read(json: &Value) -> Result<AddedToken, TokenizerError> {
        let id = json.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| TokenizerError::Json("an added token has no id".to_owned()))?;
        let special = flag(json, "special", false);
        Ok(AddedToken {
            id,
            content: text(json, "content").to_owned(),
            special,
            normalized: flag(json, "normalized", !special),
            single_word: flag(json, "single_word", false),
            lstrip: flag(json, "lstrip", false),
            rstrip: flag(json, "rstrip", false),
        })
    }
}

/// A piece of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Fragment<'t> {
    /// With the byte at which it begins.
    Text(&'t str, usize),
    /// With the bytes that are it.
    Token(u32, Range<usize>),
}

/// Finds some of the added tokens, the leftmost first and of those the longest.
#[derive(Debug)]
pub(crate) struct Finder {
    /// None where there is nothing to find.
    automaton: Option<AhoCorasick>,
    tokens: Vec<AddedToken>,
}

impl Finder {
    /// `tokens` with the text to look for.
    pub(crate) fn new(tokens: Vec<(String, AddedToken)>) -> Result<Finder, TokenizerError> {
        let tokens: Vec<_> = tokens.into_iter().filter(|(text, _)| !text.is_empty()).collect();
        if tokens.is_empty() {
            return Ok(Finder { automaton: None, tokens: Vec::new() });
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|(text, _)| text))
            .map_err(|error| TokenizerError::Build(error.to_string()))?;
        let tokens = tokens.into_iter().map(|(_, token)| token).collect();
        Ok(Finder { automaton: Some(automaton), tokens })
    }

    /// The fragments of `text`, in order, none empty. Without `parse_special`, special tokens stay text.
    pub(crate) fn split<'t>(&self, text: &'t str, parse_special: bool) -> Vec<Fragment<'t>> {
        let mut fragments = Vec::new();
        let mut at = 0;
        for found in self.automaton.iter().flat_map(|automaton| automaton.find_iter(text)) {
            let Some(token) = self.tokens.get(found.pattern().as_usize()) else { continue };
            if token.special && !parse_special {
                continue;
            }
            let (mut start, mut end) = (found.start(), found.end());
            if start < at {
                continue; // White space that the token before has swallowed.
            }
            let joins_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if token.single_word
                && (joins_word(text[..start].chars().next_back()) || joins_word(text[end..].chars().next()))
            {
                continue;
            }
            if token.lstrip {
                start = at + text[at..start].trim_end().len();
            }
            if token.rstrip {
                end += text[end..].len() - text[end..].trim_start().len();
            }
            if at < start {
                fragments.push(Fragment::Text(&text[at..start], at));
            }
            fragments.push(Fragment::Token(token.id, start..end));
            at = end;
        }
        if at < text.len() {
            fragments.push(Fragment::Text(&text[at..], at));
        }
        fragments
    }
}
