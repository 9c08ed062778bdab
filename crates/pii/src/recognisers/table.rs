//! Tables in a text: rows of cells under a line that names their columns, as CSV (RFC 4180), with semicolons or tabs, or in Markdown.
//! What a column is called says what is in its cells, which have no other words around them.

use std::ops::Range;

use super::fields::{self, COLUMN, Field, Nameless};
use super::keyed;
use super::scan::Scan;
use crate::Label;
use crate::context::{self, Kind, Kinds};
use crate::normal::View;

/// Longest row, in bytes.
const MOST: usize = 16 << 10;
/// Most columns.
const WIDEST: usize = 256;

/// A column, by its name.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    field: Option<Field>,
    /// What its name says of numbers.
    kinds: Kinds,
}

/// How the rows of a table are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    delimiter: u8,
    /// Whether a space may follow a delimiter; where none does in the head, `, ` is inside a cell.
    spaced: bool,
    columns: Vec<Column>,
}

/// A table of a text.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub head: Head,
    /// The cells that name the columns; none where a reader of pieces came in later.
    names: Vec<Range<usize>>,
    pub rows: Range<usize>,
}

impl Table {
    /// Where its head starts.
    pub fn start(&self) -> usize {
        self.names.first().map_or(self.rows.start, |name| name.start)
    }

    /// Where the line that is to be read first starts, for a reader that comes in at `at` and knows the head if that is before.
    pub fn line_of(&self, text: &str, at: usize) -> Option<usize> {
        let start = self.start();
        let inside = text.get(start..at).filter(|_| at < self.rows.end)?;
        Some(inside.rfind('\n').map_or(start, |newline| start + newline + 1))
    }
}

/// The tables of a text as recognisers read it, with offsets of the text.
pub(crate) fn tables_of(text: &str) -> Vec<Table> {
    let view = View::spaced(text);
    let mut tables = tables(view.text(), None);
    for table in &mut tables {
        for range in table.names.iter_mut().chain([&mut table.rows]) {
            let (start, end) = view.original(range.start, range.end);
            *range = start..end;
        }
    }
    tables
}

/// A cell of which something is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub start: usize,
    pub end: usize,
    pub kinds: Kinds,
}

/// The tables of a text, in order. `open`: the head of one that goes on where the text begins.
fn tables(text: &str, open: Option<&Head>) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut at = 0;
    if let Some(head) = open {
        at = head.rows_end(text, 0);
        tables.push(Table { head: head.clone(), names: Vec::new(), rows: 0..at });
    }
    let mut cells = Vec::new();
    while let Some(end) = line_end(text, at) {
        if let Some(head) = Head::read(text, at, end, &mut cells) {
            let rows = end..head.rows_end(text, end);
            if !rows.is_empty() {
                at = rows.end;
                tables.push(Table { head, names: std::mem::take(&mut cells), rows });
                continue;
            }
        }
        at = end;
    }
    tables
}

/// Where the line after that at `at` starts; `None` at the text's end.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    Some(rest.find('\n').map_or(text.len(), |newline| at + newline + 1))
}

/// The cells of the row at `at`, and where the next row starts. `glued`: a delimiter before a space is part of a cell.
fn split(text: &str, at: usize, delimiter: u8, glued: bool, cells: &mut Vec<Range<usize>>) -> Option<usize> {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(at + MOST);
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(b'\n');
    let is_space = |b: u8| b == b' ' || b == b'\t' && delimiter != b'\t';
    cells.clear();
    let mut at = at;
    // Markdown has bars around a row.
    let framed = delimiter == b'|' && {
        let start = at + bytes[at..].iter().take(4).take_while(|&&b| b == b' ').count();
        let bar = byte(start) == b'|';
        at = if bar { start + 1 } else { at };
        bar
    };
    loop {
        while at < limit && is_space(byte(at)) {
            at += 1;
        }
        let start = at;
        if byte(at) == b'"' {
            loop {
                at += 1 + bytes[..limit].get(at + 1..)?.iter().position(|&b| b == b'"')?;
                if byte(at + 1) != b'"' {
                    break;
                }
                at += 1;
            }
            cells.push(start + 1..at);
            at += 1;
            while at < limit && (is_space(byte(at)) || byte(at) == b'\r') {
                at += 1;
            }
        } else {
            while at < limit && byte(at) != b'\n' && (byte(at) != delimiter || glued && byte(at + 1) == b' ')
            {
                at += 1;
            }
            cells.push(start..start + text.get(start..at)?.trim_ascii_end().len());
        }
        if cells.len() > WIDEST || at >= limit && at < bytes.len() {
            return None;
        }
        match byte(at) {
            b'\n' => break,
            b if b == delimiter => at += 1,
            _ => return None,
        }
    }
    if framed && cells.last().is_some_and(Range::is_empty) {
        cells.pop();
    }
    Some(bytes.len().min(at + 1))
}

