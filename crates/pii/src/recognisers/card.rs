//! Payment card numbers: issuer ranges and lengths of the networks, and Luhn's check (ISO/IEC 7812).

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::luhn;
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
        shapes: &["13", "17", "18", "19", "12", "4_4_4_1", "4_3_3_3"],
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
    (500_000, 509_999, 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19), // Maestro, Elo, Verve
    (560_000, 589_999, 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),
    (600_000, 601_099, 1 << 16),                                           // RuPay
    (606_282, 606_282, 1 << 16 | 1 << 19),                                 // Hipercard
    (637_000, 639_999, 1 << 16),                                           // InstaPayment, Maestro
    (670_000, 679_999, 1 << 16 | 1 << 18 | 1 << 19),                       // Maestro
    (220_000, 220_499, 1 << 16),                                           // Mir
    (979_200, 979_289, 1 << 16),                                           // Troy
];

fn valid(number: &Number<'_>) -> bool {
    let issuer = number.value(0, 6);
    let length = 1_u32 << number.digits.len();
    ISSUERS.iter().any(|&(from, to, lengths)| (from..=to).contains(&issuer) && lengths & length != 0)
        && luhn(number.digits)
        // Constants of programs are round numbers; cards are not, or the text says so.
        && (number.context || number.groups.len() > 1 || !looks_like_a_constant(number.digits))
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
                "1000000000000000",
                "4611686018427387904",
            ],
        );
    }
}
