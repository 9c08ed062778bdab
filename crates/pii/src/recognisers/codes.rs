//! Codes of letters and digits, whole or written in groups: `ES91 2100 0418 4502 0005 1332`, `12345678-Z`,
//! `AB 12 34 56 C`. The word and those after it are read once without separators; rules are matched on that.

use super::scan::{Scan, Word};
use super::{brazil, device, france, iban, india, italy, postal, spain, uk, us};
use crate::Label;
use crate::context::Kinds;

/// Longest code, without separators: an IBAN has at most 34.
const MAX: usize = 36;

/// A kind of code recognised by its pattern, its check characters and its context.
pub(crate) struct CodeRule {
    /// Shown by `explain`.
    pub name: &'static str,
    /// What it is.
    pub label: Label,
    /// `A` a letter, `9` a digit, `*` either; any other character stands for itself.
    pub patterns: &'static [&'static str],
    /// Most separators inside when there is no context; with context any number is taken.
    pub separators: usize,
    /// Whether the characters (upper case, no separators) can be such a code.
    pub check: fn(&[u8]) -> bool,
    /// Whether `check` holds so rarely by chance that it counts as validation.
    pub validated: bool,
    /// Context words.
    pub context: Kinds,
    /// Score with context.
    pub with: f32,
    /// Score without; 0 refuses.
    pub without: f32,
}

const FAMILIES: [&[CodeRule]; 9] = [
    spain::CODES,
    italy::CODES,
    uk::CODES,
    us::CODES,
    india::CODES,
    france::CODES,
    brazil::CODES,
    device::CODES,
    postal::CODES,
];

/// Letters and digits from a word on, upper-cased, without the single separators between words.
pub(crate) struct Compact {
    pub chars: [u8; MAX],
    /// Byte after each character.
    ends: [usize; MAX],
    /// Bit `i`: a word ends after character `i`.
    boundaries: u64,
    /// Bit `i`: character `i` was lower case.
    lower: u64,
    pub len: usize,
    pub start: usize,
}

impl Compact {
    fn read(scan: &Scan<'_>, word: Word) -> Compact {
        let mut compact =
            Compact { chars: [0; MAX], ends: [0; MAX], boundaries: 0, lower: 0, len: 0, start: word.start };
        let mut at = word.start;
        while compact.len < MAX {
            let b = scan.byte(at);
            if b.is_ascii_alphanumeric() {
                compact.chars[compact.len] = b.to_ascii_uppercase();
                compact.ends[compact.len] = at + 1;
                compact.lower |= u64::from(b.is_ascii_lowercase()) << compact.len;
                compact.len += 1;
                at += 1;
                continue;
            }
            let Some(last) = compact.len.checked_sub(1) else { break };
            if b >= 0x80 || b == b'_' {
                break;
            }
            compact.boundaries |= 1 << last;
            if !matches!(b, b' ' | b'-' | b'.' | b'/') || !scan.byte(at + 1).is_ascii_alphanumeric() {
                break;
            }
            at += 1;
        }
        compact
    }

    /// The byte after the first `len` characters if a word ends there.
    pub fn end(&self, len: usize) -> Option<usize> {
        let last = len.checked_sub(1)?;
        (len <= self.len && self.boundaries >> last & 1 == 1).then(|| self.ends[last])
    }

    /// Separators within the first `len` characters.
    pub fn separators(&self, len: usize) -> usize {
        (self.boundaries & ((1 << (len - 1)) - 1)).count_ones() as usize
    }

    /// Whether the first `len` characters hold a lower-case letter.
    pub fn has_lower(&self, len: usize) -> bool {
        self.lower & ((1 << len) - 1) != 0
    }
}

fn fits(pattern: &str, chars: &[u8]) -> bool {
    chars.len() >= pattern.len()
        && pattern.bytes().zip(chars).all(|(want, &have)| match want {
            b'A' => have.is_ascii_uppercase(),
            b'9' => have.is_ascii_digit(),
            b'*' => have.is_ascii_alphanumeric(),
            other => have == other,
        })
}

/// Tries every code that starts at `word`.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    if !word.is_plain() || word.len() > MAX || !matters(scan, word) {
        return;
    }
    let before = scan.before(word.start);
    // Not the middle of a dotted or dashed name, nor of a path or an encoded value.
    let inner = matches!(before, b'-' | b'.' | b'/' | b'+' | b'%' | b'&')
        && scan.before(word.start - 1).is_ascii_alphanumeric();
    if inner {
        return;
    }
    let compact = Compact::read(scan, word);
    iban::at(scan, &compact);
    for rule in FAMILIES.iter().flat_map(|rules| rules.iter()) {
        for pattern in rule.patterns {
            if !fits(pattern, &compact.chars[..compact.len]) {
                continue;
            }
            let len = pattern.len();
            let Some(end) = compact.end(len) else { continue };
            if matches!(scan.byte(end), b'-' | b'/' | b'+' | b'=')
                && scan.byte(end + 1).is_ascii_alphanumeric()
            {
                continue;
            }
            let context = scan.context(rule.context, compact.start, end);
            let score = if context.is_some() { rule.with } else { rule.without };
            if score <= 0.0
                || context.is_none() && (compact.has_lower(len) || compact.separators(len) > rule.separators)
            {
                continue;
            }
            if context.is_none() && holds_decimal(&scan.bytes[compact.start..end]) {
                continue;
            }
            if (rule.check)(&compact.chars[..len]) {
                scan.push(
                    rule.name,
                    rule.label.clone(),
                    (compact.start, end),
                    score,
                    rule.validated,
                    context,
                );
            }
        }
    }
}

/// A dot between digits that does not set off groups of three: `40.660156 C` in a drawing's path, not `12.345.678-Z`.
fn holds_decimal(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(i, &b)| {
        let digits = text[i + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        b == b'.' && digits > 0 && digits != 3 && i > 0 && text[i - 1].is_ascii_digit()
    })
}

/// Digits alone or letters alone start a code only when the next word brings the other kind.
fn matters(scan: &Scan<'_>, word: Word) -> bool {
    if word.has_digit() && word.has_alpha() {
        return true;
    }
    let next = scan.byte(word.end + 1);
    let separated = matches!(scan.byte(word.end), b' ' | b'-' | b'.' | b'/');
    separated
        && (word.only_digits() && (next.is_ascii_alphabetic() || next.is_ascii_digit() && word.len() <= 8)
            || word.has_alpha() && next.is_ascii_alphanumeric())
}
