//! Realistic stand-ins: a name for a name, a card number that passes Luhn for a card number. Drawn from a keyed
//! hash of the value, so equal values get equal stand-ins and the value cannot be computed back.
//! Addresses on networks and the web come from the ranges reserved for documentation.

use crate::Label;
use crate::checksum::{luhn, mod97};
use crate::mac::hmac;

#[rustfmt::skip]
const FIRST: [&str; 32] = [
    "Alex", "Sam", "Robin", "Jamie", "Andrea", "Kim", "Noa", "Sasha", "Charlie", "Dana", "Eli", "Frances", "Gabriel", "Harper", "Indira", "Jules",
    "Kerry", "Lee", "Marion", "Nico", "Ollie", "Pat", "Quinn", "Renée", "Sidney", "Taylor", "Uma", "Valentin", "Wren", "Xenia", "Yuri", "Zoe",
];
#[rustfmt::skip]
const LAST: [&str; 32] = [
    "Abbott", "Becker", "Carvalho", "Dubois", "Eriksen", "Ferrari", "Garrido", "Hoffmann", "Ibáñez", "Jansen", "Kowalski", "Lindgren", "Moreau", "Novak",
    "Okafor", "Pereira", "Quiroga", "Rossi", "Santos", "Tanaka", "Ueda", "Visser", "Whitaker", "Xu", "Yilmaz", "Zimmer", "Bianchi", "Castellano",
    "Delacroix", "Engström", "Fitzroy", "Grünwald",
];
#[rustfmt::skip]
const PLACES: [&str; 24] = [
    "Ashford", "Belmonte", "Clairvaux", "Dunmore", "Eastvale", "Ferndale", "Greystone", "Hallstadt", "Ivydale", "Kirkwall", "Lindau", "Montclair",
    "Norwood", "Oakhurst", "Pinewood", "Queensbury", "Riverton", "Silverton", "Thornbury", "Valbonne", "Westerlo", "Yarrow", "Zollikon", "Altamira",
];
const STREETS: [&str; 12] = [
    "Maple", "Cedar", "Harbour", "Orchard", "Mill", "Station", "Garden", "Bridge", "Chapel", "Meadow",
    "Willow", "Forest",
];
#[rustfmt::skip]
const FIRMS: [&str; 16] = [
    "Northwind", "Bluepeak", "Harborline", "Ironwood", "Lumenfield", "Mosaic", "Pinecrest", "Quarry", "Redleaf", "Stonebridge", "Tidewater", "Umbra",
    "Verdant", "Westmark", "Yellowtail", "Zephyr",
];

/// Bytes drawn from one value.
struct Draw {
    bytes: [u8; 32],
    at: usize,
}

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        if self.at + 2 > self.bytes.len() {
            self.bytes = hmac(&self.bytes, &[b"more"]);
            self.at = 0;
        }
        let value = usize::from(self.bytes[self.at]) << 8 | usize::from(self.bytes[self.at + 1]);
        self.at += 2;
        value % n
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// The `attempt`-th candidate for a value.
pub(crate) fn candidate(seed: &[u8], label: &Label, value: &str, attempt: u32) -> String {
    let bytes = hmac(seed, &[label.name().as_bytes(), &[0], value.as_bytes(), &[0], &attempt.to_le_bytes()]);
    let mut draw = Draw { bytes, at: 0 };
    match label {
        Label::Person => match value.split_whitespace().count() {
            1 => draw.of(&FIRST).to_owned(),
            _ => format!("{} {}", draw.of(&FIRST), draw.of(&LAST)),
        },
        Label::Location => draw.of(&PLACES).to_owned(),
        Label::Address => format!("{} {} Street", 1 + draw.below(980), draw.of(&STREETS)),
        Label::Organization => {
            format!("{} {}", draw.of(&FIRMS), draw.of(&["Group", "Partners", "Labs", "Holdings"]))
        }
        Label::Email => format!(
            "{}.{}{}@example.{}",
            ascii(draw.of(&FIRST)),
            ascii(draw.of(&LAST)),
            draw.below(1000),
            draw.of(&["com", "org", "net"])
        ),
        Label::Url => format!("https://example.com/{:04x}{:04x}", draw.below(65536), draw.below(65536)),
        // RFC 2544's benchmarking range and RFC 3849's documentation prefix: never a real host.
        Label::IpAddress if value.contains(':') => {
            format!("2001:db8::{:x}:{:x}", 4096 + draw.below(61000), 4096 + draw.below(61000))
        }
        Label::IpAddress => format!("198.{}.{}.{}", 18 + draw.below(2), draw.below(256), 1 + draw.below(254)),
        // The bit for locally administered addresses: no maker's.
        Label::MacAddress => format!(
            "02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            draw.below(256),
            draw.below(256),
            draw.below(256),
            draw.below(256),
            draw.below(256)
        ),
        Label::Date | Label::DateOfBirth => date(value, &mut draw),
        Label::CreditCard => card(value, &mut draw),
        Label::Iban => iban(value, &mut draw),
        Label::Phone => shape(value, if value.starts_with('+') { 3 } else { 2 }, &mut draw),
        _ => shape(value, 0, &mut draw),
    }
}

