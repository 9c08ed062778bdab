//! Australia: tax file number (mod 11), business number (mod 89), Medicare card.

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::weighted;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "au_tfn",
        label: Label::TaxId,
        shapes: &["9", "8", "3_3_3", "3_3_2"],
        check: tfn,
        validated: true,
        context: Kinds::of(&[Kind::Tfn]),
        with: 0.95,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "au_abn",
        label: Label::TaxId,
        shapes: &["11", "2_3_3_3"],
        check: abn,
        validated: true,
        context: Kinds::of(&[Kind::Abn]),
        with: 0.98,
        grouped: 0.4,
        solid: 0.0,
    },
    NumberRule {
        name: "au_medicare",
        label: Label::HealthId,
        shapes: &["10", "11", "4_5_1", "4_5_1_1", "4_5_1/1"],
        check: medicare,
        validated: true,
        context: Kinds::of(&[Kind::Medicare]),
        with: 0.95,
        grouped: 0.5,
        solid: 0.0,
    },
];

fn tfn(n: &Number<'_>) -> bool {
    let weights: &[u32] =
        if n.digits.len() == 9 { &[1, 4, 3, 7, 5, 8, 6, 9, 10] } else { &[10, 7, 8, 4, 6, 3, 5, 1] };
    !n.all_same() && weighted(n.digits, weights).is_some_and(|sum| sum % 11 == 0)
}

/// One is taken from the first digit before weighting.
fn abn(n: &Number<'_>) -> bool {
    n.digits[0] > b'0'
        && weighted(n.digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
            .is_some_and(|sum| (sum - 10) % 89 == 0)
}

fn medicare(n: &Number<'_>) -> bool {
    (b'2'..=b'6').contains(&n.digits[0])
        && weighted(&n.digits[..8], &[1, 3, 7, 9, 1, 3, 7, 9]).is_some_and(|sum| sum % 10 == n.value(8, 9))
        && n.digits[9] != b'0'
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn tax_numbers() {
        check(
            "TAX_ID",
            &["TFN 123 456 782", "tax file number 123456782", "ABN 51 824 753 556", "ABN: 51824753556"],
            &["TFN 123 456 783", "123 456 782", "ABN 51 824 753 557"],
        );
    }

    #[test]
    fn medicare_cards() {
        check(
            "HEALTH_ID",
            &["Medicare 2123 45670 1", "2123 45670 1", "medicare card 2123456701"],
            &["Medicare 2123 45671 1", "2123456701", "Medicare 7123 45670 1"],
        );
    }
}
