//! Ages: behind the word for them, and before the one for years.

use super::keyed::value_start;
use super::scan::{Scan, is_word};
use crate::Label;
use crate::context::Hit;

/// `aged 34`, `age: 34`, `edad 34`.
pub(super) fn after(scan: &mut Scan<'_>, hit: Hit) {
    let Some((start, _, _)) = value_start(scan, hit.end) else { return };
    let len = scan.bytes[start..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let value = scan.bytes[start..start + len].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    if (1..=3).contains(&len)
        && (1..=120).contains(&value)
        && !is_word(scan.byte(start + len))
        && scan.byte(start + len) != b'%'
    {
        scan.push("age", Label::Age, (start, start + len), 0.75, false, Some(hit.word));
    }
}

/// `34yo`, `45 y/o`, `94 years of age`.
pub(super) fn before(scan: &mut Scan<'_>, hit: Hit) {
    let joined = usize::from(matches!(scan.before(hit.start), b' ' | b'-'));
    // "a las 11 yo estaba"
    if joined > 0 && hit.word == "yo" {
        return;
    }
    let end = hit.start - joined;
    let len = scan.bytes[..end].iter().rev().take(4).take_while(|b| b.is_ascii_digit()).count();
    let start = end - len;
    let value = scan.text[start..end].parse().unwrap_or(0);
    let before = scan.before(start);
    if (1..=120).contains(&value) && !is_word(before) && !matches!(before, b'.' | b',' | b'-' | b'/') {
        scan.push("age", Label::Age, (start, end), 0.6, false, Some(hit.word));
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn ages() {
        check(
            "AGE",
            &["aged 34", "Age: 7", "edad 45", "34yo male", "45 y/o", "94 years of age", "33 años de edad"],
            &[
                "aged wood",
                "age 2010",
                "age 34%",
                "a las 11 yo estaba",
                "v1.34yo",
                "200 y.o.",
                "years of age",
            ],
        );
    }
}
