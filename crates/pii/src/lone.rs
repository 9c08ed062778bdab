//! UTF-16 as JavaScript and JSON have it, lone surrogates and all, in Rust's strings, which cannot hold those: each is carried as
//! one of the last 2,048 code points (noncharacters and private use), and what really was one of these as the two it is made of.
//! So every sequence of units is one string and comes back unit by unit.

/// The code point that carries surrogate 0xD800.
const FIRST: u32 = 0x10_f800;
/// The first surrogate.
const SURROGATES: u32 = 0xd800;

/// Text from UTF-16 units, of which any may be lone surrogates.
pub fn from_utf16(units: &[u16]) -> String {
    let mut text = String::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(c) if u32::from(c) >= FIRST => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| text.push(carrier(unit)))
            }
            Ok(c) => text.push(c),
            Err(lone) => text.push(carrier(lone.unpaired_surrogate())),
        }
    }
    text
}

/// The units that [`from_utf16`] made a text from.
pub fn to_utf16(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    for c in text.chars() {
        match carried(c) {
            Some(unit) => units.push(unit),
            None => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }
    units
}

/// Whether a text carries surrogates, and so is not what JavaScript would show for it.
pub fn carries(text: &str) -> bool {
    // The carriers are the code points that UTF-8 writes F4 8F A0..BF xx.
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&b| b == 0xf4) {
        if matches!(bytes.get(from + at + 1..from + at + 3), Some([0x8f, 0xa0..=0xbf])) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// The surrogate that a character carries.
pub fn carried(c: char) -> Option<u16> {
    u32::from(c).checked_sub(FIRST).and_then(|index| u16::try_from(index + SURROGATES).ok())
}

fn carrier(surrogate: u16) -> char {
    char::from_u32(u32::from(surrogate) - SURROGATES + FIRST).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lone_surrogates_are_carried_one_to_one() {
        let units = [0x61, 0xd800, 0xdfff, 0xd83d, 0xde00, 0xd800, 0xdbfe, 0xdc00, 0xdbff, 0xdfff];
        let text = from_utf16(&units);
        assert!(carries(&text));
        assert_eq!(to_utf16(&text), units);
        assert!(text.starts_with('a') && text.contains('😀'));
        assert!(!carries("a😀\u{10f7ff}\u{fffd}") && carries("\u{10f800}") && carries("\u{10ffff}"));
    }

    proptest! {
        #[test]
        fn any_units_come_back(units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd7f0_u16..=0xe00f], 0..60)) {
            let text = from_utf16(&units);
            prop_assert_eq!(to_utf16(&text), units.clone());
            let lossy = String::from_utf16_lossy(&units);
            prop_assert!(carries(&text) || text == lossy);
        }
    }
}
