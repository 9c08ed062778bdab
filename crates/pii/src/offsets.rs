//! The three ways a program counts text: bytes (Rust), UTF-16 code units (JavaScript, Java) and
//! Unicode code points (Python, and what the command line prints). Spans are byte ranges inside this
//! crate; [`Offsets`] turns many of them into the other two in one pass each.

/// Counts prefixes of one text. Memory: 16 bytes for every kilobyte of text.
pub struct Offsets<'t> {
    text: &'t str,
    /// For byte `k * STRIDE`, rounded down to a character boundary: (UTF-16 units, code points) before it.
    marks: Vec<(usize, usize)>,
    ascii: bool,
}

const STRIDE: usize = 1024;

impl<'t> Offsets<'t> {
    /// Reads `text` once.
    pub fn new(text: &'t str) -> Self {
        let ascii = text.is_ascii();
        let mut marks = Vec::new();
        if !ascii {
            let (mut utf16, mut chars) = (0, 0);
            for (byte, c) in text.char_indices() {
                while marks.len() * STRIDE < byte + c.len_utf8() {
                    marks.push((utf16, chars));
                }
                utf16 += c.len_utf16();
                chars += 1;
            }
            marks.push((utf16, chars));
        }
        Offsets { text, marks, ascii }
    }

    /// UTF-16 code units before byte `byte`. A byte inside a character counts as that character's start.
    pub fn utf16(&self, byte: usize) -> usize {
        self.count(byte).0
    }

    /// Unicode code points before byte `byte`. A byte inside a character counts as that character's start.
    pub fn code_point(&self, byte: usize) -> usize {
        self.count(byte).1
    }

    /// The byte at which code point number `index` starts; the text's length when there are no more.
    pub fn byte_of_code_point(&self, index: usize) -> usize {
        self.byte_where(index, |mark| mark.1, |_| 1)
    }

    /// The byte at which UTF-16 unit number `index` starts; inside a surrogate pair, the pair's start.
    pub fn byte_of_utf16(&self, index: usize) -> usize {
        self.byte_where(index, |mark| mark.0, char::len_utf16)
    }

    fn count(&self, byte: usize) -> (usize, usize) {
        let byte = floor_char_boundary(self.text, byte);
        if self.ascii {
            return (byte, byte);
        }
        let mark = (byte / STRIDE).min(self.marks.len().saturating_sub(1));
        let (mut utf16, mut chars) = self.marks.get(mark).copied().unwrap_or_default();
        let from = floor_char_boundary(self.text, mark * STRIDE);
        for c in self.text.get(from..byte).unwrap_or_default().chars() {
            utf16 += c.len_utf16();
            chars += 1;
        }
        (utf16, chars)
    }

    fn byte_where(&self, index: usize, of: fn(&(usize, usize)) -> usize, width: fn(char) -> usize) -> usize {
        if self.ascii {
            return index.min(self.text.len());
        }
        let mark = self.marks.partition_point(|mark| of(mark) <= index).saturating_sub(1);
        let from = floor_char_boundary(self.text, mark * STRIDE);
        let mut count = self.marks.get(mark).map_or(0, of);
        for (byte, c) in self.text[from..].char_indices() {
            count += width(c);
            if count > index {
                return from + byte;
            }
        }
        self.text.len()
    }
}

/// The largest character boundary not after `byte`.
pub(crate) fn floor_char_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// The smallest character boundary not before `byte`.
pub(crate) fn ceil_char_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte += 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) {
        let offsets = Offsets::new(text);
        for byte in (0..=text.len()).filter(|&b| text.is_char_boundary(b)) {
            let before = &text[..byte];
            assert_eq!(offsets.utf16(byte), before.encode_utf16().count());
            assert_eq!(offsets.code_point(byte), before.chars().count());
            assert_eq!(offsets.byte_of_code_point(before.chars().count()), byte);
            assert_eq!(offsets.byte_of_utf16(before.encode_utf16().count()), byte);
        }
        assert_eq!(offsets.byte_of_code_point(usize::MAX), text.len());
    }

    #[test]
    fn every_kind_of_character() {
        for text in ["", "plain", "a\r\nb", "é😀e\u{301}", "שלום עולם", "👨‍👩‍👧‍👦", "\u{0}\u{feff}"]
        {
            check(text);
        }
        check(&"😀é a".repeat(700));
    }

    proptest! {
        #[test]
        fn any_text(text in "\\PC{0,60}", times in 1_usize..60) {
            check(&text.repeat(times));
        }
    }
}
