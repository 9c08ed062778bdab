//! An address over several lines or commas, from its house number or flat to its postcode and town:
//! `Flat 64⏎Taylor Well⏎Port Judith⏎DG4 7WR`, `Viale Luna, 4, 07024, Burano (VE)`, `PSC 4472, Box 3600⏎APO AP 73156`.
//!
//! A postcode is rare, so it is where the search begins: back from it to what may be a house number, and on over the town behind it.

use super::address::{word_at, word_before};
use super::capitals::begins_upper;
use super::forms::is_form;
use super::lexicon::{Kinds, look};
use super::names::small;
use super::postcode::{Code, Sure, postcode};
use super::scan::{Scan, Word};
use super::streets::{
    AFTER_NAME, BEFORE_NAME, NUMBER_MARKS, NUMBERLESS_UNITS, OPENING_UNITS, SELDOM_BEFORE_NAME,
    SHORT_BEFORE_NAME, SMALL, UNITS, listed,
};
use super::titles::TITLES;
use super::units::is_house_number;
use super::words::words;
use crate::Label;

/// Most bytes between the beginning of an address and its postcode.
const LONGEST: usize = 180;
/// Most bytes of a line of it.
const LINE: usize = 64;
/// Most parts, and lines, between a house number and a postcode.
const PARTS: usize = 6;
const SCORE: f32 = 0.8;
/// Of a town behind a postcode that is none of an address.
const TOWN: f32 = 0.65;
words! {
    /// Inside the name of a town: `Neustadt an der Weinstraße`, `Santa Cruz de Tenerife`.
    JOINS = "a am an aan bei da de del della den der di do dos du e en im in la las le les los lès na nad ob of on op pod sub sur the und upon van vor y"
}
words! {
    /// Before numbers of other things.
    CALLED = "Account Order Invoice Ref Reference Case Ticket Policy Claim Customer Member Page Table Figure Chapter Section Article No Nr Nº N° Factura Facture Rechnung \
    Fattura Fatura Factuur Cliente Client Kunde Konto Cuenta Tel Fax INVOICE ORDER FACTURA FACTURE RECHNUNG FATTURA FATURA FACTUUR"
}

/// At a number that may be a postcode: the address that leads to it.
pub(crate) fn at_number(scan: &mut Scan<'_>, word: Word) {
    let Some(code) = postcode(scan, word) else { return };
    let Some((start, names)) = beginning(scan, &code) else {
        postal_town(scan, &code);
        return;
    };
    let end = ending(scan, &code, names);
    scan.push("mailing_address", Label::Address, (start, end), SCORE, false, None);
}

/// The town behind a postcode that is known for one by what it is called.
fn postal_town(scan: &mut Scan<'_>, code: &Code) {
    // "the 1820 Missouri Compromise": four digits beside a place may be a year.
    let known = scan.found.iter().rev().take(6).any(|e| {
        e.label == Label::PostalCode
            && e.start == code.start
            && e.score >= 0.5
            && e.explain.context.as_deref().is_some_and(|word| word != "place" || code.sure > Sure::Little)
    });
    let text = &scan.bytes[code.start..code.end];
    let prefixed = !code.military && text.contains(&b'-') && text[0].is_ascii_uppercase();
    if scan.byte(code.end) == b' '
        && (known || prefixed)
        && let Some(town) = town_end(scan, code.end + 1)
    {
        let end = province(scan, town);
        scan.push("postal_town", Label::Location, (code.end + 1, end), TOWN, false, None);
        if prefixed {
            scan.push("postal_code", Label::PostalCode, (code.start, code.end), TOWN, false, Some("country"));
        }
    }
}

/// A part of an address between commas or ends of lines, as far as its words may be of one.
struct Part<'t> {
    start: usize,
    text: &'t str,
    /// No other words stand before it.
    whole: bool,
    /// A line ends before it.
    opens_line: bool,
    /// Where the part before it ends.
    gap: usize,
}

