//! `tokenizer.json`, run by Hugging Face's `tokenizers`, and `tokenizer_config.json` beside it.
//!
//! What each id stands for is read from the file's decoder, so that decoding and streaming are the same as
//! for every other vocabulary.

use serde_json::Value;
use tokenizers::{AddedVocabulary, Model, OffsetType, PreTokenizer, Tokenizer as HfTokenizer};

use super::added::AddedTokens;
use super::encoding::Encoding;
use super::vocab::{TokenKind, Vocab};
use super::{Algorithm, Tokenizer, TokenizerError, byte_level, special, spm};

/// Ids above this are a broken file: a list that long would not be a vocabulary.
const MAX_IDS: u32 = 1 << 24;

/// A parsed `tokenizer.json`.
#[derive(Debug)]
pub(crate) struct JsonTokenizer {
    inner: HfTokenizer,
    /// The added tokens, with those that are special left as text.
    without_special: AddedVocabulary,
}

impl JsonTokenizer {
    fn parse(json: &[u8]) -> Result<Self, TokenizerError> {
        let mut inner = HfTokenizer::from_bytes(json).map_err(failed)?;
        // How long a prompt may be is for the engine to say, aloud.
        inner.with_truncation(None).map_err(failed)?;
        inner.with_padding(None);
        let mut without_special = inner.get_added_vocabulary().clone();
        without_special.set_encode_special_tokens(true);
        Ok(JsonTokenizer { inner, without_special })
    }

    pub(crate) fn encode(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Encoding, TokenizerError> {
        let added = if parse_special { self.inner.get_added_vocabulary() } else { &self.without_special };
        let mut pieces = added.extract_and_normalize(self.inner.get_normalizer(), text);
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces).map_err(failed)?;
        }
        self.inner.get_model().tokenize_in_pretokenized(&mut pieces, None).map_err(failed)?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::Byte).map_err(failed)?;
        let encoding = self.inner.post_process(encoding, None, add_special).map_err(failed)?;
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end).collect();
        Ok(Encoding { ids: encoding.get_ids().to_vec(), spans })
    }
}

fn failed(error: impl std::fmt::Display) -> TokenizerError {
    TokenizerError::Json(error.to_string())
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Which tokens begin and end a text stands in `tokenizer_config.json`; without it
    /// they are taken from what the tokenizer itself puts around a text.
    pub fn from_json(json: &[u8], config: Option<&TokenizerConfig>) -> Result<Tokenizer, TokenizerError> {
        let tokenizer = JsonTokenizer::parse(json)?;
        let vocab = vocabulary(&tokenizer.inner)?;
        if vocab.len() == 0 {
            return Err(TokenizerError::Empty);
        }
        let id = |name: &Option<String>| tokenizer.inner.token_to_id(name.as_deref()?);
        let around = tokenizer.encode("", true, true)?.ids;
        let (bos, eos, unk) = match config {
            Some(config) => (id(&config.bos_token), id(&config.eos_token), id(&config.unk_token)),
            None => (around.first().copied(), around.get(1..).and_then(<[u32]>::last).copied(), None),
        };
        let (prefix, suffix) = match around.as_slice() {
            [] => (vec![], vec![]),
            [one] if Some(*one) == eos && Some(*one) != bos => (vec![], vec![*one]),
            [first, rest @ ..] => (vec![*first], rest.to_vec()),
        };
        let has = |name: &str| tokenizer.inner.get_added_vocabulary().get_vocab().contains_key(name);
        let by_name = tokenizer.inner.get_added_vocabulary().get_vocab().iter();
        let mut eog: Vec<u32> = by_name
            .filter(|(name, _)| {
                special::ends_generation(name, false) && !special::means_something_else(name, has)
            })
            .map(|(_, &id)| id)
            .chain(eos)
            .collect();
        eog.sort_unstable();
        eog.dedup();
        let strip_leading_space = Decoder::of(&tokenizer.inner).strip_leading_space;
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
            strip_leading_space,
        })
    }
}

