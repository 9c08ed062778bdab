//! Byte-level BPE (`tokenizer.ggml.model` = "gpt2"): the text is cut into words, each word into bytes, and of
//! all adjacent pairs that the merge list names, the one listed first merges first.

use std::collections::HashMap;

use super::TokenizerError;
use super::encoding::{Output, offset_in};
use super::gguf_vocab::GgufVocab;
use super::merge::{Symbol, merge};
use super::pretokenizer::PreTokenizer;
use super::vocab::{TokenKind, Vocab};

#[derive(Debug)]
pub(crate) struct ByteLevelBpe {
    pre_tokenizer: PreTokenizer,
    /// Pair of ids -> rank in the merge list, id of the two together.
    merges: HashMap<(u32, u32), (u32, u32)>,
    /// The token of each byte.
    bytes: Vec<Option<u32>>,
    /// Whole words that are tokens whatever the merges say (Llama 3's `ignore_merges`); else empty.
    words: HashMap<Box<[u8]>, u32>,
}

impl ByteLevelBpe {
    /// Of a vocabulary, and what the file says of its merges.
    pub(crate) fn new(
        vocab: &Vocab,
        GgufVocab { tokens, merges, in_order, .. }: &GgufVocab,
        pre_tokenizer: PreTokenizer,
    ) -> Result<Self, TokenizerError> {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in (0u32..).zip(tokens) {
            if !matches!(vocab.kind(id), Some(TokenKind::Control | TokenKind::Unknown)) {
                ids.entry(token.as_str()).or_insert(id);
            }
        }
        let mut bytes = vec![None; 256];
        let mut words = HashMap::new();
        for &id in ids.values() {
            if !matches!(vocab.kind(id), Some(TokenKind::Normal | TokenKind::Unused)) {
                continue;
            }
            match vocab.bytes(id) {
                Some(&[byte]) => bytes[usize::from(byte)] = Some(id),
                Some(word) if pre_tokenizer.ignore_merges() => {
                    words.insert(word.into(), id);
                }
                _ => {}
            }
        }
        let mut bpe =
            ByteLevelBpe { pre_tokenizer, merges: HashMap::with_capacity(tokens.len()), bytes, words };
        if *in_order {
            bpe.merge_in_order(vocab);
        } else {
            bpe.merge_as_listed(&ids, merges)?;
        }
        Ok(bpe)
    }

    fn merge_as_listed(&mut self, ids: &HashMap<&str, u32>, merges: &[String]) -> Result<(), TokenizerError> {
        let mut together = String::new();
        for (index, pair) in merges.iter().enumerate() {
            // The first token may itself begin with a space.
            let space = pair.char_indices().skip(1).find(|&(_, c)| c == ' ').map(|(at, _)| at);
            let (left, right) =
                space.map(|at| (&pair[..at], &pair[at + 1..])).ok_or(TokenizerError::Merge { index })?;
            together.clear();
            together.push_str(left);
            together.push_str(right);
            // A merge of, or into, what is no token can never show in the result.
            if let (Some(&l), Some(&r), Some(&id)) =
                (ids.get(left), ids.get(right), ids.get(together.as_str()))
            {
                self.merges.entry((l, r)).or_insert((index as u32, id));
            }
        }
        Ok(())
    }

    /// A vocabulary grows by a merge at a time, so a token is made of the two that the merges before it leave of its bytes.
    fn merge_in_order(&mut self, vocab: &Vocab) {
        let mut parts = Vec::new();
        for id in 0..vocab.len() as u32 {
            if vocab.kind(id) != Some(TokenKind::Normal) {
                continue;
            }
            self.cut(vocab.bytes(id).unwrap_or_default(), &mut parts);
            if let [Symbol { id: Some(left), .. }, Symbol { id: Some(right), .. }] = *parts {
                self.merges.insert((left, right), (id, id));
            }
        }
    }

    /// The tokens of a word. Bytes that have none are left out, as in the reference implementations.
    fn cut(&self, word: &[u8], symbols: &mut Vec<Symbol>) {
        symbols.clear();
        symbols.extend(word.iter().enumerate().filter_map(|(start, &byte)| {
            self.bytes[usize::from(byte)].map(|id| Symbol { start, len: 1, id: Some(id) })
        }));
        merge(symbols, |left, right| self.merges.get(&(left.id?, right.id?)).copied());
    }

    pub(crate) fn encode(&self, text: &str, out: &mut Output) {
        let mut symbols = Vec::new();
        for word in self.pre_tokenizer.split(text) {
            let at = offset_in(word, text);
            if let Some(&id) = self.words.get(word.as_bytes()) {
                out.push(id, at..at + word.len());
                continue;
            }
            self.cut(word.as_bytes(), &mut symbols);
            for symbol in &symbols {
                if let Some(id) = symbol.id {
                    out.push(id, at + symbol.start..at + symbol.start + symbol.len);
                }
            }
        }
    }
}
