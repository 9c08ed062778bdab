//! Credentials by the prefixes that providers give them, JSON web tokens, PEM blocks. Those announced by a word
//! (`password: ...`, `api_key = "..."`) are in [`keyed`](super::keyed).

use super::scan::{Scan, Word};
use crate::Label;
use crate::checksum::entropy;

/// Which bytes follow a prefix.
#[derive(Clone, Copy)]
enum Charset {
    Hex,
    Digits,
    Upper,
    Alnum,
    /// Alphanumeric, `_`, `-`.
    Url,
    /// [`Charset::Url`], `.`, `+`, `/`, `=`, `:`, `%`.
    Wide,
}

impl Charset {
    fn has(self, b: u8) -> bool {
        match self {
            Charset::Hex => b.is_ascii_hexdigit(),
            Charset::Digits => b.is_ascii_digit(),
            Charset::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Charset::Alnum => b.is_ascii_alphanumeric(),
            Charset::Url => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
            Charset::Wide => b.is_ascii_alphanumeric() || b"_-.+/=:%".contains(&b),
        }
    }
}

use Charset::{Alnum, Digits, Hex, Upper, Url, Wide};

/// Prefix, what follows, at least and at most how many bytes of it, name.
#[rustfmt::skip]
const PREFIXES: &[(&str, Charset, usize, usize, &str)] = &[
    ("AKIA", Upper, 16, 16, "aws_access_key"), ("ASIA", Upper, 16, 16, "aws_access_key"), ("AROA", Upper, 16, 17, "aws_id"), ("AIDA", Upper, 16, 17, "aws_id"),
    ("ABIA", Upper, 16, 16, "aws_bearer"), ("ghp_", Alnum, 36, 251, "github_token"), ("gho_", Alnum, 36, 251, "github_token"),
    ("ghu_", Alnum, 36, 251, "github_token"), ("ghs_", Alnum, 36, 251, "github_token"), ("ghr_", Alnum, 36, 251, "github_token"),
    ("github_pat_", Url, 40, 255, "github_token"), ("glpat-", Url, 20, 64, "gitlab_token"), ("gldt-", Url, 20, 64, "gitlab_token"),
    ("glrt-", Url, 20, 64, "gitlab_token"), ("sk-ant-", Url, 20, 200, "anthropic_key"), ("sk-proj-", Url, 20, 250, "openai_key"),
    ("sk-svcacct-", Url, 20, 250, "openai_key"), ("sk-or-v1-", Hex, 32, 64, "openrouter_key"), ("sk-", Alnum, 20, 100, "openai_key"),
    ("sk_live_", Alnum, 16, 255, "stripe_key"), ("sk_test_", Alnum, 16, 255, "stripe_key"), ("rk_live_", Alnum, 16, 255, "stripe_key"),
    ("rk_test_", Alnum, 16, 255, "stripe_key"), ("pk_live_", Alnum, 16, 255, "stripe_key"), ("pk_test_", Alnum, 16, 255, "stripe_key"),
    ("whsec_", Wide, 24, 100, "stripe_webhook"), ("xoxb-", Url, 20, 255, "slack_token"), ("xoxp-", Url, 20, 255, "slack_token"),
    ("xoxa-", Url, 20, 255, "slack_token"), ("xoxr-", Url, 20, 255, "slack_token"), ("xoxs-", Url, 20, 255, "slack_token"),
    ("xapp-", Url, 20, 255, "slack_token"), ("xoxe.", Wide, 20, 255, "slack_token"), ("AIza", Url, 35, 35, "google_api_key"),
    ("ya29.", Url, 20, 500, "google_oauth"), ("GOCSPX-", Url, 28, 28, "google_client_secret"), ("1//0", Url, 30, 200, "google_refresh"),
    ("SG.", Wide, 40, 80, "sendgrid_key"), ("key-", Hex, 32, 32, "mailgun_key"), ("npm_", Alnum, 36, 36, "npm_token"),
    ("pypi-AgE", Url, 50, 500, "pypi_token"), ("rubygems_", Hex, 48, 48, "rubygems_key"), ("dckr_pat_", Url, 20, 64, "docker_token"),
    ("hf_", Alnum, 30, 60, "huggingface_token"), ("r8_", Alnum, 37, 40, "replicate_token"), ("gsk_", Alnum, 40, 64, "groq_key"),
    ("xai-", Alnum, 60, 100, "xai_key"), ("pplx-", Alnum, 40, 64, "perplexity_key"), ("nvapi-", Url, 60, 80, "nvidia_key"),
    ("dop_v1_", Hex, 64, 64, "digitalocean_token"), ("doo_v1_", Hex, 64, 64, "digitalocean_token"), ("shpat_", Hex, 32, 32, "shopify_token"),
    ("shpss_", Hex, 32, 32, "shopify_token"), ("shpca_", Hex, 32, 32, "shopify_token"), ("sq0atp-", Url, 22, 22, "square_token"),
    ("sq0csp-", Url, 43, 43, "square_secret"), ("EAAA", Url, 60, 200, "square_or_meta_token"), ("AC", Hex, 32, 32, "twilio_sid"),
    ("SK", Hex, 32, 32, "twilio_key"), ("dapi", Hex, 32, 34, "databricks_token"), ("lin_api_", Alnum, 40, 40, "linear_key"),
    ("ntn_", Alnum, 40, 50, "notion_token"), ("secret_", Alnum, 43, 43, "notion_token"), ("figd_", Url, 40, 60, "figma_token"),
    ("hvs.", Url, 24, 200, "vault_token"), ("s.", Alnum, 24, 24, "vault_token"), ("tskey-", Url, 20, 80, "tailscale_key"),
    ("PMAK-", Url, 59, 60, "postman_key"), ("NRAK-", Upper, 27, 27, "newrelic_key"), ("glsa_", Url, 40, 50, "grafana_token"),
    ("glc_", Wide, 32, 400, "grafana_token"), ("sntrys_", Wide, 40, 400, "sentry_token"), ("sbp_", Hex, 40, 40, "supabase_key"),
    ("cio_", Alnum, 32, 60, "crates_io_token"), ("pat-", Url, 36, 60, "hubspot_token"), ("ATATT3", Wide, 60, 250, "atlassian_token"),
    ("AGE-SECRET-KEY-1", Upper, 58, 58, "age_key"), ("xkeysib-", Url, 64, 90, "brevo_key"), ("sl.", Url, 100, 200, "dropbox_token"),
    ("oauth2:", Url, 20, 80, "oauth_token"), ("phc_", Alnum, 40, 50, "posthog_key"), ("re_", Url, 30, 40, "resend_key"),
    ("AAAA", Wide, 140, 160, "firebase_key"), ("bot", Digits, 0, 0, ""),
];

