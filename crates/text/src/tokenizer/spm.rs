//! SentencePiece BPE (`tokenizer.ggml.model` = "llama"): spaces become ▁ (U+2581), one ▁ goes in front, and of
//! all adjacent pieces whose union is a token, the one with the highest score merges first. A character
//! without a token becomes its UTF-8 bytes, or the unknown token where there are no byte tokens.

use std::collections::HashMap;

use super::TokenizerError;
use super::encoding::Output;
use super::merge::{Symbol, merge};
use super::vocab::TokenKind;

const SPACE: &str = "\u{2581}";

#[derive(Debug)]
pub(crate) struct SentencePiece {
    /// Text with ▁ for spaces -> id and merge priority (the highest score has the lowest).
    pieces: HashMap<Box<[u8]>, (u32, u32)>,
    bytes: Vec<Option<u32>>,
    unk: Option<u32>,
    /// Whether a text, and each text after an added token, gets a ▁ in front.
    add_space_prefix: bool,
}

impl SentencePiece {
    /// `tokens` as they stand in the file. Control, unknown and byte tokens are never merged into, so text
    /// that looks like one stays text (as in SentencePiece).
    pub(crate) fn new(
        tokens: &[String],
        kinds: &[TokenKind],
        scores: &[f32],
        unk: Option<u32>,
        add_space_prefix: bool,
    ) -> Self {
        let mut pieces = HashMap::with_capacity(tokens.len());
        let mut bytes = vec![None; 256];
        for (id, (token, kind)) in (0u32..).zip(tokens.iter().zip(kinds)) {
            match kind {
                TokenKind::Byte => {
                    if let Some(slot) = byte_of(token).and_then(|byte| bytes.get_mut(usize::from(byte))) {
                        *slot = Some(id);
                    }
                }
                TokenKind::Normal | TokenKind::UserDefined | TokenKind::Unused => {
                    let score = scores.get(id as usize).copied().unwrap_or(0.0);
                    pieces.entry(token.as_bytes().into()).or_insert((id, priority(score)));
                }
                TokenKind::Unknown | TokenKind::Control => {}
            }
        }
        SentencePiece { pieces, bytes, unk, add_space_prefix }
    }

    pub(crate) fn encode(
        &self,
        text: &str,
        after_special: bool,
        out: &mut Output,
    ) -> Result<(), TokenizerError> {
        let prefix = if after_special && self.add_space_prefix { SPACE } else { "" };
        let mut origin = Origin::new(text, prefix.len());
        let text = format!("{prefix}{}", text.replace(' ', SPACE));
        let piece = |start: usize, len: usize| self.pieces.get(text.as_bytes().get(start..start + len)?);
        let mut symbols: Vec<Symbol> = text
            .char_indices()
            .map(|(start, c)| {
                let len = c.len_utf8();
                Symbol { start, len, id: piece(start, len).map(|&(id, _)| id) }
            })
            .collect();
        merge(&mut symbols, |left, right| {
            piece(left.start, left.len + right.len).map(|&(id, priority)| (priority, id))
        });
        let mut after_unknown = false;
        for symbol in symbols {
            let first = out.ids.len();
            let span = if out.wants_spans() { origin.span(symbol.start + symbol.len) } else { 0..0 };
            if let Some(id) = symbol.id {
                out.push(id, span);
                after_unknown = false;
                continue;
            }
            let bytes = text.as_bytes().get(symbol.start..symbol.start + symbol.len).unwrap_or_default();
            let byte_tokens = bytes.iter().map_while(|&byte| self.bytes[usize::from(byte)]);
            byte_tokens.for_each(|id| out.push(id, span.clone()));
            if out.ids.len() - first == bytes.len() {
                after_unknown = false;
                continue;
            }
            out.truncate(first);
            // A run of unknown characters is one unknown token (SentencePiece).
            if after_unknown {
                out.extend_last(span.end);
            } else {
                out.push(self.unk.ok_or(TokenizerError::NoToken)?, span);
            }
            after_unknown = true;
        }
        Ok(())
    }
}

/// Goes from the text with ▁ for spaces back to the text as it came, in the order of the tokens.
struct Origin<'t> {
    rest: std::str::CharIndices<'t>,
    /// Bytes of the text with ▁ that are passed, and of the text as it came.
    marked: usize,
    plain: usize,
}

impl<'t> Origin<'t> {
    /// `prefix`: bytes in front that the text as it came does not have.
    fn new(text: &'t str, prefix: usize) -> Self {
        Origin { rest: text.char_indices(), marked: prefix, plain: 0 }
    }

    /// What the token stands for that ends at byte `end` of the text with ▁ and begins where the last one ended.
    fn span(&mut self, end: usize) -> std::ops::Range<usize> {
        let start = self.plain;
        while self.marked < end {
            let Some((at, c)) = self.rest.next() else { break };
            self.marked += if c == ' ' { SPACE.len() } else { c.len_utf8() };
            self.plain = at + c.len_utf8();
        }
        start..self.plain
    }
}

/// What a token of a "llama" vocabulary stands for.
pub(crate) fn piece_bytes(token: &str, kind: TokenKind) -> Vec<u8> {
    match kind {
        TokenKind::Byte => byte_of(token).map_or_else(|| token.as_bytes().to_vec(), |byte| vec![byte]),
        TokenKind::Normal | TokenKind::Unused => token.replace(SPACE, " ").into_bytes(),
        TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined => token.as_bytes().to_vec(),
    }
}

/// The byte of `<0x0A>`.
pub(crate) fn byte_of(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        u8::from_str_radix(hex, 16).ok()
    } else {
        None
    }
}

/// Maps scores to integers that sort the other way: flipping the bits of a negative float, and the sign of
/// a positive one, gives IEEE 754 its numeric order.
fn priority(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // + 0.0 makes -0.0 and 0.0 equal.
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    !ascending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_puts_high_scores_first() {
        let scores = [f32::INFINITY, 3.5, 1e-30, 0.0, -1e-30, -1.0, -2.0, -1e9, f32::NEG_INFINITY];
        assert!(scores.windows(2).all(|pair| priority(pair[0]) < priority(pair[1])));
        assert_eq!(priority(0.0), priority(-0.0));
    }

    #[test]
    fn byte_tokens_are_two_hex_digits() {
        assert_eq!(byte_of("<0x0A>"), Some(10));
        assert_eq!(byte_of("<0xff>"), Some(255));
        for not_one in ["<0x0>", "<0x+1>", "<0x00A>", "0x0A", "<0xGG>", ""] {
            assert_eq!(byte_of(not_one), None, "{not_one}");
        }
    }
}
