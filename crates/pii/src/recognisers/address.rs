//! Street addresses by shape: a house number beside a capitalised name and a word for a street, in a dozen languages.
//! Post-office boxes too. A model finds the rest.

use super::capitals::begins_upper;
use super::lexicon::{Kinds, look};
use super::names::small;
use super::scan::{Scan, Word, is_word};
use super::streets::{
    AFTER_NAME, BEFORE_ENDING, BEFORE_NAME, DOUBTFUL_AFTER_NAME, ENDINGS, NO_STREETS, NUMBER_MARKS,
    SELDOM_AFTER_NAME, SELDOM_BEFORE_NAME, SELDOM_ENDINGS, SHORT_BEFORE_NAME, SMALL, UNITS, listed,
};
use super::units::{house_end, is_house_number, opening_unit, unit_before, units};
use crate::Label;

/// A word that says street; one that says other things as well; one that says more often something else, which counts where a model
/// sees a name in it.
const SCORES: (f32, f32, f32) = (0.75, 0.55, 0.35);

/// The word that starts at `start`: letters and digits with apostrophes and hyphens inside, or `c/`.
pub(super) fn word_at<'t>(scan: &Scan<'t>, start: usize) -> &'t str {
    let mut end = start;
    while end - start < 32
        && (is_word(scan.byte(end))
            || matches!(scan.byte(end), b'\'' | b'-') && is_word(scan.byte(end + 1))
            || scan.byte(end) == b'/' && end == start + 1)
    {
        end += 1;
    }
    let end = crate::offsets::floor_char_boundary(scan.text, end);
    scan.text.get(start..end).unwrap_or_default()
}

/// The word that ends at `end`, and where it starts.
pub(super) fn word_before<'t>(scan: &Scan<'t>, end: usize) -> (usize, &'t str) {
    let mut start = end;
    while end - start < 32
        && start > 0
        && (is_word(scan.before(start)) || matches!(scan.before(start), b'\'' | b'-' | b'/'))
    {
        start -= 1;
    }
    let start = crate::offsets::ceil_char_boundary(scan.text, start).min(end);
    (start, scan.text.get(start..end).unwrap_or_default())
}

/// `1987`: four digits that are a year as well as a house number.
fn is_year(number: &str) -> bool {
    number.len() == 4
        && number.bytes().all(|b| b.is_ascii_digit())
        && ["17", "18", "19", "20"].iter().any(|century| number.starts_with(century))
}

/// Around a house number.
pub(crate) fn at_number(scan: &mut Scan<'_>, word: Word) {
    let number = scan.text.get(word.start..word.end).unwrap_or_default();
    if !is_house_number(number) || matches!(scan.before(word.start), b'.' | b'$' | b'/' | b':' | b'-') {
        return;
    }
    if !number_first(scan, word, number) {
        number_last(scan, word, number);
    }
}

/// `221B Baker Street, Apt 4`, `10 rue de la Paix`, `Studio 8, Phillip Bypass`.
fn number_first(scan: &mut Scan<'_>, word: Word, number: &str) -> bool {
    let house = house_end(scan, word.end);
    let mut at = house;
    let comma = scan.byte(at) == b',';
    at += usize::from(comma);
    if scan.byte(at) != b' ' {
        return false;
    }
    at += 1;
    let first = word_at(scan, at);
    let named = listed(&BEFORE_NAME, first) && first.len() > 2;
    if let Some(end) = named.then(|| name_end(scan, at + first.len())).flatten() {
        scan.push("street_address", Label::Address, (word.start, units(scan, end)), SCORES.0, false, None);
        return true;
    }
    let unit_at = opening_unit(scan, word.start);
    if comma && unit_at.is_none() && house == word.end || !begins_upper(first) {
        return false;
    }
    let mut before = "";
    for count in 0..5 {
        let name = word_at(scan, at);
        let ordinal = count > 0 && name.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if !begins_upper(name) && !ordinal {
            return false;
        }
        let mut end = at + name.len();
        let score = if count == 0 {
            0.0
        } else if listed(&AFTER_NAME, name) {
            SCORES.0
        } else {
            seldom(scan, number, unit_at.is_some(), before, name, end)
        };
        if score > 0.0 {
            end += usize::from(
                scan.byte(end) == b'.' && name.len() <= 4 && !matches!(scan.byte(end + 1), b'\n' | b'\r' | 0),
            );
            let start = unit_at.unwrap_or_else(|| unit_before(scan, word.start));
            scan.push("street_address", Label::Address, (start, units(scan, end)), score, false, None);
            return true;
        }
        end += usize::from(scan.byte(end) == b'.' && name.len() == 1);
        if scan.byte(end) != b' ' {
            return false;
        }
        before = name;
        at = end + 1;
    }
    false
}

