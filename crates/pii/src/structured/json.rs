//! JSON text: strings (and long numbers) are redacted in place, everything between them is copied as it stands.

use serde::de::IgnoredAny;

use super::fields::Step;
use super::{FieldAction, Fields, StructureError, redact_value};
use crate::{Redacted, Redactor, Replaced, Vault};

/// Nesting that `serde_json` takes.
pub(super) const MAX_DEPTH: usize = 127;
/// Digits from which on a number is looked at: no card, account or telephone number is shorter.
const LEAST_DIGITS: usize = 7;

/// Redacts the values that `fields` names; keys too, where an entity stands in one. A number that holds an entity becomes a
/// string. Offsets of the entities are those of each value's text, not of the document.
pub fn redact_json(
    redactor: &Redactor,
    json: &str,
    fields: &Fields,
    vault: &mut Vault,
) -> Result<Redacted, StructureError> {
    let mut entities: Vec<Replaced> = Vec::new();
    let text = rewrite(json, &mut |token, path| {
        let field = path
            .iter()
            .rev()
            .find_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None });
        let action = fields.action(path);
        let (value, field) = match token {
            Token::Key(key) if *action == FieldAction::Skip => return key.is_empty().then(String::new),
            Token::Key(key) => (key, None),
            Token::Str(value) => (value, field),
            Token::Number(number)
                if number.bytes().filter(u8::is_ascii_digit).count() < LEAST_DIGITS
                    && !matches!(action, FieldAction::Whole(_)) =>
            {
                return None;
            }
            Token::Number(number) => (number, field),
        };
        if let (Token::Str(inner), FieldAction::Json) = (&token, action) {
            // Arguments of a tool call; where they are not JSON, they are text.
            if let Ok(redacted) = redact_json(redactor, inner, &Fields::all(), vault) {
                entities.extend(redacted.entities);
                return (redacted.text != **inner).then_some(redacted.text);
            }
        }
        let find = FieldAction::Find;
        let redacted = redact_value(
            redactor,
            value,
            field,
            if matches!(token, Token::Key(_)) { &find } else { action },
            vault,
        )?;
        entities.extend(redacted.entities);
        (redacted.text != value).then_some(redacted.text)
    })?;
    Ok(Redacted { text, entities })
}

/// Redacts chat messages (OpenAI's shape: an array of messages, or a request that holds `messages`): contents, text parts,
/// tool-call arguments and participants' names. Roles, ids and models stay.
pub fn redact_chat(redactor: &Redactor, json: &str, vault: &mut Vault) -> Result<Redacted, StructureError> {
    const TEXT: [&str; 5] = ["content", "content[*].text", "name", "reasoning_content", "refusal"];
    let mut fields = Fields::none();
    for prefix in ["[*].", "messages[*].", "choices[*].message.", "choices[*].delta."] {
        for path in TEXT {
            fields = fields.with(&format!("{prefix}{path}"), FieldAction::Find).unwrap_or_default();
        }
        fields = fields
            .with(&format!("{prefix}tool_calls[*].function.arguments"), FieldAction::Json)
            .unwrap_or_default();
    }
    redact_json(redactor, json, &fields, vault)
}

/// Puts the values of a vault back into a JSON document's strings, escaped as JSON needs.
pub fn restore_json(json: &str, vault: &Vault) -> Result<String, StructureError> {
    rewrite(json, &mut |token, _| match token {
        Token::Key(text) | Token::Str(text) => Some(vault.restore(text)).filter(|restored| restored != text),
        Token::Number(_) => None,
    })
}

/// A piece of a document that may be rewritten, decoded.
#[derive(Clone, Copy)]
enum Token<'a> {
    Key(&'a str),
    Str(&'a str),
    /// As written.
    Number(&'a str),
}

type Visit<'v> = dyn FnMut(Token<'_>, &[Step]) -> Option<String> + 'v;

fn rewrite(json: &str, visit: &mut Visit<'_>) -> Result<String, StructureError> {
    serde_json::from_str::<IgnoredAny>(json)
        .map_err(|e| StructureError::Json { line: e.line(), column: e.column() })?;
    let mut out = String::with_capacity(json.len());
    let mut path: Vec<Step> = Vec::new();
    // For each open bracket: whether it is an object, and in one, whether the next string is a key.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at += 1;
        let replaced = match bytes[start] {
            b'{' => {
                open.push((true, true));
                path.push(Step::Key(String::new()));
                None
            }
            b'[' => {
                open.push((false, false));
                path.push(Step::Index(0));
                None
            }
            b'}' | b']' => {
                open.pop();
                path.pop();
                None
            }
            b',' => {
                match (open.last_mut(), path.last_mut()) {
                    (Some((true, key_next)), _) => *key_next = true,
                    (_, Some(Step::Index(index))) => *index += 1,
                    _ => {}
                }
                None
            }
            b'"' => {
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                let text = decode(json.get(start + 1..at - 1).unwrap_or_default());
                match open.last_mut() {
                    Some((true, key_next)) if *key_next => {
                        *key_next = false;
                        if let Some(step) = path.last_mut() {
                            *step = Step::Key(text.clone());
                        }
                        visit(Token::Key(&text), &path)
                    }
                    _ => visit(Token::Str(&text), &path),
                }
            }
            b'-' | b'0'..=b'9' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || b"+-.".contains(&bytes[at])) {
                    at += 1;
                }
                visit(Token::Number(&json[start..at]), &path)
            }
            _ => {
                // Letters of true, false, null, white space, colons.
                while at < bytes.len() && !b"{}[],\"-0123456789".contains(&bytes[at]) {
                    at += 1;
                }
                None
            }
        };
        match replaced {
            Some(text) => out.push_str(&serde_json::to_string(&text).unwrap_or_else(|_| "\"\"".to_owned())),
            None => out.push_str(json.get(start..at).unwrap_or_default()),
        }
    }
    Ok(out)
}

