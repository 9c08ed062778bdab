//! Telephone numbers: international ones by calling code and length, national ones by the groupings and leading
//! digits of each region in [`phone_plans`](super::phone_plans). How telling the writing is sets the score without context.

use std::sync::LazyLock;

use super::numbers::{Chain, Group};
use super::phone_extent::whole;
use super::phone_plans::{CALLING_CODES, NATIONAL};
use super::scan::{Scan, is_word};
use crate::Label;
use crate::context::{Kind, Kinds};

const PHONE: Kinds = Kinds::of(&[Kind::Phone]);
/// Groups and digits of the longest numbers (E.164: 15 digits).
const MAX_GROUPS: usize = 8;
const MAX_DIGITS: usize = 17;

/// A national grouping: lengths as a key of 4 bits a group, whether it has separators, the regions' leading digits together.
struct Plan {
    key: u32,
    firsts: u128,
}

static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let mut plans: Vec<Plan> = Vec::new();
    let mut add = |key: u32, firsts: u128| match plans.iter_mut().find(|plan| plan.key == key) {
        Some(plan) => plan.firsts |= firsts,
        None => plans.push(Plan { key, firsts }),
    };
    for &(_, shape, firsts) in NATIONAL {
        let lens = shape.split(|c: char| !c.is_ascii_digit()).filter_map(|len| len.parse::<u32>().ok());
        let (key, total) = lens.fold((0, 0), |(key, total), len| (key << 4 | len, total + len));
        add(key, firsts);
        // The same digits written without separators.
        add(total, firsts);
    }
    // The North American trunk prefix, which libphonenumber leaves out: 1-800-555-0199.
    for key in [0x1334, 11] {
        add(key, 0xff << 12);
    }
    plans.sort_by_key(|plan| plan.key);
    plans
});

/// Tries the longest telephone number that starts at group `start`.
pub(crate) fn at(scan: &mut Scan<'_>, chain: &Chain, start: usize) {
    let groups = &chain.groups[start..chain.len.min(start + MAX_GROUPS)];
    let Some(first) = groups.first() else { return };
    let open = scan.before(first.start) == b'(';
    let mark = if open { first.start - 1 } else { first.start };
    let plus = scan.before(mark) == b'+' || mark < first.start && scan.before(first.start - 1) == b'+';
    if plus || scan.bytes[..first.start].ends_with(b"(+") {
        // "(+34) 600..." opens with its parenthesis, "(+34 600...)" stands inside one.
        let whole = scan.bytes[..first.start].ends_with(b"(+") && scan.byte(first.end) == b')';
        let from = if whole { first.start - 2 } else { mark - usize::from(scan.before(mark) == b'+') };
        return international(scan, chain, groups, from, 0);
    }
    if scan.bytes[first.start..first.end].starts_with(b"00") && first.end - first.start >= 3
        || scan.bytes[first.start..first.end] == *b"00"
    {
        international(scan, chain, groups, mark, 2);
    }
    if start == 0 || !matches!(first.separator, b'.' | b'/') {
        // "(415) 555-2671", and no number in brackets: "(951782400, 1)".
        let code = open && scan.byte(first.end) == b')';
        national(scan, chain, groups, if code { mark } else { first.start });
    }
}

fn digits<'c>(chain: &'c Chain, groups: &[Group]) -> &'c [u8] {
    match (groups.first(), groups.last()) {
        (Some(first), Some(last)) => &chain.digits[first.first..last.first + (last.end - last.start)],
        _ => &[],
    }
}

/// The calling code that `digits` start with, its length, and the national lengths it allows.
fn calling_code(digits: &[u8]) -> Option<(usize, u32)> {
    (1..=3.min(digits.len())).find_map(|len| {
        let code = digits[..len].iter().fold(0_u16, |n, b| n * 10 + u16::from(b - b'0'));
        CALLING_CODES.iter().find(|&&(known, _)| known == code).map(|&(_, lengths)| (len, lengths))
    })
}

