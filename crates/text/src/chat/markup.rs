//! What `|safe` does to the text added to it. In Python its result is `Markup`, and `Markup + text` escapes the
//! text for HTML, even where nothing else is escaped; `minijinja` has no such strings. So `{{ a|safe + b }}` is
//! rewritten before it is compiled, into a filter that adds as Python does.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

/// The name of the filter in rewritten templates.
pub(super) const PLUS: &str = "__plus";

/// Python's `left + right` where one may be `Markup`.
pub(super) fn plus(left: &Value, right: &Value) -> Result<Value, Error> {
    let (Some(a), Some(b)) = (left.as_str(), right.as_str()) else {
        return Err(Error::new(ErrorKind::InvalidOperation, "only text can be added to safe text"));
    };
    Ok(match (left.is_safe(), right.is_safe()) {
        (false, false) => Value::from(format!("{a}{b}")),
        (true, true) => Value::from_safe_string(format!("{a}{b}")),
        (true, false) => Value::from_safe_string(format!("{a}{}", escape(b))),
        (false, true) => Value::from_safe_string(format!("{}{b}", escape(a))),
    })
}

/// As `markupsafe` does.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&#34;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Rewrites every `{{ a + b + c }}` that has a `safe` in it, and no operator that binds less than `+`.
pub(super) fn rewrite(source: &str) -> String {
    let mut rewritten = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{{") {
        let (before, tag) = rest.split_at(at);
        rewritten.push_str(before);
        let Some(length) = tag.find("}}").map(|end| end + 2) else {
            rest = tag;
            break;
        };
        let (tag, after) = tag.split_at(length);
        let inner = &tag[2..length - 2];
        let expression = inner.trim_start_matches(['-', '+']).trim_end_matches('-');
        match operands(expression).filter(|operands| operands.len() > 1 && expression.contains("safe")) {
            Some(operands) => {
                let start = inner.len() - inner.trim_start_matches(['-', '+']).len();
                rewritten.push_str("{{");
                rewritten.push_str(&inner[..start]);
                rewritten.push_str(operands[0]);
                for operand in &operands[1..] {
                    rewritten.push_str(&format!("|{PLUS}({operand})"));
                }
                rewritten.push_str(if inner.ends_with('-') { "-}}" } else { "}}" });
            }
            None => rewritten.push_str(tag),
        }
        rest = after;
    }
    rewritten.push_str(rest);
    rewritten
}

/// The terms of a sum, or `None` if the expression is anything more than a sum.
fn operands(expression: &str) -> Option<Vec<&str>> {
    let mut operands = Vec::new();
    let (mut depth, mut start, mut quote) = (0u32, 0, None);
    let mut characters = expression.char_indices();
    let mut word = 0;
    while let Some((at, c)) = characters.next() {
        if !(c.is_alphanumeric() || c == '_') {
            if depth == 0
                && quote.is_none()
                && matches!(&expression[word..at], "if" | "else" | "and" | "or" | "not" | "in" | "is")
            {
                return None;
            }
            word = at + c.len_utf8();
        }
        match (quote, c) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, '-' | '<' | '>' | '=' | '!' | ',') if depth == 0 => return None,
            (None, '+') if depth == 0 => {
                operands.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    operands.push(&expression[start..]);
    (quote.is_none() && operands.iter().all(|operand| !operand.trim().is_empty())).then_some(operands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sums_with_safe_terms_are_rewritten() {
        assert_eq!(
            rewrite("a {{- 'x'|safe + y['a+b'] + f(1 + 2) -}} b"),
            "a {{- 'x'|safe |__plus( y['a+b'] )|__plus( f(1 + 2) )-}} b"
        );
        for same in [
            "{{ a + b }}",
            "{{ a|safe }}",
            "{{ a|safe + b if c else d }}",
            "{{ 'safe + }' }}",
            "{{ a|safe + ",
            "{{ +safe }}",
        ] {
            assert_eq!(rewrite(same), same);
        }
    }
}
