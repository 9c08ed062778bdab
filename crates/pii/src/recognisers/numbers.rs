//! Numbers written in groups: `4111 1111 1111 1111`, `123-45-6789`, `06 12 34 56 78`.
//!
//! A run of digit groups is read once into a [`Chain`]; every stretch of groups is looked up by its group
//! lengths among the shapes of all numeric rules, so a hundred rules cost one table look-up a stretch.

use std::sync::LazyLock;

use super::scan::{Scan, Word, is_word};
use super::{
    australia, brazil, canada, card, date_numbers, device, france, germany, india, ip, phone, uk, us,
};
use crate::Label;
use crate::context::Kinds;

/// Most groups and digits a chain looks at; longer runs are read in overlapping pieces.
const MAX_GROUPS: usize = 16;
const MAX_DIGITS: usize = 64;
/// Most groups of one number (an international phone in pairs, a NIR).
const MAX_RULE_GROUPS: usize = 8;
/// Longest single group any rule takes.
const MAX_GROUP: usize = 19;

/// A kind of number recognised by its grouping, its digits and its context.
pub(crate) struct NumberRule {
    /// Shown by `explain`.
    pub name: &'static str,
    /// What it is.
    pub label: Label,
    /// Group lengths with the separators between: `3-2-4`. A separator stands for itself, `~` for any of
    /// space, dash, dot, and `_` for a space or a dash.
    pub shapes: &'static [&'static str],
    /// Whether the digits can be such a number.
    pub check: fn(&Number) -> bool,
    /// Whether `check` holds so rarely by chance that it counts as validation.
    pub validated: bool,
    /// Context words.
    pub context: Kinds,
    /// Score with context.
    pub with: f32,
    /// Score without context when written in groups; 0 refuses.
    pub grouped: f32,
    /// Score without context when written as one run of digits; 0 refuses.
    pub solid: f32,
}

/// A candidate: digits without their separators.
pub(crate) struct Number<'a> {
    /// ASCII digits.
    pub digits: &'a [u8],
    /// Group lengths.
    pub groups: &'a [u8],
    /// Whether one of the rule's context words is near.
    pub context: bool,
}

impl Number<'_> {
    /// The value of digits `from..to`, as far as it fits.
    pub fn value(&self, from: usize, to: usize) -> u32 {
        self.digits
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .fold(0_u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')))
    }

    /// Whether every group reads as a year from 1000 to 2100, as in a list of years.
    pub fn all_years(&self) -> bool {
        let mut from = 0;
        self.groups.iter().all(|&len| {
            let value = self.value(from, from + usize::from(len));
            from += usize::from(len);
            len == 4 && (1000..=2100).contains(&value)
        })
    }

    /// Whether all digits are the same.
    pub fn all_same(&self) -> bool {
        self.digits.windows(2).all(|pair| pair[0] == pair[1])
    }
}

const FAMILIES: [&[NumberRule]; 13] = [
    card::RULES,
    us::RULES,
    uk::RULES,
    france::RULES,
    germany::RULES,
    brazil::RULES,
    india::RULES,
    australia::RULES,
    canada::RULES,
    date_numbers::RULES,
    device::RULES,
    ip::RULES,
    super::postal::RULES,
];

/// A rule's shape: group lengths as a key, separators as a pattern.
struct Shape {
    key: u64,
    separators: Vec<u8>,
    rule: &'static NumberRule,
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let mut shapes: Vec<Shape> = FAMILIES
        .iter()
        .flat_map(|rules| rules.iter())
        .flat_map(|rule| rule.shapes.iter().map(move |shape| parse(shape, rule)))
        .collect();
    shapes.sort_by_key(|shape| shape.key);
    shapes
});

fn parse(shape: &'static str, rule: &'static NumberRule) -> Shape {
    let separators = shape.bytes().filter(|b| !b.is_ascii_digit()).collect();
    let key = shape
        .split(|c: char| !c.is_ascii_digit())
        .fold(0, |key, len| extend_key(key, len.parse().unwrap_or(0)));
    Shape { key, separators, rule }
}

