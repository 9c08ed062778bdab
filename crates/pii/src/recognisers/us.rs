//! United States: social security, taxpayer, employer, bank routing and passport numbers.

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::weighted;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "us_ssn",
        label: Label::Ssn,
        shapes: &["3-2-4"],
        check: ssn,
        validated: false,
        context: Kinds::of(&[Kind::Ssn]),
        with: 0.95,
        grouped: 0.75,
        solid: 0.0,
    },
    NumberRule {
        name: "us_ssn",
        label: Label::Ssn,
        shapes: &["9", "3 2 4", "3.2.4"],
        check: ssn,
        validated: false,
        context: Kinds::of(&[Kind::Ssn]),
        with: 0.9,
        grouped: 0.4,
        solid: 0.0,
    },
    NumberRule {
        name: "us_itin",
        label: Label::TaxId,
        shapes: &["3-2-4", "3 2 4", "9"],
        check: itin,
        validated: false,
        context: Kinds::of(&[Kind::Itin, Kind::Ssn, Kind::Tax]),
        with: 0.9,
        grouped: 0.6,
        solid: 0.0,
    },
    NumberRule {
        name: "us_ein",
        label: Label::TaxId,
        shapes: &["2-7"],
        check: ein,
        validated: false,
        context: Kinds::of(&[Kind::Ein]),
        with: 0.85,
        grouped: 0.35,
        solid: 0.0,
    },
    NumberRule {
        name: "us_routing",
        label: Label::RoutingNumber,
        shapes: &["9", "4-4-1"],
        check: routing,
        validated: true,
        context: Kinds::of(&[Kind::Routing]),
        with: 0.9,
        grouped: 0.0,
        solid: 0.0,
    },
    NumberRule {
        name: "us_passport",
        label: Label::Passport,
        shapes: &["9"],
        check: |_| true,
        validated: false,
        context: Kinds::of(&[Kind::Passport]),
        with: 0.8,
        grouped: 0.0,
        solid: 0.0,
    },
];

pub(crate) const CODES: &[CodeRule] = &[CodeRule {
    name: "us_passport",
    label: Label::Passport,
    patterns: &["A99999999"],
    separators: 0,
    check: |_| true,
    validated: false,
    context: Kinds::of(&[Kind::Passport]),
    with: 0.85,
    without: 0.0,
}];

/// Area 000, 666 and 900-999, group 00 and serial 0000 were never issued.
fn ssn(n: &Number<'_>) -> bool {
    let (area, group, serial) = (n.value(0, 3), n.value(3, 5), n.value(5, 9));
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !n.all_same()
}

fn itin(n: &Number<'_>) -> bool {
    n.value(0, 3) >= 900 && matches!(n.value(3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Prefixes of the campuses that hand out employer numbers.
fn ein(n: &Number<'_>) -> bool {
    !matches!(n.value(0, 2), 0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97)
}

/// The ABA checksum, and the Federal Reserve districts that exist.
fn routing(n: &Number<'_>) -> bool {
    matches!(n.value(0, 2), 0..=12 | 21..=32 | 61..=72 | 80)
        && !n.all_same()
        && weighted(n.digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_some_and(|sum| sum % 10 == 0)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn social_security() {
        check(
            "SSN",
            &[
                "536-90-4399",
                "SSN 536904399",
                "social security number: 536 90 4399",
                "My SSN is 123-45-6789.",
            ],
            &[
                "000-12-3456",
                "666-12-3456",
                "900-12-3456",
                "536-00-4399",
                "536-90-0000",
                "536904399",
                "1536-90-4399",
                "536-90-4399-1",
            ],
        );
    }

    #[test]
    fn tax_numbers() {
        check(
            "TAX_ID",
            &["912-70-1234", "ITIN 912-70-1234", "EIN: 12-3456789"],
            &["912-10-1234", "EIN 07-3456789", "12-3456789"],
        );
    }

    #[test]
    fn routing() {
        check(
            "ROUTING_NUMBER",
            &["routing number 021000021", "ABA 111000025"],
            &["routing 021000022", "021000021", "routing 999999992"],
        );
    }

    #[test]
    fn passports() {
        check("PASSPORT", &["passport number 546372819", "Passport: C01234567"], &["546372819", "C01234567"]);
    }
}
