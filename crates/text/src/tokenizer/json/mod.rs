//! `tokenizer.json`: the parts that Hugging Face's `tokenizers` composes a tokenizer of, each a file here, checked
//! against that library.
//!
//! A text goes through `added_tokens` (what is cut out of it as it stands), the `normalizer`, `added_tokens` again (what is
//! cut out of the normalised text), the `pre_tokenizer` and the `model`; the `post_processor` puts tokens around the whole.

mod added;
mod config;
mod decoder;
mod field;
mod model;
mod normalizer;
mod post;
mod pre_tokenizer;
pub(crate) mod precompiled;
mod to_gguf;

use std::collections::HashMap;

use serde_json::Value;
use sotto_format::order::sort_by;

use self::added::{AddedToken, Finder, Fragment};
pub use self::config::TokenizerConfig;
use self::decoder::Decoder;
use self::field::list;
use self::model::Model;
use self::normalizer::Normalizer;
use self::pre_tokenizer::{PreTokenizer, Word};
use super::added::AddedTokens;
use super::aligned::Aligned;
use super::encoding::Output;
use super::vocab::{TokenKind, Vocab};
use super::{Algorithm, Tokenizer, TokenizerError, special};

/// Ids above this are a broken file: a list that long would not be a vocabulary.
const MAX_IDS: u32 = 1 << 24;

/// A parsed `tokenizer.json`, but for what goes around a text.
#[derive(Debug)]
pub(crate) struct JsonTokenizer {
    /// Added tokens that are looked for in the text as it stands.
    raw: Finder,
    normalizers: Vec<Normalizer>,
    /// Those looked for in the normalised text.
    normalized: Finder,
    pre_tokenizers: Vec<PreTokenizer>,
    model: Model,
}

