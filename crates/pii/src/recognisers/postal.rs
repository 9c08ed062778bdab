//! Postal codes: the distinctive ones (United Kingdom, Canada) by themselves, runs of digits only beside a state,
//! a street line or a word that announces them.

use super::capitals::{begins_upper, word_at};
use super::codes::CodeRule;
use super::lexicon::{self, look};
use super::listed::STATES;
use super::names::small;
use super::numbers::NumberRule;
use super::scan::{Scan, Word, is_word};
use super::words::words;
use crate::Label;
use crate::context::{Kind, Kinds};

const POSTAL: Kinds = Kinds::of(&[Kind::Postal]);

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "postal_code",
        label: Label::PostalCode,
        shapes: &["5"],
        check: |_| true,
        validated: false,
        context: POSTAL,
        with: 0.62,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "postal_code",
        label: Label::PostalCode,
        shapes: &["6", "4"],
        check: |n| n.digits.len() > 4 || !n.all_years(),
        validated: false,
        context: POSTAL,
        with: 0.55,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "postal_code",
        label: Label::PostalCode,
        shapes: &["5-4", "5-3", "2-3", "4-3", "3-4", "3 2"],
        check: |_| true,
        validated: false,
        context: POSTAL,
        with: 0.65,
        grouped: 0.0,
        solid: 0.0,
    },
];

pub(crate) const CODES: &[CodeRule] = &[
    CodeRule {
        name: "uk_postcode",
        label: Label::PostalCode,
        patterns: &["A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA"],
        separators: 1,
        check: uk,
        validated: false,
        context: POSTAL,
        with: 0.9,
        without: 0.55,
    },
    CodeRule {
        name: "ca_postal_code",
        label: Label::PostalCode,
        patterns: &["A9A9A9"],
        separators: 1,
        check: canada,
        validated: false,
        context: POSTAL,
        with: 0.9,
        without: 0.6,
    },
    CodeRule {
        name: "ie_eircode",
        label: Label::PostalCode,
        patterns: &["A99****", "D6W****"],
        separators: 1,
        check: |c| b"ACDEFHKNPRTVWXY".contains(&c[0]),
        validated: false,
        context: POSTAL,
        with: 0.8,
        without: 0.0,
    },
    CodeRule {
        name: "nl_postcode",
        label: Label::PostalCode,
        patterns: &["9999AA"],
        separators: 1,
        check: netherlands,
        validated: false,
        context: POSTAL,
        with: 0.75,
        without: 0.35,
    },
];

words! {
    /// The areas that exist.
    UK_AREAS = " AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY \
    L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE "
}

fn uk(code: &[u8]) -> bool {
    let letters = code.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let area = &code[..letters];
    let inward = &code[code.len() - 2..];
    !inward.iter().any(|b| b"CIKMOV".contains(b))
        && std::str::from_utf8(area).is_ok_and(|area| UK_AREAS.has(area))
}

fn canada(code: &[u8]) -> bool {
    !b"DFIOQUWZ".contains(&code[0]) && ![code[2], code[4]].iter().any(|b| b"DFIOQU".contains(b))
}

fn netherlands(code: &[u8]) -> bool {
    code[0] != b'0' && !matches!(&code[4..6], b"SA" | b"SD" | b"SS" | b"AD" | b"BC" | b"AM" | b"PM")
}

words! {
    AU_STATES = " NSW VIC QLD WA SA TAS ACT NT "
}

/// Whether `code` is a state whose postcodes have that many digits.
pub(super) fn is_state(code: &str, digits: usize) -> bool {
    digits == 5 && (STATES.has(code) || code == "PR") || digits == 4 && AU_STATES.has(code)
}