/// Bit for each pair of first bytes (their low six bits) some prefix has: one probe rules out nearly every word.
const FIRST_TWO: [u64; 64] = {
    let mut table = [0_u64; 64];
    let mut i = 0;
    while i < PREFIXES.len() {
        let bytes = PREFIXES[i].0.as_bytes();
        table[(bytes[0] & 63) as usize] |= 1 << (bytes[1] & 63);
        i += 1;
    }
    table[(b'e' & 63) as usize] |= 1 << (b'y' & 63);
    table
};

/// A token that starts at a word.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    let bytes = scan.bytes;
    let (first, second) = (scan.byte(word.start), scan.byte(word.start + 1));
    if FIRST_TWO[usize::from(first & 63)] >> (second & 63) & 1 == 0 {
        return;
    }
    let rest = &bytes[word.start..];
    if rest.starts_with(b"eyJ") {
        return jwt(scan, word.start);
    }
    for &(prefix, charset, least, most, name) in PREFIXES {
        if least == 0 || !rest.starts_with(prefix.as_bytes()) {
            continue;
        }
        let body = &rest[prefix.len()..];
        let mut len = body.iter().take(most + 1).take_while(|&&b| charset.has(b)).count();
        while len > 0 && b"-.:=%/+".contains(&body[len - 1]) && body[len - 1] != b'=' {
            len -= 1;
        }
        let follows = body.get(len).is_some_and(|b| b.is_ascii_alphanumeric());
        // Placeholders in documentation ("sk_test_xxxxxxxxxxxxxxxx") and names in code have little variety.
        if (least..=most).contains(&len)
            && !follows
            && entropy(&body[..len]) > 2.5
            && body[..len].iter().any(u8::is_ascii_digit)
        {
            let end = word.start + prefix.len() + len;
            scan.push(name, Label::Secret, (word.start, end), 0.95, false, None);
            scan.secret_done = end;
            return;
        }
    }
}

