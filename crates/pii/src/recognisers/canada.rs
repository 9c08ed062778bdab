//! Canada: social insurance number (Luhn).

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::luhn;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "ca_sin",
        label: Label::NationalId,
        shapes: &["9", "3-3-3", "3 3 3"],
        check: sin,
        validated: true,
        context: Kinds::of(&[Kind::Sin]),
        with: 0.95,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "ca_sin",
        label: Label::NationalId,
        shapes: &["3-3-3"],
        check: sin,
        validated: false,
        context: Kinds::of(&[Kind::Sin]),
        with: 0.95,
        grouped: 0.5,
        solid: 0.0,
    },
];

/// 0 and 8 are not first digits.
fn sin(n: &Number<'_>) -> bool {
    !matches!(n.digits[0], b'0' | b'8') && !n.all_same() && luhn(n.digits)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn social_insurance() {
        check(
            "NATIONAL_ID",
            &["SIN 130 692 544", "social insurance number 130692544", "130-692-544"],
            &["SIN 130 692 545", "130 692 544", "130692544", "SIN 830692544"],
        );
    }
}
