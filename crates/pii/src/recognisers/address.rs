//! Street addresses by shape: a house number beside a capitalised name and a word for a street, in eight languages.
//! Post-office boxes too. A model finds the rest.

use super::scan::{Scan, Word, is_word};
use super::words::{Words, words};
use crate::Label;

words! {
    /// Words that follow a street's name: `12 Main Street`.
    AFTER_NAME = " street st avenue ave road rd lane ln drive dr boulevard blvd court ct way place pl square sq terrace crescent close parkway pkwy highway hwy circle cir row gardens \
    mews alley trail loop quay "
}
words! {
    /// Further ones, most of them of the US Postal Service's Publication 28, less those that headlines count (`10 Easy Ways`): words of
    /// their own, so only behind what is no year.
    SELDOM_AFTER_NAME = "bend bluff bluffs branch brook brooks burg burgs bypass camp canyon cape causeway circles cliff cliffs courts cove coves creek crest crossing \
    crossroad curve dale divide drives expressway falls ferry flat flats ford fords forge forges fork forks fort freeway glen glens grove groves harbor \
    harbors haven heights hill hills hollow inlet isle junction junctions knoll knolls lake locks lodge manor manors meadow meadows mill mills mission \
    motorway mount mountain mountains neck orchard oval overpass passage path pike pine pines plain prairie radial ramp ranch rapid rapids ridge ridges \
    roads shoal shoals shore shores skyway spring spur spurs squares stravenue throughway trace trafficway tunnel turnpike underpass valley valleys \
    viaduct village villages ville vista wood woods marg nagar chowk ganj"
}
words! {
    /// Words that come before it: `Calle Mayor 5`, `12 rue de la Paix`.
    BEFORE_NAME = " calle c/ avenida av avda paseo plaza camino carretera ronda travesía rue avenue boulevard place quai chemin impasse allée allées cours route passage square via viale piazza corso \
    largo vicolo rua travessa praça estrada alameda strada borgo contrada rotonda viaduto ladeira beco privada andador callejón calzada cerrada circuito glorieta pasaje retorno ulica ul улица ул "
}
/// Endings of names written in one word: `Hauptstraße 12`, `Keizersgracht 5`.
const ENDINGS: [&str; 24] = [
    "straße",
    "strasse",
    "str",
    "weg",
    "platz",
    "allee",
    "gasse",
    "damm",
    "ufer",
    "ring",
    "straat",
    "laan",
    "plein",
    "gracht",
    "kade",
    "gatan",
    "vägen",
    "vej",
    "dreef",
    "singel",
    "dijk",
    "steeg",
    "boulevard",
    "promenade",
];
words! {
    /// Small words inside a name.
    SMALL = " de del la las los el le les des du d di della delle dei dos da do das van der den am an der the of y e und et "
}

words! {
    /// Parts of a building.
    UNITS = "apt apartment suite ste unit floor flat room"
}

fn listed(list: &Words, word: &str) -> bool {
    // The longest is "boulevard" with its dot.
    word.len() <= 12 && list.has(&word.trim_end_matches('.').to_lowercase())
}

fn word_at<'t>(scan: &Scan<'t>, start: usize) -> &'t str {
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

fn word_before<'t>(scan: &Scan<'t>, end: usize) -> (usize, &'t str) {
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

fn capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// Around a house number.
pub(crate) fn at_number(scan: &mut Scan<'_>, word: Word) {
    let digits = scan.bytes[word.start..word.end].iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=5).contains(&digits)
        || word.len() > digits + 1
        || matches!(scan.before(word.start), b'.' | b'$' | b'/' | b':' | b'-')
    {
        return;
    }
    if !number_first(scan, word) {
        number_last(scan, word);
    }
}

