//! Web addresses: anything with `://`, `www.` names, and bare domains of the common top-level domains.

use super::scan::{Scan, is_word};
use super::words::words;
use crate::Label;
use crate::context::{Kind, Kinds};

/// Longest address taken as one entity, so that one line cannot make the scan quadratic.
const MAX_URL: usize = 8192;

words! {
    /// Top-level domains that are taken without a scheme, and those taken only with a path behind them or a word like `website` before
    /// them (they are also file endings, abbreviations or words).
    BARE = " com org net edu gov info biz eu uk de fr es nl ca au br ru ch se dk fi jp cn app dev online shop cloud "
}
words! {
    BARE_WITH_PATH = " io co it me ly be at us in tv ai pt pl cz gl to cc gg fm im "
}

const WEB: Kinds = Kinds::of(&[Kind::Web]);

fn ends_url(b: u8) -> bool {
    b <= b' ' || matches!(b, b'<' | b'>' | b'"' | b'`' | b'\\' | b'^' | b'{' | b'}' | b'|' | 0x7f)
}

/// `scheme://...` at a colon.
pub(crate) fn at_colon(scan: &mut Scan<'_>, at: usize) {
    if at < scan.url_done || !scan.bytes[at..].starts_with(b"://") {
        return;
    }
    let floor = at.saturating_sub(24);
    let mut start = at;
    while start > floor
        && (scan.bytes[start - 1].is_ascii_alphanumeric() || b"+-.".contains(&scan.bytes[start - 1]))
    {
        start -= 1;
    }
    while start < at && !scan.bytes[start].is_ascii_alphabetic() {
        start += 1;
    }
    // Decided by a few bytes, so that a line of marks costs no more than its length.
    let host = scan.bytes[at + 3..].iter().take(3).take_while(|&&b| !ends_url(b)).any(|&b| is_word(b));
    if at - start < 2 || !host {
        return;
    }
    let end = url_end(scan, at + 3);
    finish(scan, start, end, 0.95);
}

/// `www.example.com` or `example.com/path` at a dot.
pub(crate) fn at_dot(scan: &mut Scan<'_>, at: usize) {
    let next = scan.byte(at + 1);
    if at < scan.url_done || !(is_word(scan.before(at)) && next.is_ascii_alphanumeric()) {
        return;
    }
    let bytes = scan.bytes;
    let mut word = at;
    while word > 0 && at - word < 64 && (is_word(bytes[word - 1]) || bytes[word - 1] == b'-') {
        word -= 1;
    }
    let before = scan.before(word);
    if matches!(before, b'@' | b'.' | b'/' | b'\\') || at - word >= 64 {
        return;
    }
    // Read the dotted name; the last label decides.
    let (mut end, mut label) = (at + 1, at + 1);
    while end < bytes.len()
        && end - word < 255
        && (bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'-' | b'.'))
    {
        if bytes[end] == b'.' {
            if !scan.byte(end + 1).is_ascii_alphanumeric() {
                break;
            }
            label = end + 1;
        }
        end += 1;
    }
    if matches!(scan.byte(end), b'@' | b'_' | b'(') || scan.byte(end) >= 0x80 {
        return;
    }
    let top = &scan.text[label..end];
    if !(2..=12).contains(&top.len())
        || !top.bytes().all(|b| b.is_ascii_alphabetic())
        || top.bytes().any(|b| b.is_ascii_uppercase()) && top.bytes().any(|b| b.is_ascii_lowercase())
    {
        return;
    }
    let path = scan.byte(end) == b'/' && is_word(scan.byte(end + 1));
    let lower = top.to_ascii_lowercase();
    let www = bytes[word..at].eq_ignore_ascii_case(b"www");
    let score = match () {
        () if www => 0.9,
        () if BARE.has(&lower) => {
            if path {
                0.85
            } else {
                0.6
            }
        }
        () if path && BARE_WITH_PATH.has(&lower) => 0.7,
        // "visit us.it was" is two sentences.
        () if at - word > 3
            && BARE_WITH_PATH.has(&lower)
            && scan.context_within(WEB, word, end, 16, 0).is_some() =>
        {
            0.55
        }
        () => return,
    };
    let start = crate::offsets::ceil_char_boundary(scan.text, word);
    let stop = if matches!(scan.byte(end), b'/' | b'?' | b'#' | b':') { url_end(scan, end) } else { end };
    finish(scan, start, stop, score);
}

