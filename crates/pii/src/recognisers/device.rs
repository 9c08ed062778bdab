//! Vehicles and devices: plates of the United Kingdom since 2001, VIN (ISO 3779, North America's check digit), IMEI (Luhn).

use super::codes::CodeRule;
use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::checksum::luhn;
use crate::context::{Kind, Kinds};

pub(crate) const RULES: &[NumberRule] = &[NumberRule {
    name: "imei",
    label: Label::DeviceId,
    shapes: &["15", "2_6_6_1", "6_2_6_1", "16", "14"],
    check: imei,
    validated: true,
    context: Kinds::of(&[Kind::Imei]),
    with: 0.95,
    grouped: 0.5,
    solid: 0.0,
}];

pub(crate) const CODES: &[CodeRule] = &[
    CodeRule {
        name: "uk_plate",
        label: Label::VehicleId,
        patterns: &["AA99AAA"],
        separators: 1,
        check: uk_plate,
        validated: false,
        context: Kinds::of(&[Kind::Plate, Kind::Vehicle]),
        with: 0.8,
        without: 0.4,
    },
    CodeRule {
        name: "vin",
        label: Label::VehicleId,
        patterns: &["*****************"],
        separators: 0,
        check: vin_checked,
        validated: true,
        context: Kinds::of(&[Kind::Vin]),
        with: 0.98,
        without: 0.85,
    },
    CodeRule {
        name: "vin",
        label: Label::VehicleId,
        patterns: &["*****************"],
        separators: 0,
        check: vin,
        validated: false,
        context: Kinds::of(&[Kind::Vin]),
        with: 0.85,
        without: 0.0,
    },
];

/// An IMEI has 15 digits and Luhn's check; without the check digit (14) or with a software version (16) only context says so.
fn imei(n: &Number<'_>) -> bool {
    !n.all_same()
        && match n.digits.len() {
            15 => luhn(n.digits),
            _ => n.context,
        }
}

/// No I or Q, and the half-year: 02 to 29, or 51 to 79.
fn uk_plate(code: &[u8]) -> bool {
    let half_year = 10 * (code[2] - b'0') + (code[3] - b'0');
    matches!(half_year, 2..=29 | 51..=79) && !code.iter().any(|b| matches!(b, b'I' | b'Q'))
}

/// No I, O or Q; letters and digits; the last four are digits.
fn vin(code: &[u8]) -> bool {
    !code.iter().any(|b| b"IOQ".contains(b))
        && code.iter().filter(|b| b.is_ascii_uppercase()).count() >= 3
        && code[13..].iter().all(u8::is_ascii_digit)
}

/// 49 CFR 565.15: the ninth character is the weighted sum mod 11.
fn vin_checked(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const VALUES: &[u8; 26] = b"12345678\x0012345\x007\x0092345678\x00";
    if !vin(code) {
        return false;
    }
    let value = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'S'..=b'Z' => u32::from(b - b'S') + 2,
        _ => u32::from(VALUES[usize::from(b - b'A')].saturating_sub(b'0')),
    };
    let sum: u32 = code.iter().zip(WEIGHTS).map(|(&b, w)| value(b) * w).sum();
    code[8] == if sum % 11 == 10 { b'X' } else { b'0' + (sum % 11) as u8 }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn vehicles() {
        check(
            "VEHICLE_ID",
            &["1HGCM82633A004352", "1M8GDM9AXKP042788", "VIN WVWZZZ1JZ3W386752", "vin: 1hgcm82633a004352"],
            &[
                "1HGCM82633A004353",
                "WVWZZZ1JZ3W386752",
                "1HGCM82633A00435",
                "IHGCM82633A004352",
                "11111111111111111",
            ],
        );
    }

    #[test]
    fn devices() {
        check(
            "DEVICE_ID",
            &["IMEI 490154203237518", "49-015420-323751-8"],
            &["490154203237518", "IMEI 490154203237519", "49-015420-323751-9"],
        );
    }
}
