//! United Kingdom: NHS numbers (mod 11), national insurance numbers, driving licences.

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::weighted;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "uk_nhs",
        label: Label::HealthId,
        shapes: &["10", "3_3_4"],
        check: nhs,
        validated: true,
        context: Kinds::of(&[Kind::Nhs]),
        with: 0.95,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "uk_sort_code",
        label: Label::RoutingNumber,
        shapes: &["2-2-2", "2 2 2", "6"],
        check: |_| true,
        validated: false,
        context: Kinds::of(&[Kind::Routing]),
        with: 0.7,
        grouped: 0.0,
        solid: 0.0,
    },
];

pub(crate) const CODES: &[CodeRule] = &[
    CodeRule {
        name: "uk_nino",
        label: Label::NationalId,
        patterns: &["AA999999A"],
        separators: 4,
        check: nino,
        validated: false,
        context: Kinds::of(&[Kind::Nino]),
        with: 0.95,
        without: 0.7,
    },
    CodeRule {
        name: "uk_driving_licence",
        label: Label::DriverLicense,
        patterns: &["A****999999***AA"],
        separators: 0,
        check: driving_licence,
        validated: false,
        context: Kinds::of(&[Kind::License]),
        with: 0.9,
        without: 0.5,
    },
];

fn nhs(n: &Number<'_>) -> bool {
    let Some(sum) = weighted(&n.digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) else { return false };
    let check = (11 - sum % 11) % 11;
    check == n.value(9, 10) && !n.all_same()
}

/// Letters that are never used, prefixes that were withdrawn, and the four suffixes.
fn nino(code: &[u8]) -> bool {
    let (first, second, suffix) = (code[0], code[1], code[8]);
    !b"DFIQUV".contains(&first)
        && !b"DFIQUVO".contains(&second)
        && !matches!(&code[..2], b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT" | b"ZZ")
        && (b'A'..=b'D').contains(&suffix)
}

/// Five characters of the surname padded with 9, then decade, month (plus 50 for women), day, year.
fn driving_licence(code: &[u8]) -> bool {
    let surname = &code[..5];
    let letters = surname.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let number = |from: usize| u32::from(code[from] - b'0') * 10 + u32::from(code[from + 1] - b'0');
    surname[letters..].iter().all(|&b| b == b'9')
        && matches!(number(6), 1..=12 | 51..=62)
        && (1..=31).contains(&number(8))
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn nhs_numbers() {
        check(
            "HEALTH_ID",
            &["NHS number 943 476 5919", "NHS no: 9434765919", "nhs 943-476-5919"],
            &["NHS number 943 476 5918", "943 476 5919"],
        );
    }

    #[test]
    fn national_insurance() {
        check(
            "NATIONAL_ID",
            &["AB123456C", "AB 12 34 56 C", "national insurance: ab123456c", "JG103759A"],
            &["DB123456C", "AO123456C", "GB123456C", "AB123456E", "ab123456c", "AB1234567", "XAB123456C"],
        );
    }

    #[test]
    fn driving_licences() {
        check(
            "DRIVER_LICENSE",
            &["MORGA657054SM9IJ", "licence number MORGA657054SM9IJ"],
            &["MORGA697054SM9IJ", "MORGA657954SM9IJ"],
        );
    }
}