/// The part that ends at `end`.
fn part_before<'t>(scan: &Scan<'t>, end: usize) -> Part<'t> {
    let mut start = end;
    for _ in 0..8 {
        // A house number's halves, an elided article and a province in brackets are within words.
        let mut at = start - usize::from(start < end && scan.before(start) == b' ');
        at -= usize::from(start < end && scan.before(at) == b' ');
        let dotted = scan.before(at) == b'.';
        let closed = scan.before(at) == b')' && start == end;
        at -= usize::from(dotted || closed);
        let (from, word) = word_before(scan, at);
        let fits =
            !word.is_empty() && (start == end || at < start || closed) && fits(scan, from, word, dotted);
        // "Lloyd of 885 Bonilla Lane" is somebody at an address.
        let of = matches!(word, "of" | "the") && scan.byte(start).is_ascii_digit();
        if !fits || of || start < end && scan.before(start) != b' ' {
            break;
        }
        start = from - usize::from(closed && scan.before(from) == b'(');
    }
    let mut text = scan.text.get(start..end).unwrap_or_default();
    // No name begins in the middle of one.
    while let Some((first, rest)) = text.split_once(' ').filter(|(first, _)| listed(&SMALL, first)) {
        start += first.len() + 1;
        text = rest;
    }
    let (gap, opens_line) = separator(scan, start);
    Part { start, text, whole: gap < start || start == 0, opens_line, gap }
}

/// Whether a word may be part of an address.
fn fits(scan: &Scan<'_>, start: usize, word: &str, dotted: bool) -> bool {
    let number = word.starts_with(|c: char| c.is_ascii_digit());
    let street = listed(&BEFORE_NAME, word)
        || listed(&SELDOM_BEFORE_NAME, word)
        || listed(&UNITS, word)
        || listed(&NUMBERLESS_UNITS, word)
        || NUMBER_MARKS.has(word)
        || dotted && (listed(&SHORT_BEFORE_NAME, word) || NUMBER_MARKS.has(&word.to_lowercase()));
    let named = begins_upper(word) && (!dotted || word.len() <= 8);
    (number && !dotted
        || named
        || street
        || listed(&SMALL, word)
        || word.contains('\'')
        || word.starts_with('/'))
        && !matches!(scan.before(start), b'@' | b'_' | b':')
}

/// Where the separator before `at` starts, and whether it ends a line.
fn separator(scan: &Scan<'_>, at: usize) -> (usize, bool) {
    match scan.before(at) {
        b'\n' => {
            let gap = at - 1;
            let gap = gap - usize::from(scan.before(gap) == b'\r');
            (gap - usize::from(scan.before(gap) == b','), true)
        }
        b' ' if scan.before(at - 1) == b',' => (at - 2, false),
        b' ' if scan.before(at - 1) == b'-' && scan.before(at - 2) == b' ' => (at - 3, false),
        _ => (at, false),
    }
}

