//! The check-digit schemes that recognisers use, each on ASCII bytes. A wrong character is a failed check.

use sha2::{Digest, Sha256};

fn digit(byte: u8) -> Option<u32> {
    byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
}

/// Sum of digit times weight, `None` if a byte is not a digit or the lengths differ.
pub(crate) fn weighted(digits: &[u8], weights: &[u32]) -> Option<u32> {
    if digits.len() != weights.len() {
        return None;
    }
    digits.iter().zip(weights).try_fold(0, |sum, (&b, w)| Some(sum + digit(b)? * w))
}

/// Luhn (ISO/IEC 7812-1 annex B): cards, IMEI, Canadian SIN.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0;
    for (place, &byte) in digits.iter().rev().enumerate() {
        let Some(d) = digit(byte) else { return false };
        sum += match place % 2 {
            0 => d,
            _ if d > 4 => 2 * d - 9,
            _ => 2 * d,
        };
    }
    !digits.is_empty() && sum % 10 == 0
}

/// The remainder mod 97 of a number written in base 36 digits (ISO 7064 MOD 97-10 after letter expansion).
pub(crate) fn mod97(mut alphanumerics: impl Iterator<Item = u8>) -> Option<u32> {
    alphanumerics.try_fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    })
}

/// Verhoeff's dihedral check over all digits, the last being the check digit: Aadhaar.
pub(crate) fn verhoeff(digits: &[u8]) -> bool {
    #[rustfmt::skip]
    const D: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    #[rustfmt::skip]
    const P: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let mut state = 0_u8;
    for (place, &byte) in digits.iter().rev().enumerate() {
        let Some(d) = digit(byte) else { return false };
        state = D[usize::from(state)][usize::from(P[place % 8][d as usize])];
    }
    !digits.is_empty() && state == 0
}

