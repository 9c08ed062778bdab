//! `pre_tokenizer`: how a text is cut into words, none of which a token crosses.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;

use super::field::{expression, flag, kind, list, text, unsupported};
use crate::tokenizer::aligned::Aligned;
use crate::tokenizer::pretokenizer::{GPT2, Split};
use crate::tokenizer::{TokenizerError, byte_level};

/// One step.
#[derive(Debug)]
pub(crate) enum PreTokenizer {
    /// Cuts at what `split` matches.
    Split {
        split: Split,
        behavior: Behavior,
        invert: bool,
    },
    ByteLevel {
        add_prefix_space: bool,
        words: Option<Split>,
    },
    Metaspace {
        space: Regex,
        replacement: String,
        prepend: Prepend,
        split: bool,
    },
}

/// What becomes of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    /// Matches that touch are one word.
    Contiguous,
}

/// Where Metaspace puts a mark in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prepend {
    Always,
    /// At the beginning of the whole text.
    First,
    Never,
}

/// A word, and whether it begins the whole text.
#[derive(Debug)]
pub(crate) struct Word {
    pub text: Aligned,
    pub first: bool,
}

impl PreTokenizer {
    /// The steps that `json` describes, in order.
    pub(crate) fn read(json: &Value, steps: &mut Vec<PreTokenizer>) -> Result<(), TokenizerError> {
        const PUNCTUATION: &str = r"[!-/:-@\[-`{-~\p{P}]";
        let Some(kind) = kind(json) else { return Ok(()) };
        let mut split = |pattern: &str, behavior: Behavior, invert: bool| -> Result<(), TokenizerError> {
            steps.push(PreTokenizer::Split { split: Split::new(pattern)?, behavior, invert });
            Ok(())
        };
        match kind {
            "Sequence" => {
                return list(json, "pretokenizers").iter().try_for_each(|step| Self::read(step, steps));
            }
            "Split" => split(&expression(json)?, behavior(json)?, flag(json, "invert", false))?,
            "Digits" => {
                let individual = flag(json, "individual_digits", false);
                split(r"\p{N}", if individual { Behavior::Isolated } else { Behavior::Contiguous }, false)?;
            }
            "Punctuation" => split(PUNCTUATION, behavior(json)?, false)?,
            "Whitespace" => split(r"\w+|[^\w\s]+", Behavior::Removed, true)?,
            "WhitespaceSplit" => split(r"\s", Behavior::Removed, false)?,
            "BertPreTokenizer" => {
                split(r"\s", Behavior::Removed, false)?;
                split(PUNCTUATION, Behavior::Isolated, false)?;
            }
            "CharDelimiterSplit" => split(&regex::escape(text(json, "delimiter")), Behavior::Removed, false)?,
            "ByteLevel" => steps.push(PreTokenizer::ByteLevel {
                add_prefix_space: flag(json, "add_prefix_space", true),
                words: flag(json, "use_regex", true).then(|| Split::new(GPT2)).transpose()?,
            }),
            "Metaspace" => steps.push(PreTokenizer::Metaspace {
                space: Regex::new(" ").map_err(|error| TokenizerError::Build(error.to_string()))?,
                replacement: text(json, "replacement").to_owned(),
                prepend: match json.get("prepend_scheme").and_then(Value::as_str) {
                    Some("first") => Prepend::First,
                    Some("never") => Prepend::Never,
                    None if !flag(json, "add_prefix_space", true) => Prepend::Never,
                    _ => Prepend::Always,
                },
                split: flag(json, "split", true),
            }),
            other => return Err(unsupported("pre_tokenizer", other)),
        }
        Ok(())
    }

    pub(crate) fn run(&self, words: Vec<Word>) -> Vec<Word> {
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            match self {
                PreTokenizer::Split { split, behavior, invert } => {
                    cut(&word, split, *behavior, *invert, &mut out);
                }
                PreTokenizer::ByteLevel { add_prefix_space, words } => {
                    let mut word = word;
                    if *add_prefix_space && !word.text.as_str().starts_with(' ') {
                        word.text.prepend(" ");
                    }
                    let begun = out.len();
                    match words {
                        Some(split) => cut(&word, split, Behavior::Isolated, false, &mut out),
                        None => out.push(word),
                    }
                    out[begun..].iter_mut().for_each(|word| word.text = byte_level::encode(&word.text));
                }
                PreTokenizer::Metaspace { space, replacement, prepend, split } => {
                    let mut text = word.text.replace(space, replacement);
                    let wanted = match prepend {
                        Prepend::Always => true,
                        Prepend::First => word.first,
                        Prepend::Never => false,
                    };
                    if wanted && !text.as_str().starts_with(replacement.as_str()) {
                        text.prepend(replacement);
                    }
                    let word = Word { text, first: word.first };
                    if *split {
                        let pieces = pieces_around(word.text.as_str(), replacement);
                        push_pieces(&word, pieces, Behavior::MergedWithNext, &mut out);
                    } else {
                        out.push(word);
                    }
                }
            }
        }
        out
    }
}

fn behavior(json: &Value) -> Result<Behavior, TokenizerError> {
    match text(json, "behavior") {
        "Removed" => Ok(Behavior::Removed),
        "Isolated" | "" => Ok(Behavior::Isolated),
        "MergedWithPrevious" => Ok(Behavior::MergedWithPrevious),
        "MergedWithNext" => Ok(Behavior::MergedWithNext),
        "Contiguous" => Ok(Behavior::Contiguous),
        other => Err(unsupported("behavior", other)),
    }
}

/// The text in pieces, each with whether it is `mark`.
fn pieces_around<'t>(text: &'t str, mark: &str) -> Vec<(&'t str, bool)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, found) in text.match_indices(mark) {
        if start > at {
            pieces.push((&text[at..start], false));
        }
        pieces.push((found, true));
        at = start + found.len();
    }
    if at < text.len() {
        pieces.push((&text[at..], false));
    }
    pieces
}

fn cut(word: &Word, split: &Split, behavior: Behavior, invert: bool, out: &mut Vec<Word>) {
    let mut pieces = split.pieces(word.text.as_str());
    if invert {
        pieces.iter_mut().for_each(|(_, is_match)| *is_match = !*is_match);
    }
    push_pieces(word, pieces, behavior, out);
}

/// Appends `pieces` of `word` as `behavior` joins them.
fn push_pieces(word: &Word, pieces: Vec<(&str, bool)>, behavior: Behavior, out: &mut Vec<Word>) {
    // Ends in the word, and whether what comes next may join.
    let mut joined: Vec<(Range<usize>, bool)> = Vec::with_capacity(pieces.len());
    let mut end = 0;
    for (piece, is_match) in pieces {
        let start = end;
        end += piece.len();
        match (behavior, joined.last_mut()) {
            (Behavior::Removed, _) if is_match => {}
            (Behavior::MergedWithPrevious, Some((before, false))) if is_match => {
                before.end = end;
                joined.push((end..end, false));
            }
            (Behavior::MergedWithNext, Some((before, open @ true))) if !is_match => {
                before.end = end;
                *open = false;
            }
            (Behavior::Contiguous, Some((before, matched))) if *matched == is_match => before.end = end,
            _ => joined.push((start..end, is_match)),
        }
    }
    for (range, _) in joined.into_iter().filter(|(range, _)| !range.is_empty()) {
        out.push(Word { first: word.first && range.start == 0, text: word.text.slice(range) });
    }
}
