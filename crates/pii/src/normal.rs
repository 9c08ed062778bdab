//! The text as recognisers see it: invisible characters gone, full-width and other scripts' digits,
//! look-alike letters, dashes and spaces folded to ASCII, the ends of lines a line feed — and the way back to exact offsets in
//! the original.
//!
//! Most texts need none of this and are borrowed as they are. Recognisers see a space more where a script that has none touches Latin
//! letters or digits ([`View::spaced`]).

use std::borrow::Cow;

/// A normalised view of a text. Offsets into [`View::text`] map back with [`View::original`].
pub struct View<'t> {
    text: Cow<'t, str>,
    runs: Vec<Run>,
}

/// From `normal` on, bytes of the view are bytes of the original from `original` on, one to one,
/// except that a `folded` run is one replaced character, so many bytes long in the original; 0 for a space that is not in it.
#[derive(Clone, Copy)]
struct Run {
    normal: usize,
    original: usize,
    folded: Option<usize>,
}

impl Run {
    /// Where in the original the byte of the view begins that is `normal`.
    fn start(self, normal: usize) -> usize {
        self.original + if self.folded.is_some() { 0 } else { normal - self.normal }
    }

    /// Where in the original the byte of the view ends that is the last before `normal`.
    fn end(self, normal: usize) -> usize {
        self.original + self.folded.unwrap_or(normal - self.normal)
    }
}

enum Fold {
    Keep,
    Drop,
    Ascii(u8),
    /// A letter that looks like this ASCII one; folded only beside real ASCII letters or digits.
    LookAlike(u8),
}

impl<'t> View<'t> {
    /// Normalises `text`: one pass, and no allocation when nothing has to change.
    pub fn new(text: &'t str) -> Self {
        View::build(text, false)
    }

    /// As [`View::new`], with a space where ASCII touches a script that puts none between words, one of its marks or an emoji: a recogniser
    /// looks for where a word ends, and the number of `电话13800138000` is one. A caller's own patterns are not meant to see it.
    pub(crate) fn spaced(text: &'t str) -> Self {
        View::build(text, true)
    }

    fn build(text: &'t str, spaced: bool) -> Self {
        let bytes = text.as_bytes();
        let changes = |c: char| !matches!(fold(c), Fold::Keep) || is_combining(c);
        let crlf = text.contains("\r\n");
        let may_change = |at: usize| !bytes[at].is_ascii() || crlf && bytes[at..].starts_with(b"\r\n");
        let touched =
            || spaced && text.chars().zip(text.chars().skip(1)).any(|(one, other)| touch(one, other));
        if !crlf && (text.is_ascii() || !text.chars().filter(|c| !c.is_ascii()).any(changes) && !touched()) {
            return View { text: Cow::Borrowed(text), runs: Vec::new() };
        }
        let mut builder =
            Builder { text: String::with_capacity(text.len()), runs: Vec::new(), straight: false, spaced };
        let mut at = 0;
        while at < text.len() {
            let plain = (at..text.len()).position(&may_change).unwrap_or(text.len() - at);
            if plain > 0 {
                builder.keep(&text[at..at + plain], at);
                at += plain;
                continue;
            }
            let Some(c) = text[at..].chars().next() else { break };
            let len = c.len_utf8();
            let after_digit = builder.text.as_bytes().last().is_some_and(u8::is_ascii_digit);
            match fold(c) {
                _ if c == '\r' => builder.straight = false,
                Fold::Ascii(b) => builder.fold(b, at, len),
                Fold::LookAlike(b) if beside_ascii(text, at, at + len) => builder.fold(b, at, len),
                Fold::Drop => builder.straight = false,
                // An overlay on a digit hides the digit from a pattern, not from a reader.
                Fold::Keep if after_digit && is_combining(c) => builder.straight = false,
                Fold::Keep | Fold::LookAlike(_) => builder.keep(&text[at..at + len], at),
            }
            at += len;
        }
        View { text: Cow::Owned(builder.text), runs: builder.runs }
    }

    /// The normalised text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte range of the original behind `start..end` of the view. Invisible characters inside the
    /// range belong to it, those at its edges do not.
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        if self.runs.is_empty() {
            return (start, end);
        }
        let first = self.run_of(start).start(start);
        if end <= start {
            return (first, first);
        }
        (first, self.run_of(end - 1).end(end))
    }

    fn run_of(&self, normal: usize) -> Run {
        let index = self.runs.partition_point(|run| run.normal <= normal).saturating_sub(1);
        self.runs.get(index).copied().unwrap_or(Run { normal: 0, original: 0, folded: None })
    }
}

struct Builder {
    text: String,
    runs: Vec<Run>,
    /// Whether the last run is a one-to-one run that the next kept character continues.
    straight: bool,
    /// See [`View::spaced`].
    spaced: bool,
}

impl Builder {
    fn keep(&mut self, kept: &str, at: usize) {
        kept.chars().take(1).for_each(|next| self.part(next, at));
        if !self.straight {
            self.runs.push(Run { normal: self.text.len(), original: at, folded: None });
            self.straight = true;
        }
        self.text.push_str(kept);
    }