/// Where the address with this postcode starts, and how many names stand between its house number and the code.
fn beginning(scan: &Scan<'_>, code: &Code) -> Option<(usize, usize)> {
    let (mut unit, mut number, mut names, mut lines) = (None, false, 0, false);
    // What stands before the code in its own part: a town, a state, "CP".
    let called =
        ["CEP: ", "CP: ", "C.P. ", "PLZ "].iter().find(|name| scan.text[..code.start].ends_with(**name));
    let code_start = code.start - called.map_or(0, |name| name.len());
    let joined = usize::from(matches!(scan.before(code_start), b' ' | b'-'));
    let head = part_before(scan, code_start - joined);
    let mut at = if joined == 1 && !head.text.is_empty() { head.start } else { code_start };
    if at < code_start {
        if house(scan, &head, code) {
            return (code.sure == Sure::Quite || telling(scan, &head))
                .then_some((named_start(scan, &head), 0));
        }
        names += usize::from(head.text.contains(char::is_lowercase));
    }
    for count in 0..PARTS {
        let (gap, opens_line) = separator(scan, at);
        let dash = scan.byte(gap) == b' ' && !opens_line;
        if gap == at || gap == 0 || dash && code.sure == Sure::Little {
            break;
        }
        lines |= opens_line;
        let part = part_before(scan, gap);
        let called = part.text.split([' ', '.']).next().is_some_and(|first| CALLED.has(first));
        if part.text.is_empty() || part.text.len() > LINE || code.end - part.start > LONGEST || called {
            break;
        }
        if code.military {
            return Some((posted(scan, &part), 0));
        }
        let first = part.text.split(' ').next().unwrap_or_default();
        let words = part.text.split(' ').count();
        if words <= 2 && listed(&OPENING_UNITS, first) && part.text.contains(|c: char| c.is_ascii_digit()) {
            unit = Some(part.start);
            if names > 0 {
                break;
            }
        } else if words == 1 && part.text.starts_with(|c: char| c.is_ascii_digit()) {
            number = true;
            // "64/241, Saha Zila, Bhind 356601"
            if names > 0 && code.sure >= Sure::Half && part.text.contains('/') {
                return Some((part.start, names));
            }
        } else if number && begins_upper(part.text)
            || street(scan, &part).is_some()
            || house(scan, &part, code)
        {
            let enough = code.sure == Sure::Quite && count < PARTS - 1
                || code.sure >= Sure::Half && lines && part.whole
                || telling(scan, &part);
            return enough.then(|| (opened(scan, &part), names));
        } else if names >= 2 || unit.is_some() || part.text.rsplit(' ').next().is_some_and(is_form) {
            break;
        } else {
            // Not a state's or a province's letters.
            names += usize::from(part.text.len() > 3);
        }
        if !part.whole {
            break;
        }
        at = part.start;
    }
    if code.military {
        return Some((code.start, 0));
    }
    unit.filter(|_| code.sure >= Sure::Half && names > 0).map(|start| (start, names))
}

/// Whether a part holds a house number and a name.
fn house(scan: &Scan<'_>, part: &Part<'_>, code: &Code) -> bool {
    let end = part.start + part.text.len();
    let mut words = part.text.split(' ').filter(|word| !word.is_empty());
    let is_number = |word: &&str| word.split(['-', '/']).next().is_some_and(is_house_number);
    let numbered = words.clone().take(1).chain(words.clone().next_back()).any(|word| is_number(&word))
        || telling(scan, part) && words.clone().any(|word| is_number(&word));
    let named = words.any(|word| begins_upper(word) && word.len() > 1);
    // A date or a telephone number is none.
    let taken = scan.found.iter().rev().take(12).any(|e| {
        !matches!(
            e.label,
            Label::Address | Label::Person | Label::Organization | Label::Location | Label::PostalCode
        ) && e.score >= 0.5
            && e.start < end.min(code.start)
            && e.end > part.start
    });
    numbered && named && !taken
}

/// The address that a recogniser of streets has found in a part.
fn street(scan: &Scan<'_>, part: &Part<'_>) -> Option<usize> {
    let end = part.start + part.text.len();
    let near = scan.found.iter().rev().take(12);
    near.filter(|e| e.label == Label::Address && e.start < end && e.end > part.start).map(|e| e.start).min()
}

/// Whether a part speaks of a street.
fn telling(scan: &Scan<'_>, part: &Part<'_>) -> bool {
    let mut words = part.text.split(' ');
    let first = words.next().unwrap_or_default();
    street(scan, part).is_some()
        || listed(&BEFORE_NAME, first)
        || listed(&SELDOM_BEFORE_NAME, first)
        || first.ends_with('.') && listed(&SHORT_BEFORE_NAME, first)
        || words.next_back().is_some_and(|last| listed(&AFTER_NAME, last))
}

