//! Whether two tokenizers give ids the same meaning.

use super::Tokenizer;

/// Ids that one vocabulary may have beyond another: families pad their tables of embeddings to different sizes, Qwen2.5 to
/// 151936 and 152064 rows.
const MOST_PADDING: usize = 128;

/// Where two vocabularies part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabDifference {
    /// Their sizes.
    #[error("its vocabulary has {found} tokens and not {expected}")]
    Size {
        /// Tokens of the one.
        expected: usize,
        /// Tokens of the other.
        found: usize,
    },
    /// A token.
    #[error("token {id} of its vocabulary stands for other text")]
    Token {
        /// The first that is not the same.
        id: u32,
    },
}

impl Tokenizer {
    /// Whether ids of this tokenizer can be given to a model of `other`. How texts are cut into tokens plays no part.
    pub fn require_same_ids(&self, other: &Tokenizer) -> Result<(), VocabDifference> {
        let (expected, found) = (self.vocab_size(), other.vocab_size());
        if expected.abs_diff(found) > MOST_PADDING {
            return Err(VocabDifference::Size { expected, found });
        }
        let mut ids = 0..expected.min(found) as u32;
        match ids.find(|&id| self.vocab.bytes(id) != other.vocab.bytes(id)) {
            Some(id) => Err(VocabDifference::Token { id }),
            None => Ok(()),
        }
    }
}