fn extend_key(key: u64, len: u8) -> u64 {
    key << 5 | u64::from(len)
}

/// A separator of the text fits one of a shape.
fn separator_fits(pattern: u8, actual: u8) -> bool {
    match pattern {
        b'~' => matches!(actual, b' ' | b'-' | b'.'),
        b'_' => matches!(actual, b' ' | b'-'),
        other => actual == other,
    }
}

/// One group of digits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Group {
    pub start: usize,
    pub end: usize,
    /// Index of its first digit in [`Chain::digits`].
    pub first: usize,
    /// What stands between it and the group before: one of space, `-`, `.`, `/`, `(`, `)`; 0 for the first.
    pub separator: u8,
}

/// Consecutive digit groups of the text with one short separator between each two.
pub(crate) struct Chain {
    pub digits: [u8; MAX_DIGITS],
    pub groups: [Group; MAX_GROUPS],
    pub len: usize,
    /// The chain stopped for want of room, not because the run of groups ended.
    pub cut: bool,
}

impl Chain {
    fn read(bytes: &[u8], start: usize) -> Chain {
        let mut chain =
            Chain { digits: [0; MAX_DIGITS], groups: [Group::default(); MAX_GROUPS], len: 0, cut: false };
        let (mut at, mut separator, mut count) = (start, 0, 0);
        loop {
            let mut end = at;
            while bytes.get(end).is_some_and(u8::is_ascii_digit) && end - at <= MAX_DIGITS {
                end += 1;
            }
            let len = end - at;
            // A group is a whole word: `12a` is none, but a telephone number's extension may follow.
            let goes_on = bytes.get(end).is_some_and(|&b| is_word(b));
            if len == 0 || goes_on && !is_iso_time(&bytes[end..]) && phone::extension(bytes, end) == end {
                return chain;
            }
            if chain.len == MAX_GROUPS || count + len > MAX_DIGITS {
                chain.cut = true;
                return chain;
            }
            chain.digits[count..count + len].copy_from_slice(&bytes[at..end]);
            chain.groups[chain.len] = Group { start: at, end, first: count, separator };
            chain.len += 1;
            count += len;
            match separator_after(bytes, end) {
                Some((kind, next)) => (separator, at) = (kind, next),
                None => return chain,
            }
        }
    }
}

