//! Spain: DNI and NIE (letter by mod 23) and company CIF.

use super::codes::CodeRule;
use crate::Label;
use crate::context::{Kind, Kinds};

const CONTEXT: Kinds = Kinds::of(&[Kind::Dni, Kind::Tax, Kind::Id]);

pub(crate) const CODES: &[CodeRule] = &[
    CodeRule {
        name: "es_dni",
        label: Label::NationalId,
        patterns: &["99999999A"],
        separators: 3,
        check: dni,
        validated: true,
        context: CONTEXT,
        with: 1.0,
        without: 0.9,
    },
    CodeRule {
        name: "es_dni",
        label: Label::NationalId,
        patterns: &["99999999A"],
        separators: 3,
        check: dni_number,
        validated: true,
        context: CONTEXT,
        with: 0.95,
        without: 0.0,
    },
    CodeRule {
        name: "es_nie",
        label: Label::NationalId,
        patterns: &["X9999999A", "Y9999999A", "Z9999999A"],
        separators: 2,
        check: nie,
        validated: true,
        context: CONTEXT,
        with: 1.0,
        without: 0.9,
    },
    CodeRule {
        name: "es_cif",
        label: Label::TaxId,
        patterns: &["A9999999*"],
        separators: 2,
        check: cif,
        validated: true,
        context: CONTEXT,
        with: 0.95,
        without: 0.0,
    },
];

const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |n, b| n * 10 + usize::from(b.wrapping_sub(b'0')))
}

fn dni_number(code: &[u8]) -> bool {
    LETTERS[number(&code[..8]) % 23] == code[8]
}

/// Source code writes numbers with the suffixes L, F and D; those letters need context.
fn dni(code: &[u8]) -> bool {
    dni_number(code) && !b"LFD".contains(&code[8])
}

fn nie(code: &[u8]) -> bool {
    LETTERS[(usize::from(code[0] - b'X') * 10_000_000 + number(&code[1..8])) % 23] == code[8]
}

fn cif(code: &[u8]) -> bool {
    if !b"ABCDEFGHJNPQRSUVW".contains(&code[0]) {
        return false;
    }
    let sum: usize = code[1..8]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let d = usize::from(b - b'0');
            if i % 2 == 0 { 2 * d / 10 + 2 * d % 10 } else { d }
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    code[8] == b'0' + check as u8 || code[8] == b"JABCDEFGHI"[check]
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn identity_numbers() {
        check(
            "NATIONAL_ID",
            &[
                "12345678Z",
                "12345678-Z",
                "12.345.678-Z",
                "12345678 Z",
                "X1234567L",
                "X-1234567-L",
                "DNI: 12345678z",
                "Y1234567X",
            ],
            &["12345678A", "40.660156 C", "X1234567A", "1234567Z", "123456789Z", "a12345678Z", "12345678z"],
        );
    }

    #[test]
    fn companies() {
        check("TAX_ID", &["CIF A58818501", "NIF: B78640570"], &["A58818501", "A58818502"]);
    }
}
