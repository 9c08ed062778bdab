//! Replacements that cannot be undone: masks, keyed hashes, coarser values.

use crate::mac::{hex, hmac};
use crate::{Entity, Label, Policy};

/// `*` for letters and digits; the last four of a card number stay, as on a receipt.
pub(crate) fn mask(label: &Label, value: &str) -> String {
    let alphanumerics = value.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = if *label == Label::CreditCard && alphanumerics >= 12 { 4 } else { 0 };
    let mut seen = 0;
    value
        .chars()
        .map(|c| {
            if !c.is_alphanumeric() {
                return c;
            }
            seen += 1;
            if seen > alphanumerics - kept { c } else { '*' }
        })
        .collect()
}

/// `[EMAIL:9f86d081884c7d65]`, 64 bits of HMAC-SHA-256 over the label and the value.
pub(crate) fn hash(label: &Label, value: &str, key: &[u8]) -> String {
    let mac = hmac(key, &[label.name().as_bytes(), &[0], value.as_bytes()]);
    format!("[{}:{}]", label.name(), hex(&mac[..8]))
}

/// First three digits of postal codes with 20,000 inhabitants or fewer, which the safe-harbour method turns into 000
/// (HHS guidance on 45 CFR 164.514(b), from the 2000 census).
const SMALL_ZIP3: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884",
    "890", "893",
];

/// A coarser value, or the bare label where there is none.
pub(crate) fn generalise(entity: &Entity, value: &str, policy: &Policy) -> String {
    let coarse = match entity.label {
        Label::Date | Label::DateOfBirth => year(value).map(str::to_owned),
        Label::Age => age(value, policy.is_hipaa()),
        Label::PostalCode => Some(postal(value)),
        Label::Address | Label::Location => value
            .rsplit_once(',')
            .map(|(_, last)| last.trim().to_owned())
            .filter(|last| !last.is_empty() && !last.bytes().any(|b| b.is_ascii_digit())),
        Label::IpAddress => {
            value.rsplit_once('.').filter(|_| !value.contains(':')).map(|(head, _)| format!("{head}.0"))
        }
        Label::Email => value.rsplit_once('@').map(|(_, domain)| format!("[EMAIL]@{domain}")),
        Label::Url => value.split_once("://").map(|(scheme, rest)| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            format!("{scheme}://{}", host.rsplit('@').next().unwrap_or_default())
        }),
        _ => None,
    };
    coarse.unwrap_or_else(|| format!("[{}]", entity.label.name()))
}

fn year(value: &str) -> Option<&str> {
    value.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 4)
}

fn age(value: &str, hipaa: bool) -> Option<String> {
    let years: u32 = value.split(|c: char| !c.is_ascii_digit()).find(|run| !run.is_empty())?.parse().ok()?;
    Some(match years {
        90.. => "90+".to_owned(),
        _ if hipaa => value.to_owned(),
        _ => format!("{}-{}", years / 10 * 10, years / 10 * 10 + 9),
    })
}

fn postal(value: &str) -> String {
    let head: String = value.chars().take(3).collect();
    let head = if SMALL_ZIP3.contains(&head.as_str()) { "000".to_owned() } else { head };
    head + &value.chars().skip(3).map(|c| if c.is_alphanumeric() { '*' } else { c }).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{By, Preset};

    #[test]
    fn masks() {
        assert_eq!(mask(&Label::CreditCard, "4111 1111 1111 1234"), "**** **** **** 1234");
        assert_eq!(mask(&Label::Person, "José O'Neil"), "**** *'****");
    }

    #[test]
    fn coarser_values() {
        let policy = Policy::preset(Preset::HipaaSafeHarbor);
        let coarse = |label: Label, value: &str| {
            generalise(&Entity::new(label, 0, value.len(), 1.0, By::Pattern, "t"), value, &policy)
        };
        assert_eq!(coarse(Label::Date, "18 August 1997"), "1997");
        assert_eq!(coarse(Label::Date, "18 August"), "[DATE]");
        assert_eq!(coarse(Label::Age, "93"), "90+");
        assert_eq!(coarse(Label::Age, "34"), "34");
        assert_eq!(coarse(Label::PostalCode, "94105"), "941**");
        assert_eq!(coarse(Label::PostalCode, "03601-1234"), "000**-****");
        assert_eq!(coarse(Label::Address, "Calle Mayor 5, Madrid"), "Madrid");
        assert_eq!(coarse(Label::Address, "Calle Mayor 5, 28013"), "[ADDRESS]");
        assert_eq!(coarse(Label::IpAddress, "10.1.2.3"), "10.1.2.0");
        assert_eq!(coarse(Label::Url, "https://u:p@example.com/x?y"), "https://example.com");
        assert_eq!(coarse(Label::Person, "Ana"), "[PERSON]");
    }

    #[test]
    fn hashes_depend_on_key_label_and_value() {
        let one = hash(&Label::Email, "a@b.c", &[1; 16]);
        assert!(one.starts_with("[EMAIL:") && one.len() == 24);
        assert_eq!(one, hash(&Label::Email, "a@b.c", &[1; 16]));
        for other in [
            hash(&Label::Email, "a@b.d", &[1; 16]),
            hash(&Label::Url, "a@b.c", &[1; 16]),
            hash(&Label::Email, "a@b.c", &[2; 16]),
        ] {
            assert_ne!(one, other);
        }
    }
}