impl Head {
    /// The line `at..end` as a head: two or more of its cells must be known names of columns.
    fn read(text: &str, at: usize, end: usize, cells: &mut Vec<Range<usize>>) -> Option<Head> {
        let bytes = &text.as_bytes()[at..end];
        let frame = usize::from(bytes.first() == Some(&b'|'));
        let first = bytes[frame..].iter().take(fields::LONGEST).position(|b| b",;\t|".contains(b))?;
        let delimiter = if frame == 1 { b'|' } else { bytes[first] };
        if split(text, at, delimiter, false, cells)? != end
            || cells.len() < 2
            || bytes.trim_ascii_end().ends_with(b".")
        {
            return None;
        }
        let mut known = 0;
        for (i, cell) in cells.iter().enumerate() {
            let name = &text[cell.clone()];
            // Most lines with a comma are prose or code.
            if is_code(name) || name.len() > fields::LONGEST || i > 3 && known == 0 {
                return None;
            }
            known += usize::from(fields::of(name).is_some());
        }
        if known < 2 {
            return None;
        }
        let spaced = bytes.windows(2).any(|pair| pair[0] == delimiter && pair[1] == b' ');
        let columns = cells.iter().map(|cell| Column::named(&text[cell.clone()])).collect();
        let mut head = Head { delimiter, spaced, columns };
        if !head.is_of_persons() {
            head.columns.iter_mut().filter(|c| c.field == Some(Field::Name)).for_each(|c| c.field = None);
        }
        Some(head)
    }

    /// Whether something besides a name is of a person.
    fn is_of_persons(&self) -> bool {
        let has = |is: fn(Field) -> bool| self.columns.iter().filter_map(|column| column.field).any(is);
        has(|field| {
            matches!(
                field,
                Field::Person
                    | Field::Number
                    | Field::Address
                    | Field::Postal
                    | Field::Place
                    | Field::State
                    | Field::Post
            )
        }) && !has(|field| field == Field::Goods)
    }

    /// The cells of a row, and where the next starts; `None` where the line at `at` is none of this table.
    fn row(&self, text: &str, at: usize, cells: &mut Vec<Range<usize>>) -> Option<usize> {
        let width = self.columns.len();
        let next = split(text, at, self.delimiter, false, cells).filter(|_| cells.len() == width);
        let next = next.or_else(|| {
            let glued = !self.spaced && cells.len() != width;
            if glued {
                split(text, at, self.delimiter, true, cells).filter(|_| cells.len() == width)
            } else {
                None
            }
        })?;
        let (mut judged, mut wrong) = (0, 0);
        for (cell, column) in cells.iter().zip(&self.columns).filter(|(cell, _)| !cell.is_empty()) {
            let value = &text[cell.clone()];
            let Some(field) = column.field else { continue };
            // Lines of two parts are found in prose too.
            let fits = match field {
                Field::Person | Field::Place | Field::Postal | Field::Address => field.label(value).is_some(),
                Field::Name if width == 2 => !value.starts_with(char::is_lowercase),
                Field::Number if width == 2 => value.bytes().any(|b| b.is_ascii_digit() || b == b'@'),
                _ => continue,
            };
            judged += 1;
            wrong += usize::from(!fits);
        }
        (3 * wrong <= judged).then_some(next)
    }