/// `221B Baker Street, Apt 4`, `10 rue de la Paix`.
fn number_first(scan: &mut Scan<'_>, word: Word) -> bool {
    let mut at = word.end;
    let comma = scan.byte(at) == b',';
    at += usize::from(comma);
    if scan.byte(at) != b' ' {
        return false;
    }
    at += 1;
    let mut first = word_at(scan, at);
    if matches!(first, "bis" | "ter") {
        at += first.len();
        at += usize::from(scan.byte(at) == b',');
        at += usize::from(scan.byte(at) == b' ');
        first = word_at(scan, at);
    }
    let named = listed(&BEFORE_NAME, first) && first.len() > 2;
    if let Some(end) = named.then(|| name_end(scan, at + first.len())).flatten() {
        scan.push("street_address", Label::Address, (word.start, end), 0.75, false, None);
        return true;
    }
    if comma || !capital(first) {
        return false;
    }
    for count in 0..5 {
        let name = word_at(scan, at);
        let ordinal = count > 0 && name.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if !capital(name) && !ordinal {
            return false;
        }
        let mut end = at + name.len();
        let seldom = || {
            let year =
                word.len() == 4 && matches!(&scan.bytes[word.start..word.start + 2], b"18" | b"19" | b"20");
            // "25 Great Lakes cities": behind a street stands no further capital, and a number is seldom one of things.
            let more = scan.byte(end) == b' ' && scan.byte(end + 1).is_ascii_uppercase();
            !year && word.len() > 1 && !more && listed(&SELDOM_AFTER_NAME, name)
        };
        if count > 0 && (listed(&AFTER_NAME, name) || seldom()) {
            let sure = listed(&AFTER_NAME, name);
            end += usize::from(
                scan.byte(end) == b'.' && name.len() <= 4 && !matches!(scan.byte(end + 1), b'\n' | 0),
            );
            let (start, end) = (unit_before(scan, word.start), unit(scan, end));
            let score = if sure { 0.75 } else { 0.5 };
            scan.push("street_address", Label::Address, (start, end), score, false, None);
            return true;
        }
        end += usize::from(scan.byte(end) == b'.' && name.len() == 1);
        if scan.byte(end) != b' ' {
            return false;
        }
        at = end + 1;
    }
    false
}

/// The end of a capitalised name with small words in it that starts after `at`.
fn name_end(scan: &Scan<'_>, mut at: usize) -> Option<usize> {
    let mut end = None;
    for _ in 0..7 {
        if scan.byte(at) != b' ' {
            break;
        }
        let name = word_at(scan, at + 1);
        let small = listed(&SMALL, name);
        let elided = name.split_once('\'').is_some_and(|(_, rest)| capital(rest));
        if !(small || capital(name) || elided) || name.is_empty() {
            break;
        }
        at += 1 + name.len();
        if !small {
            end = Some(at);
        }
    }
    end
}

/// `, Apt 4B`, ` Suite 200`, ` NW` behind a street.
fn unit(scan: &Scan<'_>, end: usize) -> usize {
    let mut at = end;
    at += usize::from(scan.byte(at) == b',');
    if scan.byte(at) != b' ' {
        return end;
    }
    let word = word_at(scan, at + 1);
    let after = at + 1 + word.len();
    if matches!(word, "N" | "S" | "E" | "W" | "NW" | "NE" | "SW" | "SE") {
        return unit(scan, after);
    }
    if listed(&UNITS, word) {
        let dot = usize::from(scan.byte(after) == b'.');
        if scan.byte(after + dot) == b' ' {
            let number = word_at(scan, after + dot + 1);
            if !number.is_empty() && number.len() <= 5 {
                return after + dot + 1 + number.len();
            }
        }
    }
    end
}

/// Where `Flat 3B, ` before a house number starts.
fn unit_before(scan: &Scan<'_>, start: usize) -> usize {
    let Some(comma) = scan.text[..start].strip_suffix(", ").map(str::len) else { return start };
    let (at, number) = word_before(scan, comma);
    let is_number = number.bytes().any(|b| b.is_ascii_digit()) || number.len() == 1 && capital(number);
    if !is_number || number.len() > 4 || scan.before(at) != b' ' {
        return start;
    }
    let (at, word) = word_before(scan, at - 1);
    // It may be that of the address before.
    let taken = scan.found.iter().rev().take(4).any(|e| e.label == Label::Address && e.end > at);
    if listed(&UNITS, word) && !taken { at } else { start }
}

/// `, 3º B` behind a house number.
fn floor(scan: &Scan<'_>, end: usize) -> usize {
    let rest = &scan.text[end..];
    let Some(rest) = rest.strip_prefix(", ").or_else(|| rest.strip_prefix(' ')) else { return end };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(rest) = rest
        .strip_prefix(['º', 'ª', '°'])
        .filter(|_| scan.before(scan.text.len() - rest.len()).is_ascii_digit())
    else {
        return end;
    };
    let end = scan.text.len() - rest.len();
    let door = rest.trim_start_matches([' ', ',', '-']);
    let door = scan.text.len() - door.len();
    let letter = scan.byte(door).is_ascii_uppercase() && !is_word(scan.byte(door + 1)) && door <= end + 2;
    if letter { door + 1 } else { end }
}

