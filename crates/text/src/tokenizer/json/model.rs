//! `model`: how a word becomes tokens.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::field::{flag, kind, list, text, unsupported};
use crate::tokenizer::TokenizerError;
use crate::tokenizer::aligned::Aligned;
use crate::tokenizer::encoding::Output;
use crate::tokenizer::merge::{Symbol, merge};
use crate::tokenizer::unigram::Unigram;

/// A vocabulary and the algorithm over it.
#[derive(Debug)]
pub(crate) enum Model {
    Bpe(Box<Bpe>),
    Unigram(Box<Unigram>),
    WordPiece(WordPiece),
    WordLevel { vocab: HashMap<String, u32>, unk: Option<u32> },
}

/// Byte-pair encoding over characters.
#[derive(Debug)]
pub(crate) struct Bpe {
    vocab: HashMap<String, u32>,
    /// Pair of ids -> rank in the merge list, id of the two together.
    merges: HashMap<(u32, u32), (u32, u32)>,
    unk: Option<u32>,
    /// The tokens `<0x00>` to `<0xFF>`, where characters without a token become their bytes.
    bytes: Option<Vec<Option<u32>>>,
    /// Unknown characters that touch are one unknown token.
    fuse_unk: bool,
    ignore_merges: bool,
    /// Before every character but a word's first.
    continuing_prefix: String,
    /// Behind a word's last character.
    end_suffix: String,
}

/// Longest match first.
#[derive(Debug)]
pub(crate) struct WordPiece {
    vocab: HashMap<String, u32>,
    longest: usize,
    unk: Option<u32>,
    prefix: String,
    max_chars: usize,
}

impl Model {
    pub(crate) fn read(json: &Value) -> Result<Model, TokenizerError> {
        // Files from before the type was written are BPE.
        match kind(json).unwrap_or(if json.get("merges").is_some() { "BPE" } else { "WordPiece" }) {
            "BPE" => Ok(Model::Bpe(Box::new(Bpe::read(json)?))),
            "Unigram" => Ok(Model::Unigram(Box::new(read_unigram(json)?))),
            "WordPiece" => {
                let vocab = vocabulary(json)?;
                Ok(Model::WordPiece(WordPiece {
                    unk: vocab.get(text(json, "unk_token")).copied(),
                    longest: vocab.keys().map(String::len).max().unwrap_or(0),
                    vocab,
                    prefix: text(json, "continuing_subword_prefix").to_owned(),
                    max_chars: json.get("max_input_chars_per_word").and_then(Value::as_u64).unwrap_or(100)
                        as usize,
                }))
            }
            "WordLevel" => {
                let vocab = vocabulary(json)?;
                Ok(Model::WordLevel { unk: vocab.get(text(json, "unk_token")).copied(), vocab })
            }
            other => Err(unsupported("model", other)),
        }
    }

    /// Text and id of every token.
    pub(crate) fn tokens(&self) -> Vec<(u32, &str)> {
        match self {
            Model::Bpe(bpe) => named(&bpe.vocab),
            Model::WordPiece(model) => named(&model.vocab),
            Model::WordLevel { vocab, .. } => named(vocab),
            Model::Unigram(model) => (0..).zip(model.tokens()).collect(),
        }
    }

    /// Appends the tokens of a word.
    pub(crate) fn encode(&self, word: &Aligned, out: &mut Output) -> Result<(), TokenizerError> {
        match self {
            Model::Bpe(bpe) => bpe.encode(word, out),
            Model::Unigram(model) => return model.encode(word, out),
            Model::WordPiece(model) => {
                let pieces = model.encode(word.as_str()).ok_or(TokenizerError::NoToken)?;
                pieces.into_iter().for_each(|(id, range)| out.push(id, word.origin(range)));
            }
            Model::WordLevel { vocab, unk } => {
                let id = vocab.get(word.as_str()).copied().or(*unk).ok_or(TokenizerError::NoToken)?;
                out.push(id, word.origin(0..word.as_str().len()));
            }
        }
        Ok(())
    }
}

fn named(vocab: &HashMap<String, u32>) -> Vec<(u32, &str)> {
    vocab.iter().map(|(token, &id)| (id, token.as_str())).collect()
}

fn vocabulary(json: &Value) -> Result<HashMap<String, u32>, TokenizerError> {
    let vocab = json.get("vocab").and_then(Value::as_object);
    let vocab = vocab.ok_or_else(|| TokenizerError::Json("model.vocab is missing".to_owned()))?;
    let entry = |(token, id): (&String, &Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id =
            id.ok_or_else(|| TokenizerError::Json(format!("the id of token {token:?} is no 32-bit number")));
        Ok((token.clone(), id?))
    };
    vocab.iter().map(entry).collect()
}

/// The tokens `<0x00>` to `<0xFF>`.
fn byte_tokens(id_of: impl Fn(&str) -> Option<u32>) -> Vec<Option<u32>> {
    (0..=u8::MAX).map(|byte| id_of(&format!("<0x{byte:02X}>"))).collect()
}