/// A string literal's text. A lone surrogate, which Rust strings cannot hold, becomes U+FFFD.
fn decode(raw: &str) -> String {
    if !raw.contains('\\') {
        return raw.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        units.push(match chars.next() {
            Some('n') => 0x0a,
            Some('t') => 0x09,
            Some('r') => 0x0d,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&hex, 16).unwrap_or(0xfffd)
            }
            Some(other) => other as u16,
            None => 0xfffd,
        });
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Policy, Recognisers};
    use proptest::prelude::*;

    fn redactor() -> Redactor {
        Redactor::new(Policy::default(), Recognisers::all()).unwrap()
    }

    #[test]
    fn values_change_and_nothing_else() {
        let json = "{ \"name\" : \"x\",\n \"mail\":\"ana\\u0040example.com\", \"n\": 1.50, \"card\": 4111111111111111, \"phone\": \"0612345678\", \"a\":[true,null,\"b\\\"c\"], \"a\":2 }";
        let mut vault = Vault::new();
        let redacted = redact_json(&redactor(), json, &Fields::all(), &mut vault).unwrap();
        assert_eq!(
            redacted.text,
            "{ \"name\" : \"x\",\n \"mail\":\"[EMAIL_1]\", \"n\": 1.50, \"card\": \"[CREDIT_CARD_1]\", \"phone\": \"[PHONE_1]\", \"a\":[true,null,\"b\\\"c\"], \"a\":2 }"
        );
        let back = restore_json(&redacted.text, &vault).unwrap();
        assert!(back.contains("\"ana@example.com\"") && back.contains("\"4111111111111111\""));
    }

    #[test]
    fn rules_by_path() {
        let fields = Fields::all()
            .with("**.note", FieldAction::Skip)
            .unwrap()
            .with("users[*].name", FieldAction::Whole(Label::Person))
            .unwrap();
        let json = r#"{"users":[{"name":"Ana \"A\" Ruiz","note":"ana@example.com"}],"bo@example.com":1}"#;
        let mut vault = Vault::new();
        let redacted = redact_json(&redactor(), json, &fields, &mut vault).unwrap();
        assert_eq!(
            redacted.text,
            r#"{"users":[{"name":"[PERSON_1]","note":"ana@example.com"}],"[EMAIL_1]":1}"#
        );
        assert_eq!(restore_json(&redacted.text, &vault).unwrap(), json);
    }

    #[test]
    fn chat_messages() {
        let json = r#"{"model":"m-2024-01-01","messages":[{"role":"user","content":"I am ana@example.com"},{"role":"user","content":[{"type":"text","text":"call +34 600 123 456"}]},{"role":"assistant","tool_calls":[{"id":"2024-01-01","function":{"name":"f","arguments":"{\"to\":\"ana@example.com\"}"}}]}]}"#;
        let mut vault = Vault::new();
        let redacted = redact_chat(&redactor(), json, &mut vault).unwrap();
        let want = json.replace("ana@example.com", "[EMAIL_1]").replace("+34 600 123 456", "[PHONE_1]");
        assert_eq!(redacted.text, want);
        assert_eq!(restore_json(&redacted.text, &vault).unwrap(), json);
    }

    #[test]
    fn what_is_not_json_is_an_error_without_text() {
        for bad in ["", "{\"secret\":", "{'a':1}", "[1,]", "\"secret", &"[".repeat(10_000)] {
            let error = redact_json(&redactor(), bad, &Fields::all(), &mut Vault::new()).unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(decode("a\\ud83d\\ude00\\ud800b\\/"), "a😀\u{fffd}b/");
    }

    proptest! {
        #[test]
        fn any_document_comes_back(strings in prop::collection::vec("(ana@example\\.com|\\PC|\\[EMAIL_1\\]|\"|\\\\|\n){0,12}", 0..6)) {
            let value = serde_json::json!({ "list": strings, "deep": { "a": strings.first(), "n": 1.5e3 } });
            let json = serde_json::to_string_pretty(&value).unwrap();
            let mut vault = Vault::new();
            let redacted = redact_json(&redactor(), &json, &Fields::all(), &mut vault).unwrap();
            let back: serde_json::Value = serde_json::from_str(&restore_json(&redacted.text, &vault).unwrap()).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