/// How sure it is that `name`, which ends at `end` behind a number and the word `before`, is a street's last word and no thing counted:
/// 0 if it is not.
fn seldom(scan: &Scan<'_>, number: &str, in_unit: bool, before: &str, name: &str, end: usize) -> f32 {
    // "25 Great Lakes cities": behind a street stands no further capital, and a number is seldom one of things.
    let next = if scan.byte(end) == b' ' { word_at(scan, end + 1) } else { "" };
    if is_year(number)
        || next.starts_with(|c: char| c.is_ascii_uppercase()) && next.len() > 2 && !listed(&UNITS, next)
    {
        return 0.0;
    }
    let (listed_seldom, doubtful) = (listed(&SELDOM_AFTER_NAME, name), listed(&DOUBTFUL_AFTER_NAME, name));
    if in_unit && (listed_seldom || doubtful) {
        return SCORES.1;
    }
    let known = |word: &str| {
        let kinds = look(word);
        let surname = kinds.has(Kinds::SURNAME) && number.len() > 2;
        (kinds.has(Kinds::GIVEN) || surname) && !kinds.has(Kinds::STOP) && !kinds.has(Kinds::WEAK)
    };
    let is_name = |word: &str| known(word) || !word.contains(char::is_lowercase) && known(&small(word));
    // "23 Michael Park" is whoever wears it.
    let may_be_surname = look(name).has(Kinds::SURNAME) && number.len() < 3;
    let named = is_name(before) && !may_be_surname;
    match (listed_seldom, doubtful) {
        (true, _) if number.len() > 1 || named => 0.5,
        (_, true) if named => SCORES.1,
        (true, _) | (_, true) => SCORES.2,
        _ => 0.0,
    }
}

/// The end of a capitalised name with small words in it, or a day it is called by (`8 Mai 1945`), that starts after `at`.
fn name_end(scan: &Scan<'_>, mut at: usize) -> Option<usize> {
    let mut end = None;
    let mut day = false;
    for _ in 0..7 {
        if scan.byte(at) != b' ' {
            break;
        }
        let name = word_at(scan, at + 1);
        let is_small = listed(&SMALL, name);
        let elided = name.split_once('\'').is_some_and(|(_, rest)| begins_upper(rest));
        let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        let after = at + 1 + name.len();
        let is_day = digits
            && name.len() <= 2
            && end.is_none()
            && scan.byte(after) == b' '
            && begins_upper(word_at(scan, after + 1));
        let of_day = day && digits && is_year(name);
        if !(is_small || begins_upper(name) || elided || is_day || of_day) || name.is_empty() {
            break;
        }
        day |= is_day;
        at = after;
        if !is_small && !is_day {
            end = Some(at);
        }
    }
    end
}

/// `Calle Mayor 5, 3º B`, `Hauptstraße 12-14`, `Via Roma, 10`, `PO Box 123`.
fn number_last(scan: &mut Scan<'_>, word: Word, number: &str) {
    let Some(mut at) = word.start.checked_sub(1) else { return };
    if scan.byte(at) != b' ' {
        return;
    }
    let before_mark = at;
    at -= usize::from(scan.before(at) == b',');
    at = before_number_mark(scan, at);
    let (start, last) = word_before(scan, at);
    if last.eq_ignore_ascii_case("box") && at == before_mark {
        let head = &scan.text[..start];
        if let Some(len) =
            ["P.O. ", "PO ", "P.O.", "Post Office "].iter().find(|p| head.ends_with(**p)).map(|p| p.len())
        {
            scan.push("po_box", Label::Address, (start - len, word.end), 0.8, false, None);
        }
        return;
    }
    let dotted = scan.before(at) == b'.';
    let (start, last) = if dotted { word_before(scan, at - 1) } else { (start, last) };
    if let Some((start, score)) = ending(scan, start, last, dotted, number) {
        let end = units(scan, house_end(scan, word.end));
        scan.push("street_address", Label::Address, (start, end), score, false, None);
        return;
    }
    if dotted {
        return;
    }
    // Walk back over the name to the word for a street.
    let (mut start, mut name) = (start, last);
    let mut capitals = 0;
    let mut short = false;
    for _ in 0..7 {
        let sure =
            listed(&BEFORE_NAME, name) && !listed(&SMALL, name) || short && listed(&SHORT_BEFORE_NAME, name);
        let seldom = begins_upper(name) && listed(&SELDOM_BEFORE_NAME, name) && !is_year(number);
        if capitals > 0 && (sure || seldom) {
            let end = units(scan, house_end(scan, word.end));
            let score = if sure { SCORES.0 } else { SCORES.1 };
            scan.push("street_address", Label::Address, (start, end), score, false, None);
            return;
        }
        if begins_upper(name) {
            capitals += 1;
        } else if !listed(&SMALL, name) {
            return;
        }
        let mut stop = start;
        if scan.before(stop) != b' ' {
            return;
        }
        stop -= 1;
        short = scan.before(stop) == b'.';
        stop -= usize::from(short);
        (start, name) = word_before(scan, stop);
    }
}

/// Where `nº`, `, n.` or `No.` that ends at `at` starts, less the space and the comma before it; else `at`.
fn before_number_mark(scan: &Scan<'_>, at: usize) -> usize {
    let bytes = &scan.bytes[at.saturating_sub(9)..at];
    let Some(gap) = bytes.iter().rposition(|&b| b == b' ') else { return at };
    let mark = at - (bytes.len() - gap);
    let word = scan.text.get(mark + 1..at).unwrap_or_default();
    if !NUMBER_MARKS.has(&word.to_lowercase()) {
        return at;
    }
    mark - usize::from(scan.before(mark) == b',')
}