    fn fold(&mut self, byte: u8, at: usize, len: usize) {
        self.part(char::from(byte), at);
        self.push(byte, at, len);
    }

    /// The space before `next`, if it is to have one that is not in the text.
    fn part(&mut self, next: char, at: usize) {
        if self.spaced && parts(&self.text, next) {
            self.push(b' ', at, 0);
        }
    }

    fn push(&mut self, byte: u8, at: usize, len: usize) {
        self.runs.push(Run { normal: self.text.len(), original: at, folded: Some(len) });
        self.straight = false;
        self.text.push(char::from(byte));
    }
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Of a script of which words or their endings touch what stands beside them: Chinese, Japanese, Korean, Thai, Lao, Burmese, Khmer.
pub(crate) fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{e01}'..='\u{e4f}' | '\u{e81}'..='\u{ecf}' | '\u{1000}'..='\u{103f}' | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17d3}' | '\u{3005}' | '\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3105}'..='\u{318f}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Whether a character is no part of a word of Latin letters or digits beside it: one of such a script, its marks, or an emoji.
fn is_apart(c: char) -> bool {
    is_spaceless(c)
        || matches!(c, '\u{3001}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301b}' | '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether two characters stand side by side that a space could part: one of such a script and one of ASCII.
fn touch(one: char, other: char) -> bool {
    let opens = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '(');
    let closes = |c: char| c.is_ascii_alphanumeric() || matches!(c, ',' | ';' | '!' | '?' | ')');
    is_apart(one) && opens(other) || is_apart(other) && closes(one)
}

/// Whether a space goes between `text` and `next`: not inside a date (`2010年5月3日`), a web address or the host of an e-mail address.
fn parts(text: &str, next: char) -> bool {
    /// Bytes looked back over for what the word at the end is part of.
    const NEAR: usize = 256;
    let Some(last) = text.chars().next_back().filter(|&last| touch(last, next)) else { return false };
    let digits = |text: &str| text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let before = &text[..text.len() - last.len_utf8()];
    let of_date = match (last, next) {
        ('年' | '月', '0'..='9') => digits(before) > 0,
        ('0'..='9', '年') => digits(text) <= 4,
        ('0'..='9', '月' | '日') => digits(text) <= 2,
        _ => false,
    };
    let near = &text[crate::offsets::ceil_char_boundary(text, text.len().saturating_sub(NEAR))..];
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '<' | '>' | '(' | ')');
    let token = near.rsplit(ends).next().unwrap_or_default();
    let in_address = is_apart(last) && (token.contains('@') || token.contains("://"));
    !(of_date || in_address)
}

/// Whether the word around `start..end` holds an ASCII letter or digit: the sign of a disguise rather than of another script.
fn beside_ascii(text: &str, start: usize, end: usize) -> bool {
    /// Characters looked at on each side: addresses are longer, but mix scripts sooner.
    const NEAR: usize = 40;
    let ascii = |c: char| c.is_ascii_alphanumeric();
    let before = text[..start].chars().rev().take(NEAR).take_while(|c| !c.is_whitespace()).any(ascii);
    before || text[end..].chars().take(NEAR).take_while(|c| !c.is_whitespace()).any(ascii)
}

/// First characters of the Unicode decimal digit runs (general category Nd) outside ASCII.
const DIGIT_ZEROS: [u32; 36] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xaa50, 0xabf0, 0xff10, 0x104a0,
];

fn fold(c: char) -> Fold {
    let code = u32::from(c);
    if code < 0x80 {
        return Fold::Keep;
    }
    match code {
        // Soft hyphen, combining grapheme joiner, Mongolian vowel separator, zero-width and bidi controls,
        // invisible operators, variation selectors, keycap, byte-order mark, tags.
        0xad
        | 0x34f
        | 0x61c
        | 0x180b..=0x180e
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0x20e3
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xe0001..=0xe007f
        | 0xe0100..=0xe01ef => Fold::Drop,
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Fold::Ascii(b' '),
        0x2010..=0x2013 | 0x2043 | 0x2212 | 0xfe58 | 0xfe63 | 0x2e3a | 0x2e3b => Fold::Ascii(b'-'),
        0x2024 | 0x3002 | 0xff61 => Fold::Ascii(b'.'),
        0x2044 | 0x2215 => Fold::Ascii(b'/'),
        0x2236 | 0xa789 => Fold::Ascii(b':'),
        0xfe6b => Fold::Ascii(b'@'),
        // Full-width forms are ASCII shifted.
        0xff01..=0xff5e => Fold::Ascii((code - 0xff01) as u8 + b'!'),
        0x2070 | 0x2074..=0x2079 => Fold::Ascii((code - 0x2070) as u8 + b'0'),
        0xb2 => Fold::Ascii(b'2'),
        0xb3 => Fold::Ascii(b'3'),
        0xb9 => Fold::Ascii(b'1'),
        0x2080..=0x2089 => Fold::Ascii((code - 0x2080) as u8 + b'0'),
        0x2460..=0x2468 => Fold::Ascii((code - 0x2460) as u8 + b'1'),
        // Mathematical letters and digits: alphabets of 26 + 26, then digits, in several styles.
        0x1d400..=0x1d6a3 => match (code - 0x1d400) % 52 {
            upper @ 0..26 => Fold::Ascii(upper as u8 + b'A'),
            lower => Fold::Ascii((lower - 26) as u8 + b'a'),
        },
        0x1d7ce..=0x1d7ff => Fold::Ascii(((code - 0x1d7ce) % 10) as u8 + b'0'),
        0x37f..=0x4ff => look_alike(c).map_or_else(|| digit(code), Fold::LookAlike),
        _ => digit(code),
    }
}

