//! How far a telephone number reaches. Half a number in the open is most of it, so what a plan or a model has found takes in the
//! groups of digits beside it, a country's code before it and an extension behind it: as long as all of it is no longer than a number
//! can be, and not a row of numbers.

use super::phone::extension;
use super::scan::is_word;

/// Digits of the longest numbers (E.164).
const MOST: usize = 15;

/// What stands between two groups of digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joiner {
    Space,
    /// One of `-`, `.`, `/`, and whether spaces stand beside it.
    Mark(char, bool),
    Opens,
    Closes,
}

/// A group of digits beside others.
#[derive(Clone, Copy)]
struct Group<'t> {
    start: usize,
    digits: &'t str,
    joiner: Joiner,
}

impl Group<'_> {
    fn len(&self) -> usize {
        self.digits.len()
    }

    fn is_year(&self) -> bool {
        self.len() == 4 && (self.digits.starts_with("19") || self.digits.starts_with("20"))
    }

    /// `12/05`, `24/7`.
    fn is_of_a_date(&self) -> bool {
        matches!(self.joiner, Joiner::Mark(mark, _) if self.is_year() || mark == '/' && self.len() < 3)
    }
}

/// All of the number that is known to be one from `start` to `end`.
pub(crate) fn whole(text: &str, start: usize, end: usize) -> (usize, usize) {
    let Some(found) = text.get(start..end) else { return (start, end) };
    let digits = found.bytes().filter(u8::is_ascii_digit).count();
    let written_out = found.contains(|c: char| c.is_alphabetic() || matches!(c, '#' | ',' | '\n' | '*'));
    if digits > MOST && !written_out {
        // Two numbers that were taken for one: none of the second is left behind.
        return unbracket(text, start, grow_right(text, end, found, 0).0);
    }
    if digits < 5 || written_out {
        return unbracket(text, start, end);
    }
    let (left, before) = grow_left(text, start, found, digits);
    let (right, after) = grow_right(text, end, found, digits);
    // A row of numbers has no end that could be known, but what has a plus before it begins there.
    let (start, end) = match digits + before + after {
        ..=MOST => (left, right),
        _ if digits + before <= MOST && text[left..].starts_with('+') => (left, end),
        _ => (start, end),
    };
    let (start, end) = unbracket(text, start, end);
    (start, extension(text.as_bytes(), end))
}

/// With its bracket where one of two was left behind, and without one that is nobody's.
fn unbracket(text: &str, mut start: usize, mut end: usize) -> (usize, usize) {
    let value = &text[start..end];
    match (value.find('('), value.find(')')) {
        (None, Some(_)) if text[..start].ends_with('(') => start -= 1,
        (None, Some(_)) if value.ends_with(')') => end -= 1,
        (Some(0), None) => start += 1,
        _ => {}
    }
    (start, end)
}

/// Where the groups to the left of a number begin, and how many digits they have.
fn grow_left(text: &str, start: usize, found: &str, digits: usize) -> (usize, usize) {
    let none = (start, 0);
    if found.starts_with(['+', '0']) && digits > 8 || found.starts_with("(+") {
        return none;
    }
    let mut grown = none;
    // The bracket that the number begins with stands between it and what is before.
    let mut at = start + usize::from(found.starts_with('('));
    if let Some(code) = code_behind_plus(&text[..at]) {
        let count = text[at - code..at].bytes().filter(u8::is_ascii_digit).count();
        return (at - code, count);
    }
    loop {
        let Some(group) = group_before(text, at) else { return grown };
        let sum = digits + grown.1;
        let before = text[..group.start].chars().next_back().unwrap_or(' ');
        let is_code = match group.joiner {
            // "1 (110) 063-5183", "1-800-555-0199".
            Joiner::Opens => group.len() <= 3,
            Joiner::Closes => group.len() <= 5 && sum < 11,
            Joiner::Space => (2..=5).contains(&group.len()) && sum < 9 && !group.is_year(),
            Joiner::Mark('-', false) if sum > 9 => group.digits == "1",
            Joiner::Mark('.', true) => false,
            Joiner::Mark(_, spaced) => group.len() > usize::from(spaced) && sum < 10,
        };
        if !is_code || is_glued(before) || is_tail(text, group.start) || group.is_of_a_date() {
            return if group.joiner != Joiner::Space { none } else { grown };
        }
        at = group.start;
        grown = (at, grown.1 + group.len());
        if digits + grown.1 > MOST {
            return grown;
        }
        if group.joiner == Joiner::Closes {
            return if text[..at].ends_with('(') { (at - 1, grown.1) } else { grown };
        }
    }
}

