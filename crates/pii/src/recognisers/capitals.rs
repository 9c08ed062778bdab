//! Capitalised words: how they are read, and which recognisers look at them. What a word list and the words around can tell of
//! people is in `names` and `titles`, of places and organisations in `listed`, `firms` and `institutions`. A model finds more;
//! where it sees the same place otherwise, it wins.

use super::forms::is_form;
use super::lexicon::{Kinds, look};
use super::scan::{Scan, Word, is_word};
use super::{cues, firms, institutions, listed, names, titles};

/// Most words of a name after its first.
pub(super) const LONGEST: usize = 4;
/// Most bytes of a word of a name.
pub(super) const WORD: usize = 40;

/// At a word with a capital: whatever of people, places and organisations starts there.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    let Some(text) = scan.text.get(word.start..word.end) else { return };
    let start = word.start + text.find(char::is_alphabetic).unwrap_or(0);
    if start < scan.names_done
        || matches!(scan.before(start), b'@' | b'#' | b'/' | b'\\' | b'_' | b'&' | b'$')
    {
        return;
    }
    // "Trent" of "Stoke-on-Trent" is no name by itself.
    if scan.before(start) == b'-' {
        let from = crate::offsets::ceil_char_boundary(scan.text, start.saturating_sub(WORD));
        let head = scan.text.get(from..start - 1).unwrap_or_default();
        let word = head.rsplit(|c: char| !(c.is_alphabetic() || c == '-')).next().unwrap_or_default();
        if begins_upper(word) {
            return;
        }
    }
    let first = word_at(scan, start);
    let end = start + first.len();
    let domain = scan.byte(end) == b'.' && is_word(scan.byte(end + 1)) && first.len() > 1;
    if first.is_empty() || matches!(scan.byte(end), b'@' | b'/' | b'\\' | b'_' | b'(' | b'0'..=b'9') || domain
    {
        return;
    }
    if first.len() == 2 {
        listed::state(scan, first, start, end);
    }
    let cued = cues::named(scan, start, first);
    let cued = cued
        .or_else(|| institutions::letterhead(scan, start))
        .or_else(|| institutions::authority(scan, start, first));
    let done = cued.or_else(|| titles::titled(scan, first, end)).or_else(|| {
        let kinds = look(first);
        // What the list calls a place or a firm as it stands goes beside what may be a name: merging weighs them.
        let listed = if begins_upper(first) { listed::phrase(scan, start, end, kinds) } else { None };
        let named = names::introduced(scan, start, first, kinds)
            .or_else(|| names::person(scan, start, end, first, compound(first, kinds)));
        named
            .max(listed)
            .max(firms::firm(scan, start, first).or_else(|| institutions::institution(scan, start, first)))
    });
    if let Some(done) = done {
        scan.names_done = done;
    }
}

/// What a name of two parts is, each of which is one: `Mary-Kate` is a given name.
fn compound(word: &str, kinds: Kinds) -> Kinds {
    let Some((first, second)) = word.split_once('-').filter(|_| kinds == Kinds::default()) else {
        return kinds;
    };
    let (first, second) = (look(first), look(second));
    let is_name = |kinds: Kinds| kinds.has(Kinds::GIVEN) || kinds.has(Kinds::SURNAME);
    if is_name(first) && is_name(second) && !first.has(Kinds::STOP) && !second.has(Kinds::STOP) {
        if first.has(Kinds::GIVEN) && second.has(Kinds::GIVEN) { Kinds::GIVEN } else { Kinds::SURNAME }
    } else {
        kinds
    }
}

/// The word at `start`: letters, with apostrophes and hyphens between them; less `'s`.
pub(super) fn word_at<'t>(scan: &Scan<'t>, start: usize) -> &'t str {
    let rest = scan.text.get(start..).unwrap_or_default();
    let end = ascii_word(rest.as_bytes()).unwrap_or_else(|| word(rest));
    let word = &rest[..end];
    if !matches!(word.as_bytes().last(), Some(b's' | b'S')) {
        return word;
    }
    ["'s", "’s", "'S", "’S"].iter().find_map(|possessive| word.strip_suffix(possessive)).unwrap_or(word)
}