fn international(scan: &mut Scan<'_>, chain: &Chain, groups: &[Group], from: usize, prefix: usize) {
    if is_word(scan.before(from)) {
        return;
    }
    for count in (1..=groups.len()).rev() {
        let part = &groups[..count];
        let Some(all) = digits(chain, part).get(prefix..) else { continue };
        if !(7..=MAX_DIGITS).contains(&all.len()) || !ends_well(scan, part) {
            continue;
        }
        let Some((code, lengths)) = calling_code(all) else { continue };
        let national = &all[code..];
        // The trunk zero that people leave in: +44 (0)20 7946 0958.
        let trimmed = national.strip_prefix(b"0").unwrap_or(national);
        let fits = |len: usize| len < 32 && lengths >> len & 1 == 1;
        if fits(national.len()) || fits(trimmed.len()) {
            let end = part[count - 1].end;
            let context = scan.context(PHONE, from, end);
            let score = if prefix == 0 || context.is_some() { 0.95 } else { 0.6 };
            let span = whole(scan.text, from, end);
            return scan.push("phone_international", Label::Phone, span, score, false, context);
        }
    }
}

fn national(scan: &mut Scan<'_>, chain: &Chain, groups: &[Group], from: usize) {
    let before = scan.before(from);
    let joined = is_word(before)
        || matches!(before, b'.' | b'-' | b'/' | b',' | b'$' | b'#' | b':')
            && (is_word(scan.before(from.saturating_sub(1)))
                || before != b':' && before != b'-' && before != b',');
    if joined && before != b':' {
        return;
    }
    let mut keys = [0_u32; MAX_GROUPS];
    let mut key = 0_u32;
    for (slot, group) in keys.iter_mut().zip(groups) {
        let len = group.end - group.start;
        if len > 15 {
            break;
        }
        key = key << 4 | len as u32;
        *slot = key;
    }
    for count in (1..=groups.len()).rev() {
        let part = &groups[..count];
        let all = digits(chain, part);
        if !(7..=13).contains(&all.len()) || keys[count - 1] == 0 || !ends_well(scan, part) {
            continue;
        }
        let leading = usize::from(all[0] - b'0') * 10 + usize::from(all[1] - b'0');
        let Ok(found) = PLANS.binary_search_by_key(&keys[count - 1], |plan| plan.key) else { continue };
        if PLANS[found].firsts >> leading & 1 == 0 {
            continue;
        }
        let end = part[count - 1].end;
        let context = scan.context(PHONE, from, end);
        let score = if context.is_some() { 0.85 } else { bare_score(part, all, from < part[0].start) };
        // North American exchanges and areas start with 2 to 9.
        let nanp = context.is_none()
            && all.len() == 10
            && lens(part) == [3, 3, 4]
            && (all[3] < b'2' || all[0] < b'2')
            && all[0] != b'0';
        if score > 0.0 && !nanp {
            let from = if context.is_some() { code_in_brackets(scan, from) } else { from };
            let span = whole(scan.text, from, end);
            scan.push("phone_national", Label::Phone, span, score, false, context);
        }
        return;
    }
}

/// `(351) ` or `(07)` before a number that is one without it: where it opens.
fn code_in_brackets(scan: &Scan<'_>, from: usize) -> usize {
    let close = from - usize::from(scan.before(from) == b' ');
    if scan.before(close) != b')' {
        return from;
    }
    let digits = scan.bytes[..close - 1].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let open = close - 1 - digits.min(close - 1);
    if (1..=4).contains(&digits) && scan.before(open) == b'(' { open - 1 } else { from }
}

fn lens(groups: &[Group]) -> Vec<usize> {
    groups.iter().map(|group| group.end - group.start).collect()
}

/// How much the writing alone says. Prose holds years, thousands and scores; it holds no trunk zero and no area code in parentheses.
fn bare_score(groups: &[Group], digits: &[u8], parenthesis: bool) -> f32 {
    let lens = lens(groups);
    let separators = groups[1..].iter().map(|group| group.separator);
    let dashed = separators.clone().any(|s| s == b'-');
    let dotted = separators.clone().all(|s| s == b'.') && groups.len() > 1;
    if digits.iter().all(|d| *d == digits[0])
        || groups.iter().all(|g| g.end - g.start == 4) && digits.len() == 8
    {
        return 0.0;
    }
    match digits.len() {
        _ if parenthesis && digits.len() >= 9 => 0.8,
        10 if lens == [3, 3, 4] && (dashed || dotted) => 0.75,
        10 if lens == [3, 3, 4] => 0.55,
        11 if lens == [1, 3, 3, 4] && digits[0] == b'1' => 0.75,
        9.. if digits[0] == b'0' && groups.len() >= 3 => 0.7,
        9.. if digits[0] == b'0' && groups.len() == 2 => 0.6,
        9.. if digits[0] == b'0' => 0.4,
        // 600 123 456 may be a number of thousands; 612 34 56 78 is not.
        9.. if groups.len() >= 4 => 0.6,
        9.. if groups.len() >= 3 && !dotted => 0.5,
        _ => 0.3,
    }
}

