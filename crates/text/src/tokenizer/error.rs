//! What can be wrong with a tokenizer's description.

/// Why a tokenizer could not be built, or a text not encoded. Never holds the user's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// GGUF metadata lacks a key or has one of the wrong type.
    #[error(transparent)]
    Metadata(#[from] sotto_format::FormatError),
    /// `tokenizer.ggml.model` names an algorithm that is not implemented.
    #[error("tokenizer model \"{model}\" is not supported; known are llama, gpt2, bert and t5")]
    UnknownModel {
        /// The name in the file.
        model: String,
    },
    /// `tokenizer.ggml.pre` names a pre-tokenizer that is not implemented.
    #[error("pre-tokenizer \"{pre}\" is not supported; known are {known}")]
    UnknownPreTokenizer {
        /// The name in the file.
        pre: String,
        /// All names that would do.
        known: String,
    },
    /// A part of `tokenizer.json` that is not implemented.
    #[error("tokenizer.json: the {part} \"{kind}\" is not supported")]
    UnsupportedPart {
        /// Which part.
        part: &'static str,
        /// Its type in the file.
        kind: String,
    },
    /// The vocabulary has no tokens.
    #[error("the vocabulary is empty")]
    Empty,
    /// A per-token list has another length than the list of tokens.
    #[error("{list} has {len} entries for {tokens} tokens")]
    Length {
        /// Which list.
        list: &'static str,
        /// Its length.
        len: usize,
        /// How many tokens there are.
        tokens: usize,
    },
    /// A merge is not two tokens with a space between.
    #[error("merge {index} is not two tokens with a space between")]
    Merge {
        /// Which one, from 0.
        index: usize,
    },
    /// A special token's id is outside the vocabulary.
    #[error("{name} is {id}, but the vocabulary has {tokens} tokens")]
    SpecialId {
        /// The metadata key, without its prefix.
        name: &'static str,
        /// Its value.
        id: u32,
        /// How many tokens there are.
        tokens: usize,
    },
    /// The file asks for a token in front or behind that it does not name.
    #[error("the file asks to add a {name} token to every text, but names none")]
    NoSpecial {
        /// Which one.
        name: &'static str,
    },
    /// A character is not in the vocabulary, which has neither byte tokens nor an unknown token. The message
    /// does not say which: it is the user's.
    #[error(
        "the vocabulary lacks a character of the text, and has no byte tokens and no unknown token to write it with"
    )]
    NoToken,
    /// A pattern made from the vocabulary is too large to search for.
    #[error("the tokenizer could not be built: {0}")]
    Build(String),
    /// `tokenizer.json` or `tokenizer_config.json` could not be read, or the tokenizer it describes failed.
    #[error("tokenizer.json: {0}")]
    Json(String),
}
