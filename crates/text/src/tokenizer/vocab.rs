//! The vocabulary: the exact bytes each id stands for, and what kind of token it is.

/// What a token is for (llama.cpp's token types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal,
    Unknown,
    /// Steers the model and is no text: BOS, `<|im_start|>`.
    Control,
    /// Text that is always one token.
    UserDefined,
    Unused,
    /// One byte of a character that has no token.
    Byte,
}

impl TokenKind {
    /// From `tokenizer.ggml.token_type`.
    pub(crate) fn from_gguf(ty: i32) -> Self {
        match ty {
            2 => TokenKind::Unknown,
            3 => TokenKind::Control,
            4 => TokenKind::UserDefined,
            5 => TokenKind::Unused,
            6 => TokenKind::Byte,
            _ => TokenKind::Normal,
        }
    }

    /// Whether the token is cut out of a text before the algorithm sees it.
    pub(crate) fn is_added(self) -> bool {
        matches!(self, TokenKind::Unknown | TokenKind::Control | TokenKind::UserDefined)
    }
}

/// Bytes and kind of every id, the bytes in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Vocab {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<TokenKind>,
}

impl Vocab {
    pub(crate) fn with_capacity(tokens: usize) -> Self {
        Vocab {
            bytes: Vec::with_capacity(tokens * 8),
            ends: Vec::with_capacity(tokens),
            kinds: Vec::with_capacity(tokens),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], kind: TokenKind) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn bytes(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let end = *self.ends.get(id)?;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    pub(crate) fn kind(&self, id: u32) -> Option<TokenKind> {
        self.kinds.get(id as usize).copied()
    }

    /// Ids of all control, unknown and user-defined tokens.
    pub(crate) fn added(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.kinds).filter(|(_, kind)| kind.is_added()).map(|(id, _)| id)
    }
}
