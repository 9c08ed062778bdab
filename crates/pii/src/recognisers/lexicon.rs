//! The words that the recognisers know by heart: given names, surnames, places, organisations, and words that end a name.
//! `make_lexicon.py` writes the list.

use std::sync::LazyLock;

/// What a word or phrase of the list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// A given name and nothing else.
    pub const GIVEN: Kinds = Kinds(1);
    /// A surname.
    pub const SURNAME: Kinds = Kinds(2);
    /// A given name that is also a word, a month or a place.
    pub const WEAK: Kinds = Kinds(4);
    /// A word that no name contains.
    pub const STOP: Kinds = Kinds(8);
    /// A place.
    pub const PLACE: Kinds = Kinds(16);
    /// An organisation.
    pub const ORGANIZATION: Kinds = Kinds(32);
    /// The first word of a phrase of the list.
    pub const OPENS: Kinds = Kinds(64);
    /// A place that is also somebody's name.
    pub const NAMED_PLACE: Kinds = Kinds(128);

    pub fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// The list, one `text<TAB>kinds` a line, sorted by text.
const LIST: &str = include_str!("lexicon.txt");

static ENTRIES: LazyLock<Vec<(&'static str, Kinds)>> = LazyLock::new(|| {
    let parse = |line: &'static str| {
        let (text, kinds) = line.split_once('\t')?;
        Some((text, Kinds(kinds.parse().ok()?)))
    };
    LIST.lines().filter_map(parse).collect()
});

/// What the list says of `text`, in its own case.
pub(super) fn look(text: &str) -> Kinds {
    ENTRIES.binary_search_by(|(known, _)| (*known).cmp(text)).map_or(Kinds::default(), |at| ENTRIES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_whole() {
        assert_eq!(ENTRIES.len(), LIST.lines().count());
        assert!(ENTRIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ENTRIES.iter().all(|(_, kinds)| kinds.0 != 0));
    }

    #[test]
    fn look_up() {
        assert!(
            look("Lisa").has(Kinds::GIVEN)
                && look("Smith").has(Kinds::SURNAME)
                && look("Will").has(Kinds::WEAK)
        );
        assert!(look("Texas").has(Kinds::PLACE) && look("Paris").has(Kinds::NAMED_PLACE));
        assert!(look("April").has(Kinds::STOP) && look("Google").has(Kinds::ORGANIZATION));
        assert_eq!(look("lisa"), Kinds::default());
        assert_eq!(look(""), Kinds::default());
    }
}