/// The length of `+52 1 ` or `(+34) ` at the end of a text: a plus and what a country's code and an area's take.
fn code_behind_plus(before: &str) -> Option<usize> {
    const LONGEST: usize = 12;
    let mut tail = before.char_indices().rev().take(LONGEST);
    let (plus, _) =
        tail.find(|(_, c)| !(c.is_ascii_digit() || matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-')))?;
    let code = &before[plus..];
    let sum = before[..plus].ends_with(char::is_alphanumeric);
    let starts = code.starts_with('+') && !sum && code[1..].starts_with(|c: char| c.is_ascii_digit());
    let whole = usize::from(before[..plus].ends_with('(') && code.contains(')') && !code.contains('('));
    starts.then_some(code.len() + whole)
}

/// Where the groups to the right of a number end, and how many digits they have.
fn grow_right(text: &str, end: usize, found: &str, digits: usize) -> (usize, usize) {
    let none = (end, 0);
    // "415-555-2671" is all there is.
    let complete = digits == 10 && found.contains(['-', '.']) && !found.starts_with('0');
    let opened = found.contains('(') && !found.contains(')');
    let (mut at, mut count) = none;
    while let Some(group) = group_after(text, at) {
        let stop = group.start + group.len();
        let rest = &text.as_bytes()[stop..];
        let cut = matches!(rest, [b'.' | b',' | b':', b'0'..=b'9', ..]) && group_after(text, stop).is_none()
            || matches!(rest, [b'%', ..] | [0xc2, 0xb0, ..] | [0xe2, 0x82, 0xac, ..])
            || rest.first().is_some_and(|&b| is_word(b) && b < 0x80)
                && extension(text.as_bytes(), stop) == stop;
        let goes_on = match group.joiner {
            Joiner::Space => {
                (2..=4).contains(&group.len())
                    && !complete
                    && (digits + count < 11 || found.starts_with(['+', '(']))
                    && !(group.is_year() && digits + count > 8)
            }
            Joiner::Mark(_, spaced) => !spaced && !complete,
            Joiner::Opens => false,
            Joiner::Closes => opened,
        };
        if cut || !goes_on || group.is_of_a_date() {
            let joined = cut || group.joiner != Joiner::Space;
            return if joined { none } else { (at, count) };
        }
        (at, count) = (stop, count + group.len());
        if digits + count > MOST {
            break;
        }
    }
    (at, count)
}

/// Part of a word, or of a sum of money.
fn is_glued(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '€' | '£' | '#' | '@')
}

/// Behind a mark that joins it to a word or to digits that are none of a telephone number: `12,390`, `10:30`, `AB-390`.
fn is_tail(text: &str, start: usize) -> bool {
    let mut before = text[..start].chars().rev();
    let joined = matches!(before.next(), Some('.' | ',' | ':' | '-' | '/'));
    match before.next() {
        Some(c) if joined && c.is_ascii_digit() => group_before(text, start).is_none(),
        Some(c) => joined && c.is_ascii_alphabetic() && !text[..start].ends_with([',', ':']),
        None => false,
    }
}

fn group_after(text: &str, at: usize) -> Option<Group<'_>> {
    let rest = text.get(at..)?;
    let len = rest.char_indices().take(5).find(|(_, c)| c.is_ascii_digit())?.0;
    let joiner = joiner(&rest[..len])?;
    let digits = rest[len..].bytes().take(MOST + 1).take_while(u8::is_ascii_digit).count();
    Some(Group { start: at + len, digits: &rest[len..len + digits], joiner })
}

