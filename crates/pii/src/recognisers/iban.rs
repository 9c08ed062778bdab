//! International bank account numbers (ISO 13616: length by country, mod 97) and bank codes (ISO 9362).

use super::codes::Compact;
use super::scan::Scan;
use super::words::words;
use crate::Label;
use crate::checksum::mod97;
use crate::context::{Hit, Kind, Kinds};

/// Country and length, from the SWIFT registry.
#[rustfmt::skip]
const LENGTHS: &[(&[u8; 2], u8)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22), (b"BH", 22), (b"BI", 27),
    (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28),
    (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23),
    (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26),
    (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21),
    (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28),
    (b"NL", 18), (b"NO", 15), (b"OM", 23), (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22),
    (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25),
    (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

pub(crate) fn at(scan: &mut Scan<'_>, compact: &Compact) {
    let chars = &compact.chars[..compact.len];
    let [a, b, c, d, ..] = *chars else { return };
    if !c.is_ascii_digit() || !d.is_ascii_digit() {
        return;
    }
    let Some(&(_, len)) = LENGTHS.iter().find(|(country, _)| **country == [a, b]) else { return };
    let len = usize::from(len);
    let Some(end) = compact.end(len) else { return };
    let (head, tail) = chars[..len].split_at(4);
    if mod97(tail.iter().chain(head).copied()) == Some(1) {
        let context = scan.context(Kinds::of(&[Kind::Iban, Kind::Account]), compact.start, end);
        scan.push("iban", Label::Iban, (compact.start, end), 1.0, true, context);
    }
}

words! {
    /// Country codes that appear in bank codes: ISO 3166-1.
    COUNTRIES = "AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN CO CR CU CV CW CY CZ \
    DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW \
    SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
}

/// A bank code near the words that announce one: letters alone say too little.
pub(crate) fn bic_after(scan: &mut Scan<'_>, hit: Hit) {
    let limit = (hit.end + 48).min(scan.bytes.len());
    let mut at = hit.end;
    while at < limit {
        let start = at;
        while scan.byte(at).is_ascii_alphanumeric() {
            at += 1;
        }
        let word = &scan.bytes[start..at];
        if is_bic(word) {
            scan.push("bic", Label::Bic, (start, at), 0.9, false, Some(hit.word));
            return;
        }
        at += 1;
    }
}

fn is_bic(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 11)
        && word[..6].iter().all(u8::is_ascii_uppercase)
        && word[6..].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && std::str::from_utf8(&word[4..6]).is_ok_and(|country| COUNTRIES.has(country))
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn ibans() {
        check(
            "IBAN",
            &[
                "ES91 2100 0418 4502 0005 1332",
                "ES9121000418450200051332",
                "GB82 WEST 1234 5698 7654 32",
                "DE89370400440532013000",
                "de89370400440532013000",
                "FR1420041010050500013M02606",
                "NO9386011117947",
                "NL91ABNA0417164300",
                "IT60 X054 2811 1010 0000 0123 456",
                "BR1800360305000010009795493C1",
                "DE89-3704-0044-0532-0130-00",
            ],
            &[
                "ES91 2100 0418 4502 0005 1333",
                "GB82 WEST 1234 5698 7654 3",
                "DE8937040044053201300",
                "XX82WEST12345698765432",
                "ES91",
                "xDE89370400440532013000",
            ],
        );
    }

    #[test]
    fn bank_codes() {
        check(
            "BIC",
            &["BIC: DEUTDEFF", "SWIFT code BSCHESMMXXX", "swift CHASUS33"],
            &["DEUTDEFF", "BIC NATIONAL", "SWIFT deutdeff", "BIC DEUTXXFF"],
        );
    }
}