/// Where a part with a house number starts, without a name of somebody in the same line.
fn named_start(scan: &Scan<'_>, part: &Part<'_>) -> usize {
    street(scan, part).unwrap_or(part.start)
}

/// Where the address starts whose street `part` is: at a flat before it, if there is one.
fn opened(scan: &Scan<'_>, part: &Part<'_>) -> usize {
    let start = named_start(scan, part);
    if part.whole && start == part.start && part.gap > 0 {
        let unit = part_before(scan, part.gap);
        let mut words = unit.text.split(' ');
        let opens = words.next().is_some_and(|first| listed(&OPENING_UNITS, first));
        let numbered = words.next().is_some_and(|number| number.len() <= 5);
        if opens && numbered && words.next().is_none() {
            return unit.start;
        }
    }
    start
}

/// Where the line before a military post office starts that says where it is delivered: a ship, or a box and its unit.
fn posted(scan: &Scan<'_>, part: &Part<'_>) -> usize {
    let is_ship = |word: &str| word.starts_with("US") && !word.contains(char::is_lowercase);
    let ship = part.text.split(' ').find(|word| is_ship(word)).and_then(|ship| part.text.find(ship));
    if let Some(at) = ship {
        return part.start + at;
    }
    if !part.text.contains(|c: char| c.is_ascii_digit()) {
        return part.start + part.text.len() + 1; // whoever it is for
    }
    if part.whole && !part.opens_line && part.gap > 0 {
        let before = part_before(scan, part.gap);
        if before.text.contains(|c: char| c.is_ascii_digit()) {
            return before.start;
        }
    }
    part.start
}

/// Where the address with this postcode ends: behind its town, province and country.
fn ending(scan: &Scan<'_>, code: &Code, names: usize) -> usize {
    let mut end = code.end;
    let mut town = names > 0 || code.military;
    if scan.byte(end) == b' '
        && let Some(after) = town_end(scan, end + 1)
    {
        (end, town) = (province(scan, after), true);
    }
    for _ in 0..2 {
        let at = match (scan.byte(end), scan.byte(end + 1), scan.byte(end + 2)) {
            (b'\n', ..) => end + 1,
            (b'\r', b'\n', _) | (b',', b' ' | b'\n', _) => end + 2,
            (b',', b'\r', b'\n') => end + 3,
            _ => break,
        };
        let Some(after) = town_end(scan, at) else { break };
        let after = if town { after } else { province(scan, after) };
        let closes = matches!(scan.byte(after), 0 | b'\n' | b'\r' | b',' | b'.' | b';' | b')' | b'"' | b'<');
        let name = scan.text.get(at..after).unwrap_or_default();
        let is_place = |name: &str| look(name).has(Kinds::PLACE) || look(name).has(Kinds::NAMED_PLACE);
        let country = is_place(name) || !name.contains(char::is_lowercase) && is_place(&small(name));
        if !closes || town && !country {
            break;
        }
        (end, town) = (after, true);
    }
    end
}

/// Where the name of a town that starts at `at` ends: capitalised words and small ones between them.
pub(super) fn town_end(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let mut end = None;
    let mut at = at + if scan.text.get(at..).is_some_and(|rest| rest.starts_with("'s-")) { 1 } else { 0 };
    let mut joins = 0;
    for count in 0..7 {
        let word = word_at(scan, at);
        let letters =
            !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '/'));
        let named = begins_upper(word) || count == 0 && word.starts_with("s-") || word.starts_with("d'");
        let join = joins < 2 && JOINS.has(&word.to_lowercase());
        let other = count > 0 && !join && (look(word).has(Kinds::STOP) && joins == 0 || TITLES.has(word));
        if letters && named && !other && !(join && count > 0) {
            let after = at + word.len();
            let abbreviated =
                scan.byte(after) == b'.' && matches!(word, "St" | "Ste" | "Bad" | "Sta" | "Sto");
            end = Some(after);
            at = after + usize::from(abbreviated);
            joins = 0;
        } else if letters && join && (end.is_some() || matches!(word, "da" | "do" | "das" | "dos")) {
            at += word.len();
            joins += 1;
        } else {
            break;
        }
        if scan.byte(at) != b' ' {
            break;
        }
        at += 1;
    }
    end.filter(|_| scan.byte(at) != b':')
}

