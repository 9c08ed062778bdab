//! The words that the recognisers know by heart: given names, surnames, places, organisations, and words that end a name.
//! `make_lexicon.py` writes the list.

use std::sync::LazyLock;

use super::quick::Quick;

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

/// The list, in groups of one kind; `make_lexicon.py` says how it is written.
const LIST: &str = include_str!("lexicon.txt");

/// Most bytes of an entry.
const LONGEST: usize = 40;

/// How many characters an entry begins with as the one before it does.
const MARKS: &str = ":;<=>?@[\\]^_`{|}~";

/// Gives each entry of the list.
fn read(mut entry: impl FnMut(&str, Kinds)) {
    let (mut text, mut kinds) = (String::new(), Kinds::default());
    for line in LIST.lines() {
        if let Some(group) = line.strip_prefix('\t') {
            kinds = Kinds(group.parse().unwrap_or_default());
            text.clear();
            continue;
        }
        let mut rest = line;
        while let Some(same) = rest.chars().next().and_then(|mark| MARKS.find(mark)) {
            rest = &rest[1..];
            let end = rest.find(|c| MARKS.contains(c)).unwrap_or(rest.len());
            let kept = text.char_indices().nth(same);
            text.truncate(kept.map_or(text.len(), |(at, _)| at));
            text.push_str(&rest[..end]);
            entry(&text, kinds);
            rest = &rest[end..];
        }
    }
}

static ENTRIES: LazyLock<Quick<Box<str>, Kinds>> = LazyLock::new(|| {
    let mut entries = Quick::default();
    read(|text, kinds| {
        entries.insert(text.into(), kinds);
    });
    entries
});

/// What the list says of `text`, in its own case.
pub(super) fn look(text: &str) -> Kinds {
    if text.len() <= LONGEST { ENTRIES.get(text).copied().unwrap_or_default() } else { Kinds::default() }
}

/// Whether a word with a capital is, or may be, one of the language and no name.
pub(crate) fn is_word_of_the_language(text: &str) -> bool {
    look(text).has(Kinds(Kinds::STOP.0 | Kinds::WEAK.0))
}

/// Whether a word as it stands is one of the language and nobody's name, nor a place's or a firm's.
pub(crate) fn is_no_name(text: &str) -> bool {
    look(text).0 & !Kinds::OPENS.0 == Kinds::STOP.0
}

/// A word in any case as the list has it: `Lisa` of `lisa` and of `LISA`.
pub(super) fn titled(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars.flat_map(char::to_lowercase)).collect()
}

/// Whether a word in any case is a given name and no other word.
pub(crate) fn is_given_name(word: &str) -> bool {
    let kinds = look(&titled(word));
    kinds.has(Kinds::GIVEN) && !kinds.has(Kinds::STOP)
}

/// Whether a word in any case is a surname and no other word.
pub(crate) fn is_surname(word: &str) -> bool {
    let kinds = look(&titled(word));
    kinds.has(Kinds::SURNAME) && !kinds.has(Kinds::STOP)
}

/// Whether the list knows nothing of a word.
pub(crate) fn is_unknown(word: &str) -> bool {
    look(&titled(word)) == Kinds::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_begins_an_entry() {
        let words = LIST.chars().filter(|&c| MARKS.contains(c)).count();
        let mut count = 0;
        read(|text, kinds| {
            assert!(kinds.0 != 0 && !text.is_empty() && text.len() <= LONGEST, "{text}");
            count += 1;
        });
        // As many as make_lexicon.py has written.
        assert_eq!((words, count, ENTRIES.len()), (24_980, 24_980, 24_980));
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
        assert!(
            look("México").has(Kinds::PLACE)
                && look("Müller").has(Kinds::SURNAME)
                && look("Münster").has(Kinds::PLACE)
        );
        assert_eq!(look("lisa"), Kinds::default());
        assert_eq!(look(""), Kinds::default());
    }
}
