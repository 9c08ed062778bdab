//! Text to token ids and back.
//!
//! A [`Tokenizer`] is a vocabulary (the exact bytes each id stands for) and an algorithm: SentencePiece
//! BPE or Unigram, byte-level BPE or WordPiece rebuilt from GGUF metadata, or the parts that a `tokenizer.json`
//! describes. Encoding first cuts out added tokens (`<|im_start|>`), then gives
//! the rest to the algorithm. Decoding needs only the vocabulary: the text of some ids is their bytes, one
//! after the other.

mod added;
mod aligned;
mod bpe;
mod byte_level;
mod difference;
mod encoding;
mod error;
mod gguf_vocab;
mod json;
mod merge;
mod pretokenizer;
mod sentence_unigram;
mod special;
mod spm;
mod unigram;
mod vocab;
mod wordpiece;

use added::{AddedTokens, Fragment};
pub use difference::VocabDifference;
pub use encoding::Encoding;
use encoding::{Output, offset_in};
pub use error::TokenizerError;
pub use gguf_vocab::GgufVocab;
pub use json::TokenizerConfig;
use vocab::{TokenKind, Vocab};

/// A model's tokenizer. Built once, then shared: every method takes `&self`.
#[derive(Debug)]
pub struct Tokenizer {
    vocab: Vocab,
    algorithm: Algorithm,
    added: AddedTokens,
    bos: Option<u32>,
    eos: Option<u32>,
    unk: Option<u32>,
    /// Sorted.
    eog: Vec<u32>,
    /// Put before and after a text when specials are asked for.
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    /// The algorithm puts a space before a text, so decoding takes one off.
    strip_leading_space: bool,
}

#[derive(Debug)]
enum Algorithm {
    SentencePiece(spm::SentencePiece),
    ByteLevelBpe(bpe::ByteLevelBpe),
    WordPiece(wordpiece::WordPiece),
    Unigram(sentence_unigram::SentenceUnigram),
    Json(Box<json::JsonTokenizer>),
}

impl Tokenizer {
    /// The ids of `text`. `add_special` puts before and after it what the model wants there (BOS, EOS, `[CLS]`);
    /// `parse_special` reads the names of control tokens in the text as those tokens: right for a rendered
    /// chat template, wrong for what a person typed.
    pub fn encode(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.tokens(text, add_special, parse_special, false)?.ids)
    }

    /// As [`Self::encode`], and for each id the bytes of `text` it stands for.
    pub fn encode_with_spans(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Encoding, TokenizerError> {
        self.tokens(text, add_special, parse_special, true)
    }

    /// The ids that [`encode`](Self::encode) with specials puts before a text and after it.
    pub fn specials_around(&self) -> (&[u32], &[u32]) {
        (&self.prefix, &self.suffix)
    }

    fn tokens(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
        spans: bool,
    ) -> Result<Encoding, TokenizerError> {
        let mut out = Output::new(spans, text.len() / 3 + 2);
        if add_special {
            self.prefix.iter().for_each(|&id| out.push(id, 0..0));
        }
        if let Algorithm::Json(json) = &self.algorithm {
            json.encode(text, parse_special, &mut out)?;
            if add_special {
                self.suffix.iter().for_each(|&id| out.push(id, text.len()..text.len()));
            }
            return Ok(out.finish());
        }
        let mut after_special = true;
        for fragment in self.added.split(text, parse_special) {
            match fragment {
                Fragment::Token(id, span) => {
                    out.set_base(0);
                    out.push(id, span);
                    after_special = true;
                }
                Fragment::Text(fragment) => {
                    out.set_base(offset_in(fragment, text));
                    match &self.algorithm {
                        Algorithm::SentencePiece(spm) => spm.encode(fragment, after_special, &mut out)?,
                        Algorithm::ByteLevelBpe(bpe) => bpe.encode(fragment, &mut out),
                        Algorithm::WordPiece(wordpiece) => wordpiece.encode(fragment, &mut out),
                        Algorithm::Unigram(unigram) => unigram.encode(fragment, &mut out)?,
                        Algorithm::Json(_) => {}
                    }
                    after_special = false;
                }
            }
        }
        if add_special {
            out.set_base(text.len());
            self.suffix.iter().for_each(|&id| out.push(id, 0..0));
        }
        Ok(out.finish())
    }

    /// The text of `ids`; bytes that are no UTF-8 become U+FFFD, ids outside the vocabulary nothing.
    /// `skip_special` leaves control tokens out.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        let mut at_start = true;
        for &id in ids {
            bytes.extend_from_slice(self.piece(id, skip_special, &mut at_start));
        }
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// What `id` adds to a text; `at_start` says that no text stands before it, and is told whether that is
    /// still so.
    pub(crate) fn piece(&self, id: u32, skip_special: bool, at_start: &mut bool) -> &[u8] {
        let Some(bytes) = self.vocab.bytes(id) else { return &[] };
        let special = self.is_special(id);
        if bytes.is_empty() || (special && skip_special) {
            return &[];
        }
        match (std::mem::take(at_start), bytes) {
            (true, [b' ', rest @ ..]) if self.strip_leading_space && !special => rest,
            _ => bytes,
        }
    }

    /// The bytes that `id` stands for in the middle of a text (a control token's are its name), or `None`
    /// outside the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        self.vocab.bytes(id).map(<[u8]>::to_vec)
    }

    /// The id of the control, unknown or user-defined token with this name.
    pub fn special_id(&self, name: &str) -> Option<u32> {
        self.vocab.added().find(|&id| self.vocab.bytes(id) == Some(name.as_bytes()))
    }

    /// How many ids there are.
    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    /// The token a text begins with.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The token a text ends with.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// The token for what the vocabulary can not say.
    pub fn unk(&self) -> Option<u32> {
        self.unk
    }

    /// Whether [`encode`](Self::encode) with specials puts BOS (or `[CLS]`) first.
    pub fn add_bos(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// Whether [`encode`](Self::encode) with specials puts EOS (or `[SEP]`) last.
    pub fn add_eos(&self) -> bool {
        !self.suffix.is_empty()
    }

    /// Whether generation ends with this token: end of text, of turn, or of message.
    pub fn is_eog(&self, id: u32) -> bool {
        self.eog.binary_search(&id).is_ok()
    }

    /// All tokens that end a generation, in order.
    pub fn eog(&self) -> &[u32] {
        &self.eog
    }

    /// Ends generations at these too (a `generation_config.json` lists some). Ids outside the vocabulary
    /// are ignored.
    pub fn add_eog(&mut self, ids: &[u32]) {
        let size = self.vocab_size();
        self.eog.extend(ids.iter().filter(|&&id| (id as usize) < size));
        self.eog.sort_unstable();
        self.eog.dedup();
    }

    /// Whether `id` is a control or unknown token, which decoding with `skip_special` leaves out.
    pub fn is_special(&self, id: u32) -> bool {
        matches!(self.vocab.kind(id), Some(TokenKind::Control | TokenKind::Unknown))
    }
}
