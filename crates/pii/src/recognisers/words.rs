//! Small fixed sets of words, written as text and searched as sorted lists.

use std::sync::LazyLock;

/// A set of words, separated by spaces in the source.
pub(crate) struct Words(LazyLock<Vec<&'static str>, fn() -> Vec<&'static str>>);

impl Words {
    pub(crate) const fn new(sorted: fn() -> Vec<&'static str>) -> Self {
        Words(LazyLock::new(sorted))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.binary_search(&word).is_ok()
    }
}

/// The words of a text, sorted.
pub(crate) fn sorted(text: &'static str) -> Vec<&'static str> {
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.sort_unstable();
    words
}

/// `static NAME: Words` from a text.
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis $name:ident = $text:expr) => {
        $(#[$doc])*
        $vis static $name: $crate::recognisers::words::Words =
            $crate::recognisers::words::Words::new(|| $crate::recognisers::words::sorted($text));
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    words!(SOME = "pear apple fig");

    #[test]
    fn membership() {
        assert!(SOME.has("apple") && SOME.has("pear") && !SOME.has("") && !SOME.has("app"));
    }
}