fn ascii(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// Other letters and digits in the same places, after the first `keep` of them; a leading digit stays non-zero.
fn shape(value: &str, keep: usize, draw: &mut Draw) -> String {
    let mut seen = 0;
    value
        .chars()
        .map(|c| {
            if !c.is_alphanumeric() {
                return c;
            }
            seen += 1;
            let letter = |base: u8, n: usize| char::from(base + n as u8);
            match c {
                _ if seen <= keep => c,
                '1'..='9' if seen == 1 => letter(b'1', draw.below(9)),
                '0'..='9' => letter(b'0', draw.below(10)),
                c if c.is_uppercase() => letter(b'A', draw.below(26)),
                _ => letter(b'a', draw.below(26)),
            }
        })
        .collect()
}

/// Another day, month and year in the same writing; every day number is at most 12, so any order stays a date.
fn date(value: &str, draw: &mut Draw) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let len = from.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(before);
        out += &match len {
            4 => (1950 + draw.below(70)).to_string(),
            1 => (1 + draw.below(9)).to_string(),
            2 => format!("{:02}", 1 + draw.below(12)),
            _ => shape(&from[..len], 0, draw),
        };
        rest = &from[len..];
    }
    out + rest
}

fn card(value: &str, draw: &mut Draw) -> String {
    let text = shape(value, 1, draw);
    let Some(last) = text.rfind(|c: char| c.is_ascii_digit()) else { return text };
    for check in b'0'..=b'9' {
        let candidate = format!("{}{}{}", &text[..last], char::from(check), &text[last + 1..]);
        let digits: Vec<u8> = candidate.bytes().filter(u8::is_ascii_digit).collect();
        if luhn(&digits) {
            return candidate;
        }
    }
    text
}

fn iban(value: &str, draw: &mut Draw) -> String {
    let text: Vec<char> = shape(value, 4, draw).chars().collect();
    let places: Vec<usize> = (0..text.len()).filter(|&i| text[i].is_ascii_alphanumeric()).collect();
    let [_, _, tens, ones, ..] = places[..] else { return text.into_iter().collect() };
    let plain =
        |text: &[char]| places.iter().map(|&i| text[i].to_ascii_uppercase() as u8).collect::<Vec<u8>>();
    (2..=98_u8)
        .find_map(|check| {
            let mut candidate = text.clone();
            candidate[tens] = char::from(b'0' + check / 10);
            candidate[ones] = char::from(b'0' + check % 10);
            let code = plain(&candidate);
            let (head, tail) = code.split_at(4);
            (mod97(tail.iter().chain(head).copied()) == Some(1)).then(|| candidate.into_iter().collect())
        })
        .unwrap_or_else(|| text.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recognisers;

    #[test]
    fn stand_ins_are_stable_different_and_of_the_same_kind() {
        for (label, value) in [
            (Label::CreditCard, "4111 1111 1111 1111"),
            (Label::Iban, "ES91 2100 0418 4502 0005 1332"),
            (Label::Email, "ana@corp.example"),
            (Label::IpAddress, "192.168.1.77"),
            (Label::IpAddress, "2001:db8::8a2e:370:7334"),
            (Label::Date, "1997-08-18"),
            (Label::Url, "https://intranet.example.org/x"),
            (Label::MacAddress, "00:1A:2b:3c:4D:5e"),
        ] {
            for attempt in 0..3 {
                let one = candidate(b"seed", &label, value, attempt);
                assert_eq!(one, candidate(b"seed", &label, value, attempt));
                assert_ne!(one, candidate(b"other", &label, value, attempt));
                let found = Recognisers::all().find(&one, None);
                assert!(
                    found.iter().any(|e| e.label == label && e.text(&one) == one),
                    "{label}: {one} {found:?}"
                );
            }
        }
    }
}
