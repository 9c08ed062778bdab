//! The methods that Python's strings, lists and dicts have: those that `minijinja` does otherwise or not at all,
//! then those of its `pycompat`. Templates can change nothing, so methods that would are unknown.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::bound;

/// Methods of Python's own types: those that `minijinja` does otherwise, then those of its `pycompat`.
pub(super) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        let chars = match args {
            [] => Some(None),
            [none] if none.is_none() => Some(None),
            [chars] => chars.as_str().map(Some),
            _ => None,
        };
        match (name, chars) {
            ("strip", Some(chars)) => return Ok(strip(text, chars).into()),
            ("lstrip", Some(chars)) => return Ok(text.trim_start_matches(|c| strips(c, chars)).into()),
            ("rstrip", Some(chars)) => return Ok(text.trim_end_matches(|c| strips(c, chars)).into()),
            ("split", Some(None)) => {
                return Ok(text.split(is_space).filter(|word| !word.is_empty()).map(Value::from).collect());
            }
            ("rsplit" | "split", Some(Some(""))) => return Err(invalid("empty separator")),
            ("rsplit", _) => return rsplit(text, args),
            ("splitlines", _) if args.len() <= 1 => {
                return Ok(lines(text, args.first().is_some_and(Value::is_true))
                    .into_iter()
                    .map(Value::from)
                    .collect());
            }
            ("removeprefix", Some(Some(prefix))) => {
                return Ok(text.strip_prefix(prefix).unwrap_or(text).into());
            }
            ("removesuffix", Some(Some(suffix))) => {
                return Ok(text.strip_suffix(suffix).unwrap_or(text).into());
            }
            ("index", Some(Some(part))) => {
                let at = text.find(part).ok_or_else(|| invalid("substring not found"))?;
                return Ok(text[..at].chars().count().into());
            }
            ("swapcase", Some(None)) => {
                return Ok(text.chars().flat_map(swap_case).collect::<String>().into());
            }
            ("title", Some(None)) => return Ok(title(text).into()),
            ("ljust" | "rjust" | "center" | "zfill", _) => return justify(name, text, args),
            ("partition" | "rpartition", Some(Some(separator))) => {
                return Ok(partition(name, text, separator));
            }
            ("join", _) => {
                let [items] = args else { return Err(invalid("join takes one argument")) };
                let items = items.try_iter()?.map(|item| match item.as_str() {
                    Some(text) => Ok(text.to_owned()),
                    None => Err(invalid("join takes strings")),
                });
                return Ok(bound::join(&items.collect::<Result<Vec<String>, Error>>()?, text)?.into());
            }
            ("replace", _) => {
                if let [old, new, count @ ..] = args
                    && let (Some(old), Some(new)) = (old.as_str(), new.as_str())
                {
                    let count = count.first().and_then(Value::as_i64).and_then(|n| usize::try_from(n).ok());
                    return Ok(bound::replace(text, old, new, count)?.into());
                }
            }
            _ => {}
        }
    }
    if let (ValueKind::Seq, "index", [item]) = (value.kind(), name, args) {
        let at = value.try_iter()?.position(|other| other == *item);
        return at.map(Value::from).ok_or_else(|| invalid("the value is not in the list"));
    }
    if let (ValueKind::Map, "copy", []) = (value.kind(), name, args) {
        return Ok(value.clone()); // Nothing can change it.
    }
    pycompat::unknown_method_callback(state, value, name, args)
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// What Python's `str.isspace` says: Unicode's white space and the information separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strips(c: char, chars: Option<&str>) -> bool {
    chars.map_or_else(|| is_space(c), |chars| chars.contains(c))
}

pub(super) fn strip<'t>(text: &'t str, chars: Option<&str>) -> &'t str {
    text.trim_matches(|c| strips(c, chars))
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let separator =
        args.first().and_then(Value::as_str).ok_or_else(|| invalid("rsplit takes a separator"))?;
    if separator.is_empty() {
        return Err(invalid("empty separator"));
    }
    let times = args.get(1).and_then(Value::as_i64).and_then(|times| usize::try_from(times).ok());
    let mut parts: Vec<&str> =
        text.rsplitn(times.map_or(usize::MAX, |times| times.saturating_add(1)), separator).collect();
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

fn partition(name: &str, text: &str, separator: &str) -> Value {
    let found = if name == "partition" { text.split_once(separator) } else { text.rsplit_once(separator) };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if name == "partition" => [text, "", ""],
        None => ["", "", text],
    };
    Value::from(Tuple::from(parts.map(Value::from)))
}

fn swap_case(c: char) -> Vec<char> {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

/// Every letter after what is no letter is upper case, as in `str.title`.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            titled.extend(c.to_lowercase());
        } else {
            titled.extend(c.to_uppercase());
        }
        in_word = c.is_alphabetic();
    }
    titled
}

fn justify(name: &str, text: &str, args: &[Value]) -> Result<Value, Error> {
    let width =
        args.first().and_then(Value::as_i64).ok_or_else(|| invalid("a width is missing"))?.clamp(0, 1 << 16)
            as usize;
    let fill = match args.get(1) {
        Some(fill) => fill
            .as_str()
            .filter(|fill| fill.chars().count() == 1)
            .ok_or_else(|| invalid("one character can fill"))?,
        None if name == "zfill" => "0",
        None => " ",
    };
    let missing = width.saturating_sub(text.chars().count());
    // Python puts the odd one to the left when the width is odd.
    let left = match name {
        "ljust" => 0,
        "center" => missing / 2 + (missing & width & 1),
        _ => missing,
    };
    let sign = if name == "zfill" && text.starts_with(['+', '-']) { &text[..1] } else { "" };
    Ok(format!("{sign}{}{}{}", fill.repeat(left), &text[sign.len()..], fill.repeat(missing - left)).into())
}

/// Python's `str.splitlines`, which knows more line ends than `\n`.
pub(super) fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends =
            |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let Some((at, end)) = rest.char_indices().find(|&(_, c)| ends(c)) else {
            lines.push(rest);
            break;
        };
        let after = at + if rest[at..].starts_with("\r\n") { 2 } else { end.len_utf8() };
        lines.push(&rest[..if keep_ends { after } else { at }]);
        rest = &rest[after..];
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(lines("a\r\nb\u{2028}c\n\nd", false), ["a", "b", "c", "", "d"]);
        assert_eq!(lines("a\rb\n", true), ["a\r", "b\n"]);
        assert!(lines("", false).is_empty());
    }
}