impl JsonTokenizer {
    /// Appends the tokens of `text`.
    pub(crate) fn encode(
        &self,
        text: &str,
        parse_special: bool,
        out: &mut Output,
    ) -> Result<(), TokenizerError> {
        for fragment in self.raw.split(text, parse_special) {
            match fragment {
                Fragment::Token(id, span) => out.push(id, span),
                Fragment::Text(fragment, start) => {
                    let aligned = normalize(&self.normalizers, Aligned::new(fragment, start));
                    for fragment in self.normalized.split(aligned.as_str(), parse_special) {
                        match fragment {
                            Fragment::Token(id, range) => out.push(id, aligned.origin(range)),
                            Fragment::Text(fragment, at) => {
                                let first = start == 0 && at == 0;
                                let fragment = aligned.slice(at..at + fragment.len());
                                self.encode_words(Word { text: fragment, first }, out)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn encode_words(&self, text: Word, out: &mut Output) -> Result<(), TokenizerError> {
        let mut words = vec![text];
        for step in &self.pre_tokenizers {
            words = step.run(words);
        }
        let words = words.iter().filter(|word| !word.text.as_str().is_empty());
        words.map(|word| &word.text).try_for_each(|word| self.model.encode(word, out))
    }
}

fn normalize(steps: &[Normalizer], text: Aligned) -> Aligned {
    steps.iter().fold(text, |text, step| step.run(text))
}

/// A token's text as the normalizer leaves it.
fn normalized_text(steps: &[Normalizer], text: &str) -> String {
    normalize(steps, Aligned::new(text, 0)).as_str().to_owned()
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Which tokens begin and end a text stands in `tokenizer_config.json`; without it
    /// they are taken from what the tokenizer itself puts around a text.
    pub fn from_json(json: &[u8], config: Option<&TokenizerConfig>) -> Result<Tokenizer, TokenizerError> {
        let json: Value = serde_json::from_slice(json).map_err(|e| TokenizerError::Json(e.to_string()))?;
        let part = |key: &str| json.get(key).unwrap_or(&Value::Null);
        let (mut normalizers, mut pre_tokenizers) = (Vec::new(), Vec::new());
        Normalizer::read(part("normalizer"), &mut normalizers)?;
        PreTokenizer::read(part("pre_tokenizer"), &mut pre_tokenizers)?;
        let model = Model::read(part("model"))?;
        let added =
            list(&json, "added_tokens").iter().map(AddedToken::read).collect::<Result<Vec<_>, _>>()?;
        let decoder = Decoder::of(json.get("decoder"));
        let vocab = vocabulary(&model, &added, &normalizers, &decoder)?;
        if vocab.len() == 0 {
            return Err(TokenizerError::Empty);
        }
        let names: HashMap<String, u32> =
            added.iter().map(|token| (token.content.clone(), token.id)).collect();
        let named = |name: &str| {
            let of_model = || model.tokens().into_iter().find(|(_, token)| *token == name).map(|(id, _)| id);
            names.get(name).copied().or_else(of_model)
        };
        let (prefix, suffix) = post::around(part("post_processor"), named)?;
        let outside = |&&id: &&u32| id as usize >= vocab.len();
        if let Some(&id) = prefix.iter().chain(&suffix).find(outside) {
            return Err(TokenizerError::SpecialId { name: "post_processor", id, tokens: vocab.len() });
        }
        let id = |name: &Option<String>| named(name.as_deref()?);
        let (bos, eos, unk) = match config {
            Some(config) => (id(&config.bos_token), id(&config.eos_token), id(&config.unk_token)),
            None => (prefix.first().copied(), suffix.last().copied(), None),
        };
        let eog = end_of_generation(&names, eos);
        let wanted =
            |normalized: bool| added.iter().filter(move |token| token.normalized == normalized).cloned();
        let raw = wanted(false).map(|token| (token.content.clone(), token)).collect();
        let in_normalized =
            wanted(true).map(|token| (normalized_text(&normalizers, &token.content), token)).collect();
        let tokenizer = JsonTokenizer {
            raw: Finder::new(raw)?,
            normalized: Finder::new(in_normalized)?,
            normalizers,
            pre_tokenizers,
            model,
        };
        Ok(Tokenizer {
            added: AddedTokens::new(&Vocab::default(), Vec::new())?,
            vocab,
            algorithm: Algorithm::Json(Box::new(tokenizer)),
            bos,
            eos,
            unk,
            eog,
            prefix,
            suffix,
            strip_leading_space: decoder.strip_leading_space,
        })
    }
}

/// The added tokens that end a generation by their names, and `eos`, in order.
fn end_of_generation(names: &HashMap<String, u32>, eos: Option<u32>) -> Vec<u32> {
    let has = |name: &str| names.contains_key(name);
    let ends =
        |name: &str| special::ends_generation(name, false) && !special::means_something_else(name, has);
    let mut ids: Vec<u32> =
        names.iter().filter(|(name, _)| ends(name)).map(|(_, &id)| id).chain(eos).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The bytes and kind of every id.
fn vocabulary(
    model: &Model,
    added: &[AddedToken],
    normalizers: &[Normalizer],
    decoder: &Decoder,
) -> Result<Vocab, TokenizerError> {
    let by_id: HashMap<u32, &AddedToken> = added.iter().map(|token| (token.id, token)).collect();
    let mut tokens = model.tokens();
    tokens.extend(added.iter().map(|token| (token.id, token.content.as_str())));
    sort_by(&mut tokens, &Ord::cmp);
    if let Some(&(id, _)) = tokens.last().filter(|&&(id, _)| id > MAX_IDS) {
        return Err(TokenizerError::Json(format!("id {id} is above {MAX_IDS}")));
    }
    let mut vocab = Vocab::with_capacity(tokens.len());
    for (id, token) in tokens {
        while (vocab.len() as u64) < u64::from(id) {
            vocab.push(&[], TokenKind::Unused); // An id that no token has.
        }
        if vocab.len() as u64 > u64::from(id) {
            continue; // Two tokens with one id.
        }
        match by_id.get(&id) {
            Some(added) if added.special => vocab.push(added.content.as_bytes(), TokenKind::Control),
            // As the normalizer leaves it, which is what the decoder expects.
            Some(added) if added.normalized => {
                let text = normalized_text(normalizers, &added.content);
                vocab.push(&decoder.bytes(&text), TokenKind::UserDefined);
            }
            Some(added) => vocab.push(&decoder.bytes(&added.content), TokenKind::UserDefined),
            None => vocab.push(&decoder.bytes(token), TokenKind::Normal),
        }
    }
    Ok(vocab)
}
