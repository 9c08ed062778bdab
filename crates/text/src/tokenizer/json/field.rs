//! Reading the parts of `tokenizer.json`.

use regex::Regex;
use serde_json::Value;

use crate::tokenizer::TokenizerError;

/// The `type` of a part; `None` for null.
pub(crate) fn kind(json: &Value) -> Option<&str> {
    json.get("type").and_then(Value::as_str)
}

pub(crate) fn text<'j>(json: &'j Value, key: &str) -> &'j str {
    json.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn flag(json: &Value, key: &str, default: bool) -> bool {
    json.get(key).and_then(Value::as_bool).unwrap_or(default)
}

pub(crate) fn list<'j>(json: &'j Value, key: &str) -> &'j [Value] {
    json.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What `pattern` matches: `{"String": ...}` itself, `{"Regex": ...}` as an expression.
pub(crate) fn pattern(json: &Value) -> Result<Regex, TokenizerError> {
    let pattern = expression(json)?;
    Regex::new(&pattern).map_err(|error| {
        TokenizerError::Json(format!("the expression {pattern:?} is not supported: {error}"))
    })
}

/// `pattern` as an expression.
pub(crate) fn expression(json: &Value) -> Result<String, TokenizerError> {
    let pattern = json.get("pattern").unwrap_or(&Value::Null);
    match (pattern.get("String").and_then(Value::as_str), pattern.get("Regex").and_then(Value::as_str)) {
        (Some(literal), _) => Ok(regex::escape(literal)),
        (_, Some(expression)) => Ok(expression.to_owned()),
        _ => Err(TokenizerError::Json("a pattern is neither a String nor a Regex".to_owned())),
    }
}

/// A part that is not implemented.
pub(crate) fn unsupported(part: &'static str, kind: &str) -> TokenizerError {
    TokenizerError::UnsupportedPart { part, kind: kind.to_owned() }
}