/// `T12:` after an ISO 8601 date.
fn is_iso_time(rest: &[u8]) -> bool {
    matches!(rest, [b'T', a, b, b':', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// The separator that starts at `at` if a digit follows it: one mark with spaces around, parentheses, or up to three spaces.
fn separator_after(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let mut kind = b' ';
    for (next, &b) in bytes.iter().enumerate().skip(at).take(4) {
        match b {
            b' ' | b'\t' => {}
            b'-' | b'.' | b'/' if kind == b' ' => kind = b,
            b'(' | b')' => kind = b,
            b'-' if kind == b')' => {}
            b'0'..=b'9' if next > at => return Some((kind, next)),
            _ => return None,
        }
    }
    None
}

/// Tries every number that starts in the chain at `word`; returns the byte up to which digit words are dealt with.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) -> usize {
    let chain = Chain::read(scan.bytes, word.start);
    if chain.len == 0 {
        return word.end;
    }
    // When the chain was cut, the later half starts the next chain and so sees its right-hand groups.
    let starts = if chain.cut { (chain.len / 2).max(1) } else { chain.len };
    for start in 0..starts {
        phone::at(scan, &chain, start);
        ip::v4(scan, &chain, start);
        let mut key = 0;
        for end in start..chain.len.min(start + MAX_RULE_GROUPS) {
            let len = chain.groups[end].end - chain.groups[end].start;
            if len > MAX_GROUP {
                break;
            }
            key = extend_key(key, len as u8);
            let from = SHAPES.partition_point(|shape| shape.key < key);
            for shape in SHAPES[from..].iter().take_while(|shape| shape.key == key) {
                try_rule(scan, &chain, start, end, shape);
            }
        }
    }
    chain.groups[starts - 1].end
}

fn try_rule(scan: &mut Scan<'_>, chain: &Chain, start: usize, end: usize, shape: &Shape) {
    let groups = &chain.groups[start..=end];
    let rule = shape.rule;
    if !groups[1..].iter().zip(&shape.separators).all(|(group, &want)| separator_fits(want, group.separator))
    {
        return;
    }
    if !stands_alone(scan, chain, start, end) {
        return;
    }
    let (first, last) = (&chain.groups[start], &chain.groups[end]);
    let context = scan.context(rule.context, first.start, last.end);
    let score = match context {
        Some(_) => rule.with,
        None if start == end => rule.solid,
        None => rule.grouped,
    };
    if score <= 0.0 || context.is_none() && score < STRONG && in_series(chain, start, end) {
        return;
    }
    let mut lens = [0; MAX_RULE_GROUPS];
    for (len, group) in lens.iter_mut().zip(groups) {
        *len = (group.end - group.start) as u8;
    }
    let digits = &chain.digits[first.first..last.first + (last.end - last.start)];
    let number = Number { digits, groups: &lens[..groups.len()], context: context.is_some() };
    if (rule.check)(&number) {
        scan.push(rule.name, rule.label.clone(), (first.start, last.end), score, rule.validated, context);
    }
}

/// Score without context from which on a number is believed inside a row of numbers.
const STRONG: f32 = 0.7;

/// The groups are part of a longer row of numbers written the same way, such as a line of a table.
fn in_series(chain: &Chain, start: usize, end: usize) -> bool {
    let Some(inner) = (end > start).then(|| chain.groups[start + 1].separator) else { return false };
    let before = start > 0 && chain.groups[start].separator == inner;
    let after = end + 1 < chain.len && chain.groups[end + 1].separator == inner;
    before || after || chain.cut && end + 1 == chain.len
}

/// The digits are a number of their own: not the decimals of one, not the middle of a longer code, not signed or a version.
pub(crate) fn stands_alone(scan: &Scan<'_>, chain: &Chain, start: usize, end: usize) -> bool {
    let first = &chain.groups[start];
    let last = &chain.groups[end];
    let before = scan.before(first.start);
    let after = scan.byte(last.end);
    let digit_before = scan.before(first.start.saturating_sub(1)).is_ascii_digit();
    let digit_after = scan.byte(last.end + 1).is_ascii_digit();
    let joined_before = match before {
        b'+' | b'$' => true,
        b'.' | b',' | b'/' | b':' => digit_before,
        b'-' => is_word(scan.before(first.start - 1)) && scan.before(first.start - 1) != b'_',
        _ => false,
    };
    let joined_after = match after {
        b'.' | b',' | b'/' | b':' => digit_after,
        b'-' => is_word(scan.byte(last.end + 1)),
        b'%' => true,
        // An ISO time may follow, and a telephone's extension, which is nothing else's.
        b if is_word(b) => b != b'T',
        _ => false,
    };
    !joined_before && !joined_after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains() {
        let chain = Chain::read(b"(555) 123-4567 x", 1);
        let groups: Vec<_> =
            chain.groups[..chain.len].iter().map(|g| (g.start, g.end, g.separator)).collect();
        assert_eq!(groups, [(1, 4, 0), (6, 9, b')'), (10, 14, b'-')]);
        assert_eq!(Chain::read(b"12a", 0).len, 0);
        let long = "1 ".repeat(100);
        let chain = Chain::read(long.as_bytes(), 0);
        assert!(chain.cut && chain.len == MAX_GROUPS);
    }

    #[test]
    fn every_shape_is_within_the_limits() {
        for rule in FAMILIES.iter().flat_map(|rules| rules.iter()) {
            for shape in rule.shapes {
                let lens: Vec<usize> =
                    shape.split(|c: char| !c.is_ascii_digit()).map(|len| len.parse().unwrap()).collect();
                assert!(
                    lens.len() <= MAX_RULE_GROUPS && lens.iter().all(|&len| (1..=MAX_GROUP).contains(&len)),
                    "{}",
                    rule.name
                );
                assert!(lens.iter().sum::<usize>() <= MAX_DIGITS);
            }
        }
    }
}
