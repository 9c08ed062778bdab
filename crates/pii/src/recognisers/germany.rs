//! Germany: the Steuer-ID (ISO 7064 MOD 11,10 and its rule on repeated digits).

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::mod11_10;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[NumberRule {
    name: "de_steuer_id",
    label: Label::TaxId,
    shapes: &["11", "2_3_3_3", "2 9"],
    check: steuer_id,
    validated: true,
    context: Kinds::of(&[Kind::SteuerId, Kind::Tax]),
    with: 1.0,
    grouped: 0.45,
    solid: 0.0,
}];

/// No leading zero; among the first ten digits exactly one occurs two or three times, the rest at most once.
fn steuer_id(n: &Number<'_>) -> bool {
    let mut counts = [0_u8; 10];
    for b in &n.digits[..10] {
        counts[usize::from(b - b'0')] += 1;
    }
    let repeated: Vec<u8> = counts.into_iter().filter(|&c| c > 1).collect();
    n.digits[0] != b'0' && matches!(repeated[..], [2 | 3]) && mod11_10(n.digits)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn tax_ids() {
        check(
            "TAX_ID",
            &[
                "Steuer-ID 36574261809",
                "Steuer-IdNr.: 36 574 261 809",
                "Steueridentifikationsnummer 36574261809",
            ],
            &["Steuer-ID 36574261808", "Steuer-ID 36554266806", "36574261809"],
        );
    }
}