/// `28013 Madrid`, `1010 Wien`, `1012 AB Amsterdam`: before a place that the word list knows.
fn before_place(scan: &mut Scan<'_>, word: Word) {
    let digits = &scan.bytes[word.start..word.end];
    let may_be_year = word.len() == 4 && (matches!(digits[0], b'0' | b'2') || digits.starts_with(b"19"));
    let before = scan.before(word.start);
    if may_be_year || is_word(before) || matches!(before, b'$' | b'.' | b',' | b'#' | b'+') {
        return;
    }
    let letters = scan.bytes.get(word.end..word.end + 3).unwrap_or_default();
    let dutch = word.len() == 4
        && matches!(letters, [b' ', a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase())
        && !is_word(scan.byte(word.end + 3));
    let end = if dutch { word.end + 3 } else { word.end };
    if scan.byte(end) != b' ' {
        return;
    }
    let place = word_at(scan, end + 1);
    // "15500 London homes" are a count.
    let after = end + 1 + place.len();
    if scan.byte(after) == b' ' && scan.byte(after + 1).is_ascii_lowercase() {
        return;
    }
    let shouted = !place.contains(char::is_lowercase) && is_place(&small(place));
    if shouted || is_place(place) {
        scan.push("postal_code", Label::PostalCode, (word.start, end), 0.65, false, Some("place"));
    }
    if shouted {
        scan.push("place", Label::Location, (end + 1, after), 0.65, false, None);
    }
}

/// `Boston (02118)`, `in Port Lisa (TQ96 7HW)`: in brackets behind a place, or behind a name that a preposition makes one.
pub(crate) fn bracketed(scan: &mut Scan<'_>, word: Word) {
    let rest = scan.bytes.get(word.start..).unwrap_or_default();
    let len = rest
        .iter()
        .take(9)
        .take_while(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || **b == b' ')
        .count();
    let end = word.start + len;
    let digits = rest[..len].iter().filter(|b| b.is_ascii_digit()).count();
    let code = digits == len && matches!(len, 5 | 6) || digits >= 2 && digits < len && matches!(len, 7..=8);
    let open = scan.text.get(..word.start).and_then(|head| head.strip_suffix(" ("));
    let Some(mut head) = open.filter(|_| code && scan.byte(end) == b')') else { return };
    for count in 0..4 {
        let start = head.trim_end_matches(|c: char| c.is_alphabetic() || matches!(c, '\'' | '-')).len();
        let name = &head[start..];
        let told = count > 0 && matches!(name, "in" | "near" | "à" | "en" | "em" | "nach");
        if told || is_place(name) {
            scan.push("postal_code", Label::PostalCode, (word.start, end), 0.65, false, Some("place"));
        }
        if told || !begins_upper(name) {
            return;
        }
        head = head[..start].trim_end_matches(' ');
    }
}

fn is_place(name: &str) -> bool {
    look(name).has(lexicon::Kinds::PLACE) || look(name).has(lexicon::Kinds::NAMED_PLACE)
}

/// `CA 94105`, `NSW 2000`, and five digits between a street line and a city: `Calle Mayor 5, 28013 Madrid`.
pub(crate) fn at_number(scan: &mut Scan<'_>, word: Word) {
    let len = word.len();
    if !matches!(len, 4 | 5) {
        return;
    }
    before_place(scan, word);
    if !matches!(scan.before(word.start), b' ' | b'\n') {
        return;
    }
    let mut from = word.start - 1;
    while from > 0 && word.start - from < 5 && scan.before(from).is_ascii_uppercase() {
        from -= 1;
    }
    let state = scan.text.get(from..word.start - 1).unwrap_or_default();
    let alone = matches!(scan.before(from), b' ' | b',' | b'\n' | 0);
    let extended = scan.byte(word.end) == b'-'
        && scan.bytes[word.end + 1..].iter().take_while(|b| b.is_ascii_digit()).count() == 4;
    let end = if extended { word.end + 5 } else { word.end };
    if alone && is_state(state, len) {
        scan.push("postal_code", Label::PostalCode, (word.start, end), 0.8, false, Some("state"));
        return;
    }
    let comma = scan.bytes[..word.start].iter().rev().take(2).position(|&b| matches!(b, b',' | b'\n'));
    let city = scan.byte(word.end) == b' '
        && (scan.byte(word.end + 1).is_ascii_uppercase() || scan.byte(word.end + 1) >= 0xc3)
        && !scan.byte(word.end + 2).is_ascii_uppercase();
    if let (Some(back), true, 5) = (comma, city, len) {
        let line = word.start - back - 1;
        if scan.bytes[..line].iter().rev().take(6).any(u8::is_ascii_digit) {
            scan.push(
                "postal_code",
                Label::PostalCode,
                (word.start, word.end),
                0.65,
                false,
                Some("street line"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn codes() {
        check(
            "POSTAL_CODE",
            &[
                "SW1A 1AA",
                "75011 PARIS",
                "M1 1AE",
                "EC1A 1BB",
                "K1A 0B1",
                "San Francisco, CA 94105",
                "Albany, NY 12207-1234",
                "Sydney NSW 2000",
                "zip 10001",
                "código postal 28013",
                "PLZ: 10115",
                "postcode 1012 AB",
                "CEP 01310-100",
                "28013 Madrid",
                "8001 Zürich",
                "Boston (02118)",
                "Pick up in Port Lisa (D68NN7P)",
                "75000 Paris",
                "1012 AB Amsterdam",
            ],
            &[
                "28013",
                "XX1A 1AA",
                "SW1A 1CA",
                "D1A 0B1",
                "in 1998 FA Cup",
                "94105 people",
                "1998 London Marathon",
                "2024 Berlin",
                "over 15500 London homes",
                "$12500 Texas",
                "3.1415 Paris",
                "12345",
                "zip 2010",
                "the Foo (02118)",
                "People (12345)",
            ],
        );
    }
}
