//! Network addresses: IPv4 (also with a port or prefix length), IPv6 (RFC 4291 forms) and MAC.

use super::numbers::{Chain, NumberRule};
use super::scan::{Scan, Word, is_word};
use crate::Label;
use crate::context::{Kind, Kinds};

/// IPv4 has groups of any length up to three, which shapes do not say; see [`v4`].
pub(crate) const RULES: &[NumberRule] = &[];

/// Dotted quads among a chain's groups.
pub(crate) fn v4(scan: &mut Scan<'_>, chain: &Chain, start: usize) {
    let Some(groups) = chain.groups[..chain.len].get(start..start + 4) else { return };
    if !groups[1..].iter().all(|group| group.separator == b'.' && scan.bytes[group.start - 1] == b'.') {
        return;
    }
    let mut octets = [0_u32; 4];
    for (octet, group) in octets.iter_mut().zip(groups) {
        let digits = &scan.bytes[group.start..group.end];
        if digits.len() > 3 || digits.len() > 1 && digits[0] == b'0' {
            return;
        }
        *octet = digits.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    }
    let (from, to) = (groups[0].start, groups[3].end);
    let more_before =
        scan.before(from) == b'.' || scan.before(from) == b'-' && is_word(scan.before(from - 1));
    let more_after = scan.byte(to) == b'.' && scan.byte(to + 1).is_ascii_digit() || is_word(scan.byte(to));
    let spaced = groups[1..].iter().zip(groups).any(|(next, group)| next.start != group.end + 1);
    if octets.iter().any(|&o| o > 255) || more_before || more_after || spaced {
        return;
    }
    let context = scan.context(Kinds::of(&[Kind::Ip]), from, to);
    let version = scan.context_within(Kinds::of(&[Kind::Version]), from, to, 16, 0).is_some()
        || scan.before(from) == b'v';
    let score = match (context, version) {
        (None, true) => 0.2,
        (Some(_), _) => 0.95,
        // 1.2.3.4 is as often a version or a section.
        (None, false) if octets.iter().all(|&o| o < 20) => 0.55,
        (None, false) => 0.85,
    };
    scan.push("ipv4", Label::IpAddress, (from, to), score, false, context);
}

/// IPv6 or MAC around a colon; each run of hex digits and colons is read once, at its first colon.
pub(crate) fn at_colon(scan: &mut Scan<'_>, at: usize) {
    let bytes = scan.bytes;
    let in_run = |b: u8| b.is_ascii_hexdigit() || b == b':';
    let floor = at.saturating_sub(5);
    let mut start = at;
    while start > floor && bytes[start - 1].is_ascii_hexdigit() {
        start -= 1;
    }
    if scan.before(start) == b':' || at - start > 4 || is_word(scan.before(start)) {
        return;
    }
    let limit = (start + 64).min(bytes.len());
    let mut end = at;
    while end < limit
        && (in_run(bytes[end])
            || bytes[end] == b'.' && scan.byte(end + 1).is_ascii_digit() && !is_word_dot(scan, end))
    {
        end += 1;
    }
    while end > at && bytes[end - 1] == b':' && !bytes[..end].ends_with(b"::") {
        end -= 1;
    }
    if is_word(scan.byte(end)) || end - start < 3 {
        return;
    }
    let text = &scan.text[start..end];
    if text.parse::<std::net::Ipv6Addr>().is_ok() && !only_marks(text) {
        let context = scan.context(Kinds::of(&[Kind::Ip]), start, end);
        let short = text.len() < 8;
        let score = if short && context.is_none() { 0.55 } else { 0.95 };
        scan.push("ipv6", Label::IpAddress, (start, end), score, !short, context);
    } else if is_mac(text.as_bytes(), b':') {
        push_mac(scan, start, end);
    }
}

fn is_word_dot(scan: &Scan<'_>, at: usize) -> bool {
    !scan.before(at).is_ascii_digit()
}

/// `::` alone, or `::` between two short words, is punctuation of a programming language.
fn only_marks(text: &str) -> bool {
    text == "::" || text.len() < 5 || text.contains("::") && !text.bytes().any(|b| b.is_ascii_digit())
}

/// MAC addresses with dashes, and the dotted form of three groups of four.
pub(crate) fn at_mixed(scan: &mut Scan<'_>, word: Word) {
    let window = &scan.bytes[word.start..(word.start + 18).min(scan.bytes.len())];
    for (len, separator) in [(17, b'-'), (14, b'.')] {
        let Some(text) = window.get(..len) else { continue };
        let groups_fit = if separator == b'-' { is_mac(text, b'-') } else { is_dotted_mac(text) };
        let whole = !window.get(len).is_some_and(|&b| is_word(b) || b == separator)
            && scan.before(word.start) != separator;
        if groups_fit && whole {
            push_mac(scan, word.start, word.start + len);
        }
    }
}

fn push_mac(scan: &mut Scan<'_>, start: usize, end: usize) {
    let context = scan.context(Kinds::of(&[Kind::Mac]), start, end);
    scan.push("mac_address", Label::MacAddress, (start, end), 0.95, false, context);
}

fn is_mac(text: &[u8], separator: u8) -> bool {
    text.len() == 17
        && text
            .iter()
            .enumerate()
            .all(|(i, b)| if i % 3 == 2 { *b == separator } else { b.is_ascii_hexdigit() })
}

fn is_dotted_mac(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(i, b)| if i % 5 == 4 { *b == b'.' } else { b.is_ascii_hexdigit() })
        && text.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn addresses() {
        check(
            "IP_ADDRESS",
            &[
                "192.168.1.254",
                "8.8.8.8",
                "10.0.0.1:8080",
                "172.16.0.0/12",
                "2001:db8::8a2e:370:7334",
                "fe80::1ff:fe23:4567:890a",
                "::ffff:192.0.2.128",
                "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
                "http from 1.2.3.4",
            ],
            &[
                "256.1.1.1",
                "1.2.3",
                "1.2.3.4.5",
                "version 1.2.3.4",
                "std::vec",
                "a::b",
                "12:30:45",
                "::",
                "01.02.03.04",
                "abcd::efg",
            ],
        );
        assert_eq!(spans("IP_ADDRESS", "[2001:db8::1]:443"), ["2001:db8::1"]);
        assert_eq!(spans("IP_ADDRESS", "at 2001:db8::1: no"), ["2001:db8::1"]);
    }

    #[test]
    fn hardware() {
        check(
            "MAC_ADDRESS",
            &["00:1A:2b:3c:4D:5e", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e", "mac 3c:22:fb:00:11:22"],
            &[
                "00:1A:2b:3c:4D",
                "00:1A:2b:3c:4D:5e:6f",
                "00:1A:2b:3c:4D:5g",
                "0011.2233.4455",
                "00-1A-2B-3C-4D-5E-6F",
            ],
        );
    }
}
