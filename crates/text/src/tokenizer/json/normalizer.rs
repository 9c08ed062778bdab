//! `normalizer`: what is done to a text before it is cut.

use regex::Regex;
use serde_json::Value;

use super::field::{flag, kind, list, pattern, text, unsupported};
use super::precompiled::Precompiled;
use crate::tokenizer::aligned::{Aligned, Form};
use crate::tokenizer::{TokenizerError, byte_level};

/// One step.
#[derive(Debug)]
pub(crate) enum Normalizer {
    Unicode(Form),
    Lowercase,
    /// Takes all combining marks away.
    StripAccents(Regex),
    Strip {
        left: bool,
        right: bool,
    },
    Prepend(String),
    Replace {
        pattern: Regex,
        content: String,
    },
    Precompiled(Precompiled),
    Bert(Box<Bert>),
    /// GPT-2's alphabet for bytes.
    ByteLevel,
}

/// BERT's own.
#[derive(Debug)]
pub(crate) struct Bert {
    clean_text: bool,
    chinese_chars: bool,
    strip_accents: bool,
    lowercase: bool,
    accent: Regex,
    control: Regex,
    chinese: Regex,
}

impl Normalizer {
    /// The steps that `json` describes, in order.
    pub(crate) fn read(json: &Value, steps: &mut Vec<Normalizer>) -> Result<(), TokenizerError> {
        let Some(kind) = kind(json) else { return Ok(()) };
        steps.push(match kind {
            "Sequence" => {
                return list(json, "normalizers").iter().try_for_each(|step| Self::read(step, steps));
            }
            "NFC" => Normalizer::Unicode(Form::Nfc),
            "NFD" => Normalizer::Unicode(Form::Nfd),
            "NFKC" => Normalizer::Unicode(Form::Nfkc),
            "NFKD" => Normalizer::Unicode(Form::Nfkd),
            "Lowercase" => Normalizer::Lowercase,
            "StripAccents" => Normalizer::StripAccents(regex(r"\p{M}")?),
            "Strip" => Normalizer::Strip {
                left: flag(json, "strip_left", true),
                right: flag(json, "strip_right", true),
            },
            "Prepend" => Normalizer::Prepend(text(json, "prepend").to_owned()),
            "Replace" => {
                Normalizer::Replace { pattern: pattern(json)?, content: text(json, "content").to_owned() }
            }
            "Precompiled" => {
                Normalizer::Precompiled(Precompiled::from_base64(text(json, "precompiled_charsmap"))?)
            }
            "BertNormalizer" => Normalizer::Bert(Box::new(Bert::read(json)?)),
            "ByteLevel" => Normalizer::ByteLevel,
            other => return Err(unsupported("normalizer", other)),
        });
        Ok(())
    }

    pub(crate) fn run(&self, text: Aligned) -> Aligned {
        match self {
            Normalizer::Unicode(form) => text.normalize(*form),
            Normalizer::Lowercase => text.map(char::to_lowercase),
            Normalizer::StripAccents(marks) => text.replace(marks, ""),
            Normalizer::Strip { left, right } => {
                let all = text.as_str();
                let start = if *left { all.len() - all.trim_start().len() } else { 0 };
                let end = if *right { all.trim_end().len() } else { all.len() };
                text.slice(start..end.max(start))
            }
            Normalizer::Prepend(prefix) => {
                let mut text = text;
                if !text.as_str().is_empty() {
                    text.prepend(prefix);
                }
                text
            }
            Normalizer::Replace { pattern, content } => text.replace(pattern, content),
            Normalizer::Precompiled(map) => map.normalize(&text),
            Normalizer::Bert(bert) => bert.run(text),
            Normalizer::ByteLevel => byte_level::encode(&text),
        }
    }
}

impl Bert {
    fn read(json: &Value) -> Result<Bert, TokenizerError> {
        let lowercase = flag(json, "lowercase", true);
        Ok(Bert {
            clean_text: flag(json, "clean_text", true),
            chinese_chars: flag(json, "handle_chinese_chars", true),
            strip_accents: flag(json, "strip_accents", lowercase),
            lowercase,
            accent: regex(r"\p{Mn}")?,
            // White space among them is kept, as a space.
            control: regex(r"[\p{Cc}\p{Cf}\p{Cn}\p{Co}\x00\x{FFFD}--[\t\n\r]]")?,
            chinese: regex(concat!(
                r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}",
                r"\x{2B740}-\x{2B81F}\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
            ))?,
        })
    }

    fn run(&self, mut text: Aligned) -> Aligned {
        if self.clean_text {
            text = text.replace(&self.control, "").map(|c| [if c.is_whitespace() { ' ' } else { c }]);
        }
        if self.chinese_chars {
            let mut utf8 = [0; 4];
            text = text.map(|c| {
                let alone = !c.is_ascii() && self.chinese.is_match(c.encode_utf8(&mut utf8));
                let space = alone.then_some(' ');
                space.into_iter().chain([c]).chain(space)
            });
        }
        if self.strip_accents {
            text = text.normalize(Form::Nfd).replace(&self.accent, "");
        }
        if self.lowercase { text.map(char::to_lowercase) } else { text }
    }
}

fn regex(pattern: &str) -> Result<Regex, TokenizerError> {
    Regex::new(pattern).map_err(|error| TokenizerError::Build(error.to_string()))
}