/// Where the street starts whose name ends in the word `last` at `start`, and how sure that is: `Hauptstr.`, `Venloer Straße`,
/// `Koning Albertlaan`.
fn ending(scan: &Scan<'_>, start: usize, last: &str, dotted: bool, number: &str) -> Option<(usize, f32)> {
    let lower = last.to_lowercase();
    if !begins_upper(last) || lower.len() < 3 || dotted && !lower.ends_with("str") {
        return None;
    }
    let sure = ENDINGS.iter().find(|ending| lower.ends_with(**ending) && (**ending != "str" || dotted));
    let seldom = || SELDOM_ENDINGS.iter().find(|ending| lower.ends_with(**ending));
    let ending = sure.or_else(seldom)?;
    let (from, before) = match start.checked_sub(1).filter(|_| scan.before(start) == b' ') {
        Some(gap) => word_before(scan, gap),
        None => (start, ""),
    };
    if lower.len() <= ending.len() + 1 {
        // By itself behind a name: "Venloer Straße".
        let named = begins_upper(before) && before.len() > 2 && !listed(&SMALL, before);
        return (named && (sure.is_some() || !is_year(number) && lower != "pad" && lower != "ring"))
            .then_some((from, if sure.is_some() { SCORES.0 } else { SCORES.1 }));
    }
    if lower.len() < 5 || sure.is_none() && (is_year(number) || NO_STREETS.has(&lower)) {
        return None;
    }
    let joined = begins_upper(before) && listed(&BEFORE_ENDING, before);
    Some((if joined { from } else { start }, if sure.is_some() { SCORES.0 } else { SCORES.1 }))
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn addresses() {
        check(
            "ADDRESS",
            &[
                "221B Baker Street",
                "Flat 3B, 27 Mortimer Road",
                "1600 Pennsylvania Avenue NW",
                "350 Fifth Ave, Suite 3300",
                "Calle Mayor 5",
                "Avenida de América, 23",
                "10 rue de la Paix",
                "12 bis, rue Victor Hugo",
                "Hauptstraße 12",
                "Via Roma 10",
                "Rua Augusta, 1500",
                "Keizersgracht 123",
                "Molenlaan 209A",
                "P.O. Box 123",
                "Hauptstr. 5a",
                "7 boulevard de l'Opéra",
                "41780 Wallace Drives",
                "964 Gregory Mission",
                "140 Bajwa Marg",
                "Strada Sophia, 555",
                "Lukadreef 3",
                "Justus-Loos-Ring 9-6",
                "ul. Klasztorna 94/83",
                "5595 WILSON PARKS APT. 333",
                "Studio 8, Phillip Bypass",
                "Cuesta Leonardo Torrents 24",
                "Canale Montesano, 66",
                "1 Max Village",
                "Venloer Straße 149b",
                "Koning Albertlaan 35 bus 10",
                "Intrarea Vanesa Ioniță Nr. 52 Bl. 30  Sc. 38 Ap. 701",
                "Camino Viejo de Vicálvaro, n.º 100, 5º dcha.",
            ],
            &[
                "5 people on the street",
                "2010 Street",
                "chapter 5",
                "the Road 12",
                "Box 5",
                "10 Downing",
                "In 1998 Court ruled",
                "via email 5",
                "1998 Winter Springs",
                "25 Great Lakes Cities",
                "5 Green Hills",
                "Engineering 101",
                "Spring 2024",
                "Bahnhof 5",
                "Al Gore 2000",
                "Vale 10",
                "23 Michael Park",
                "On April 5, Wall Street fell",
            ],
        );
        assert_eq!(
            spans("ADDRESS", "at 350 Fifth Ave., Suite 3300, New York"),
            ["350 Fifth Ave., Suite 3300"]
        );
        assert_eq!(spans("ADDRESS", "vive en la calle de Alcalá 45, Madrid"), ["calle de Alcalá 45"]);
        for address in [
            "Hermannstr. 55-93",
            "Jolijnsingel 152-II",
            "Annpad 54/2",
            "Rua das Flores, 57, bloco B, ap. 32",
            "Cuesta de Pili Ibarra 66 Piso 9",
            "Flat 3B, 27 Mortimer Rd",
            "Calle Mayor 5, 3º B",
            "Calle Mayor 5, 2ª",
        ] {
            assert_eq!(spans("ADDRESS", address), [address]);
        }
        assert_eq!(spans("ADDRESS", "Calle Mayor 5, 3 Bares"), ["Calle Mayor 5"]);
        assert_eq!(spans("ADDRESS", "No flat here, 27 Baker Street"), ["27 Baker Street"]);
        let two = "Flat 3B, 27 Baker Street, Flat 4, 29 Baker Street";
        assert_eq!(spans("ADDRESS", two), ["Flat 3B, 27 Baker Street, Flat 4", "29 Baker Street"]);
    }
}