    /// Where the rows that start at `at` end. One line in between may be none.
    fn rows_end(&self, text: &str, mut at: usize) -> usize {
        let (mut end, mut cells, mut misfit) = (at, Vec::new(), false);
        while let Some(line) = line_end(text, at) {
            let rule = !text[at..line].bytes().any(|b| !b"-:| \t\r\n+=".contains(&b)) && line > at + 3;
            if let Some(next) = self.row(text, at, &mut cells) {
                (at, end, misfit) = (next, next, false);
            } else if rule {
                at = line;
            } else if misfit || text[at..line].trim().is_empty() {
                break;
            } else {
                (at, misfit) = (line, true);
            }
        }
        end
    }
}

/// Whether a cell holds what no name of a column does: `Amount (EUR)` may be one, `f(key`, `key: 1` and `let [key` are not.
fn is_code(name: &str) -> bool {
    let is_mark = |b: u8| b"{}[]=<>&;!$\\\"`@".contains(&b);
    let called = name.bytes().zip(name.bytes().skip(1)).any(|(a, b)| b == b'(' && a != b' ' || a == b':');
    called || name.starts_with('(') || name.bytes().any(is_mark)
}

impl Column {
    fn named(name: &str) -> Column {
        let field = fields::of(name);
        let kinds = match field {
            Some(Field::Postal) => Kinds::of(&[Kind::Postal]),
            Some(
                Field::Person
                | Field::Place
                | Field::State
                | Field::Address
                | Field::Organization
                | Field::Amount
                | Field::Goods,
            ) => Kinds::NONE,
            _ if matches!(name.to_ascii_lowercase().as_str(), "license" | "licence") => {
                Kinds::of(&[Kind::License])
            }
            // Any row has one.
            _ if name.eq_ignore_ascii_case("id") => Kinds::NONE,
            _ => context::of_name(name),
        };
        Column { field, kinds }
    }

    /// The label of a whole cell.
    fn label(self, value: &str) -> Option<(Label, f32)> {
        let named = self.field.and_then(|field| field.label(value));
        named.or_else(|| keyed::whole(self.kinds, value))
    }
}

