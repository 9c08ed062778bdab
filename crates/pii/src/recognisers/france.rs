//! France: the NIR (social security number, key mod 97).

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::context::{Kind, Kinds};

const CONTEXT: Kinds = Kinds::of(&[Kind::Nir, Kind::Ssn]);

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "fr_nir",
        label: Label::NationalId,
        shapes: &["15", "1~2~2~2~3~3~2", "13~2", "1~2~2~2~6~2", "1~2~2~5~3~2"],
        check: nir,
        validated: true,
        context: CONTEXT,
        with: 1.0,
        grouped: 0.95,
        solid: 0.85,
    },
    NumberRule {
        name: "fr_nir",
        label: Label::NationalId,
        shapes: &["13", "1~2~2~2~3~3"],
        check: |n| shape(n.value(0, 1), n.value(3, 5)),
        validated: false,
        context: CONTEXT,
        with: 0.8,
        grouped: 0.0,
        solid: 0.0,
    },
];

pub(crate) const CODES: &[CodeRule] = &[CodeRule {
    name: "fr_nir",
    label: Label::NationalId,
    patterns: &["999992A99999999"],
    separators: 6,
    check: nir_corsica,
    validated: true,
    context: CONTEXT,
    with: 1.0,
    without: 0.9,
}];

/// Sex, and month of birth: 1 to 12, or the codes for an unknown month.
fn shape(sex: u32, month: u32) -> bool {
    matches!(sex, 1..=4 | 7 | 8) && matches!(month, 1..=12 | 20 | 30..=42 | 50..=99)
}

fn key(body: u64, key: u32) -> bool {
    97 - body % 97 == u64::from(key)
}

fn nir(n: &Number<'_>) -> bool {
    let body = u64::from(n.value(0, 7)) * 1_000_000 + u64::from(n.value(7, 13));
    shape(n.value(0, 1), n.value(3, 5))
        && n.value(5, 7) != 0
        && n.value(10, 13) != 0
        && key(body, n.value(13, 15))
}

/// Corsica's departments 2A and 2B count as 19 and 18 in the key.
fn nir_corsica(code: &[u8]) -> bool {
    let value = |range: &[u8]| range.iter().fold(0_u64, |n, b| n * 10 + u64::from(b.wrapping_sub(b'0')));
    if !b"AB".contains(&code[6]) {
        return false;
    }
    let department = if code[6] == b'A' { 19 } else { 18 };
    let body = (value(&code[..5]) * 100 + department) * 1_000_000 + value(&code[7..13]);
    shape(value(&code[..1]) as u32, value(&code[3..5]) as u32) && key(body, value(&code[13..15]) as u32)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn social_security() {
        check(
            "NATIONAL_ID",
            &[
                "2 95 10 99 126 111 93",
                "295109912611193",
                "sécurité sociale 253072B07300470",
                "2 95 10 99 126 111 | 295109912611193",
            ],
            &["295109912611199", "2 95 10 99 126 111 99", "095109912611193"],
        );
    }
}
