//! A long text read piece by piece, so that whoever waits for it can be told how far it is, can call it off, and a model gets
//! texts it can take. The result is that of the whole text at once, as far as recognisers go.

use std::ops::Range;

use crate::Entity;
use crate::decided::decided;
use crate::offsets::{ceil_char_boundary, floor_char_boundary};
use crate::recognisers::{Table, tables_of};
use crate::redactor::Redactor;

/// Where in a text the reading is.
#[derive(Clone, Debug)]
pub struct Pieces {
    size: usize,
    /// Bytes to read at most this time; more than `size` while something long has no end yet.
    wanted: usize,
    context: usize,
    reach: usize,
    decided: usize,
    /// Once more than one piece is needed: a table's head may lie in any of those before.
    tables: Option<Vec<Table>>,
}

impl Pieces {
    /// Pieces of about `size` bytes, each read with what stands around it.
    pub fn new(redactor: &Redactor, size: usize) -> Self {
        let reach = redactor.reach();
        let size = size.max(reach);
        Pieces { size, wanted: size, context: 2 * reach, reach, decided: 0, tables: None }
    }

    /// Bytes that are decided.
    pub fn decided(&self) -> usize {
        self.decided
    }

    /// The part of `text` to analyse next; `None` at its end.
    pub fn next(&self, text: &str) -> Option<Range<usize>> {
        if self.decided >= text.len() {
            return None;
        }
        let start = floor_char_boundary(text, self.decided.saturating_sub(self.context));
        let end = ceil_char_boundary(text, self.decided + self.wanted + self.reach);
        let start = self.table_at(start).and_then(|table| table.line_of(text, start)).unwrap_or(start);
        // A row is one by all of its cells.
        let end = match self.table_at(end) {
            Some(table) => {
                text[end..table.rows.end].find('\n').map_or(table.rows.end, |newline| end + newline + 1)
            }
            None => end,
        };
        Some(start..end)
    }

    /// The table that `at` is in, or in its head.
    fn table_at(&self, at: usize) -> Option<&Table> {
        let tables = self.tables.as_deref()?;
        let next = tables.partition_point(|table| table.rows.end <= at);
        tables.get(next).filter(|table| table.start() <= at)
    }

    /// Analyses the part that [`Pieces::next`] names, joined with what a model found in it, and gives what is decided by now, with offsets
    /// in `text`. `field` is the name of the field whose value the text is.
    pub fn analyze(
        &mut self,
        redactor: &Redactor,
        text: &str,
        model: Vec<Entity>,
        field: Option<&str>,
    ) -> Vec<Entity> {
        let Some(part) = self.next(text) else { return Vec::new() };
        let table = self.table_at(part.start).filter(|table| table.rows.start <= part.start);
        let found = redactor.analyze_in(&text[part], model, field, table.map(|table| &table.head));
        self.take(text, found)
    }

    /// Takes what analysis found in the part that [`Pieces::next`] named (offsets in that part); gives what is decided by
    /// now, with offsets in `text`.
    pub fn take(&mut self, text: &str, found: Vec<Entity>) -> Vec<Entity> {
        let Some(part) = self.next(text) else { return Vec::new() };
        if part.end < text.len() && self.tables.is_none() {
            self.tables = Some(tables_of(text));
        }
        let from = self.decided;
        let shifted: Vec<Entity> = found
            .into_iter()
            .map(|e| Entity { start: e.start + part.start, end: e.end + part.start, ..e })
            .filter(|e| e.end <= part.end)
            .collect();
        let spans: Vec<(usize, usize)> = shifted.iter().map(|e| (e.start, e.end)).collect();
        let cut = match part.end == text.len() {
            true => text.len(),
            false => decided(&text[..part.end], from, self.reach, &spans),
        };
        // Something longer than the piece: look again at more of it.
        self.wanted = if cut == from { self.wanted * 2 } else { self.size };
        self.decided = cut;
        shifted.into_iter().filter(|e| e.start >= from && e.start < cut).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, Recognisers};
    use proptest::prelude::*;

    fn in_pieces(redactor: &Redactor, text: &str, size: usize) -> Vec<Entity> {
        let mut pieces = Pieces::new(redactor, size);
        let mut found = Vec::new();
        let mut steps = 0;
        while let Some(part) = pieces.next(text) {
            assert!(!part.is_empty());
            found.extend(pieces.analyze(redactor, text, Vec::new(), None));
            steps += 1;
            assert!(steps < 10_000);
        }
        assert_eq!(pieces.decided(), text.len());
        found
    }

    #[test]
    fn long_runs_and_entities_end() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        for text in [
            "x".repeat(300_000),
            format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----", "QUJDRA==\n".repeat(9000)),
            format!("applications nos. {}", "26480/95, ".repeat(200)),
            format!("{} Messrs. {}", "x ".repeat(150), "Ndiaye, ".repeat(200)),
        ] {
            assert_eq!(in_pieces(&redactor, &text, 1000), redactor.analyze(&text));
        }
        assert_eq!(Pieces::new(&redactor, 10).next(""), None);
    }

    #[test]
    fn a_table_is_one_in_all_pieces() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let row = "Quxley,Piatra,07732326362,\"some words that say\nnothing at all about anybody\",7\n";
        let text = format!("Here it is:\nsurname,city,phone,words,qty\n{}\nand so on", row.repeat(200));
        for size in [300, 700, 2000, 1 << 20] {
            let found = in_pieces(&redactor, &text, size);
            assert!(found == redactor.analyze(&text) && found.len() >= 600, "{size} {}", found.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn pieces_find_what_the_whole_does(
            words in prop::collection::vec(prop_oneof![
                6 => "[a-z]{1,9}".prop_map(String::from),
                2 => prop_oneof![Just("ana@example.com"), Just("4111 1111 1111 1111"), Just("passport 546372819"), Just("(415) 555-2671"), Just("18 August 1997"),
                    Just("born on 1 May 1980"), Just("https://example.com/x?y=1"), Just("password: hunter2"), Just("\n"), Just("536-90-4399"),
                    Just("12 Baker Street"), Just("DE89 3704 0044 0532 0130 00"), Just("é😀"), Just("我的电话13800138000，"), Just("姓名,建国路88号\n"), Just("写ana@例子1.公司。li@a.com、"), Just("\u{200b}")].prop_map(String::from),
            ], 0..700),
            size in 300_usize..3000,
        ) {
            let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
            let text = words.join(" ");
            prop_assert_eq!(in_pieces(&redactor, &text, size), redactor.analyze(&text));
        }
    }
}
