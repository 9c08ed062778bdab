//! E-mail addresses around each `@`: RFC 5321's local parts and domains, quoted local parts, internationalised
//! names, address literals, and the `mailto:` that people leave on.

use super::scan::{Scan, is_word};
use crate::Label;

/// RFC 5321 section 4.5.3.1 allows 64 bytes before the `@` and 255 after; other scripts take up to four bytes a letter.
const MAX_LOCAL: usize = 128;
const MAX_DOMAIN: usize = 255;

fn is_local(b: u8) -> bool {
    is_word(b) || b".!#$%&'*+-/=?^`{|}~".contains(&b)
}

pub(crate) fn at(scan: &mut Scan<'_>, at: usize) {
    let Some(end) = domain_end(scan, at + 1) else { return };
    let Some(start) = local_start(scan, at, scan.byte(end) == b'\'') else { return };
    scan.push("email", Label::Email, (start, end), 0.98, false, None);
}

/// `quoted`: whether a quotation mark stands behind the address.
fn local_start(scan: &Scan<'_>, at: usize, quoted: bool) -> Option<usize> {
    let floor = at.saturating_sub(MAX_LOCAL);
    if scan.before(at) == b'"' {
        // A quoted local part on the same line: "john doe"@example.com
        let inside = &scan.bytes[floor..at - 1];
        let open = inside.iter().rposition(|&b| matches!(b, b'"' | b'\n'))?;
        return (inside[open] == b'"' && open + 1 < inside.len()).then_some(floor + open);
    }
    let mut start = at;
    for c in scan.text[crate::offsets::ceil_char_boundary(scan.text, floor)..at].chars().rev() {
        let local = if c.is_ascii() {
            is_local(c as u8)
        } else {
            c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}')
        };
        if !local {
            break;
        }
        start -= c.len_utf8();
    }
    // Marks that more often surround or precede an address than begin one: 'a@b.c', =a@b.c, /a@b.c, key=a@b.c
    let surrounds = |i: usize| match scan.byte(i) {
        // But for O'Neil.
        b'\'' => quoted || i != start + 1 || !scan.bytes[start].eq_ignore_ascii_case(&b'o'),
        b => b"=`/|?&{}".contains(&b),
    };
    let cut = (start..at).rev().find(|&i| surrounds(i)).map_or(start, |i| i + 1);
    let mut start = cut;
    while start < at && !(is_word(scan.bytes[start]) || scan.bytes[start] == b'+') {
        start += 1;
    }
    let local = &scan.bytes[start..at];
    let dots = local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..");
    (!local.is_empty() && !dots).then_some(start)
}

/// Where the domain that starts at `from` ends: labels of letters, digits and inner hyphens, the last not numeric.
fn domain_end(scan: &Scan<'_>, from: usize) -> Option<usize> {
    if scan.byte(from) == b'[' {
        let window = &scan.bytes[from..(from + 48).min(scan.bytes.len())];
        let close = window.iter().position(|&b| b == b']')?;
        let literal = &window[1..close];
        let valid = literal.len() >= 3
            && literal
                .iter()
                .all(|&b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'I' | b'P' | b'v'));
        return valid.then_some(from + close + 1);
    }
    let limit = (from + MAX_DOMAIN).min(scan.bytes.len());
    let (mut at, mut end, mut labels) = (from, None, 0);
    loop {
        let label = at;
        while at < limit && (is_word(scan.bytes[at]) || scan.bytes[at] == b'-') && scan.bytes[at] != b'_' {
            at += 1;
        }
        let mut stop = at;
        while stop > label && scan.bytes[stop - 1] == b'-' {
            stop -= 1;
        }
        if stop == label || scan.bytes[label] == b'-' {
            return end;
        }
        labels += 1;
        let name = &scan.bytes[label..stop];
        let top = name.len() >= 2 && !name.iter().any(u8::is_ascii_digit) || name.starts_with(b"xn--");
        if labels >= 2 && top {
            let mut stop = stop;
            while !scan.text.is_char_boundary(stop) {
                stop -= 1;
            }
            end = Some(stop);
        }
        if stop != at || scan.byte(at) != b'.' || at + 1 >= limit {
            return end;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn addresses() {
        check(
            "EMAIL",
            &[
                "ana.ruiz@example.com",
                "Write to <ana+news@mail.example.co.uk>.",
                "\"john doe\"@example.org",
                "user@[192.168.0.1]",
                "o'brien@example.ie",
                "почта@пример.рф",
                "用户@例子.公司",
                "josé@españa.es",
                "mailto:x@y.io",
                "a_b-c@sub-domain.example.museum",
                "ivan@xn--e1afmkfd.xn--p1ai",
                "jоhn＠exаmple．com",
                "john\u{200b}@example.com",
                "x@example.com.",
                "1234@example.com",
                "{\"email\":\"a@b.de\"}",
            ],
            &[
                "@handle",
                "a@b",
                "foo@",
                "@example.com",
                "a..b@example.com",
                "x@-bad.com",
                "user@127.0.0.1x",
                "image@2x.png2",
                "git@github:foo",
            ],
        );
    }

    #[test]
    fn exact_spans() {
        for (text, want) in [
            ("see mailto:x@y.io.", "x@y.io"),
            ("email=bob@example.com&x=1", "bob@example.com"),
            ("('bob@example.com')", "bob@example.com"),
            ("bob@example.com's", "bob@example.com"),
            ("<bob@example.com>,", "bob@example.com"),
            ("Ana—bob@example.com", "bob@example.com"),
        ] {
            assert_eq!(spans("EMAIL", text), [want], "{text}");
        }
        assert_eq!(
            spans("EMAIL", "o'neil.p@acme.example 'ana@x.example' (b'bo@x.example') d'eva@x.example"),
            ["o'neil.p@acme.example", "ana@x.example", "bo@x.example", "eva@x.example"]
        );
    }
}
