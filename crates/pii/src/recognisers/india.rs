//! India: Aadhaar (Verhoeff) and PAN.

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::verhoeff;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[NumberRule {
    name: "in_aadhaar",
    label: Label::NationalId,
    shapes: &["12", "4_4_4"],
    check: aadhaar,
    validated: true,
    context: Kinds::of(&[Kind::Aadhaar]),
    with: 1.0,
    grouped: 0.55,
    solid: 0.0,
}];

pub(crate) const CODES: &[CodeRule] = &[CodeRule {
    name: "in_pan",
    label: Label::TaxId,
    patterns: &["AAAAA9999A"],
    separators: 0,
    check: pan,
    validated: false,
    context: Kinds::of(&[Kind::Pan, Kind::Tax]),
    with: 0.95,
    without: 0.55,
}];

fn aadhaar(n: &Number<'_>) -> bool {
    n.digits[0] >= b'2' && !n.all_same() && !n.all_years() && verhoeff(n.digits)
}

/// The fourth letter is the holder's kind; P is a person.
fn pan(code: &[u8]) -> bool {
    b"ABCFGHJLPT".contains(&code[3]) && &code[5..9] != b"0000"
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn aadhaar_numbers() {
        check(
            "NATIONAL_ID",
            &["2341 2341 2346", "Aadhaar 234123412346", "UIDAI: 2341-2341-2346"],
            &["2341 2341 2347", "234123412346", "1341 2341 2346", "Aadhaar 111111111111"],
        );
    }

    #[test]
    fn pans() {
        check("TAX_ID", &["ABCPE1234F", "PAN: abcpe1234f"], &["ABCDE1234F", "ABCPE0000F", "ABCPE12345"]);
    }
}