/// What [`word`] gives, where everything up to its end is ASCII, as most words are.
fn ascii_word(rest: &[u8]) -> Option<usize> {
    let byte = |at: usize| rest.get(at).copied().unwrap_or(0);
    let mut end = 0;
    while end <= WORD {
        let next = byte(end + 1);
        match byte(end) {
            b'A'..=b'Z' | b'a'..=b'z' => {}
            b'\'' | b'-' if end > 0 && next.is_ascii_alphabetic() => {}
            b'\'' | b'-' if end > 0 && !next.is_ascii() => return None,
            0x80.. => return None,
            _ => break,
        }
        end += 1;
    }
    Some(end)
}

/// The length of the letters at the start of `rest`, with apostrophes and hyphens between them.
fn word(rest: &str) -> usize {
    let mut end = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inside = matches!(c, '\'' | '’' | '-')
            && at > 0
            && chars.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !(c.is_alphabetic() || inside || is_mark(c)) || at > WORD {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

/// Combining diacritical marks, so that decomposed letters stay in their word.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// `Lisa`, `O'Neill`, `McDonald`: a capital, and small letters.
pub(super) fn capitalised(word: &str) -> bool {
    let rest = word.as_bytes().get(1..).unwrap_or_default();
    begins_upper(word) && (rest.iter().any(u8::is_ascii_lowercase) || word.chars().any(char::is_lowercase))
}

/// Whether a word begins with a capital; of most words, their first byte tells.
pub(super) fn begins_upper(word: &str) -> bool {
    match word.as_bytes().first() {
        Some(first) if first.is_ascii() => first.is_ascii_uppercase(),
        _ => word.starts_with(char::is_uppercase),
    }
}

/// `J`, `J.`, `J.R.` at `start`, or `J .` as annotated texts have it: its end.
pub(super) fn initials(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    for count in 0..3 {
        if !scan.byte(at).is_ascii_uppercase() || is_word(scan.byte(at + 1)) {
            return (count > 0 && !is_word(scan.byte(at))).then_some(at);
        }
        at = dot(scan, at + 1).unwrap_or(at + 1);
        if scan.before(at) != b'.' {
            break;
        }
        let spaced = scan.byte(at) == b' ' && scan.byte(at + 1).is_ascii_uppercase();
        at += usize::from(spaced && !is_word(scan.byte(at + 2)) && dot(scan, at + 2).is_some());
    }
    (!is_word(scan.byte(at))).then_some(at)
}

/// The end of a full stop at `at`, or behind one space and before another.
pub(super) fn dot(scan: &Scan<'_>, at: usize) -> Option<usize> {
    match (scan.byte(at), scan.byte(at + 1), scan.byte(at + 2)) {
        (b'.', ..) => Some(at + 1),
        (b' ', b'.', b' ') => Some(at + 2),
        _ => None,
    }
}

/// Whether the word after `end`, behind one space, is one that names of firms and places end in, or a legal form.
pub(super) fn opens_firm(scan: &Scan<'_>, end: usize) -> bool {
    let next = if scan.byte(end) == b' ' { word_at(scan, end + 1) } else { "" };
    begins_upper(next) && (look(next).has(Kinds::STOP) || is_form(next))
}

/// Whether a capitalised word stands right before or after, so that this one may be part of something else.
pub(super) fn beside_capitals(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let after = scan.byte(end) == b' ' && capitalised(word_at(scan, end + 1));
    let before = start >= 2 && scan.before(start) == b' ' && {
        let head = scan.text.get(..start - 1).unwrap_or_default();
        let word = head.rsplit(|c: char| !(c.is_alphabetic() || c == '\'')).next().unwrap_or_default();
        // A capital at the start of a sentence says nothing.
        let opening = head.len() - word.len();
        capitalised(word)
            && opening > 0
            && !matches!(scan.before(opening), b'\n' | b'"' | b'(')
            && !head[..opening].trim_end().ends_with(['.', '!', '?', ':', ',', ';'])
    };
    after || before
}

#[cfg(test)]
mod tests {
    use super::{WORD, ascii_word, word};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_in_ascii_end_where_words_do(text in "[A-Za-z'’\u{301}é -]{0,50}") {
            if let Some(end) = ascii_word(text.as_bytes()) {
                prop_assert_eq!(end, word(&text));
            }
            if text.is_ascii() {
                prop_assert!(ascii_word(text.as_bytes()).is_some_and(|end| end <= WORD + 1));
            }
        }
    }
}
