//! Names and places that a field's name announces and a mark bounds: `first=Rose, last=Banks`, `"city": "Reading"`,
//! `<family>Henderson</family>`, `Prenume: Sever`. Values that have a shape of their own are found by it.

use super::capitals::capitalised;
use super::fields::{self, Field, KEYED};
use super::lexicon::{Kinds, is_no_name, look};
use super::scan::Scan;

/// Longest value, in bytes.
const LONGEST: usize = 64;

/// How a value is bounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Quote(u8),
    Tag,
    /// By nothing but its own words.
    Words,
}

/// At `:`, `=` or the end of a tag.
pub(super) fn at(scan: &mut Scan<'_>, at: usize) {
    let mark = scan.byte(at);
    let mut start = at + 1;
    let mut bound = Bound::Tag;
    if mark != b'>' {
        if matches!(scan.before(at), b'=' | b'!' | b'<' | b'>' | b':' | b'+' | b'-') {
            return;
        }
        start += scan.bytes[start..].iter().take(3).take_while(|&&b| b == b' ').count();
        bound = match scan.byte(start) {
            quote @ (b'"' | b'\'') => Bound::Quote(quote),
            _ => Bound::Words,
        };
        start += usize::from(bound != Bound::Words);
    }
    // Most of what follows such a mark in code is no name, and is sent away here.
    let first = scan.byte(start);
    if !(first.is_ascii_uppercase() || first >= 0xc3 || bound != Bound::Words && first.is_ascii_digit()) {
        return;
    }
    let Some(key) = key(scan.text, at, bound) else { return };
    let Some(field) = fields::of(key).filter(|field| !field.holds_no_names()) else { return };
    let Some(end) = value_end(scan, start, bound) else { return };
    let value = &scan.text[start..end];
    if fields::of(value).is_some() || is_in_code(value) {
        return;
    }
    let known = is_known(value);
    let is_line = mark == b':' && matches!(scan.byte(end), 0 | b'\n' | b'\r');
    let fits = match (field, bound) {
        (Field::Number | Field::Site, _) => false,
        // Those who write "name" mean a person's as a rule where nothing else stands on the line, and other things follow.
        (Field::Name, Bound::Words) => {
            is_line && (value.contains(' ') || !is_no_name(value) && goes_on(&scan.text[end..]))
        }
        (Field::Person, Bound::Words) if is_line && key.len() > "family".len() => true,
        (Field::Name, _) => false,
        (Field::Person | Field::Place | Field::Organization, Bound::Words) => {
            let is_log = mark == b'=' && start == at + 1;
            let is_form = mark == b':' && key.trim_start().starts_with(char::is_uppercase);
            known || (is_log || is_form) && !is_no_name(value)
        }
        (Field::Address | Field::Postal, Bound::Words) => false,
        (Field::Person, _) => value.split(' ').all(|word| !is_no_name(word)),
        _ => true,
    };
    // Of a form, whatever the first name is.
    let field = if field == Field::Name && !value.contains(' ') { Field::Person } else { field };
    if let Some((label, score)) = field.label(value).filter(|_| fits) {
        let score = if bound == Bound::Words && !known { score - 0.2 } else { score };
        scan.push(KEYED, label, (start, end), score, false, Some("field name"));
    }
}

/// The name of the field before the mark at `at`.
fn key(text: &str, at: usize, bound: Bound) -> Option<&str> {
    let from = crate::offsets::ceil_char_boundary(text, at.saturating_sub(fields::LONGEST));
    let before = text.get(from..at)?;
    if bound == Bound::Tag {
        let tag = before.rsplit('<').next().filter(|tag| tag.len() < before.len())?;
        return tag.split(' ').next().filter(|tag| !tag.is_empty() && !tag.contains('/'));
    }
    let before = before.trim_end_matches(' ');
    let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.');
    before.rsplit(|c| !is_part(c)).next().filter(|key| !key.is_empty())
}

