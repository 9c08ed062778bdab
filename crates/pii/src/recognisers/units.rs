//! What stands about a house number: its second half (`55-93`, `94/83`, `12 bis`), and the flat, floor or door
//! (`, Apt 4B`, ` Piso 9 Puerta 7`, `Flat 64, `).

use super::address::{word_at, word_before};
use super::scan::{Scan, is_word};
use super::streets::{NUMBER_MARKS, NUMBERLESS_UNITS, OPENING_UNITS, UNITS, listed};
use crate::Label;

/// Most parts of a building that one address names.
const PARTS: usize = 5;

/// Digits and at most a letter, or `bis`: what a house may be numbered by.
pub(super) fn is_house_number(word: &str) -> bool {
    let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    let letter = letters.is_empty() || letters.len() == 1 && letters.as_bytes()[0].is_ascii_alphabetic();
    (1..=5).contains(&digits) && (letter || matches!(letters, "bis" | "ter"))
}

/// Where the house number ends whose first word ends at `first_end`: `9-6`, `94/83`, `140/A`, `39-II`, `12 bis`, `5 a`.
pub(super) fn house_end(scan: &Scan<'_>, first_end: usize) -> usize {
    let mut end = first_end;
    for _ in 0..2 {
        if !matches!(scan.byte(end), b'-' | b'/') {
            break;
        }
        let half = word_at(scan, end + 1);
        let after = end + 1 + half.len();
        let fits = half.len() <= 4 && is_house_number(half)
            || half.len() <= 3 && half.bytes().all(|b| matches!(b, b'A'..=b'H' | b'I' | b'V'));
        if half.is_empty() || !fits || is_word(scan.byte(after)) {
            break;
        }
        end = after;
    }
    if end > first_end || scan.byte(end) != b' ' {
        return end;
    }
    let next = word_at(scan, end + 1);
    let after = end + 1 + next.len();
    let closes = matches!(scan.byte(after), 0 | b',' | b'\n' | b'\r' | b';' | b')' | b'"' | b'.');
    let letter = next.len() == 1 && matches!(next.as_bytes()[0], b'a'..=b'h' | b'A'..=b'H') && closes;
    if letter || matches!(next, "bis" | "ter" | "quater") && scan.byte(after) != b'-' { after } else { end }
}

/// The end of the parts of a building and points of the compass behind a street or a house number.
pub(super) fn units(scan: &Scan<'_>, mut end: usize) -> usize {
    for _ in 0..PARTS {
        match unit(scan, end).or_else(|| floor(scan, end)) {
            Some(after) => end = after,
            None => break,
        }
    }
    end
}

/// `, Apt 4B`, ` Suite 200`, ` NW`, `, fundos`.
fn unit(scan: &Scan<'_>, end: usize) -> Option<usize> {
    let mut at = end + usize::from(scan.byte(end) == b',');
    if scan.byte(at) != b' ' {
        return None;
    }
    at += 1 + usize::from(scan.byte(at + 1) == b' ');
    let word = word_at(scan, at);
    let after = at + word.len();
    if matches!(word, "N" | "S" | "E" | "W" | "NW" | "NE" | "SW" | "SE") {
        return Some(after);
    }
    let dot = after + usize::from(scan.byte(after) == b'.');
    // "Strada Statale 16 n. 175/A"
    let marked = NUMBER_MARKS.has(&scan.text[at..dot].to_lowercase());
    if (marked || listed(&UNITS, word)) && scan.byte(dot) == b' ' {
        let number = word_at(scan, dot + 1);
        let is_number = number.bytes().any(|b| b.is_ascii_digit())
            || number.len() == 1 && number.starts_with(|c: char| c.is_ascii_uppercase());
        if is_number && number.len() <= 5 {
            return Some(house_end(scan, dot + 1 + number.len()));
        }
    }
    (scan.byte(end) == b',' && listed(&NUMBERLESS_UNITS, word)).then(|| match scan.byte(after) {
        b' ' if scan.byte(after + 1).is_ascii_uppercase() && !is_word(scan.byte(after + 2)) => after + 2,
        _ => after,
    })
}

/// `, 3º B`, ` 5º dcha.` behind a house number.
fn floor(scan: &Scan<'_>, end: usize) -> Option<usize> {
    let rest = &scan.text[end..];
    let rest = rest.strip_prefix(", ").or_else(|| rest.strip_prefix(' '))?;
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let rest = rest[digits..].strip_prefix(['º', 'ª', '°']).filter(|_| digits > 0)?;
    let end = scan.text.len() - rest.len();
    let door = end + rest.bytes().take(2).take_while(|b| matches!(b, b' ' | b',' | b'-')).count();
    let word = word_at(scan, door);
    let is_door = word.len() == 1 && scan.byte(door).is_ascii_uppercase()
        || listed(&NUMBERLESS_UNITS, word)
        || matches!(word, "izda" | "cto");
    let after = door + word.len();
    let dotted = scan.byte(after) == b'.' && word.len() > 1 && scan.byte(after + 1) == b',';
    Some(if is_door { after + usize::from(dotted) } else { end })
}

/// Where `Flat 3B, ` or `Suite 815 ` before a house number or a street's name starts.
pub(super) fn unit_before(scan: &Scan<'_>, start: usize) -> usize {
    let head = &scan.text[..start];
    let Some(gap) = head.strip_suffix(", ").or_else(|| head.strip_suffix(' ')).map(str::len) else {
        return start;
    };
    let (at, number) = word_before(scan, gap);
    let is_number = number.bytes().any(|b| b.is_ascii_digit())
        || number.len() == 1 && number.as_bytes()[0].is_ascii_uppercase();
    if !is_number || number.len() > 5 {
        return start;
    }
    opening_unit(scan, at).unwrap_or(start)
}

/// Where the unit's word before a number at `number` starts, if there is one that no address before has.
pub(super) fn opening_unit(scan: &Scan<'_>, number: usize) -> Option<usize> {
    if scan.before(number) != b' ' {
        return None;
    }
    let gap = number - 1;
    let (at, word) = word_before(scan, gap - usize::from(scan.before(gap) == b'.'));
    let taken = scan.found.iter().rev().take(4).any(|e| e.label == Label::Address && e.end > at);
    (listed(&OPENING_UNITS, word) && !taken).then_some(at)
}