/// The bytes and kind of every id.
fn vocabulary(tokenizer: &HfTokenizer) -> Result<Vocab, TokenizerError> {
    let decoder = Decoder::of(tokenizer);
    let mut tokens: Vec<(u32, String)> =
        tokenizer.get_vocab(true).into_iter().map(|(token, id)| (id, token)).collect();
    tokens.sort_unstable();
    if let Some(&(id, _)) = tokens.last().filter(|&&(id, _)| id > MAX_IDS) {
        return Err(TokenizerError::Json(format!("id {id} is above {MAX_IDS}")));
    }
    let added = tokenizer.get_added_tokens_decoder();
    let mut vocab = Vocab::with_capacity(tokens.len());
    for (id, token) in tokens {
        while (vocab.len() as u64) < u64::from(id) {
            vocab.push(&[], TokenKind::Unused); // An id that no token has.
        }
        if vocab.len() as u64 > u64::from(id) {
            continue; // Two tokens with one id.
        }
        match added.get(&id) {
            Some(added) if added.special => vocab.push(token.as_bytes(), TokenKind::Control),
            // As the normalizer leaves it, which is what the decoder expects.
            Some(_) => {
                let token = tokenizer.id_to_token(id).unwrap_or(token);
                vocab.push(&decoder.bytes(&token), TokenKind::UserDefined);
            }
            None => vocab.push(&decoder.bytes(&token), TokenKind::Normal),
        }
    }
    Ok(vocab)
}

/// What the file's decoder does to one token.
#[derive(Debug, Default)]
struct Decoder {
    byte_level: bool,
    byte_fallback: bool,
    /// Text to replace with other text, in order.
    replacements: Vec<(String, String)>,
    /// Begins a token that continues a word; others get a space in front.
    continuation: Option<String>,
    strip_leading_space: bool,
}

impl Decoder {
    fn of(tokenizer: &HfTokenizer) -> Self {
        let mut decoder = Decoder::default();
        match tokenizer.get_decoder().and_then(|decoder| serde_json::to_value(decoder).ok()) {
            Some(json) => decoder.read(&json),
            // Tokens are then joined with spaces.
            None => (decoder.continuation, decoder.strip_leading_space) = (Some(String::new()), true),
        }
        decoder
    }

    fn read(&mut self, json: &Value) {
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match json.get("type").and_then(Value::as_str) {
            Some("Sequence") => {
                json.get("decoders")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .for_each(|part| self.read(part));
            }
            Some("ByteLevel") => self.byte_level = true,
            Some("ByteFallback") => self.byte_fallback = true,
            Some("Metaspace") => {
                self.replacements.push((text("replacement"), " ".to_owned()));
                self.strip_leading_space |= text("prepend_scheme") != "never";
            }
            Some("Replace") => {
                let pattern = json.pointer("/pattern/String").and_then(Value::as_str).unwrap_or_default();
                self.replacements.push((pattern.to_owned(), text("content")));
            }
            Some("WordPiece") => (self.continuation, self.strip_leading_space) = (Some(text("prefix")), true),
            Some("BPEDecoder") => self.replacements.push((text("suffix"), " ".to_owned())),
            Some("Strip") => {
                self.strip_leading_space |= text("content") == " " && json.get("start") != Some(&0.into())
            }
            _ => {}
        }
    }

    fn bytes(&self, token: &str) -> Vec<u8> {
        if self.byte_level {
            return byte_level::decode(token);
        }
        if let Some(byte) = spm::byte_of(token).filter(|_| self.byte_fallback) {
            return vec![byte];
        }
        let mut text = match self.continuation.as_deref() {
            Some("") => format!(" {token}"),
            Some(prefix) => token.strip_prefix(prefix).map_or_else(|| format!(" {token}"), str::to_owned),
            None => token.to_owned(),
        };
        for (from, to) in self.replacements.iter().filter(|(from, _)| !from.is_empty()) {
            text = text.replace(from, to);
        }
        text.into_bytes()
    }
}

/// What Sotto reads from `tokenizer_config.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// Begins a text.
    pub bos_token: Option<String>,
    /// Ends a text.
    pub eos_token: Option<String>,
    /// Stands for what has no token.
    pub unk_token: Option<String>,
    /// Chat templates by name; the usual one is "default".
    pub chat_templates: Vec<(String, String)>,
}

impl TokenizerConfig {
    /// Reads a `tokenizer_config.json`.
    pub fn parse(json: &[u8]) -> Result<Self, TokenizerError> {
        let json: Value = serde_json::from_slice(json).map_err(failed)?;
        let token = |key: &str| {
            let value = json.get(key)?;
            value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
        };
        let chat_templates = match json.get("chat_template") {
            Some(Value::String(template)) => vec![("default".to_owned(), template.clone())],
            Some(Value::Array(named)) => {
                let pair = |one: &Value| {
                    Some((one.get("name")?.as_str()?.to_owned(), one.get("template")?.as_str()?.to_owned()))
                };
                named.iter().filter_map(pair).collect()
            }
            _ => Vec::new(),
        };
        Ok(TokenizerConfig {
            bos_token: token("bos_token"),
            eos_token: token("eos_token"),
            unk_token: token("unk_token"),
            chat_templates,
        })
    }
}
