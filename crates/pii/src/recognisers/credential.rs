//! Credentials announced by a word: `password: hunter2`, `api_key = "..."`, `Authorization: Bearer ...`. What stands
//! there is told from prose and source code by how it is joined, what it is made of, and its entropy.

use super::keyed::{Join, NOT_VALUES, value_start};
use super::scan::{Scan, is_word};
use crate::Label;
use crate::checksum::entropy;
use crate::context::{Hit, Kind, Kinds};

/// The value after a word for a credential.
pub(super) fn at(scan: &mut Scan<'_>, hit: Hit) {
    // "pass_by_ref" is about something else.
    let word_end = if matches!(hit.word, "pass" | "pin") { hit.end } else { identifier_end(scan, hit.end) };
    let Some((start, join, quote)) = value_start(scan, word_end) else { return };
    // "Bearer <token>" and "Basic <token>" after Authorization.
    let start = ["Bearer ", "bearer ", "Basic ", "token "]
        .iter()
        .find(|word| scan.text[start..].starts_with(**word))
        .map_or(start, |word| start + word.len());
    let mut end = start;
    let stop = |b: u8| {
        b <= b' '
            || matches!(b, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>' | b'&' | b'|' | b'{' | b'}')
            || b >= 0x80 && quote == 0
    };
    let most = if quote == 0 { 512 } else { 128 };
    while end < scan.bytes.len()
        && end - start < most
        && if quote != 0 { scan.byte(end) != quote && scan.byte(end) >= b' ' } else { !stop(scan.byte(end)) }
    {
        end += 1;
    }
    let end_at = crate::offsets::floor_char_boundary(scan.text, end);
    let mut end = end_at;
    if quote == 0 {
        while end > start && matches!(scan.before(end), b'.' | b')' | b']' | b'?' | b'!' | b':') {
            end -= 1;
        }
    }
    let Some(value) = scan.text.get(start..end) else { return };
    let bytes = value.as_bytes();
    let lower = value.to_ascii_lowercase();
    if bytes.len() < 4 || NOT_VALUES.has(&lower) || bytes.windows(2).all(|pair| pair[0] == pair[1]) {
        // A PIN may be four digits; shorter values are none.
        return;
    }
    let digits = bytes.iter().any(u8::is_ascii_digit);
    let letters = bytes.iter().any(u8::is_ascii_alphabetic);
    let marks = bytes.iter().any(|&b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'.'));
    let call = quote == 0
        && (value.contains('(')
            || value.contains("::")
            || value.contains("->")
            || value.contains('[')
            || value.starts_with('$') && value.contains('_'));
    let varied = entropy(bytes);
    let password = hit.kinds.has(Kinds::of(&[Kind::Password]));
    let strong = bytes.len() >= 20 && varied > 3.3 && digits && letters;
    let score = match join {
        _ if call
            || value.starts_with("${")
            || value.starts_with("{{")
            || value.contains(' ') && quote != 0 && !digits =>
        {
            0.0
        }
        _ if strong => 0.9,
        Join::Assign if quote != 0 && password => 0.85,
        Join::Assign if quote != 0 && bytes.len() >= 8 && varied > 2.5 && (digits || marks) => 0.8,
        Join::Assign if password && (digits || marks) => 0.8,
        Join::Assign
            if password
                && letters
                && !value.contains('.')
                && matches!(
                    hit.word,
                    "password"
                        | "passwort"
                        | "contraseña"
                        | "mot de passe"
                        | "senha"
                        | "wachtwoord"
                        | "pwd"
                        | "passphrase"
                ) =>
        {
            0.6
        }
        Join::Assign if bytes.len() >= 12 && digits && letters && varied > 3.0 => 0.75,
        Join::Word if password && digits && bytes.len() >= 4 && hit.word != "pass" => 0.75,
        Join::Word if bytes.len() >= 12 && digits && letters && varied > 3.0 => 0.75,
        Join::Space
            if password && digits && letters && bytes.len() >= 6 && !matches!(hit.word, "pass" | "pin") =>
        {
            0.6
        }
        Join::Space if bytes.len() >= 16 && digits && letters && varied > 3.3 => 0.7,
        _ => 0.0,
    };
    if score > 0.0 {
        scan.push("credential", Label::Secret, (start, end), score, false, Some(hit.word));
    }
}

/// Where the identifier ends that the word at `from` begins, if a value is given to it: `AWS_SECRET_ACCESS_KEY=`.
fn identifier_end(scan: &Scan<'_>, from: usize) -> usize {
    const LONGEST: usize = 24;
    if scan.byte(from) != b'_' {
        return from;
    }
    let end = from + scan.bytes[from..].iter().take(LONGEST).take_while(|&&b| is_word(b)).count();
    let quoted = matches!(scan.byte(end), b'"' | b'\'');
    let spaced = end + usize::from(quoted);
    let assigned = matches!(scan.byte(spaced + usize::from(scan.byte(spaced) == b' ')), b'=' | b':');
    // `password_hash_algorithm` is about one, and is none.
    let last = scan.text.get(from..end).unwrap_or_default().rsplit('_').next().unwrap_or_default();
    let names = ["key", "token", "value", "secret", "id", "base", "password"];
    let named = names.iter().any(|name| name.eq_ignore_ascii_case(last)) || last.parse::<u8>().is_ok();
    if assigned && named { end } else { from }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn credentials() {
        check(
            "SECRET",
            &[
                "password: hunter2",
                "api_key = \"a8f5f167f44f4964e6c998dee827110c\"",
                "the password is Tr0ub4dor",
                "Authorization: Bearer 9f86d081884c7d659a2feaa0c55ad015",
                "\"client_secret\": \"q8V~x1z.Kp0Lm\"",
                "contraseña: gato1234",
                "DB_PASSWORD=s3cr3t!",
                "password girasole2019",
                "Passwort: geheim99",
                "PIN: 4821",
                "token 4f9d8c7b6a5e4d3c2b1a0f9e8d7c6b5a",
            ],
            &[
                "password reset",
                "token = parser.next()",
                "password: string",
                "secret ingredient",
                "the token is expired",
                "password must have 8 characters",
                "pass the salt",
                "let token = self.tokens[0];",
                "key = value",
                r#"set("token_type", Value::Array(x1))"#,
                "pass_by_ref = 0x222b",
                "password_hash_algorithm: argon2id",
                "token authentication/v2beta1",
                "40 hours pw 9am-5pm",
                "secret: ${TOKEN}",
            ],
        );
        assert_eq!(spans("SECRET", "password: 'corr3ct horse'."), ["corr3ct horse"]);
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY";
        assert_eq!(spans("SECRET", &format!("AWS_SECRET_ACCESS_KEY={key}")), [key]);
    }
}