/// Where a value ends; `None` where nothing that bounds it does.
fn value_end(scan: &Scan<'_>, start: usize, bound: Bound) -> Option<usize> {
    let end = crate::offsets::floor_char_boundary(scan.text, start + LONGEST);
    let rest = scan.text.get(start..end)?;
    match bound {
        Bound::Quote(quote) => {
            let end = rest.find([char::from(quote), '\n'])?;
            (rest.as_bytes()[end] == quote).then_some(start + end)
        }
        Bound::Tag => rest.find("</").map(|end| start + end),
        Bound::Words => {
            let mut end = 0;
            for word in rest.split_inclusive(' ').take(5) {
                let whole =
                    word.split(|c: char| !(c.is_alphabetic() || matches!(c, '-' | '\'' | '’'))).next()?;
                let is_particle = end > 0 && whole.len() <= 3 && !whole.is_empty();
                if !(is_particle || whole.starts_with(char::is_uppercase))
                    || word[whole.len()..].starts_with(['=', ':']) && end > 0
                {
                    break;
                }
                end += whole.len();
                if word.len() != whole.len() + 1 || !word.ends_with(' ') {
                    break;
                }
                end += 1;
            }
            let end = start + rest[..end].trim_end().len();
            let open = matches!(
                scan.byte(end),
                b'(' | b'<' | b':' | b'/' | b'\\' | b'=' | b'[' | b'_' | b'@' | b'-' | b'{' | b'0'..=b'9'
            ) || scan.byte(end) == b'.' && scan.byte(end + 1).is_ascii_alphanumeric();
            (end > start && !open).then_some(end)
        }
    }
}

/// Whether the next line is of a form too: `Prenume: Sever`.
fn goes_on(text: &str) -> bool {
    let mut lines = text.split('\n').skip(1);
    let key = lines.next().and_then(|line| line.get(..line.find(':')?));
    key.and_then(fields::of).is_some_and(|field| !field.holds_no_names())
}

/// Whether the list has a word of the value as somebody's or a place's.
fn is_known(value: &str) -> bool {
    let named = |word: &str| {
        [Kinds::GIVEN, Kinds::SURNAME, Kinds::PLACE, Kinds::NAMED_PLACE]
            .iter()
            .any(|&kind| look(word).has(kind))
    };
    named(value) || value.split(' ').next().is_some_and(named)
}

/// `CamelCase`, unless a name is written so.
fn is_in_code(value: &str) -> bool {
    let mut lower = false;
    let humps = value.chars().any(|c| {
        let hump = lower && c.is_uppercase();
        lower = c.is_lowercase();
        hump
    });
    humps
        && !(["Mc", "Mac", "Di", "De", "Fitz"].iter().any(|start| value.starts_with(start))
            && capitalised(value))
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn names_behind_the_names_of_fields() {
        check(
            "PERSON",
            &[
                "<given>Mark</given>",
                "<ns:familyName type=x>Zsömböly</ns:familyName>",
                "{first=Rose, last=Bankszy}",
                "Nume: Barbuleț Sever\n",
                "Nume: Barbulețu\nPrenume: X",
                "Efternamn: Palm\n",
                "Prenume: Severinuș",
                "'last_name': 'McQuillop'",
            ],
            &[
                "last: Option<Foo>",
                "first: Vec",
                "\"last\": \"Last page\"",
                "\"firstName\": \"First name\"",
                "given: SurnameField",
                "last == Foo",
                "first::Quux",
                "x.last=Quux.y",
                "last=Quux(1)",
                "Surname: see below",
                "Nume: Barbulețu\nor so",
            ],
        );
        check(
            "LOCATION",
            &[
                "city=Reading",
                "\"city\": \"Quxborough\"",
                "<city>Quxborough</city>",
                "billing_city: Paris",
                "Localitate: Piatra-Neamț",
            ],
            &[
                "city: String",
                "\"city\": \"City\"",
                "<city>",
                "city=get",
                "capacity=Reading",
                "city: Quxborough",
            ],
        );
        check(
            "ORGANIZATION",
            &["<employer>Quxborough Ltd</employer>", "company=Quxborough"],
            &["company: none"],
        );
        check("POSTAL_CODE", &["<zip>54307</zip>"], &["<zip>none</zip>"]);
    }
}
