//! Where `minijinja` and Python part ways: how values are written, what counts as white space, and which values
//! pass Jinja's type tests. Everything else that templates use the two do alike.

use minijinja::syntax::SyntaxConfig;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use minijinja_contrib::pycompat;

/// Makes an environment do as `jinja2` does with the options `transformers` sets.
pub(super) fn install(environment: &mut Environment<'static>) -> Result<(), Error> {
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_formatter(format);
    environment.set_unknown_method_callback(method);
    environment.add_filter("string", |value: &Value| str(value));
    environment.add_filter("trim", |value: &Value, chars: Option<&str>| strip(&str(value), chars).to_owned());
    environment.add_filter("join", join);
    // In Python strings and dicts have a length and items too.
    environment.add_test("sequence", |value: &Value| {
        value.is_undefined() || matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::String)
    });
    environment.add_test("iterable", |value: &Value| {
        matches!(value.kind(), ValueKind::String | ValueKind::Undefined) || value.try_iter().is_ok()
    });
    environment.add_test("number", is_number);
    environment.add_test("float", |value: &Value| {
        is_number(value) && !value.is_integer() && value.kind() != ValueKind::Bool
    });
    Ok(())
}

/// JSON as template values, in order.
pub(super) fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => items.iter().map(value).collect(),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(key, field)| (key.as_str(), value(field))))
        }
        serde_json::Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if repr_float(float).contains('e') => Value::from_object(Float(float)),
            _ => Value::from(Serde(number)),
        },
        other => Value::from(Serde(other)),
    }
}

/// A float that Python writes with an exponent. `minijinja` would not, and can not be told where it joins text
/// with `~`; so these are objects that write themselves.
pub(super) struct Float(pub(super) f64);

impl std::fmt::Debug for Float {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&repr_float(self.0))
    }
}

impl Object for Float {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
        || value.downcast_object_ref::<Float>().is_some()
}

fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Number | ValueKind::Map | ValueKind::Seq => Ok(out.write_str(&str(value))?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Python's `str(value)`; undefined is empty.
pub(super) fn str(value: &Value) -> String {
    match value.kind() {
        ValueKind::Number => repr_number(value),
        ValueKind::Map | ValueKind::Seq if is_plain(value) => repr(value),
        _ => value.to_string(),
    }
}

/// Whether a value is data, and not an object (`loop`, a namespace) that writes itself.
fn is_plain(value: &Value) -> bool {
    value.try_iter().is_ok()
}

/// Python's `repr(value)`.
fn repr(value: &Value) -> String {
    match value.kind() {
        ValueKind::Number => repr_number(value),
        ValueKind::Map => {
            let pair =
                |key: Value| format!("{}: {}", repr(&key), repr(&value.get_item(&key).unwrap_or_default()));
            let pairs: Vec<String> = value.try_iter().into_iter().flatten().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        ValueKind::Seq => {
            let written = format!("{value:?}");
            let items: Vec<String> = value.try_iter().into_iter().flatten().map(|item| repr(&item)).collect();
            if written.starts_with('(') {
                format!("({}{})", items.join(", "), if items.len() == 1 { "," } else { "" })
            } else {
                format!("[{}]", items.join(", "))
            }
        }
        _ => format!("{value:?}"),
    }
}

/// A number as Python writes it.
fn repr_number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() => repr_float(float),
        _ => value.to_string(),
    }
}

/// The shortest digits that read back the same, as Python writes them: `2.0`, `1e+20`, `1e-05`.
pub(super) fn repr_float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    // Rust changes to exponents where Python does, but does not write their sign and leading zero.
    let digits = format!("{number:?}");
    let Some((mantissa, exponent)) = digits.split_once('e') else { return digits };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

/// Jinja's filter `join(separator, attribute)`.
fn join(
    value: &Value,
    separator: Option<&str>,
    attribute: Option<Value>,
    kwargs: minijinja::value::Kwargs,
) -> Result<String, Error> {
    let attribute = match attribute {
        Some(attribute) => Some(attribute),
        None => kwargs.get::<Option<Value>>("attribute")?,
    };
    let separator = match separator {
        Some(separator) => separator.to_owned(),
        None => kwargs.get::<Option<String>>("d")?.unwrap_or_default(),
    };
    kwargs.assert_all_used()?;
    let items = value.try_iter()?.map(|item| match &attribute {
        Some(attribute) => item.get_item(attribute).map(|item| str(&item)),
        None => Ok(str(&item)),
    });
    Ok(items.collect::<Result<Vec<String>, Error>>()?.join(&separator))
}

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
            ("partition" | "rpartition", Some(Some(separator))) => {
                return Ok(partition(name, text, separator));
            }
            ("join", _) => {
                let [items] = args else { return Err(invalid("join takes one argument")) };
                let items = items.try_iter()?.map(|item| match item.as_str() {
                    Some(text) => Ok(text.to_owned()),
                    None => Err(invalid("join takes strings")),
                });
                return Ok(items.collect::<Result<Vec<String>, Error>>()?.join(text).into());
            }
            _ => {}
        }
    }
    if let (ValueKind::Seq, "index", [item]) = (value.kind(), name, args) {
        let at = value.try_iter()?.position(|other| other == *item);
        return at.map(Value::from).ok_or_else(|| invalid("the value is not in the list"));
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

fn strip<'t>(text: &'t str, chars: Option<&str>) -> &'t str {
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
    parts.into_iter().map(Value::from).collect()
}

/// Python's `str.splitlines`, which knows more line ends than `\n`.
fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
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
    fn numbers_are_written_as_python_does() {
        for (number, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e20, "1e+20"),
            (1e16, "1e+16"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e15, "1000000000000000.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-300, "-2.5e-300"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(repr_float(number), expected);
        }
        assert_eq!(repr_number(&Value::from(7)), "7");
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(lines("a\r\nb\u{2028}c\n\nd", false), ["a", "b", "c", "", "d"]);
        assert_eq!(lines("a\rb\n", true), ["a\r", "b\n"]);
        assert!(lines("", false).is_empty());
    }
}
