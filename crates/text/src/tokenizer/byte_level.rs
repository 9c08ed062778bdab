//! GPT-2's alphabet: every byte is written as one printable character, so that a vocabulary of byte strings
//! can be kept as text. Printable Latin-1 stands for itself, the other bytes for U+0100 and on.

/// The bytes a token's text stands for; a text with characters outside the alphabet stands for itself.
pub(crate) fn decode(token: &str) -> Vec<u8> {
    token.chars().map(byte_of).collect::<Option<Vec<u8>>>().unwrap_or_else(|| token.as_bytes().to_vec())
}

/// Whether a byte's character is itself.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match u8::try_from(code) {
        Ok(byte) => is_plain(byte).then_some(byte),
        // The n-th of the bytes that are not plain.
        Err(_) => (0..=255u8).filter(|&byte| !is_plain(byte)).nth(code.checked_sub(256)? as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let mut seen: Vec<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..=255u8).collect::<Vec<_>>());
        assert_eq!(decode("Ġthe"), b" the");
        assert_eq!(decode("Ċ"), b"\n");
        assert_eq!(decode("ł"), [0xA0]);
        assert_eq!(decode("<｜end｜>"), "<｜end｜>".as_bytes());
    }
}
