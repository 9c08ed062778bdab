//! Italy: codice fiscale (check character, with the letters that replace digits in homonyms) and partita IVA is left to context.

use super::codes::CodeRule;
use crate::Label;
use crate::context::{Kind, Kinds};

pub(crate) const CODES: &[CodeRule] = &[CodeRule {
    name: "it_codice_fiscale",
    label: Label::NationalId,
    patterns: &["AAAAAA**A**A***A"],
    separators: 4,
    check: codice_fiscale,
    validated: true,
    context: Kinds::of(&[Kind::CodiceFiscale, Kind::Tax]),
    with: 1.0,
    without: 0.98,
}];

/// Values of characters at odd places (counted from 1); even places count 0 to 25 and 0 to 9.
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

fn codice_fiscale(code: &[u8]) -> bool {
    // Digits, or the letters LMNPQRSTUV that stand for them.
    let digit = |b: u8| b.is_ascii_digit() || b"LMNPQRSTUV".contains(&b);
    let numeric = [6, 7, 9, 10, 12, 13, 14];
    if !numeric.iter().all(|&i| digit(code[i])) || !b"ABCDEHLMPRST".contains(&code[8]) {
        return false;
    }
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(i, &b)| {
            let plain = if b.is_ascii_digit() { b - b'0' } else { b - b'A' };
            if i % 2 == 0 { ODD[usize::from(plain)] } else { u32::from(plain) }
        })
        .sum();
    code[15] == b'A' + (sum % 26) as u8
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn codici_fiscali() {
        check(
            "NATIONAL_ID",
            &[
                "RSSMRA85T10A562S",
                "RSS MRA 85T10 A562S",
                "codice fiscale rssmra85t10a562s",
                "RCCMNL83S18D969H",
            ],
            &["RSSMRA85T10A562T", "RSSMRA85X10A562S", "RSSMRA85T10A562"],
        );
    }
}