/// `eyJ...` header, payload and signature, between dots (RFC 7519).
fn jwt(scan: &mut Scan<'_>, start: usize) {
    const MAX: usize = 16 << 10;
    let window = &scan.bytes[start..scan.bytes.len().min(start + MAX)];
    let len = window.iter().take_while(|&&b| Url.has(b) || matches!(b, b'.' | b'=')).count();
    let mut end = len;
    while end > 0 && window[end - 1] == b'.' {
        end -= 1;
    }
    let parts: Vec<&[u8]> = window[..end].split(|&b| b == b'.').collect();
    if matches!(parts.len(), 2..=5) && parts[0].len() >= 10 && parts[1].len() >= 4 {
        scan.push("jwt", Label::Secret, (start, start + end), 0.98, false, None);
        scan.secret_done = start + end;
    }
}

/// `-----BEGIN ... PRIVATE KEY-----` up to its end, or as far as lines of base 64 go.
pub(crate) fn at_dash(scan: &mut Scan<'_>, at: usize) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    /// Longest block taken as one: a 16,384-bit key with headers.
    const MAX: usize = 32 << 10;
    if at < scan.secret_done || !scan.bytes[at..].starts_with(BEGIN) {
        return;
    }
    let limit = crate::offsets::floor_char_boundary(scan.text, at + MAX);
    let block = &scan.text[at..limit];
    let Some(name_len) = block[BEGIN.len()..].find("-----").filter(|&n| n < 64) else { return };
    let name = &block[BEGIN.len()..BEGIN.len() + name_len];
    if !(name.contains("KEY")
        || name.contains("CERTIFICATE")
        || name.contains("PGP")
        || name.contains("PARAMETERS"))
    {
        return;
    }
    let body = BEGIN.len() + name_len + 5;
    let close = format!("-----END {name}-----");
    // All that can be inside: base 64, indented lines, headers ("Proc-Type: 4,ENCRYPTED"), escaped line ends. What comes
    // after cannot change what comes before, so a stream may decide early.
    let inside = |b: u8, before: u8| match b {
        b' ' | b'\t' => matches!(before, b':' | b' ' | b'\t' | b'\n' | b'\r'),
        b => Wide.has(b) || matches!(b, b'\n' | b'\r' | b'\\' | b',' | b'"'),
    };
    let bytes = block.as_bytes();
    let mut end = body;
    while end < bytes.len() && inside(bytes[end], bytes[end - 1]) {
        end += 1;
    }
    let end = match block.get(body..).and_then(|rest| rest.find(&close)) {
        Some(found) if body + found <= end => body + found + close.len(),
        _ => end,
    };
    let public = name.contains("PUBLIC") || name.contains("CERTIFICATE") || name.contains("PARAMETERS");
    scan.push("pem_block", Label::Secret, (at, at + end), if public { 0.6 } else { 0.99 }, false, None);
    scan.secret_done = at + end;
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    /// Joined at run time so that no scanner takes these for real ones.
    fn fake(prefix: &str, body: &str) -> String {
        format!("{prefix}{body}")
    }

    #[test]
    fn providers() {
        let good = [
            fake("AKIA", "IOSFODNN7EXAMPLE"),
            fake("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"),
            fake("sk-ant-", "api03-Zx9Qw8Er7Ty6Ui5Op4As3Df2"),
            fake("sk-proj-", "a1B2c3D4e5F6g7H8i9J0k1L2"),
            fake("sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"),
            fake("xoxb-", "2148957204-ABCDEFabcdef123456"),
            fake("AIza", "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
            fake("glpat-", "x1Y2z3A4b5C6d7E8f9G0"),
            fake("hf_", "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"),
            fake(
                "eyJhbGciOiJIUzI1NiJ9",
                ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            ),
        ];
        let good: Vec<&str> = good.iter().map(String::as_str).collect();
        check(
            "SECRET",
            &good,
            &[
                "sk_test_xxxxxxxxxxxxxxxxxxxx",
                "AKIA1234",
                "ghp_short",
                "skeleton",
                "sk-learn-something-else-entirely",
                "re_export_everything_from_the_module",
                "eyJ",
                "SKIRMISH",
                "hf_hub_download_to_local_directory_path",
            ],
        );
    }

    #[test]
    fn pem() {
        let key =
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\nabc/+=\n-----END RSA PRIVATE KEY-----";
        assert_eq!(spans("SECRET", &format!("x {key} y")), [key]);
        let cut = "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\nabc/+=";
        assert_eq!(spans("SECRET", cut), [cut]);
        assert!(spans("SECRET", "-----BEGIN FORM-----").is_empty());
    }
}
