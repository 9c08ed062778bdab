//! A `tokenizer.json` as GGUF's metadata has it: what `convert` writes. Source: llama.cpp, `convert_hf_to_gguf.py` and
//! `gguf-py/gguf/vocab.py`.

use std::collections::HashMap;

use serde_json::Value;
use sotto_format::{Array, Metadata, Value as GgufValue};

use super::added::AddedToken;
use super::config::TokenizerConfig;
use super::field::{expression, flag, kind, list, text, unsupported};
use super::precompiled::decode_base64;
use crate::tokenizer::pretokenizer::{GPT2, PreTokenizer};
use crate::tokenizer::{GgufVocab, Tokenizer, TokenizerError};

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

impl GgufVocab {
    /// The vocabulary of a `tokenizer.json`, with unused tokens up to `rows`, the rows of the embedding table.
    pub fn from_json(
        json: &[u8],
        config: Option<&TokenizerConfig>,
        rows: usize,
    ) -> Result<GgufVocab, TokenizerError> {
        // What cannot be read cannot be converted; and it knows which tokens begin and end a text.
        let tokenizer = Tokenizer::from_json(json, config)?;
        let json: Value = serde_json::from_slice(json).map_err(|e| TokenizerError::Json(e.to_string()))?;
        let part = |key: &str| json.get(key).unwrap_or(&Value::Null);
        let model = part("model");
        let mut vocab = GgufVocab {
            bos: tokenizer.bos(),
            eos: tokenizer.eos(),
            unk: tokenizer.unk(),
            add_bos: Some(tokenizer.add_bos()),
            add_eos: Some(tokenizer.add_eos()),
            ..GgufVocab::default()
        };
        let texts = match kind(model) {
            Some("Unigram") => vocab.read_unigram(model, part("normalizer"), part("pre_tokenizer")),
            Some("WordPiece") => vocab.read_word_piece(model, part("normalizer"), &tokenizer),
            _ => vocab.read_bpe(model, part("normalizer"), part("pre_tokenizer"))?,
        };
        let added =
            list(&json, "added_tokens").iter().map(AddedToken::read).collect::<Result<Vec<_>, _>>()?;
        vocab.fill(texts, &added, rows.max(tokenizer.vocab_size()));
        Ok(vocab)
    }

    /// Lists the tokens by id: those of the model, the added ones, and unused ones in between and up to `count`.
    fn fill(&mut self, texts: HashMap<u32, (String, f32)>, added: &[AddedToken], count: usize) {
        let added: HashMap<u32, &AddedToken> = added.iter().map(|token| (token.id, token)).collect();
        let unk = self.unk;
        for id in 0..count as u32 {
            let score = texts.get(&id).map_or(0.0, |(_, score)| *score);
            let is_byte = self.model == "llama";
            let (text, ty) = match (added.get(&id), texts.get(&id)) {
                _ if unk == Some(id) && self.model != "gpt2" => {
                    let text = added.get(&id).map(|token| token.content.clone());
                    (text.or(texts.get(&id).map(|(text, _)| text.clone())).unwrap_or_default(), UNKNOWN)
                }
                (Some(token), _) => {
                    (token.content.clone(), if token.special { CONTROL } else { USER_DEFINED })
                }
                (None, Some((text, _))) if is_byte && crate::tokenizer::spm::byte_of(text).is_some() => {
                    (text.clone(), BYTE)
                }
                (None, Some((text, _))) => (text.clone(), NORMAL),
                (None, None) => (format!("[PAD{id}]"), UNUSED),
            };
            self.tokens.push(text);
            self.token_types.push(ty);
            self.scores.push(score);
        }
        if self.model == "gpt2" || self.model == "bert" {
            self.scores.clear();
        }
    }

    fn read_bpe(
        &mut self,
        model: &Value,
        normalizer: &Value,
        pre_tokenizer: &Value,
    ) -> Result<HashMap<u32, (String, f32)>, TokenizerError> {
        let mut merges = Vec::new();
        for pair in list(model, "merges") {
            match pair {
                Value::String(pair) => merges.push(pair.clone()),
                pair => {
                    let part = |at: usize| pair.get(at).and_then(Value::as_str).unwrap_or_default();
                    merges.push(format!("{} {}", part(0), part(1)));
                }
            }
        }
        let ids = vocabulary(model);
        if flag(model, "byte_fallback", false) {
            self.model = "llama".to_owned();
            self.add_space_prefix = Some(prepends_space(normalizer) || prepends_space(pre_tokenizer));
            // A piece merges as early as the first merge that makes it; single characters have no rank.
            let mut ranks: HashMap<String, f32> = HashMap::new();
            for (rank, pair) in merges.iter().enumerate() {
                ranks.entry(pair.replacen(' ', "", 1)).or_insert(-(rank as f32) - 1.0);
            }
            let scored = ids.into_iter().map(|(token, id)| {
                let score = ranks.get(&token).copied().unwrap_or(0.0);
                (id, (token, score))
            });
            return Ok(scored.collect());
        }
        let mut patterns = Vec::new();
        word_patterns(pre_tokenizer, &mut patterns)?;
        let pre = PreTokenizer::name_of(&patterns, flag(model, "ignore_merges", false))
            .ok_or_else(|| unsupported("pre_tokenizer", "which GGUF has no name for"))?;
        self.model = "gpt2".to_owned();
        self.pre = Some(pre.to_owned());
        self.merges = merges;
        Ok(ids.into_iter().map(|(token, id)| (id, (token, 0.0))).collect())
    }