/// The number is not the head of a longer one, a decimal, a percentage or a file name.
fn ends_well(scan: &Scan<'_>, groups: &[Group]) -> bool {
    let Some(last) = groups.last() else { return false };
    let (after, next) = (scan.byte(last.end), scan.byte(last.end + 1));
    let joined = is_word(after) && extension(scan.bytes, last.end) == last.end;
    !(joined || after == b'%' || matches!(after, b'.' | b',' | b':' | b'-' | b'/') && next.is_ascii_digit())
        && groups[1..].iter().all(|group| group.separator != b'/' || group.end - group.start > 2)
}

/// `ext. 123`, `x123` after a number belongs to it: its end, or `end`.
pub(super) fn extension(bytes: &[u8], end: usize) -> usize {
    let rest = &bytes[end..(end + 16).min(bytes.len())];
    let spaces = rest.iter().take_while(|&&b| matches!(b, b' ' | b',')).count();
    let rest_trimmed = &rest[spaces..];
    let word = [&b"ext. "[..], b"ext.", b"ext ", b"extension ", b"x", b"X", b"Ext. ", b"Ext ", b"#"]
        .into_iter()
        .find(|word| rest_trimmed.starts_with(word));
    let Some(word) = word else { return end };
    let digits = rest_trimmed[word.len()..].iter().take_while(|b| b.is_ascii_digit()).count();
    let stop = end + spaces + word.len() + digits;
    if (1..=6).contains(&digits) && !bytes.get(stop).is_some_and(|&b| is_word(b)) { stop } else { end }
}

#[cfg(test)]
mod tests {
    use super::super::phone_plans::EXAMPLES;
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn every_region_both_ways() {
        assert!(EXAMPLES.len() >= 30);
        for (region, local, world) in EXAMPLES {
            let text = format!("reach us ({world})");
            assert_eq!(spans("PHONE", &text), [*world], "{region}");
            let text = format!("phone: {local}.");
            assert_eq!(spans("PHONE", &text), [*local], "{region}");
        }
    }

    #[test]
    fn numbers() {
        check(
            "PHONE",
            &[
                "+34 600 123 456",
                "+1 (415) 555-2671",
                "(415) 555-2671",
                "415-555-2671",
                "415.555.2671",
                "1-800-555-0199",
                "+44 (0)20 7946 0958",
                "020 7946 0958",
                "06 12 34 56 78",
                "tel 0612345678",
                "+49 30 901820",
                "0030 210 1234567 tel",
                "612 34 56 78",
                "＋34 600 123 456",
                "call 4155552671",
                "+5511961234567",
                "Tel.: 91 123 45 67",
                "+34600123456",
                "415-555-2671 ext. 12",
                "(600)250-0211x657",
                "302.419.1102x237",
                "call (351) 910489601",
                "Tel. (07)20766781",
                "tel:+1-415-555-2671",
            ],
            &[
                "1998 2002",
                "600 123",
                "1 234 567",
                "2010-11-12",
                "192.168.1.1",
                "1234567890",
                "1600000000",
                "+1 2",
                "115-555-2671",
                "3.1415926535",
                "page 12 34 56",
                "+999 123 456 789",
                "ISBN 978-3-16-148410-0",
                "12:30:45",
                "100 000 000",
                "f(951782400, 1)",
            ],
        );
        assert_eq!(spans("PHONE", "(415) 555-2671 ext. 12, or"), ["(415) 555-2671 ext. 12"]);
        assert_eq!(spans("PHONE", "See note (12) 020 7946 0958"), ["020 7946 0958"]);
        assert_eq!(spans("PHONE", "(call (351) 910489601)"), ["(351) 910489601"]);
        assert_eq!(spans("PHONE", "call 302-419-1102xyz or 302-419-1102x12345678"), [""; 0]);
    }
}