fn url_end(scan: &Scan<'_>, from: usize) -> usize {
    let limit = crate::offsets::floor_char_boundary(scan.text, (from + MAX_URL).min(scan.bytes.len()));
    let mut end = from;
    while end < limit && !ends_url(scan.bytes[end]) {
        end += 1;
    }
    // Punctuation that ends the sentence, not the address; a closing bracket only if it was not opened inside.
    let count = |b: u8| scan.bytes[from..end].iter().filter(|&&c| c == b).count();
    let (mut round, mut square) =
        (count(b')').saturating_sub(count(b'(')), count(b']').saturating_sub(count(b'[')));
    while let Some(&last) = scan.bytes[from..end].last() {
        let open = match last {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' | b'_' | b'~' => {
                end -= 1;
                continue;
            }
            b')' => &mut round,
            b']' => &mut square,
            _ => break,
        };
        if *open == 0 {
            break;
        }
        *open -= 1;
        end -= 1;
    }
    end
}

fn finish(scan: &mut Scan<'_>, start: usize, end: usize, score: f32) {
    scan.push("url", Label::Url, (start, end), score, false, None);
    // A password in the address is a secret even where addresses are kept.
    let authority =
        scan.bytes[start..end].windows(3).position(|w| w == b"://").map_or(start, |i| start + i + 3);
    let stop = scan.bytes[authority..end]
        .iter()
        .position(|&b| matches!(b, b'/' | b'?' | b'#'))
        .map_or(end, |i| authority + i);
    let user = scan.bytes[authority..stop].iter().rposition(|&b| b == b'@').map(|sign| authority + sign);
    let password = user.and_then(|sign| {
        let colon = scan.bytes[authority..sign].iter().position(|&b| b == b':')?;
        Some((authority + colon + 1, sign)).filter(|(start, end)| start < end)
    });
    if let Some(span) = password {
        scan.push("url_password", Label::Secret, span, 0.9, false, None);
    }
    scan.url_done = end;
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn addresses() {
        check(
            "URL",
            &[
                "https://example.com/a?b=c#d",
                "http://localhost:8080/x",
                "ftp://files.example.org",
                "www.example.de",
                "example.com",
                "bit.ly/3abcXYZ",
                "postgres://db.internal/app",
                "https://пример.рф/путь",
                "WWW.EXAMPLE.COM",
                "website: olivetti.it",
                "visita matos.pt",
            ],
            &[
                "://",
                "https://",
                "file.rs",
                "e.g. this",
                "main.py",
                "a.b",
                "3.14",
                "user@example.com",
                "obj.method()",
                "README.md",
                "std::io",
                "etc.in the",
                "see lib.rs or foo.io",
                "visit us.it was fun",
            ],
        );
    }

    #[test]
    fn exact_spans() {
        for (text, want) in [
            (
                "(see https://en.wikipedia.org/wiki/Rust_(language)).",
                "https://en.wikipedia.org/wiki/Rust_(language)",
            ),
            ("Go to https://example.com/x, now", "https://example.com/x"),
            ("<a href=\"https://example.com/x\">", "https://example.com/x"),
            ("at www.example.com.", "www.example.com"),
            ("[text](https://example.com/a)", "https://example.com/a"),
        ] {
            assert_eq!(spans("URL", text), [want], "{text}");
        }
        let text = "postgres://app:hunter2@db.internal/x";
        let found = crate::Recognisers::all().find(text, None);
        assert!(found.iter().any(|e| e.label == crate::Label::Secret && e.text(text) == "hunter2"));
    }
}
