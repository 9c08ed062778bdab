//! Brazil: CPF and CNPJ (two check digits mod 11; the CNPJ may hold letters since July 2026).

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[
    NumberRule {
        name: "br_cpf",
        label: Label::NationalId,
        shapes: &["3.3.3-2", "3 3 3 2", "3.3.3.2", "3-3-3-2", "9-2", "11"],
        check: cpf,
        validated: true,
        context: Kinds::of(&[Kind::Cpf]),
        with: 1.0,
        grouped: 0.95,
        solid: 0.0,
    },
    NumberRule {
        name: "br_cnpj",
        label: Label::TaxId,
        shapes: &["2.3.3/4-2", "8/4-2", "14"],
        check: |n| cnpj(n.digits),
        validated: true,
        context: Kinds::of(&[Kind::Cnpj]),
        with: 1.0,
        grouped: 0.98,
        solid: 0.0,
    },
];

pub(crate) const CODES: &[CodeRule] = &[CodeRule {
    name: "br_cnpj",
    label: Label::TaxId,
    patterns: &["************99"],
    separators: 4,
    check: cnpj_with_letters,
    validated: true,
    context: Kinds::of(&[Kind::Cnpj]),
    with: 1.0,
    without: 0.0,
}];

/// Check digit: weights count up from 2 at the right end, starting again after `top`; characters count from `0`.
fn check_digit(body: &[u8], top: u32) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &b)| u32::from(b.wrapping_sub(b'0')) * (2 + i as u32 % (top - 1)))
        .sum();
    match sum % 11 {
        0 | 1 => b'0',
        rest => b'0' + (11 - rest) as u8,
    }
}

fn cpf(n: &Number<'_>) -> bool {
    !n.all_same()
        && check_digit(&n.digits[..9], 11) == n.digits[9]
        && check_digit(&n.digits[..10], 11) == n.digits[10]
}

fn cnpj(code: &[u8]) -> bool {
    code.windows(2).any(|pair| pair[0] != pair[1])
        && check_digit(&code[..12], 9) == code[12]
        && check_digit(&code[..13], 9) == code[13]
}

fn cnpj_with_letters(code: &[u8]) -> bool {
    code.iter().any(u8::is_ascii_uppercase) && cnpj(code)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn persons() {
        check(
            "NATIONAL_ID",
            &["111.444.777-35", "CPF 11144477735", "390.533.447-05"],
            &["111.444.777-36", "111.111.111-11", "11144477735"],
        );
    }

    #[test]
    fn companies() {
        check(
            "TAX_ID",
            &["11.222.333/0001-81", "CNPJ 11222333000181", "CNPJ 12.ABC.345/01DE-35"],
            &["11.222.333/0001-82", "11222333000181", "CNPJ 12ABC34501DE36"],
        );
    }
}
