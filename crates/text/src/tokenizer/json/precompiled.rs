//! SentencePiece's normalisation rules, compiled: a trie of the texts to replace, and their replacements.
//!
//! The bytes are a length, a double array trie of as many bytes (darts-clone's layout, 32-bit units), and the
//! replacements, each ended by a zero byte. Source: SentencePiece, `normalizer.cc`; darts-clone, `darts.h`.

use unicode_segmentation::UnicodeSegmentation;

use crate::tokenizer::TokenizerError;
use crate::tokenizer::aligned::Aligned;

/// Hugging Face's `tokenizers` looks a grapheme up as a whole only below this length in bytes.
const LONGEST_GRAPHEME: usize = 6;

#[derive(Debug)]
pub(crate) struct Precompiled {
    units: Vec<u32>,
    replacements: String,
}

impl Precompiled {
    pub(crate) fn from_base64(text: &str) -> Result<Precompiled, TokenizerError> {
        Self::new(&decode_base64(text).ok_or_else(|| broken("it is not base64"))?)
    }

    pub(crate) fn new(bytes: &[u8]) -> Result<Precompiled, TokenizerError> {
        let (length, rest) = bytes.split_first_chunk().ok_or_else(|| broken("it is too short"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (trie, replacements) =
            rest.split_at_checked(length).ok_or_else(|| broken("its trie is longer than it"))?;
        let units = trie.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        let replacements =
            String::from_utf8(replacements.to_vec()).map_err(|_| broken("its replacements are not UTF-8"))?;
        Ok(Precompiled { units, replacements })
    }

    /// As Hugging Face's `tokenizers` does it: by grapheme, and by character where no rule begins a grapheme.
    pub(crate) fn normalize(&self, text: &Aligned) -> Aligned {
        let mut out = Aligned::with_capacity(text.as_str().len());
        let origin = |at: usize, length: usize| {
            let origin = text.origin(at..at + length);
            origin.start as u32..origin.end as u32
        };
        for (start, grapheme) in text.as_str().grapheme_indices(true) {
            if grapheme.len() < LONGEST_GRAPHEME
                && let Some((_, replacement)) = self.matches(grapheme).next()
            {
                out.push_str(replacement, origin(start, grapheme.len()));
                continue;
            }
            for (at, c) in grapheme.char_indices() {
                let (length, at) = (c.len_utf8(), start + at);
                match self.matches(&text.as_str()[at..at + length]).next() {
                    Some((_, replacement)) => out.push_str(replacement, origin(at, length)),
                    None => out.push(c, origin(at, length)),
                }
            }
        }
        out
    }

    /// As SentencePiece does it: the longest rule that begins at each place.
    pub(crate) fn normalize_longest(&self, text: &Aligned) -> Aligned {
        let mut out = Aligned::with_capacity(text.as_str().len());
        let mut at = 0;
        while let Some(c) = text.as_str()[at..].chars().next() {
            let rest = &text.as_str()[at..];
            let rule = self.matches(rest).last().filter(|(length, _)| rest.is_char_boundary(*length));
            let length = rule.map_or(c.len_utf8(), |(length, _)| length);
            let origin = text.origin(at..at + length);
            let origin = origin.start as u32..origin.end as u32;
            match rule {
                Some((_, replacement)) => out.push_str(replacement, origin),
                None => out.push(c, origin),
            }
            at += length;
        }
        out
    }

    /// The rules that begin `text`, shortest first: bytes matched and replacement.
    fn matches<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let unit = |at: usize| self.units.get(at).copied();
        let offset = |unit: u32| (unit >> 10 << ((unit & 1 << 9) >> 6)) as usize;
        let mut node = unit(0).map(offset);
        text.bytes()
            .enumerate()
            .map_while(move |(at, byte)| {
                let place = node? ^ usize::from(byte);
                let reached =
                    unit(place).filter(|unit| byte != 0 && unit & (1 << 31 | 0xFF) == u32::from(byte))?;
                let next = place ^ offset(reached);
                node = Some(next);
                let leaf =
                    if reached >> 8 & 1 == 1 { unit(next).map(|leaf| leaf & !(1 << 31)) } else { None };
                Some(leaf.and_then(|start| {
                    let replacement = self.replacements.get(start as usize..)?;
                    Some((at + 1, replacement.split('\0').next()?))
                }))
            })
            .flatten()
    }
}

fn broken(what: &str) -> TokenizerError {
    TokenizerError::Json(format!("the precompiled_charsmap is damaged: {what}"))
}

/// The bytes of a text in base64.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::from(digit(byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}
