//! Payment card numbers: issuer ranges and lengths of the networks, and Luhn's check (ISO/IEC 7812).

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::{luhn, weighted};
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "credit_card",
        label: Label::CreditCard,
        shapes: &[
            "16",
            "15",
            "14",
            "4_4_4_4",
            "4.4.4.4",
            "4_6_5",
            "4_6_4",
            "4_4_4_4_3",
            "4_4_4_3",
            "4_4_4_2",
            "8_8",
            "4_4_8",
            "4_8_4",
            "6_10",
            "4_12",
        ],
        check: valid,
        validated: true,
        context: Kinds::of(&[Kind::Card]),
        with: 1.0,
        grouped: 1.0,
        solid: 0.95,
    },
    // Lengths at which a plain integer passes too easily: only where the text speaks of a card.
    NumberRule {
        name: "credit_card",
        label: Label::CreditCard,
        shapes: &["13", "17", "18", "19", "12", "4_4_4", "4_4_4_1", "4_3_3_3"],
        check: valid,
        validated: true,
        context: Kinds::of(&[Kind::Card]),
        with: 0.95,
        grouped: 0.0,
        solid: 0.0,
    },
];

/// First six digits' ranges of an issuer, and the lengths it uses as bits.
#[rustfmt::skip]
const ISSUERS: &[(u32, u32, u32)] = &[
    (400_000, 499_999, 1 << 13 | 1 << 16 | 1 << 18 | 1 << 19),              // Visa
    (510_000, 559_999, 1 << 16),                                           // Mastercard
    (222_100, 272_099, 1 << 16),                                           // Mastercard, 2-series
    (340_000, 349_999, 1 << 15),                                           // American Express
    (370_000, 379_999, 1 << 15),
    (300_000, 305_999, 1 << 14 | 1 << 16),                                 // Diners Club
    (309_500, 309_599, 1 << 14 | 1 << 16),
    (360_000, 369_999, 1 << 14 | 1 << 16),
    (380_000, 399_999, 1 << 14 | 1 << 16),
    (601_100, 601_199, 1 << 16 | 1 << 19),                                 // Discover
    (622_126, 622_925, 1 << 16 | 1 << 19),
    (644_000, 659_999, 1 << 16 | 1 << 19),                                 // Discover, RuPay, Elo
    (352_800, 358_999, 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),              // JCB
    (620_000, 629_999, 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),              // UnionPay
    (810_000, 817_199, 1 << 16),
    (180_000, 180_099, 1 << 15),                                           // JCB, older
    (213_100, 213_199, 1 << 15),
    (350_000, 352_799, 1 << 16),
    (630_400, 630_499, 1 << 12 | 1 << 13 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19), // Maestro, older
    (639_000, 639_099, 1 << 12 | 1 << 13 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),
    (675_900, 676_399, 1 << 12 | 1 << 13 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),
    (500_000, 509_999, 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19), // Maestro, Elo, Verve
    (560_000, 589_999, 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),
    (600_000, 601_099, 1 << 16),                                           // RuPay
    (606_282, 606_282, 1 << 16 | 1 << 19),                                 // Hipercard
    (637_000, 639_999, 1 << 16),                                           // InstaPayment, Maestro
    (670_000, 679_999, 1 << 16 | 1 << 18 | 1 << 19),                       // Maestro
    (220_000, 220_499, 1 << 16),                                           // Mir
    (979_200, 979_289, 1 << 16),                                           // Troy
];

/// An old prefix of JCB's that the numbers of telephones (IMEI) begin with too.
const SHARED: std::ops::Range<u32> = 350_000..352_800;

fn valid(number: &Number<'_>) -> bool {
    let told = number.context || number.groups.len() > 1;
    of_an_issuer(number.digits)
        && (told || !SHARED.contains(&number.value(0, 6)))
        // Constants of programs are round numbers; cards are not, or the text says so.
        && (told || !looks_like_a_constant(number.digits))
}

fn of_an_issuer(digits: &[u8]) -> bool {
    let issuer = digits.iter().take(6).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let length = 1_u32.checked_shl(digits.len() as u32).unwrap_or(0);
    ISSUERS.iter().any(|&(from, to, lengths)| (from..=to).contains(&issuer) && lengths & length != 0)
        && luhn(digits)
}

/// Whether digits that are known to be a number of somebody's are a card's. At 13 digits goods have numbers too (EAN), at 12 too much has.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    let weights = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1];
    let of_goods = digits.len() == 13 && weighted(digits, &weights).is_some_and(|sum| sum % 10 == 0);
    (13..=19).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && of_an_issuer(digits)
        && !of_goods
}

/// A dozen zeros in a row.
fn looks_like_a_constant(digits: &[u8]) -> bool {
    digits.windows(12).any(|run| run.iter().all(|&d| d == b'0'))
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn cards() {
        check(
            "CREDIT_CARD",
            &[
                "4111 1111 1111 1111",
                "4111111111111111",
                "4242-4242-4242-4242",
                "5555555555554444",
                "378282246310005",
                "3782 822463 10005",
                "6011111111111117",
                "30569309025904",
                "3530111333300000",
                "2223003122003222",
                "6205500000000000004 card",
                "card 4222222222222",
                "５５５５ ５５５５ ５５５５ ４４４４",
                "4111\u{200b}1111\u{200b}1111\u{200b}1111",
                "3525\u{a0}7059\u{a0}0949\u{a0}2393",
                "card number: 639089255389",
                "180086043363713",
            ],
            &[
                "4111 1111 1111 1112",
                "1234567890123456",
                "0.4111111111111111",
                "4111111111111111.5",
                "x4111111111111111",
                "4111111111111111a",
                "9007199254740991",
                "4222222222222",
                "639089255389",
                "3525705909492393",
                "1000000000000000",
                "4611686018427387904",
            ],
        );
    }

    #[test]
    fn of_somebody() {
        for (digits, is) in [
            ("4222222222222", true),
            ("3525705909492393", true),
            ("4006381333931", false),
            ("639089255389", false),
            ("4111111111111112", false),
            ("", false),
        ] {
            assert_eq!(super::is_card(digits.as_bytes()), is, "{digits}");
        }
    }
}
