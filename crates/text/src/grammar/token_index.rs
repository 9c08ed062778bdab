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
        sort(&mut ids, &text);
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

/// Sorts `ids` by their texts, byte by byte: less code than a sort that compares, for the one time.
fn sort<'a>(ids: &mut [u32], text: &dyn Fn(u32) -> &'a [u8]) {
    /// Groups of so few are sorted one into the other.
    const FEW: usize = 24;
    let mut scratch = vec![0; ids.len()];
    // Groups whose texts begin with so many bytes alike.
    let mut groups = vec![(0, ids.len(), 0)];
    while let Some((start, end, depth)) = groups.pop() {
        let group = &mut ids[start..end];
        if group.len() <= FEW {
            for i in 1..group.len() {
                let mut at = i;
                while at > 0 && text(group[at])[depth..] < text(group[at - 1])[depth..] {
                    group.swap(at, at - 1);
                    at -= 1;
                }
            }
            continue;
        }
        // Texts that end here come first.
        let key = |id: u32| text(id).get(depth).map_or(0, |&byte| 1 + usize::from(byte));
        let mut ends = [0usize; 257];
        group.iter().for_each(|&id| ends[key(id)] += 1);
        let mut sum = 0;
        for (value, end) in ends.iter_mut().enumerate() {
            let begin = sum;
            sum += *end;
            if value > 0 && *end > 1 {
                groups.push((start + begin, start + sum, depth + 1));
            }
            *end = begin;
        }
        let scratch = &mut scratch[..group.len()];
        for &id in &*group {
            let end = &mut ends[key(id)];
            scratch[*end] = id;
            *end += 1;
        }
        group.copy_from_slice(scratch);
    }
}
