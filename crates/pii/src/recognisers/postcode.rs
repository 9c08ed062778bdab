//! Which numbers are postcodes that an address may end in, and how far they can be told from other numbers.

use super::address::word_before;
use super::capitals::begins_upper;
use super::mailing::town_end;
use super::postal::is_state;
use super::scan::{Scan, Word, is_word};
use super::streets::{AFTER_NAME, UNITS, listed};
use crate::Label;

/// How far a postcode can be told from another number.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Sure {
    /// Four digits beside a name, five by themselves.
    Little,
    /// Five or six digits beside a name.
    Half,
    /// By its shape, or beside a state.
    Quite,
}

pub(super) struct Code {
    pub start: usize,
    pub end: usize,
    pub sure: Sure,
    pub military: bool,
}

fn digits_at(scan: &Scan<'_>, at: usize) -> usize {
    scan.bytes.get(at..).unwrap_or_default().iter().take(8).take_while(|b| b.is_ascii_digit()).count()
}

/// A number that may be a postcode.
pub(super) fn postcode(scan: &Scan<'_>, word: Word) -> Option<Code> {
    if word.len() > 7 || matches!(scan.before(word.start), b'$' | b'.' | b'+' | b'#' | b'/' | b'&' | b'=') {
        return None;
    }
    let mut near = scan.found.iter().rev().take(6);
    let shaped = near.find(|e| {
        e.label == Label::PostalCode
            && e.start == word.start
            && (e.explain.recogniser != "postal_code" || e.explain.context.as_deref() == Some("state"))
    });
    if let Some(e) = shaped {
        return Some(Code { start: e.start, end: e.end, sure: Sure::Quite, military: false });
    }
    if !word.only_digits() {
        return None;
    }
    if word.len() == 5
        && let Some(start) = military(scan, word)
    {
        return Some(Code { start, end: word.end, sure: Sure::Quite, military: true });
    }
    let more = match scan.byte(word.end) {
        b'-' | b' ' => digits_at(scan, word.end + 1),
        _ => 0,
    };
    let dashed = scan.byte(word.end) == b'-';
    let (end, sure) = match (word.len(), dashed, more) {
        (2, true, 3) | (4 | 5, true, 3) | (5, true, 4) => (word.end + 1 + more, Sure::Quite),
        (3, false, 2) => (word.end + 3, Sure::Half),
        (5 | 6, false, _) => (word.end, Sure::Half),
        (4, false, _) => (word.end, Sure::Little),
        _ => return None,
    };
    let behind = scan.byte(end) == b' ' && town_end(scan, end + 1).is_some();
    let (from, before) = word_before(scan, word.start - usize::from(matches!(scan.before(word.start), b' ')));
    if matches!(
        before,
        "D-" | "A-"
            | "F-"
            | "I-"
            | "L-"
            | "B-"
            | "E-"
            | "P-"
            | "CH-"
            | "NL-"
            | "DK-"
            | "SE-"
            | "PL-"
            | "FIN-"
    ) && behind
    {
        return Some(Code { start: from, end, sure: Sure::Quite, military: false });
    }
    let state = scan.text[..word.start].strip_suffix(", ").map(|head| word_before(scan, head.len()).1);
    if state.is_some_and(|state| is_state(state, word.len())) {
        return Some(Code { start: word.start, end, sure: Sure::Quite, military: false });
    }
    let named =
        before.trim_end_matches('-').len() > 1 && begins_upper(before) && before.contains(char::is_lowercase);
    let flat = listed(&UNITS, before) || listed(&AFTER_NAME, before) || before.eq_ignore_ascii_case("box");
    let beside = behind || named && !flat && !is_word(scan.before(word.start));
    // Beside other numbers and words it is one of them.
    let numbered = scan.before(word.start) == b'-' && scan.before(word.start - 1).is_ascii_digit()
        || before.len() >= 4 && before.bytes().all(|b| b.is_ascii_digit());
    if numbered || is_word(scan.byte(end)) || matches!(scan.byte(end), b'%' | b'/' | b':' | b'-') {
        return None;
    }
    let sure = match (sure, beside, word.len()) {
        (Sure::Quite, _, 4..) | (Sure::Quite, true, _) => Sure::Quite,
        (Sure::Half, true, _) => Sure::Half,
        (Sure::Half, false, 5..) | (Sure::Little, true, _) => Sure::Little,
        _ => return None,
    };
    Some(Code { start: word.start, end, sure, military: false })
}

/// Where `APO AE ` before five digits starts.
fn military(scan: &Scan<'_>, word: Word) -> Option<usize> {
    let start = word.start.checked_sub(7)?;
    let [office, state] = [scan.text.get(start..start + 4)?, scan.text.get(start + 4..word.start)?];
    let fits = matches!(office, "APO " | "FPO " | "DPO ") && matches!(state, "AE " | "AP " | "AA ");
    (fits && !is_word(scan.before(start))).then_some(start)
}
