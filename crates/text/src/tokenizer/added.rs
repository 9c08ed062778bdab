//! Cuts added tokens (control, unknown, user-defined) out of a text, the leftmost first and of those the
//! longest, so that the algorithm sees only what lies between them.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::TokenizerError;
use super::vocab::{TokenKind, Vocab};

/// A piece of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Fragment<'t> {
    Text(&'t str),
    /// An added token and where its name stands.
    Token(u32, Range<usize>),
}

/// Finds added tokens.
#[derive(Debug)]
pub(crate) struct AddedTokens {
    all: Matcher,
    /// What is cut out even when special tokens are not parsed.
    user_defined: Matcher,
    /// White space after a control token belongs to it (Phi-3).
    strip_after: Vec<u32>,
}

#[derive(Debug)]
struct Matcher {
    /// None where there is nothing to find.
    automaton: Option<AhoCorasick>,
    ids: Vec<u32>,
}

impl AddedTokens {
    /// `strip_after`: sorted ids of the tokens that swallow the white space after them.
    pub(crate) fn new(vocab: &Vocab, strip_after: Vec<u32>) -> Result<Self, TokenizerError> {
        Ok(AddedTokens {
            all: Matcher::new(vocab, vocab.added())?,
            user_defined: Matcher::new(
                vocab,
                vocab.added().filter(|&id| vocab.kind(id) == Some(TokenKind::UserDefined)),
            )?,
            strip_after,
        })
    }

    /// The fragments of `text`, in order, none empty.
    pub(crate) fn split<'t>(&self, text: &'t str, parse_special: bool) -> Vec<Fragment<'t>> {
        let matcher = if parse_special { &self.all } else { &self.user_defined };
        let mut fragments = Vec::new();
        let mut text_starts = 0;
        if let Some(automaton) = &matcher.automaton {
            for found in automaton.find_iter(text) {
                let Some(&id) = matcher.ids.get(found.pattern().as_usize()) else { continue };
                if found.start() < text_starts {
                    continue; // White space that the token before has swallowed can not be part of a name.
                }
                if text_starts < found.start() {
                    fragments.push(Fragment::Text(&text[text_starts..found.start()]));
                }
                fragments.push(Fragment::Token(id, found.start()..found.end()));
                text_starts = found.end();
                if self.strip_after.binary_search(&id).is_ok() {
                    let rest = &text[text_starts..];
                    text_starts +=
                        rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
                }
            }
        }
        if text_starts < text.len() {
            fragments.push(Fragment::Text(&text[text_starts..]));
        }
        fragments
    }
}

impl Matcher {
    fn new(vocab: &Vocab, ids: impl Iterator<Item = u32>) -> Result<Self, TokenizerError> {
        let named = |id: &u32| vocab.bytes(*id).is_some_and(|name| !name.is_empty());
        let ids: Vec<u32> = ids.filter(named).collect();
        if ids.is_empty() {
            return Ok(Matcher { automaton: None, ids });
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(ids.iter().filter_map(|&id| vocab.bytes(id)))
            .map_err(|error| TokenizerError::Build(error.to_string()))?;
        Ok(Matcher { automaton: Some(automaton), ids })
    }
}
