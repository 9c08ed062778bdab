//! JSON text: strings (and long numbers) are redacted in place, everything between them is copied as it stands.

use serde::de::IgnoredAny;

use super::fields::{Step, path_of};
use super::{FieldAction, Fields, Format, StructureError, Values};
use crate::{Redacted, Redactor, Vault, lone};

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
    Format::Json(fields.clone()).redact(redactor, json, vault)
}

impl Values<'_, '_> {
    pub(super) fn json(&mut self, json: &str, fields: &Fields) -> Result<String, StructureError> {
        self.json_under(json, fields, "")
    }

    /// `under`: the path of the string that holds this JSON, if one does.
    fn json_under(&mut self, json: &str, fields: &Fields, under: &str) -> Result<String, StructureError> {
        rewrite(json, &mut |token, path| {
            let action = fields.action(path);
            let place = || match under {
                "" => path_of(path),
                under => format!("{under}.{}", path_of(path)),
            };
            match token {
                Token::Key(_) if *action == FieldAction::Skip => None,
                Token::Key(key) => self.value(key, None, &FieldAction::Find, place),
                Token::Str(inner) if *action == FieldAction::Json => {
                    // Arguments of a tool call; where they are not JSON, they are text.
                    match self.json_under(inner, &Fields::all(), &place()) {
                        Ok(text) => (text != *inner).then_some(text),
                        Err(_) => self.value(inner, field_of(path), action, place),
                    }
                }
                Token::Number(number)
                    if number.bytes().filter(u8::is_ascii_digit).count() < LEAST_DIGITS
                        && !matches!(action, FieldAction::Whole(_)) =>
                {
                    None
                }
                Token::Str(value) | Token::Number(value) => self.value(value, field_of(path), action, place),
            }
        })
    }
}

/// The name of the field that a path leads to or into.
fn field_of(path: &[Step]) -> Option<&str> {
    path.iter().rev().find_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
}

/// Puts the values of a vault back into a JSON document's strings, escaped as JSON needs.
pub fn restore_json(json: &str, vault: &Vault) -> Result<String, StructureError> {
    restore_fields(json, vault, &Fields::all())
}

/// As [`restore_json`]; strings that `fields` calls JSON are restored as such, so that what they hold stays JSON.
pub(super) fn restore_fields(json: &str, vault: &Vault, fields: &Fields) -> Result<String, StructureError> {
    rewrite(json, &mut |token, path| match token {
        Token::Str(inner) if *fields.action(path) == FieldAction::Json => {
            let restored = restore_json(inner, vault).unwrap_or_else(|_| vault.restore(inner));
            (restored != inner).then_some(restored)
        }
        Token::Key(text) | Token::Str(text) => Some(vault.restore(text)).filter(|restored| restored != text),
        Token::Number(_) => None,
    })
}

/// A piece of a document that may be rewritten, decoded.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    Key(&'a str),
    Str(&'a str),
    /// As written.
    Number(&'a str),
}

pub(super) type Visit<'v> = dyn FnMut(Token<'_>, &[Step]) -> Option<String> + 'v;

pub(super) fn rewrite(json: &str, visit: &mut Visit<'_>) -> Result<String, StructureError> {
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
            Some(text) => out.push_str(&literal(&text)),
            None => out.push_str(json.get(start..at).unwrap_or_default()),
        }
    }
    Ok(out)
}

/// A text as a string literal.
pub(super) fn literal(text: &str) -> String {
    let mut written = serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned());
    if lone::carries(text) {
        let carried =
            |c: char| lone::carried(c).map_or_else(|| c.to_string(), |unit| format!("\\u{unit:04x}"));
        written = written.chars().map(carried).collect();
    }
    written
}

/// A string literal's text, lone surrogates carried as [`lone`] does.
fn decode(raw: &str) -> String {
    if !raw.contains('\\') && !lone::carries(raw) {
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
    lone::from_utf16(&units)
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
    fn what_is_not_json_is_an_error_without_text() {
        for bad in ["", "{\"secret\":", "{'a':1}", "[1,]", "\"secret", &"[".repeat(10_000)] {
            let error = redact_json(&redactor(), bad, &Fields::all(), &mut Vault::new()).unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(literal(&decode("a\\ud83d\\ude00\\ud800b\\/")), "\"a😀\\ud800b/\"");
    }

    proptest! {
        #[test]
        fn any_document_comes_back(strings in prop::collection::vec("(ana@example\\.com|\\PC|\\[EMAIL_1\\]|\"|\\\\|\n|\u{10f800}){0,12}", 0..6)) {
            let value = serde_json::json!({ "list": strings, "deep": { "a": strings.first(), "n": 1.5e3 } });
            let json = serde_json::to_string_pretty(&value).unwrap();
            let mut vault = Vault::new();
            let redacted = redact_json(&redactor(), &json, &Fields::all(), &mut vault).unwrap();
            let back: serde_json::Value = serde_json::from_str(&restore_json(&redacted.text, &vault).unwrap()).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
