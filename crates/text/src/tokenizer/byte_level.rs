//! GPT-2's alphabet: every byte is written as one printable character, so that a vocabulary of byte strings
//! can be kept as text. Printable Latin-1 stands for itself, the other bytes for U+0100 and on.

use super::aligned::Aligned;

/// The bytes a token's text stands for; a text with characters outside the alphabet stands for itself.
pub(crate) fn decode(token: &str) -> Vec<u8> {
    token.chars().map(byte_of).collect::<Option<Vec<u8>>>().unwrap_or_else(|| token.as_bytes().to_vec())
}

/// A text with each of its bytes as its character.
pub(crate) fn encode(text: &Aligned) -> Aligned {
    text.map(|c| {
        let mut utf8 = [0; 4];
        let bytes = c.encode_utf8(&mut utf8).len();
        utf8.into_iter().take(bytes).map(char_of)
    })
}

/// The character that stands for a byte: itself, or the next of U+0100 and on.
fn char_of(byte: u8) -> char {
    if is_plain(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&other| !is_plain(other)).count() as u32;
    char::from_u32(256 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
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
        assert!((0..=255u8).all(|byte| byte_of(char_of(byte)) == Some(byte)));
        assert_eq!(encode(&Aligned::new(" é", 0)).as_str(), "ĠÃ©");
        assert_eq!(decode("Ġthe"), b" the");
        assert_eq!(decode("Ċ"), b"\n");
        assert_eq!(decode("ł"), [0xA0]);
        assert_eq!(decode("<｜end｜>"), "<｜end｜>".as_bytes());
    }
}