fn read_unigram(json: &Value) -> Result<Unigram, TokenizerError> {
    let broken =
        |index: usize| TokenizerError::Json(format!("model.vocab[{index}] is no pair of text and score"));
    let mut tokens = Vec::new();
    for (index, entry) in list(json, "vocab").iter().enumerate() {
        let pair = (entry.get(0).and_then(Value::as_str), entry.get(1).and_then(Value::as_f64));
        let (Some(token), Some(score)) = pair else { return Err(broken(index)) };
        tokens.push((token.to_owned(), score));
    }
    let unk = json.get("unk_id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    Unigram::new(tokens, unk, flag(json, "byte_fallback", false), |_| true)
}

impl Bpe {
    fn read(json: &Value) -> Result<Bpe, TokenizerError> {
        let vocab = vocabulary(json)?;
        let id = |token: &str| vocab.get(token).copied();
        let continuing_prefix = text(json, "continuing_subword_prefix").to_owned();
        let mut merges = HashMap::new();
        for (index, pair) in list(json, "merges").iter().enumerate() {
            let parts = match pair {
                Value::String(pair) => pair.split_once(' '),
                pair => pair.get(0).and_then(Value::as_str).zip(pair.get(1).and_then(Value::as_str)),
            };
            let (left, right) = parts.ok_or(TokenizerError::Merge { index })?;
            let tail = right.strip_prefix(continuing_prefix.as_str()).unwrap_or(right);
            let together = format!("{left}{tail}");
            let (Some(l), Some(r), Some(both)) = (id(left), id(right), id(&together)) else {
                return Err(TokenizerError::Merge { index });
            };
            merges.insert((l, r), (index as u32, both));
        }
        let bytes = flag(json, "byte_fallback", false).then(|| byte_tokens(id));
        Ok(Bpe {
            merges,
            unk: id(text(json, "unk_token")),
            bytes,
            fuse_unk: flag(json, "fuse_unk", false),
            ignore_merges: flag(json, "ignore_merges", false),
            continuing_prefix,
            end_suffix: text(json, "end_of_word_suffix").to_owned(),
            vocab,
        })
    }

    fn encode(&self, aligned: &Aligned, out: &mut Output) {
        let word = aligned.as_str();
        if self.ignore_merges
            && let Some(&id) = self.vocab.get(word)
        {
            out.push(id, aligned.origin(0..word.len()));
            return;
        }
        let mut symbols: Vec<Symbol> = Vec::with_capacity(word.len());
        let mut name = String::new();
        let mut after_unknown = false;
        for (start, c) in word.char_indices() {
            let len = c.len_utf8();
            name.clear();
            if start > 0 {
                name.push_str(&self.continuing_prefix);
            }
            name.push(c);
            if start + len == word.len() {
                name.push_str(&self.end_suffix);
            }
            if let Some(&id) = self.vocab.get(&name) {
                symbols.push(Symbol { start, len, id: Some(id) });
                after_unknown = false;
                continue;
            }
            if let Some(bytes) = self.bytes_of(&name) {
                let byte = |(at, id)| Symbol { start: start + at, len: 1, id: Some(id) };
                symbols.extend(bytes.into_iter().enumerate().map(byte));
                after_unknown = false;
                continue;
            }
            match symbols.last_mut() {
                Some(unknown) if self.fuse_unk && after_unknown => unknown.len += len,
                _ if self.unk.is_some() => symbols.push(Symbol { start, len, id: self.unk }),
                _ => {}
            }
            after_unknown = true;
        }
        merge(&mut symbols, |left, right| self.merges.get(&(left.id?, right.id?)).copied());
        for Symbol { start, len, id } in symbols {
            id.into_iter().for_each(|id| out.push(id, aligned.origin(start..start + len)));
        }
    }

    /// The byte tokens of a text, if there are all.
    fn bytes_of(&self, text: &str) -> Option<Vec<u32>> {
        let tokens = self.bytes.as_ref()?;
        text.bytes().map(|byte| tokens[usize::from(byte)]).collect()
    }
}

impl WordPiece {
    /// The tokens and which bytes of the word they are; `None` when a word is unknown and there is no unknown token.
    fn encode(&self, word: &str) -> Option<Vec<(u32, Range<usize>)>> {
        let unknown = || Some(vec![(self.unk?, 0..word.len())]);
        if word.chars().count() > self.max_chars {
            return unknown();
        }
        let (mut ids, mut at, mut name) = (Vec::new(), 0, String::new());
        while at < word.len() {
            let prefix = if at > 0 { self.prefix.as_str() } else { "" };
            let ends = word[at..].char_indices().map(|(i, c)| at + i + c.len_utf8());
            let ends = ends.take_while(|end| prefix.len() + end - at <= self.longest).collect::<Vec<_>>();
            let found = ends.into_iter().rev().find_map(|end| {
                name.clear();
                name.push_str(prefix);
                name.push_str(&word[at..end]);
                Some((end, *self.vocab.get(&name)?))
            });
            let Some((end, id)) = found else { return unknown() };
            ids.push((id, at..end));
            at = end;
        }
        Some(ids)
    }
}
