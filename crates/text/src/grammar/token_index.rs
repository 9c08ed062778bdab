//! A vocabulary in the order of its tokens' bytes, so that what tokens begin with alike is looked at once.

use crate::Tokenizer;

/// The tokens that are text, sorted by their bytes: a tree of beginnings, laid out flat. Made once a model.
#[derive(Debug)]
pub struct TokenIndex {
    pub(super) ids: Vec<u32>,
    /// Bytes that a token begins with as the one before it does.
    pub(super) shared: Vec<u16>,
    /// Bytes that follow those.
    pub(super) own: Vec<u16>,
    /// Those of all tokens, one after the other.
    pub(super) bytes: Vec<u8>,
    /// For each byte that tokens begin with, the first such token and where its bytes are.
    pub(super) heads: Vec<(u32, u32)>,
    /// Bytes of the longest token.
    pub(super) longest: usize,
    /// Tokens that end a generation.
    pub(super) eog: Vec<u32>,
    vocab: usize,
}

impl TokenIndex {
    /// The tokens of `tokenizer` that stand for text, of `vocab` ids that a model has: neither control tokens nor those that end
    /// a generation.
    pub fn new(tokenizer: &Tokenizer, vocab: usize) -> TokenIndex {
        let text = |id: u32| match tokenizer.is_special(id) || tokenizer.is_eog(id) {
            true => &[],
            false => tokenizer.piece(id, false, &mut false),
        };
        let known = tokenizer.vocab_size().min(vocab) as u32;
        let wanted = |&id: &u32| (1..=usize::from(u16::MAX)).contains(&text(id).len());
        let mut ids: Vec<u32> = (0..known).filter(wanted).collect();
        ids.sort_unstable_by(|&a, &b| text(a).cmp(text(b)));
        let (mut shared, mut own, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        let mut heads = Vec::new();
        let (mut before, mut longest) = (&[][..], 0);
        for &id in &ids {
            let token = text(id);
            let alike = before.iter().zip(token).take_while(|(a, b)| a == b).count();
            if alike == 0 {
                heads.push((shared.len() as u32, bytes.len() as u32));
            }
            shared.push(alike as u16);
            own.push((token.len() - alike) as u16);
            bytes.extend_from_slice(&token[alike..]);
            longest = longest.max(token.len());
            before = token;
        }
        let eog = tokenizer.eog().iter().copied().filter(|&id| (id as usize) < vocab).collect();
        TokenIndex { ids, shared, own, bytes, heads, longest, eog, vocab }
    }

    /// Words of a mask: a bit for each id of the model.
    pub fn mask_words(&self) -> usize {
        self.vocab.div_ceil(32)
    }
}
