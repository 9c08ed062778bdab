//! Cryptocurrency addresses, by the checksum each carries: Base58Check, Bech32/Bech32m, EIP-55.

use super::scan::{Scan, Word};
use crate::Label;
use crate::checksum::{base58_len, base58check, base58check_ripple, bech32, eip55};
use crate::context::{Kind, Kinds};

/// Human-readable parts of Bech32 addresses people hold money at.
const BECH32_PREFIXES: [&[u8]; 7] = [b"bc1", b"tb1", b"ltc1", b"addr1", b"cosmos1", b"osmo1", b"stake1"];

pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    let span = (word.start, word.end);
    let text = &scan.bytes[word.start..word.end];
    // The shortest is 25 characters of base 58, the longest a Cardano address.
    if !(25..=120).contains(&text.len()) || !word.is_plain() {
        return;
    }
    if let Some(hex) = text.strip_prefix(b"0x").or(text.strip_prefix(b"0X")) {
        if hex.len() == 40 && hex.iter().all(u8::is_ascii_hexdigit) {
            let mixed = hex.iter().any(u8::is_ascii_lowercase) && hex.iter().any(u8::is_ascii_uppercase);
            let context = scan.context(Kinds::of(&[Kind::Crypto]), word.start, word.end);
            let constant = hex.iter().filter(|&&b| b == b'0').count() > 24;
            if mixed && eip55(hex) {
                scan.push("ethereum", Label::CryptoAddress, span, 1.0, true, context);
            } else if !mixed && !constant {
                scan.push(
                    "ethereum",
                    Label::CryptoAddress,
                    span,
                    if context.is_some() { 0.9 } else { 0.6 },
                    false,
                    context,
                );
            }
        }
        return;
    }
    let lower = text[..8].to_ascii_lowercase();
    if BECH32_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        if bech32(text) {
            scan.push("bech32", Label::CryptoAddress, span, 1.0, true, None);
        }
        return;
    }
    let name = match text[0] {
        b'1' | b'3' | b'm' | b'n' | b'2' if text.len() <= 35 => "bitcoin",
        b'L' | b'M' if text.len() <= 35 => "litecoin",
        b'D' if text.len() == 34 => "dogecoin",
        b'T' if text.len() == 34 => "tron",
        b'r' if text.len() <= 35 => "xrp",
        _ => "",
    };
    let checked = match name {
        "xrp" => base58check_ripple(text),
        "" => None,
        _ => base58check(text),
    };
    if checked
        .is_some_and(|version| matches!(version, 0 | 5 | 0x6f | 0xc4 | 0x30 | 0x32 | 0x1e | 0x16 | 0x41))
    {
        scan.push(name, Label::CryptoAddress, span, 1.0, true, None);
        return;
    }
    // Solana keys and Monero addresses carry no checksum we can test: only beside words that speak of them.
    let context = scan.context(Kinds::of(&[Kind::Crypto]), word.start, word.end);
    if context.is_some() && (32..=44).contains(&text.len()) && base58_len(text) == Some(32) {
        scan.push("solana", Label::CryptoAddress, span, 0.8, false, context);
    } else if context.is_some() && text.len() == 95 && matches!(text[0], b'4' | b'8') && word.has_lower() {
        scan.push("monero", Label::CryptoAddress, span, 0.85, false, context);
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn addresses() {
        check(
            "CRYPTO_ADDRESS",
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae",
                "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
                "solana wallet 4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
                "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            ],
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
                "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx",
                "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
                "0x0000000000000000000000000000000000000001",
                "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            ],
        );
    }
}
