//! The grammar of placeholders: how one is written, and how it is recognised after a model, an editor or a
//! person has changed its case, spacing, dashes or brackets, or escaped it for Markdown.

use std::ops::Range;

/// Longest mention looked at, in bytes: a label has at most 40, a number at most 10.
pub(crate) const MAX_MENTION: usize = 80;

/// Something that reads as a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub span: Range<usize>,
    /// Upper case, words joined by `_`.
    pub label: String,
    pub number: u32,
}

/// `[PERSON_1]`.
pub(crate) fn write(label: &str, number: u32) -> String {
    format!("[{label}_{number}]")
}

/// Every mention in `text`, leftmost first: bracketed in any spacing and case (`[ Person 1 ]`, `\[PERSON\_1\]`), or
/// bare with its underscore (`PERSON_1`, `Person_1`). `before` is what precedes the text.
pub(crate) fn mentions(text: &str, before: Option<char>) -> Vec<Mention> {
    let bytes = text.as_bytes();
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    // Whether the byte before `at` belongs to a word.
    let mut in_word = before.is_some_and(is_word);
    while at < bytes.len() {
        let b = bytes[at];
        let mention = match b {
            b'[' => bracketed(text, at),
            b if b.is_ascii_alphabetic() && !in_word => bare(text, at),
            _ => None,
        };
        if let Some(mention) = mention {
            // An escaped opening belongs to the mention only if the closing was escaped too.
            at = mention.span.end;
            found.push(mention);
            in_word = bytes[at - 1] != b']';
            continue;
        }
        in_word = b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        at += 1;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

fn bracketed(text: &str, open: usize) -> Option<Mention> {
    let window = text.as_bytes().get(open + 1..(open + MAX_MENTION).min(text.len()))?;
    let close = window.iter().position(|&b| matches!(b, b']' | b'['))?;
    if window[close] != b']' {
        return None;
    }
    let inner = text.get(open + 1..open + 1 + close)?;
    let escaped = inner.ends_with('\\');
    let (label, number) = parse(inner)?;
    let start = if escaped && text[..open].ends_with('\\') { open - 1 } else { open };
    Some(Mention { span: start..open + close + 2, label, number })
}

fn bare(text: &str, start: usize) -> Option<Mention> {
    let bytes = text.as_bytes();
    let mut end = start;
    while end < bytes.len() && end - start < MAX_MENTION {
        match bytes[end] {
            b if b.is_ascii_alphanumeric() || b == b'_' => end += 1,
            b'\\' if bytes.get(end + 1) == Some(&b'_') => end += 2,
            _ => break,
        }
    }
    if bytes.get(end).is_some_and(|&b| b >= 0x80) {
        return None;
    }
    let word = text.get(start..end)?;
    let (head, digits) = word.rsplit_once('_')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || head.is_empty() {
        return None;
    }
    let (label, number) = parse(word)?;
    Some(Mention { span: start..end, label, number })
}

/// `Person 1`, `PERSON\_1 `, `credit-card_12`: a label of words and a number without leading zeros.
fn parse(inner: &str) -> Option<(String, u32)> {
    let mut label = String::with_capacity(inner.len());
    let mut gap = false;
    for c in inner.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => {
                if gap && !label.is_empty() {
                    label.push('_');
                }
                gap = false;
                label.push(c.to_ascii_uppercase());
            }
            '_' | '-' | '\\' => gap = true,
            c if c.is_whitespace()
                || matches!(
                    c,
                    '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{2010}' | '\u{2011}'
                ) =>
            {
                gap = true
            }
            _ => return None,
        }
    }
    let digits = label.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (head, number) = label.split_at(label.len() - digits);
    let head = head.trim_end_matches('_');
    let valid = !head.is_empty() && head.as_bytes()[0].is_ascii_uppercase() && !number.starts_with('0');
    valid.then_some(())?;
    Some((head.to_owned(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_beyond_care_and_still_known() {
        for text in [
            "[PERSON_1]",
            "[person_1]",
            "[ Person 1 ]",
            "[PERSON-1]",
            "\\[PERSON\\_1\\]",
            "PERSON_1",
            "Person_1",
            "[PERSON1]",
            "[PERSON\u{a0}1]",
            "PERSON\\_1",
            "[PERSON_\n1]",
        ] {
            let found = mentions(text, None);
            assert_eq!(found, [Mention { span: 0..text.len(), label: "PERSON".into(), number: 1 }], "{text}");
        }
        assert_eq!(mentions("see [CREDIT_CARD_12], ok", None)[0].label, "CREDIT_CARD");
        assert_eq!(mentions("PERSON_1's", None)[0].span, 0..8);
    }

    #[test]
    fn what_is_none() {
        for text in [
            "[PERSON]",
            "[1]",
            "person 1",
            "x[",
            "[PERSON_01]",
            "xPERSON_1é",
            "[PERSON_1",
            "[PERSON_99999999999]",
            "[a[b_1",
            "[PERSON!_1]",
        ] {
            assert!(
                mentions(text, None).iter().all(|m| m.label != "PERSON" || m.span.start > 0),
                "{text}: {:?}",
                mentions(text, None)
            );
        }
        assert!(mentions("ERSON_1", Some('P')).is_empty());
        // Brackets of our own keep their backslash when the closing one has none.
        assert_eq!(mentions("\\[PERSON_1]", None)[0].span, 1..11);
    }
}