/// ISO 7064 MOD 11,10, the last digit being the check digit: German Steuer-ID.
pub(crate) fn mod11_10(digits: &[u8]) -> bool {
    let Some((&check, body)) = digits.split_last() else { return false };
    let mut product = 10;
    for &byte in body {
        let Some(d) = digit(byte) else { return false };
        let sum = match (d + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = 2 * sum % 11;
    }
    digit(check) == Some((11 - product) % 10)
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE58_RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/// Decodes base 58 to 25 bytes and checks the last four against double SHA-256 of the rest; gives the version byte.
pub(crate) fn base58check(text: &[u8]) -> Option<u8> {
    base58check_in(text, BASE58)
}

/// As [`base58check`], in the XRP ledger's alphabet.
pub(crate) fn base58check_ripple(text: &[u8]) -> Option<u8> {
    base58check_in(text, BASE58_RIPPLE)
}

fn base58check_in(text: &[u8], alphabet: &[u8; 58]) -> Option<u8> {
    let mut bytes = [0_u8; 25];
    for c in text {
        let mut carry = alphabet.iter().position(|a| a == c)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let zeros = text.iter().take_while(|&&c| c == alphabet[0]).count();
    if bytes.iter().take_while(|&&b| b == 0).count() != zeros {
        return None;
    }
    let hash = Sha256::digest(Sha256::digest(&bytes[..21]));
    (hash[..4] == bytes[21..]).then_some(bytes[0])
}

/// Length in bytes of what base 58 text stands for, `None` outside the alphabet or over 64 bytes.
pub(crate) fn base58_len(text: &[u8]) -> Option<usize> {
    let mut bytes = [0_u8; 64];
    for c in text {
        let mut carry = BASE58.iter().position(|a| a == c)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let zeros = text.iter().take_while(|&&c| c == BASE58[0]).count();
    let significant = bytes.len() - bytes.iter().take_while(|&&b| b == 0).count();
    Some(zeros + significant)
}

/// Bech32 (BIP 173) or Bech32m (BIP 350) checksum of a whole address in one case.
pub(crate) fn bech32(text: &[u8]) -> bool {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    const BECH32M: u32 = 0x2bc8_30a3;
    let upper = text.iter().any(u8::is_ascii_uppercase);
    if upper && text.iter().any(u8::is_ascii_lowercase) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let Some(split) = lower.iter().rposition(|&b| b == b'1') else { return false };
    let (prefix, data) = (&lower[..split], &lower[split + 1..]);
    if prefix.is_empty() || data.len() < 6 {
        return false;
    }
    let step = |state: u32, value: u32| {
        let top = state >> 25;
        let shifted = (state & 0x01ff_ffff) << 5 ^ value;
        (0..5).filter(|i| top >> i & 1 == 1).fold(shifted, |state, i| state ^ GENERATOR[i])
    };
    let mut state = 1;
    for b in prefix {
        state = step(state, u32::from(b >> 5));
    }
    state = step(state, 0);
    for b in prefix {
        state = step(state, u32::from(b & 31));
    }
    for b in data {
        let Some(value) = CHARSET.iter().position(|c| c == b) else { return false };
        state = step(state, value as u32);
    }
    state == 1 || state == BECH32M
}

/// EIP-55: the case of each hex letter of an Ethereum address (40 digits, no `0x`) follows Keccak-256 of its lower-case form.
pub(crate) fn eip55(hex: &[u8]) -> bool {
    let hash = keccak256_short(&hex.to_ascii_lowercase());
    hex.iter().enumerate().all(|(i, b)| {
        let nibble = hash[i / 2 % 32] >> (4 * (1 - i % 2)) & 0xf;
        !b.is_ascii_alphabetic() || b.is_ascii_uppercase() == (nibble >= 8)
    })
}

/// Keccak-256 (the original padding, not SHA-3's) of at most 135 bytes: one block.
fn keccak256_short(message: &[u8]) -> [u8; 32] {
    const RATE: usize = 136;
    let mut block = [0_u8; RATE];
    let len = message.len().min(RATE - 1);
    block[..len].copy_from_slice(&message[..len]);
    block[len] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    let mut state = [0_u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.chunks_exact(8)) {
        *lane = bytes.iter().rev().fold(0, |lane, &b| lane << 8 | u64::from(b));
    }
    keccak_f1600(&mut state);
    let mut out = [0_u8; 32];
    for (bytes, lane) in out.chunks_exact_mut(8).zip(state) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    out
}

/// The permutation of FIPS 202, section 3.3; lane (x, y) is `state[x + 5 * y]`.
fn keccak_f1600(state: &mut [u64; 25]) {
    const ROTATION: [u32; 24] =
        [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
    const LANE: [usize; 24] =
        [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
    let mut lfsr = 1_u8;
    for _round in 0..24 {
        let mut column = [0_u64; 5];
        for x in 0..5 {
            column[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
        }
        for x in 0..5 {
            let mix = column[(x + 4) % 5] ^ column[(x + 1) % 5].rotate_left(1);
            for y in 0..5 {
                state[x + 5 * y] ^= mix;
            }
        }
        let mut moving = state[1];
        for (&lane, &rotation) in LANE.iter().zip(&ROTATION) {
            let next = state[lane];
            state[lane] = moving.rotate_left(rotation);
            moving = next;
        }
        for row in state.chunks_exact_mut(5) {
            let old = [row[0], row[1], row[2], row[3], row[4]];
            for x in 0..5 {
                row[x] = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        for bit in 0..7 {
            if lfsr & 1 == 1 {
                state[0] ^= 1 << ((1 << bit) - 1);
            }
            lfsr = lfsr << 1 ^ if lfsr & 0x80 != 0 { 0x71 } else { 0 };
        }
    }
}

/// Shannon entropy in bits a byte.
pub(crate) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    for &b in bytes {
        counts[usize::from(b)] += 1;
    }
    let total = bytes.len() as f32;
    counts.iter().filter(|&&c| c > 0).map(|&c| c as f32 / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        assert!(
            luhn(b"4111111111111111") && luhn(b"378282246310005") && !luhn(b"4111111111111112") && !luhn(b"")
        );
        assert_eq!(mod97(b"WEST12345698765432GB82".iter().copied()), Some(1));
        assert!(verhoeff(b"2363") && !verhoeff(b"2364"));
        assert!(mod11_10(b"36574261809") && !mod11_10(b"36574261808"));
    }

    #[test]
    fn addresses() {
        assert_eq!(base58check(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), Some(0));
        assert_eq!(base58check(b"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"), Some(5));
        assert_eq!(base58check(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"), None);
        assert_eq!(base58check_ripple(b"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"), Some(0));
        assert_eq!(base58_len(b"4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"), Some(32));
        assert!(bech32(b"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"));
        assert!(bech32(b"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"));
        assert!(bech32(b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"));
        assert!(!bech32(b"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"));
        // EIP-55's own list.
        for address in
            ["5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]
        {
            assert!(eip55(address.as_bytes()));
            assert!(!eip55(address.to_ascii_uppercase().as_bytes()));
        }
    }

    #[test]
    fn entropy_of_extremes() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert!((entropy(b"abcdefgh") - 3.0).abs() < 1e-6);
    }
}