/// The end of ` (CR)`, ` / RR` or `/SP` behind a town that ends at `end`.
fn province(scan: &Scan<'_>, end: usize) -> usize {
    let rest = scan.text.get(end..).unwrap_or_default();
    let (open, close) = match [" (", " / ", "/", " - "].iter().position(|open| rest.starts_with(open)) {
        Some(0) => (2, 1),
        Some(1 | 3) => (3, 0),
        Some(2) => (1, 0),
        _ => return end,
    };
    let code = word_at(scan, end + open);
    let after = end + open + code.len();
    let is_code = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase());
    let in_brackets =
        scan.byte(after) == b')' && (is_code || matches!(code, "Saale" | "Oder" | "Main" | "Spree"));
    if if close == 1 { in_brackets } else { is_code } { after + close } else { end }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::spans;

    #[test]
    fn whole_addresses() {
        for address in [
            "Flat 64\nTaylor Well\nPort Judith\nDG4 7WR",
            "Lukasring 93\r\n1210FF\r\nDomburg",
            "ulica Solidarności 072\n25-520 Nysa",
            "Viale Luna, 4, 07024, Isola Di Caprera (SS)",
            "Calle Georgina Soriano 75\nGranada, 41911\nPoland",
            "Konrad-Adenauer-Ring 159, 67413 Neustadt an der Weinstraße",
            "Rua Sete de Setembro, nº 58, casa 2 - Boa Vista, Juiz de Fora - MG - 36005-007",
            "95 ter rue du 8 Mai 1945\n39125 Dole",
            "96/83, Sunder Marg, Rourkela-211911",
            "Friedrich-Ebert-Allee 171a\nD-73523 Schwäbisch Gmünd",
            "USNS Rodriguez\nFPO AP 37816",
            "PSC 4472, Box 3600\nAPO AP 73156",
            "Unit 1234 Box 567\nDPO AE 09012",
        ] {
            for text in [address.to_owned(), format!("Kane LLC\n{address}\n\nTel. 0211 - 456199")] {
                assert_eq!(spans("ADDRESS", &text), [address], "{text}");
            }
        }
        assert_eq!(
            spans("ADDRESS", "Mail it to USNS Calhoun, FPO AP 92802, please."),
            ["USNS Calhoun, FPO AP 92802"]
        );
    }

    #[test]
    fn no_addresses() {
        for text in [
            "Account no. 0012-3456-789",
            "Table 3, 15000 People came",
            "Invoice 2023\n12345 Boston",
            "Leeds\n07751 825294",
            "John Smith\nBerlin\n10115",
            "on 5 May 2020, 28013 Madrid",
        ] {
            assert_eq!(spans("ADDRESS", text), [""; 0], "{text}");
        }
        // A flat's number is no postcode, and whoever lives there is no part of it.
        assert_eq!(spans("ADDRESS", "350 Fifth Ave., Suite 3300, New York"), ["350 Fifth Ave., Suite 3300"]);
        assert_eq!(
            spans("ADDRESS", "Lloyd of 885 Bonilla Lane, Buffalo, OH 12883"),
            ["885 Bonilla Lane, Buffalo, OH 12883"]
        );
    }

    #[test]
    fn towns_behind_postcodes() {
        assert_eq!(spans("LOCATION", "PLZ, Ort: 55746 Kalt-Oberstein"), ["Kalt-Oberstein"]);
        assert_eq!(spans("LOCATION", "D-83058 Kaltenheim"), ["Kaltenheim"]);
        assert_eq!(spans("LOCATION", "the 1820 Missouri Compromise"), ["Missouri"]);
    }
}
