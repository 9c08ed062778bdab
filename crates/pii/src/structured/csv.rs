//! Delimiter-separated values (RFC 4180, also with semicolons or tabs): fields are redacted in place, a header names their columns.

use super::fields::{Step, path_of};
use super::{Fields, Format, StructureError, Values};
use crate::{Redacted, Redactor, Vault};

/// Redacts every field that `fields` names by its column (`email`, `*`, or `[2]` for the third). With `header`, the first
/// row names the columns and stays. The delimiter is the most frequent of comma, semicolon, tab and bar in the first row.
/// Offsets of the entities are those of each field's text; their paths are `[3].email`, rows counted from 1.
pub fn redact_csv(
    redactor: &Redactor,
    csv: &str,
    header: bool,
    fields: &Fields,
    vault: &mut Vault,
) -> Result<Redacted, StructureError> {
    Format::Csv { header, fields: fields.clone() }.redact(redactor, csv, vault)
}

impl Values<'_, '_> {
    pub(super) fn csv(&mut self, csv: &str, header: bool, fields: &Fields) -> Result<String, StructureError> {
        let mut names: Vec<String> = Vec::new();
        rewrite(csv, &mut |row, column, value| {
            if header && row == 1 {
                names.push(value.trim().to_owned());
                return None;
            }
            let name = names.get(column).map(String::as_str);
            let step = name.map_or(Step::Index(column), |name| Step::Key(name.to_owned()));
            let action = fields.action(std::slice::from_ref(&step));
            self.value(value, name, action, || path_of(&[Step::Index(row), step.clone()]))
        })
    }
}

/// Puts the values of a vault back, quoted as CSV needs.
pub fn restore_csv(csv: &str, vault: &Vault) -> Result<String, StructureError> {
    rewrite(csv, &mut |_, _, value| Some(vault.restore(value)).filter(|restored| restored != value))
}

type Visit<'v> = dyn FnMut(usize, usize, &str) -> Option<String> + 'v;

fn delimiter(csv: &str) -> char {
    let (mut counts, mut quoted) = ([0_usize; 4], false);
    for c in csv.chars() {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => break,
            c if !quoted => {
                if let Some(i) = [',', ';', '\t', '|'].iter().position(|&d| d == c) {
                    counts[i] += 1;
                }
            }
            _ => {}
        }
    }
    let best = (0..4).rev().max_by_key(|&i| counts[i]).unwrap_or(0);
    [',', ';', '\t', '|'][best]
}

/// Calls `visit` with row (from 1), column (from 0) and text of each field.
fn rewrite(csv: &str, visit: &mut Visit<'_>) -> Result<String, StructureError> {
    let delimiter = delimiter(csv);
    let mut out = String::with_capacity(csv.len());
    let (mut row, mut column) = (1, 0);
    let mut rest = csv;
    while !rest.is_empty() {
        let quoted = rest.starts_with('"');
        let len = if quoted {
            quoted_len(rest).ok_or(StructureError::Csv { row })?
        } else {
            rest.find([delimiter, '\n', '\r']).unwrap_or(rest.len())
        };
        let (raw, after) = rest.split_at(len);
        let value = if quoted { raw[1..len - 1].replace("\"\"", "\"") } else { raw.to_owned() };
        match visit(row, column, &value) {
            Some(text) if quoted || text.contains([delimiter, '"', '\n', '\r']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(&text),
            None => out.push_str(raw),
        }
        // Whatever stands between a closing quote and the delimiter is copied.
        let end = after.find([delimiter, '\n']).map_or(after.len(), |i| i + 1);
        out.push_str(&after[..end]);
        if after[..end].ends_with('\n') {
            (row, column) = (row + 1, 0);
        } else {
            column += 1;
        }
        rest = &after[end..];
    }
    Ok(out)
}

/// Length of the quoted field that `text` starts with, quotes included.
fn quoted_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == b'"')? + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::FieldAction;
    use crate::{Label, Policy, Recognisers};
    use proptest::prelude::*;

    fn redactor() -> Redactor {
        Redactor::new(Policy::default(), Recognisers::all()).unwrap()
    }

    #[test]
    fn columns_are_context_and_bytes_stay() {
        let csv = "id;name;phone;ssn\r\n1;\"Ruiz; Ana\";0612345678;536904399\r\n2;Bo;;\r\n";
        let fields = Fields::all().with("name", FieldAction::Whole(Label::Person)).unwrap();
        let mut vault = Vault::new();
        let redacted = redact_csv(&redactor(), csv, true, &fields, &mut vault).unwrap();
        assert_eq!(
            redacted.text,
            "id;name;phone;ssn\r\n1;\"[PERSON_1]\";[PHONE_1];[SSN_1]\r\n2;[PERSON_2];;\r\n"
        );
        assert_eq!(restore_csv(&redacted.text, &vault).unwrap(), csv);
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert_eq!(
            redact_csv(&redactor(), "a,b\n\"secret,1\n", false, &Fields::all(), &mut Vault::new())
                .unwrap_err(),
            StructureError::Csv { row: 2 }
        );
    }

    proptest! {
        #[test]
        fn any_table_comes_back(rows in prop::collection::vec(prop::collection::vec("(ana@example\\.com|[a-z]|,|\"|\n| ){0,6}", 3), 1..5)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let csv: String = rows.iter().map(|row| row.iter().map(quote).collect::<Vec<_>>().join(",") + "\n").collect();
            let mut vault = Vault::new();
            let redacted = redact_csv(&redactor(), &csv, false, &Fields::all(), &mut vault).unwrap();
            prop_assert_eq!(restore_csv(&redacted.text, &vault).unwrap(), csv);
        }
    }
}
