//! Unigram (Kudo 2018): of all ways to write a text in tokens the likeliest, found by Viterbi's algorithm.

use std::collections::HashMap;

use super::TokenizerError;
use super::aligned::Aligned;
use super::encoding::Output;

/// What an unknown character costs more than the least likely token (SentencePiece's `kUnkPenalty`).
const UNKNOWN_PENALTY: f64 = 10.0;

#[derive(Debug)]
pub(crate) struct Unigram {
    /// Text and log-probability of each id.
    tokens: Vec<(String, f64)>,
    ids: HashMap<Box<str>, u32>,
    /// Bytes of the longest token.
    longest: usize,
    unk: Option<u32>,
    unknown_score: f64,
    /// The tokens `<0x00>` to `<0xFF>`, where unknown characters become their bytes.
    bytes: Option<Vec<u32>>,
}

/// The best way to write a text's beginning.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    /// Where its last token starts.
    start: usize,
    /// `None`: an unknown character.
    id: Option<u32>,
}

impl Unigram {
    /// `tokens` by id, with their log-probabilities; `in_texts` says of an id whether texts are written with it.
    pub(crate) fn new(
        tokens: Vec<(String, f64)>,
        unk: Option<u32>,
        byte_fallback: bool,
        in_texts: impl Fn(u32) -> bool,
    ) -> Result<Unigram, TokenizerError> {
        if let Some(id) = unk.filter(|&id| id as usize >= tokens.len()) {
            return Err(TokenizerError::SpecialId { name: "unk_id", id, tokens: tokens.len() });
        }
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, (token, _)) in (0u32..).zip(&tokens).filter(|(id, _)| in_texts(*id)) {
            ids.insert(token.as_str().into(), id);
        }
        let bytes = byte_fallback
            .then(|| (0..=u8::MAX).map(|byte| ids.get(format!("<0x{byte:02X}>").as_str()).copied()).collect())
            .flatten();
        let lowest = tokens.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
        let longest = tokens.iter().map(|(token, _)| token.len()).max().unwrap_or(0);
        Ok(Unigram { tokens, ids, longest, unk, unknown_score: lowest - UNKNOWN_PENALTY, bytes })
    }

    /// The texts of all ids.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|(token, _)| token.as_str())
    }

    /// Appends the tokens of `aligned`.
    pub(crate) fn encode(&self, aligned: &Aligned, out: &mut Output) -> Result<(), TokenizerError> {
        let text = aligned.as_str();
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        best[0] = Some(Best { score: 0.0, start: 0, id: None });
        for (start, c) in text.char_indices() {
            let Some(before) = best[start].map(|best| best.score) else { continue };
            let one = start + c.len_utf8();
            let mut single = false;
            let ends = text[start..].char_indices().map(|(at, c)| start + at + c.len_utf8());
            for end in ends.take_while(|end| end - start <= self.longest) {
                let Some(&id) = self.ids.get(&text[start..end]) else { continue };
                let score = before + self.tokens[id as usize].1;
                single |= end == one;
                if best[end].is_none_or(|known| score > known.score) {
                    best[end] = Some(Best { score, start, id: Some(id) });
                }
            }
            let score = before + self.unknown_score;
            if !single && best[one].is_none_or(|known| score > known.score) {
                best[one] = Some(Best { score, start, id: None });
            }
        }
        self.trace_back(aligned, &best, out)
    }

    /// Appends the tokens of the best way; unknown characters that touch are one unknown token.
    fn trace_back(
        &self,
        aligned: &Aligned,
        best: &[Option<Best>],
        out: &mut Output,
    ) -> Result<(), TokenizerError> {
        let text = aligned.as_str();
        let mut pieces: Vec<(usize, usize, Option<u32>)> = Vec::new();
        let mut end = text.len();
        while end > 0 {
            let Some(Best { start, id, .. }) = best[end] else { break };
            let id = id.filter(|id| Some(*id) != self.unk);
            match pieces.last_mut() {
                Some((from, _, None)) if id.is_none() => *from = start,
                _ => pieces.push((start, end, id)),
            }
            end = start;
        }
        for (start, end, id) in pieces.into_iter().rev() {
            let (piece, span) = (&text[start..end], aligned.origin(start..end));
            match id.or_else(|| self.ids.get(piece).copied()) {
                Some(id) => out.push(id, span),
                None => match &self.bytes {
                    Some(bytes) => {
                        piece.bytes().for_each(|byte| out.push(bytes[usize::from(byte)], span.clone()));
                    }
                    None => out.push(self.unk.ok_or(TokenizerError::NoToken)?, span),
                },
            }
        }
        Ok(())
    }
}