fn group_before(text: &str, at: usize) -> Option<Group<'_>> {
    let rest = text.get(..at)?;
    let (last, _) = rest.char_indices().rev().take(5).find(|(_, c)| c.is_ascii_digit())?;
    let joiner = joiner(&rest[last + 1..])?;
    let digits = rest[..=last].bytes().rev().take(MOST + 1).take_while(u8::is_ascii_digit).count();
    let start = last + 1 - digits;
    Some(Group { start, digits: &rest[start..=last], joiner })
}

fn joiner(between: &str) -> Option<Joiner> {
    let (mut spaces, mut mark, mut bracket) = (0, None, None);
    for c in between.chars() {
        match c {
            ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' => spaces += 1,
            '-' | '.' | '/' if mark.is_none() => mark = Some(c),
            '\u{2010}'..='\u{2013}' if mark.is_none() => mark = Some('-'),
            '(' if bracket.is_none() => bracket = Some(Joiner::Opens),
            ')' if bracket.is_none() => bracket = Some(Joiner::Closes),
            _ => return None,
        }
    }
    match (spaces, mark) {
        (0, None) if bracket.is_none() => None,
        (0 | 1, _) | (2, Some(_)) => {
            Some(bracket.or(mark.map(|mark| Joiner::Mark(mark, spaces > 0))).unwrap_or(Joiner::Space))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_number_is_taken_whole() {
        for (text, found, want) in [
            ("092 4873 331 or", "092 4873", "092 4873 331"),
            ("call 57 303 147 89 32 now", "57 303 147", "57 303 147 89 32"),
            ("0173 485 45 75", "0173 485 45", "0173 485 45 75"),
            ("(05548) 87456 051", "(05548) 87456", "(05548) 87456 051"),
            ("06132 / 473 08\n", "06132 / 473", "06132 / 473 08"),
            ("on 1 (110) 063-5183.", "(110) 063-5183", "1 (110) 063-5183"),
            ("is 098 390 0856", "390 0856", "098 390 0856"),
            ("is 006 6362141", "6362141", "006 6362141"),
            ("+64(6)4283706766", "(6)4283706766", "+64(6)4283706766"),
            ("(178) 519-3906", "519-3906", "(178) 519-3906"),
            ("a,(020) 7847854,b", "7847854", "(020) 7847854"),
            ("a,021\u{a0}048\u{a0}8118,b", "048\u{a0}8118", "021\u{a0}048\u{a0}8118"),
            ("351-855-1468x14953", "351-855-1468", "351-855-1468x14953"),
            ("629-136-3861 x634,", "629-136-3861", "629-136-3861 x634"),
            ("al +52 1 33 1757 7382.", "33 1757 7382", "+52 1 33 1757 7382"),
            ("Kevin (95113444)", "(95113444", "95113444"),
            ("(call 020 7946 0958)", "020 7946 0958)", "020 7946 0958"),
            // Beside other numbers.
            ("020 7946 0958 / 020 7946 0959", "020 7946 0958 / 020 7946", "020 7946 0958 / 020 7946 0959"),
            ("note (12) 020 7946 0958", "020 7946 0958", "020 7946 0958"),
            ("390 0856 390 0857 390 0858", "390 0857", "390 0857"),
            ("2020-05-12 390 0856", "390 0856", "390 0856"),
            ("12.05.2020 390 0856", "390 0856", "390 0856"),
            ("at 10:30 390 0856 12/05", "390 0856", "390 0856"),
            ("0800 123 456 24/7", "0800 123 456", "0800 123 456"),
            ("390 0856 12,50", "390 0856", "390 0856"),
            ("415-555-2671 2024", "415-555-2671", "415-555-2671"),
            ("0161 496 0355 2024", "0161 496 0355", "0161 496 0355"),
            ("$12 390 0856 5pm", "390 0856", "390 0856"),
            ("A7 390 0856 20%", "390 0856", "390 0856"),
            ("3. 390 0856. 20 men", "390 0856", "390 0856"),
            ("390 0856\n098", "390 0856", "390 0856"),
        ] {
            let start = text.find(found).unwrap();
            let (start, end) = whole(text, start, start + found.len());
            assert_eq!(&text[start..end], want, "{text:?}");
        }
    }
}