/// Records what the columns of the text's tables say of their cells.
pub(super) fn scan(scan: &mut Scan<'_>, open: Option<&Head>) {
    let text = scan.text;
    let mut cells = Vec::new();
    for table in tables(text, open) {
        for name in &table.names {
            scan.nameless.push(Nameless { start: name.start, end: name.end, sure: true, amount: false });
        }
        let mut at = table.rows.start;
        while at < table.rows.end {
            let Some(next) = table.head.row(text, at, &mut cells) else {
                at = line_end(text, at).unwrap_or(text.len());
                continue;
            };
            for (cell, column) in cells.iter().zip(&table.head.columns).filter(|(cell, _)| !cell.is_empty()) {
                let (start, end) = (cell.start, cell.end);
                if column.field.is_some() || column.kinds != Kinds::NONE {
                    scan.cells.push(Cell { start, end, kinds: column.kinds });
                }
                if let Some((label, score)) = column.label(&text[cell.clone()]) {
                    scan.push(COLUMN, label, (start, end), score, false, Some("column name"));
                } else if let Some(field) = column.field.filter(|field| field.holds_no_names()) {
                    let amount = field == Field::Amount;
                    scan.nameless.push(Nameless { start, end, sure: false, amount });
                }
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Recognisers;

    /// Label and text of what columns say.
    fn told(text: &str) -> Vec<(String, &str)> {
        let mut found = Recognisers::all().find(text, None);
        found.retain(|e| e.explain.recogniser == COLUMN);
        found.sort_by_key(|e| e.start);
        found.iter().map(|e| (e.label.to_string(), e.text(text))).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let told = told(text);
        let told: Vec<(&str, &str)> = told.iter().map(|(label, text)| (label.as_str(), *text)).collect();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn columns_say_what_their_cells_are() {
        check(
            "Hi, here they are:\n\nSURNAME,GIVEN,DOB,CITY\r\nSMITH,CHRISTINE,25th August 1988,BOGOTÁ\r\n,Bo,,\r\n\r\nBye, all",
            &[("PERSON", "SMITH"), ("PERSON", "CHRISTINE"), ("LOCATION", "BOGOTÁ"), ("PERSON", "Bo")],
        );
        check(
            "Vorname;Nachname;Straße;PLZ;Ort\nEdeltraut;Trommler;Pieperallee 312;43654;Hofgeismar",
            &[
                ("PERSON", "Edeltraut"),
                ("PERSON", "Trommler"),
                ("ADDRESS", "Pieperallee 312"),
                ("POSTAL_CODE", "43654"),
                ("LOCATION", "Hofgeismar"),
            ],
        );
        check(
            "| Name | City | Phone |\n|:-----|------|------:|\n| Ana Ruiz | Montegabbione | 07732326362 |\n",
            &[("PERSON", "Ana Ruiz"), ("LOCATION", "Montegabbione"), ("PHONE", "07732326362")],
        );
        check(
            "employee_id|name|department|ssn\n629331|O'Rourke, Siobhan|Finance|233-48-5868",
            &[("ID_NUMBER", "629331"), ("PERSON", "O'Rourke, Siobhan")],
        );
        check(
            "invoice_no,customer,state,amount\nA1,Novartis,CA,6919\nA2,Boyer, Robinson and Maynard,WY,1498",
            &[("LOCATION", "CA"), ("LOCATION", "WY")],
        );
        check(
            "name,company,city\n\"Ruiz, Ana\",\"Two\nlines, \"\"Inc\"\"\",Vigo",
            &[("PERSON", "Ruiz, Ana"), ("ORGANIZATION", "Two\nlines, \"\"Inc\"\""), ("LOCATION", "Vigo")],
        );
        check("city\tzip\nReading\tRG1 1AA", &[("LOCATION", "Reading"), ("POSTAL_CODE", "RG1 1AA")]);
    }

    #[test]
    fn what_is_no_table() {
        for text in [
            "Name, address and phone\nplease, all of you",
            "Send name, city.\nThen, Paris",
            "Name, Email\nplease provide them, thanks",
            "sku,name,price\nTPZ58,Steel bolt,0.79",
            "| Name | Type | Default |\n|---|---|---|\n| Colour | Red Wine | Blue Sky |",
            "| Feature | Status | Owner |\n|---|---|---|\n| Search | Done | Platform |",
            "first,last\n1,2\n3,4",
            "city,country",
            "city,country\n\nParis,France",
            "city,country\n\"Paris,France",
            "let (name, city, zip) = x;\nlet (Ana, Paris, 12) = y;",
            "name,city,zip",
            "",
            "\n\n|\n||\n,\n,,",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn odd_rows() {
        let text = "surname,city\nRuiz,Vigo\nthis line, well, is none\nRey,Lugo\nno\nno\nSoto,Arzúa";
        let found = [("PERSON", "Ruiz"), ("LOCATION", "Vigo"), ("PERSON", "Rey"), ("LOCATION", "Lugo")];
        check(text, &found);
        for quote in ["\"", "\"\"", "\"a\"b", "\"\n"] {
            told(&format!("surname,city\n{}", quote.repeat(20_000)));
        }
        told(&format!("surname,city\n{}", ",".repeat(100_000)));
        told(&"surname,city\n\"a".repeat(10_000));
    }

    #[test]
    fn a_table_that_goes_on() {
        let text = "surname,city\nRuiz,Vigo\n";
        let tables = tables(text, None);
        let more = super::tables("Rey,Lugo\nx", Some(&tables[0].head));
        assert_eq!((tables.len(), tables[0].rows.clone(), more[0].rows.clone()), (1, 13..23, 0..9));
    }
}