/// `Calle Mayor 5, 3º B`, `Hauptstraße 12`, `Via Roma, 10`, `PO Box 123`.
fn number_last(scan: &mut Scan<'_>, word: Word) {
    let Some(mut at) = word.start.checked_sub(1) else { return };
    if scan.byte(at) != b' ' {
        return;
    }
    let before_mark = at;
    at -= usize::from(scan.before(at) == b',');
    for marker in ["nº", "n°", "no", "numéro"] {
        if scan.text[..at].ends_with(marker) {
            at -= marker.len();
            at -= usize::from(scan.before(at) == b' ');
            at -= usize::from(scan.before(at) == b',');
            break;
        }
    }
    let end = word.end;
    let (start, last) = word_before(scan, at);
    if last.eq_ignore_ascii_case("box") && at == before_mark {
        let head = &scan.text[..start];
        if let Some(len) =
            ["P.O. ", "PO ", "P.O.", "Post Office "].iter().find(|p| head.ends_with(**p)).map(|p| p.len())
        {
            scan.push("po_box", Label::Address, (start - len, end), 0.8, false, None);
        }
        return;
    }
    let dotted = scan.before(at) == b'.';
    let (start, last) = if dotted { word_before(scan, at - 1) } else { (start, last) };
    let lower = last.to_lowercase();
    if capital(last)
        && lower.len() >= 5
        && ENDINGS.iter().any(|ending| {
            lower.ends_with(ending) && lower.len() > ending.len() + 1 && (*ending != "str" || dotted)
        })
    {
        let telling = lower.ends_with("straße")
            || lower.ends_with("strasse")
            || lower.ends_with("straat")
            || lower.ends_with("str")
            || lower.ends_with("gracht");
        scan.push(
            "street_address",
            Label::Address,
            (start, end),
            if telling { 0.75 } else { 0.55 },
            false,
            None,
        );
        return;
    }
    if dotted {
        return;
    }
    // Walk back over the name to the word for a street.
    let (mut start, mut name) = (start, last);
    let mut capitals = 0;
    for _ in 0..7 {
        if capitals > 0 && listed(&BEFORE_NAME, name) && !listed(&SMALL, name) {
            let end = floor(scan, end);
            scan.push("street_address", Label::Address, (start, end), 0.75, false, None);
            return;
        }
        if capital(name) {
            capitals += 1;
        } else if !listed(&SMALL, name) {
            return;
        }
        let mut stop = start;
        if scan.before(stop) != b' ' {
            return;
        }
        stop -= 1;
        stop -= usize::from(scan.before(stop) == b'.');
        (start, name) = word_before(scan, stop);
    }
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
                "P.O. Box 123",
                "Hauptstr. 5a",
                "7 boulevard de l'Opéra",
                "41780 Wallace Drives",
                "964 Gregory Mission",
                "140 Bajwa Marg",
                "Strada Sophia, 555",
                "Lukadreef 3",
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
            ],
        );
        assert_eq!(
            spans("ADDRESS", "at 350 Fifth Ave., Suite 3300, New York"),
            ["350 Fifth Ave., Suite 3300"]
        );
        assert_eq!(spans("ADDRESS", "vive en la calle de Alcalá 45, Madrid"), ["calle de Alcalá 45"]);
        for address in ["Flat 3B, 27 Mortimer Rd", "Calle Mayor 5, 3º B", "Calle Mayor 5, 2ª"] {
            assert_eq!(spans("ADDRESS", address), [address]);
        }
        assert_eq!(spans("ADDRESS", "Calle Mayor 5, 3 Bares"), ["Calle Mayor 5"]);
        assert_eq!(spans("ADDRESS", "No flat here, 27 Baker Street"), ["27 Baker Street"]);
        let two = "Flat 3B, 27 Baker Street, Flat 4, 29 Baker Street";
        assert_eq!(spans("ADDRESS", two), ["Flat 3B, 27 Baker Street, Flat 4", "29 Baker Street"]);
    }
}
