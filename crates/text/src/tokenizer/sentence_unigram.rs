//! SentencePiece's Unigram (`tokenizer.ggml.model` = "t5"): the text is normalised by compiled rules, runs of spaces
//! become one, each word begins with \u{2581}, and the likeliest way to write it is taken.
//! Source: llama.cpp, `llama-vocab.cpp` (`llm_tokenizer_ugm`).

use super::TokenizerError;
use super::aligned::Aligned;
use super::encoding::Output;
use super::json::precompiled::Precompiled;
use super::unigram::Unigram;

const SPACE: char = '\u{2581}';

#[derive(Debug)]
pub(crate) struct SentenceUnigram {
    pub model: Unigram,
    /// `tokenizer.ggml.precompiled_charsmap`.
    pub rules: Option<Precompiled>,
    /// Whether a text begins with a space that it does not have.
    pub add_space_prefix: bool,
    /// Whether runs of spaces are one, and those at the ends none.
    pub merge_spaces: bool,
}

impl SentenceUnigram {
    /// Appends the tokens of `text`.
    pub(crate) fn encode(&self, text: &str, out: &mut Output) -> Result<(), TokenizerError> {
        let text = Aligned::new(text, 0);
        let text = match &self.rules {
            Some(rules) => rules.normalize_longest(&text),
            None => text,
        };
        self.model.encode(&self.mark_spaces(&text), out)
    }

    fn mark_spaces(&self, text: &Aligned) -> Aligned {
        let mut out = Aligned::with_capacity(text.as_str().len() + 3);
        let (mut prepended, mut in_word) = (false, false);
        for (c, origin) in text.chars() {
            if c != ' ' {
                if !in_word && (self.merge_spaces || self.add_space_prefix && !prepended) {
                    out.push(SPACE, origin.start..origin.start);
                    prepended = true;
                }
                in_word = true;
                out.push(c, origin);
            } else {
                in_word = false;
                if !self.merge_spaces {
                    out.push(SPACE, origin);
                }
            }
        }
        out
    }
}
