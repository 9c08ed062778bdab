//! `decoder`: what each token stands for, so that decoding and streaming are the same as for every other vocabulary.

use serde_json::Value;

use crate::tokenizer::{byte_level, spm};

/// What the file's decoder does to one token.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    byte_level: bool,
    byte_fallback: bool,
    /// Text to replace with other text, in order.
    replacements: Vec<(String, String)>,
    /// Begins a token that continues a word; others get a space in front.
    continuation: Option<String>,
    /// A text's first space is the decoder's own doing.
    pub(crate) strip_leading_space: bool,
}

impl Decoder {
    /// Reads the part called `decoder`.
    pub(crate) fn of(json: Option<&Value>) -> Self {
        let mut decoder = Decoder::default();
        match json.filter(|json| !json.is_null()) {
            Some(json) => decoder.read(json),
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

    /// The bytes that a token stands for.
    pub(crate) fn bytes(&self, token: &str) -> Vec<u8> {
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