fn digit(code: u32) -> Fold {
    let index = DIGIT_ZEROS.partition_point(|&zero| zero <= code);
    match index.checked_sub(1).and_then(|i| DIGIT_ZEROS.get(i)) {
        Some(&zero) if code - zero < 10 => Fold::Ascii((code - zero) as u8 + b'0'),
        _ => Fold::Keep,
    }
}

/// Greek and Cyrillic letters drawn like ASCII ones.
fn look_alike(c: char) -> Option<u8> {
    const GREEK: (&str, &[u8]) = ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορϲϳ", b"ABEZHIKMNOPTYXavopcj");
    const CYRILLIC: (&str, &[u8]) = ("АВЕКМНОРСТХЅІЈҮаеорсухѕіјһԁԛԝӏ", b"ABEKMHOPCTXSIJYaeopcyxsijhdqwl");
    [GREEK, CYRILLIC]
        .iter()
        .find_map(|(from, to)| from.chars().position(|f| f == c).and_then(|i| to.get(i).copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_and_maps_back() {
        for (original, normal) in [
            ("plain é text", "plain é text"),
            ("４１１１\u{200b}1111", "41111111"),
            ("jоhn＠exаmple．com", "john@example.com"),
            ("привет мир", "привет мир"),
            ("+34\u{a0}600–123‑456", "+34 600-123-456"),
            ("٤٢ १२", "42 12"),
            ("𝟜𝟚 𝐀𝐛", "42 Ab"),
            ("1\u{fe0f}\u{20e3}2\u{336}", "12"),
            ("a\r\n\r\nb\r\u{a0}c\n\r", "a\n\nb\r c\n\r"),
            ("\r\r\né", "\r\né"),
            ("卡号４111入", "卡号4111入"),
        ] {
            let view = View::new(original);
            assert_eq!(view.text(), normal);
            assert_eq!(view.original(0, view.text().len()).0, 0);
        }
        let text = "x \u{feff}４１\u{200b}1 y";
        let view = View::new(text);
        assert_eq!(view.text(), "x 411 y");
        let (start, end) = view.original(2, 5);
        assert_eq!(&text[start..end], "４１\u{200b}1");
    }

    #[test]
    fn scripts_without_spaces() {
        for (original, spaced) in [
            ("卡号４111入金 2010年5月3日", "卡号 4111 入金 2010年5月3日"),
            ("김A，a김ㅋㅋ4", "김 A,a 김ㅋㅋ 4"),
            ("例え.jp", "例え.jp"),
            (
                "生日13800138000或1990年5月3日,1234567年费A年",
                "生日 13800138000 或 1990年5月3日,1234567 年费 A 年",
            ),
            ("见https://a.com/用户12/b c用", "见 https://a.com/用户12/b c 用"),
            ("写ana@例子1.公司或wang@a.com好", "写 ana@例子1.公司或wang@a.com 好"),
            ("拨+86 1（2）联系", "拨 +86 1(2) 联系"),
            ("见https://a.com/b，然后", "见 https://a.com/b, 然后"),
            ("「a@b.jp」へ、c@d.jp、e😀4", "「 a@b.jp 」へ、 c@d.jp 、 e 😀 4"),
            ("ﾃﾞﾝﾜ03と", "ﾃﾞﾝﾜ 03 と"),
        ] {
            assert_eq!(View::spaced(original).text(), spaced);
        }
        let view = View::spaced("号４11入");
        assert_eq!(view.text(), "号 411 入");
        assert_eq!((view.original(4, 7), view.original(3, 8), view.original(3, 4)), ((3, 8), (3, 8), (3, 3)));
    }

    proptest! {
        #[test]
        fn spans_map_to_character_boundaries_in_order(text in "[\\PC\u{200b}\u{feff}а-яΑ-Ω４@a0号年 ]{0,40}") {
            for (view, spaced) in [(View::new(&text), false), (View::spaced(&text), true)] {
                let mut last = 0;
                for (at, c) in view.text().char_indices() {
                    let (start, end) = view.original(at, at + c.len_utf8());
                    prop_assert!(last <= start && (start < end || spaced && start == end && c == ' '));
                    prop_assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
                    last = end;
                }
            }
        }
    }
}