    fn read_word_piece(
        &mut self,
        model: &Value,
        normalizer: &Value,
        tokenizer: &Tokenizer,
    ) -> HashMap<u32, (String, f32)> {
        self.model = "bert".to_owned();
        self.lowercase = Some(flag(normalizer, "lowercase", true));
        (self.cls, self.sep) = (tokenizer.prefix.first().copied(), tokenizer.suffix.last().copied());
        self.unk = tokenizer.special_id(text(model, "unk_token")).or(self.unk);
        let prefix = text(model, "continuing_subword_prefix");
        let marked = |token: String| match token.strip_prefix(prefix) {
            Some(rest) if !rest.is_empty() => rest.to_owned(),
            _ => format!("\u{2581}{token}"),
        };
        vocabulary(model).into_iter().map(|(token, id)| (id, (marked(token), 0.0))).collect()
    }

    fn read_unigram(
        &mut self,
        model: &Value,
        normalizer: &Value,
        pre_tokenizer: &Value,
    ) -> HashMap<u32, (String, f32)> {
        self.model = "t5".to_owned();
        self.add_space_prefix = Some(prepends_space(normalizer) || prepends_space(pre_tokenizer));
        self.remove_extra_whitespaces = Some(collapses_spaces(normalizer) || splits_at_spaces(pre_tokenizer));
        self.precompiled_charsmap = charsmap(normalizer).unwrap_or_default();
        let unk = model.get("unk_id").and_then(Value::as_u64);
        self.unk = unk.and_then(|id| u32::try_from(id).ok());
        let token = |(id, entry): (u32, &Value)| {
            let token = entry.get(0)?.as_str()?.to_owned();
            Some((id, (token, entry.get(1)?.as_f64()? as f32)))
        };
        (0u32..).zip(list(model, "vocab")).filter_map(token).collect()
    }

    /// Writes `tokenizer.ggml.*`.
    pub fn write(&self, metadata: &mut Metadata) {
        let mut set = |key: &str, value: GgufValue| {
            metadata.insert(format!("tokenizer.ggml.{key}"), value);
        };
        set("model", GgufValue::String(self.model.clone()));
        if let Some(pre) = &self.pre {
            set("pre", GgufValue::String(pre.clone()));
        }
        set("tokens", GgufValue::Array(Array::String(self.tokens.clone())));
        set("token_type", GgufValue::Array(Array::I32(self.token_types.clone())));
        if !self.scores.is_empty() {
            set("scores", GgufValue::Array(Array::F32(self.scores.clone())));
        }
        if !self.merges.is_empty() {
            set("merges", GgufValue::Array(Array::String(self.merges.clone())));
        }
        if !self.precompiled_charsmap.is_empty() {
            set("precompiled_charsmap", GgufValue::Array(Array::U8(self.precompiled_charsmap.clone())));
        }
        for (key, id) in self.special_ids() {
            if let Some(id) = id {
                set(key, GgufValue::U32(id));
            }
        }
        for (key, flag) in [
            ("add_bos_token", self.add_bos),
            ("add_eos_token", self.add_eos),
            ("add_space_prefix", self.add_space_prefix),
            ("remove_extra_whitespaces", self.remove_extra_whitespaces),
            ("normalizer.lowercase", self.lowercase),
        ] {
            if let Some(flag) = flag {
                set(key, GgufValue::Bool(flag));
            }
        }
    }
}

fn vocabulary(model: &Value) -> Vec<(String, u32)> {
    let entries = model.get("vocab").and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(token, id)| Some((token.clone(), u32::try_from(id.as_u64()?).ok()?))).collect()
}

/// The expressions that cut a text into words.
fn word_patterns(json: &Value, patterns: &mut Vec<String>) -> Result<(), TokenizerError> {
    match kind(json) {
        None => {}
        Some("Sequence") => {
            return list(json, "pretokenizers").iter().try_for_each(|step| word_patterns(step, patterns));
        }
        Some("Split") if text(json, "behavior") == "Isolated" && !flag(json, "invert", false) => {
            patterns.push(expression(json)?);
        }
        // cl100k's way to say the same: what does not match goes.
        Some("Split") if text(json, "behavior") == "Removed" && flag(json, "invert", false) => {
            patterns.push(expression(json)?);
        }
        Some("Digits") => {
            let one = flag(json, "individual_digits", false);
            patterns.push(if one { r"\p{N}" } else { r"\p{N}+" }.to_owned());
        }
        Some("ByteLevel") if flag(json, "use_regex", true) => patterns.push(GPT2.to_owned()),
        Some("ByteLevel") => {}
        Some(other) => return Err(unsupported("pre_tokenizer", other)),
    }
    Ok(())
}

/// Whether any step of `json` fulfils `is`.
fn any_step(json: &Value, is: &impl Fn(&Value) -> bool) -> bool {
    is(json)
        || ["normalizers", "pretokenizers"]
            .iter()
            .any(|key| list(json, key).iter().any(|step| any_step(step, is)))
}

fn prepends_space(json: &Value) -> bool {
    any_step(json, &|step| match kind(step) {
        Some("Prepend") => true,
        Some("Metaspace") => match step.get("prepend_scheme").and_then(Value::as_str) {
            Some(scheme) => scheme != "never",
            None => flag(step, "add_prefix_space", true),
        },
        _ => false,
    })
}

/// SentencePiece's `remove_extra_whitespaces`, as transformers' converter writes it.
fn collapses_spaces(json: &Value) -> bool {
    any_step(json, &|step| {
        kind(step) == Some("Replace") && expression(step).is_ok_and(|pattern| pattern == " {2,}")
    })
}

fn splits_at_spaces(json: &Value) -> bool {
    any_step(json, &|step| kind(step) == Some("WhitespaceSplit"))
}

fn charsmap(json: &Value) -> Option<Vec<u8>> {
    if kind(json) == Some("Precompiled") {
        return decode_base64(text(json, "precompiled_charsmap"));
    }
    list(json, "normalizers").iter().find_map(charsmap)
}
