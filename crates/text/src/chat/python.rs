//! Where `minijinja` and Python part ways: how values are written, what counts as white space, and which values
//! pass Jinja's type tests. Everything else that templates use the two do alike.

use minijinja::syntax::SyntaxConfig;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Serde, Tuple, Value, ValueKind};
use minijinja::{Environment, Error, Output, State, filters};

use super::{bound, markup, methods};

/// The options that `transformers` sets.
pub(super) fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

/// Makes an environment do as `jinja2` does with the options `transformers` sets.
pub(super) fn install(environment: &mut Environment<'static>) -> Result<(), Error> {
    environment.set_syntax(syntax()?);
    environment.set_formatter(format);
    environment.set_unknown_method_callback(methods::method);
    environment.add_filter("string", |value: &Value| str(value));
    environment.add_filter("trim", |value: &Value, chars: Option<&str>| {
        methods::strip(&str(value), chars).to_owned()
    });
    environment.add_filter("join", join);
    environment.add_filter("indent", indent);
    environment.add_filter(
        "int",
        |state: &State<'_, '_>, value: &Value, default: Option<Value>, base: Option<u32>, kwargs: Kwargs| {
            filters::int(state, value, default.or_else(|| zero(&kwargs, 0.into())), base, kwargs)
        },
    );
    environment.add_filter(
        "float",
        |state: &State<'_, '_>, value: &Value, default: Option<Value>, kwargs: Kwargs| {
            filters::float(state, value, default.or_else(|| zero(&kwargs, 0.0.into())), kwargs)
        },
    );
    environment.add_filter("replace", bound::replace);
    for name in ["escape", "e"] {
        environment.add_filter(name, |value: &Value| {
            let text = str(value);
            Value::from_safe_string(if value.is_safe() { text } else { markup::escape(&text) })
        });
    }
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

/// What `int` and `float` give where there is no number, unless the template says.
fn zero(kwargs: &Kwargs, zero: Value) -> Option<Value> {
    if kwargs.has("default") { None } else { Some(zero) }
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
        ValueKind::Number | ValueKind::Map | ValueKind::Seq => {
            bound::room_for(value)?;
            let text = str(value);
            bound::spend(state, text.len())?;
            Ok(out.write_str(&text)?)
        }
        _ => {
            bound::spend(state, value.as_str().map_or(0, |text| text.len()))?;
            minijinja::escape_formatter(out, state, value)
        }
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
            let items: Vec<String> = value.try_iter().into_iter().flatten().map(|item| repr(&item)).collect();
            if value.downcast_object_ref::<Tuple>().is_some() {
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

/// Jinja's filter `indent(width, first, blank)`.
fn indent(
    text: &str,
    width: Option<Value>,
    first: Option<bool>,
    blank: Option<bool>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let flag = |name, given: Option<bool>| -> Result<bool, Error> {
        Ok(given.map_or_else(|| kwargs.get::<Option<bool>>(name), |flag| Ok(Some(flag)))?.unwrap_or(false))
    };
    let (first, blank) = (flag("first", first)?, flag("blank", blank)?);
    let width = width.map_or_else(|| kwargs.get::<Option<Value>>("width"), |width| Ok(Some(width)))?;
    kwargs.assert_all_used()?;
    let indent = match &width {
        None => "    ".to_owned(),
        Some(width) => match width.as_str() {
            Some(indent) => indent.to_owned(),
            None => " ".repeat(width.as_i64().map_or(0, |width| width.clamp(0, 256) as usize)),
        },
    };
    let text = format!("{text}\n");
    let lines = methods::lines(&text, false);
    bound::room(text.len().saturating_add(lines.len().saturating_mul(indent.len())))?;
    let lines = lines.into_iter().enumerate().map(|(n, line)| {
        let indented = if n == 0 { first } else { blank || !line.is_empty() };
        format!("{}{line}", if indented { indent.as_str() } else { "" })
    });
    Ok(lines.collect::<Vec<String>>().join("\n"))
}

/// Jinja's filter `join(separator, attribute)`.
fn join(
    value: &Value,
    separator: Option<&str>,
    attribute: Option<Value>,
    kwargs: Kwargs,
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
    bound::join(&items.collect::<Result<Vec<String>, Error>>()?, &separator)
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
}
