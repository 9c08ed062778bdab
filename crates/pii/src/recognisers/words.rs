//! Small fixed sets of words, written as text and searched as sorted lists.

use std::sync::LazyLock;

/// A set of words, separated by spaces in the source.
pub(crate) struct Words(LazyLock<Set, fn() -> Set>);

impl Words {
    pub(crate) const fn new(set: fn() -> Set) -> Self {
        Words(LazyLock::new(set))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.has(word)
    }
}

/// A sorted list, and what says of most words by a glance that they are not in it: nearly all that are asked for are not.
pub(crate) struct Set {
    sorted: Vec<&'static str>,
    /// A bit for each value that [`glance`] has for some word, a power of two of them.
    seen: Box<[u32]>,
}

/// Values that a glance has, for each word of a set: one word in sixteen is looked up for nothing.
const ROOM: usize = 16;

impl Set {
    /// The words of a text.
    pub(crate) fn of(text: &'static str) -> Set {
        let mut sorted: Vec<&str> = text.split_ascii_whitespace().collect();
        sorted.sort_unstable();
        let mut seen = vec![0; (sorted.len() * ROOM).next_power_of_two().div_ceil(32)].into_boxed_slice();
        for word in &sorted {
            let at = glance(word);
            seen[(at / 32) & (seen.len() - 1)] |= 1 << (at % 32);
        }
        Set { sorted, seen }
    }

    fn has(&self, word: &str) -> bool {
        let at = glance(word);
        self.seen[(at / 32) & (self.seen.len() - 1)] >> (at % 32) & 1 == 1
            && self.sorted.binary_search(&word).is_ok()
    }
}

/// A number from a word's length and four of its bytes.
#[inline]
fn glance(word: &str) -> usize {
    let bytes = word.as_bytes();
    let [Some(first), Some(last)] = [bytes.first(), bytes.last()] else { return 0 };
    let parts = [*first, bytes[bytes.len() / 2], bytes[bytes.len().saturating_sub(2)], *last];
    // Multiplied as Fibonacci hashing does; the upper bits are mixed best.
    ((u32::from_le_bytes(parts) ^ (bytes.len() as u32) << 5).wrapping_mul(0x9e37_79b1) >> 12) as usize
}

/// The first of `phrases` that `text` begins with. The first byte rules most of them out.
pub(super) fn opening<'p>(text: &str, phrases: &[&'p str]) -> Option<&'p str> {
    let first = *text.as_bytes().first()?;
    phrases
        .iter()
        .copied()
        .find(|phrase| phrase.as_bytes().first() == Some(&first) && text.starts_with(phrase))
}

/// `static NAME: Words` from a text.
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis $name:ident = $text:expr) => {
        $(#[$doc])*
        $vis static $name: $crate::recognisers::words::Words =
            $crate::recognisers::words::Words::new(|| $crate::recognisers::words::Set::of($text));
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    words!(SOME = "pear apple fig");
    words!(NONE = "");

    #[test]
    fn membership() {
        assert!(SOME.has("apple") && SOME.has("pear") && !SOME.has("") && !SOME.has("app"));
        assert!(!NONE.has("") && !NONE.has("fig"));
    }
}
