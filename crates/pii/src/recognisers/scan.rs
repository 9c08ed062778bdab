//! The single pass. A byte-class table cuts the text into words and marks; only words that hold a digit, look
//! like a credential or are all capitals, and the marks `@`, `:`, `.`, `-`, `=` and `>`, are looked at any closer. So prose costs a
//! table look-up a byte, and each family's rules run only around their anchors.

use std::borrow::Cow;

use super::fields::Nameless;
use super::table::{self, Cell, Head};
use super::{
    address, capitals, codes, coordinates, crypto, date, email, introductions, ip, keyed, letterhead, mailed,
    mailing, numbers, penalty, postal, secret, tagged, url,
};
use crate::context::{self, AFTER, BEFORE, Hit, Kinds};
use crate::{By, Entity, Explain, Label};

/// Bytes before and after a position that decide whether it is part of an entity, unless an entity is itself longer.
pub(crate) const REACH: usize = 256;

const ALPHA: u8 = 1;
const DIGIT: u8 = 2;
const LOWER: u8 = 4;
const WIDE: u8 = 8;
const UNDERSCORE: u8 = 16;
const MARK: u8 = 32;

const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        table[b] = match byte {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => ALPHA,
            b'a'..=b'z' => ALPHA | LOWER,
            b'_' => UNDERSCORE,
            b'@' | b':' | b'.' | b'-' | b'=' | b'>' => MARK,
            0x80.. => WIDE,
            _ => 0,
        };
        b += 1;
    }
    table
};
const WORD: u8 = ALPHA | DIGIT | WIDE | UNDERSCORE;

/// A word of the text and what it is made of.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub start: usize,
    pub end: usize,
    flags: u8,
}

impl Word {
    pub fn has_digit(self) -> bool {
        self.flags & DIGIT != 0
    }

    pub fn has_alpha(self) -> bool {
        self.flags & ALPHA != 0
    }

    pub fn only_digits(self) -> bool {
        self.flags & WORD == DIGIT
    }

    /// ASCII letters and digits alone.
    pub fn is_plain(self) -> bool {
        self.flags & (WIDE | UNDERSCORE) == 0
    }

    pub fn has_lower(self) -> bool {
        self.flags & LOWER != 0
    }

    pub fn len(self) -> usize {
        self.end - self.start
    }
}

/// One text on its way through the recognisers.
pub(crate) struct Scan<'t> {
    /// The normalised text.
    pub text: &'t str,
    /// Its bytes.
    pub bytes: &'t [u8],
    /// Context words, in order.
    pub hits: Vec<Hit>,
    /// What the caller says the whole text is about (a field's or column's name).
    pub hint: Kinds,
    /// Cells of tables of whose columns something is known, in order.
    pub cells: Vec<Cell>,
    /// Results, unordered, possibly overlapping.
    pub found: Vec<Entity>,
    /// Where no names are.
    pub nameless: Vec<Nameless>,
    /// Credentials before this byte were found.
    pub secret_done: usize,
    /// Web addresses before this byte were found.
    pub url_done: usize,
    /// Names before this byte were found.
    pub names_done: usize,
}

impl<'t> Scan<'t> {
    /// Runs every built-in recogniser over a normalised text. `open`: the head of a table that goes on where the text begins.
    pub fn run(text: &'t str, hint: Kinds, open: Option<&Head>) -> (Vec<Entity>, Vec<Nameless>) {
        let mut scan = Scan {
            text,
            bytes: text.as_bytes(),
            hits: context::find(text),
            hint,
            cells: Vec::new(),
            found: Vec::new(),
            nameless: Vec::new(),
            secret_done: 0,
            url_done: 0,
            names_done: 0,
        };
        table::scan(&mut scan, open);
        scan.words();
        keyed::scan(&mut scan);
        penalty::scan(&mut scan);
        mailed::scan(&mut scan);
        letterhead::scan(&mut scan);
        date::look_before(&mut scan);
        (scan.found, scan.nameless)
    }

    fn words(&mut self) {
        let bytes = self.bytes;
        let mut at = 0;
        // Digit words before this byte were tried as part of an earlier chain of numbers.
        let mut numbers_done = 0;
        while let Some(&b) = bytes.get(at) {
            let class = CLASS[usize::from(b)];
            if class & WORD != 0 {
                let mut end = at + 1;
                let mut flags = class;
                while let Some(&b) = bytes.get(end) {
                    let class = CLASS[usize::from(b)];
                    if class & WORD == 0 {
                        break;
                    }
                    flags |= class;
                    end += 1;
                }
                let word = Word { start: at, end, flags };
                self.word(word, &mut numbers_done);
                at = end;
            } else {
                if class & MARK != 0 {
                    match b {
                        b'@' => email::at(self, at),
                        b':' => {
                            url::at_colon(self, at);
                            ip::at_colon(self, at);
                            tagged::at(self, at);
                        }
                        b'=' | b'>' => tagged::at(self, at),
                        b'.' => url::at_dot(self, at),
                        _ => secret::at_dash(self, at),
                    }
                }
                at += 1;
            }
        }
    }

    fn word(&mut self, word: Word, numbers_done: &mut usize) {
        if word.only_digits() {
            if word.start >= *numbers_done {
                *numbers_done = numbers::at(self, word);
            }
            date::at_number(self, word);
            codes::at(self, word);
            ip::at_mixed(self, word);
            postal::at_number(self, word);
            postal::bracketed(self, word);
            address::at_number(self, word);
            coordinates::at(self, word);
            mailing::at_number(self, word);
        } else if word.has_digit() {
            codes::at(self, word);
            date::at_mixed(self, word);
            crypto::at(self, word);
            postal::bracketed(self, word);
            ip::at_mixed(self, word);
            address::at_number(self, word);
            coordinates::at(self, word);
            mailing::at_number(self, word);
        } else if word.len() <= 6 && word.is_plain() && !word.has_lower() {
            codes::at(self, word);
        }
        // The word lists hold Latin letters, whose capitals UTF-8 begins with these, and typographic quotes count as part of a word.
        if !word.has_digit() && matches!(self.byte(word.start), b'A'..=b'Z' | 0xc2..=0xc9 | 0xe1 | 0xe2) {
            capitals::at(self, word);
        }
        if word.flags & (ALPHA | LOWER | DIGIT) == ALPHA | LOWER && word.len() < 8 {
            introductions::at(self, word);
        }
        if word.has_alpha() && word.start >= self.secret_done {
            secret::at(self, word);
        }
    }

    /// The byte before `at`, 0 at the start.
    pub fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).and_then(|i| self.bytes.get(i)).copied().unwrap_or(0)
    }

    /// The byte at `at`, 0 at the end.
    pub fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The nearest context word of one of `kinds` around `start..end`, or what the caller's hint says.
    pub fn context(&self, kinds: Kinds, start: usize, end: usize) -> Option<&'static str> {
        self.context_within(kinds, start, end, BEFORE, AFTER)
    }

    /// As [`Scan::context`], with distances in bytes.
    pub fn context_within(
        &self,
        kinds: Kinds,
        start: usize,
        end: usize,
        before: usize,
        after: usize,
    ) -> Option<&'static str> {
        if self.hint.has(kinds) {
            return Some("field name");
        }
        // Words around a cell are of other cells.
        if let Some(cell) = self.cell_at(start) {
            return cell.kinds.has(kinds).then_some("column name");
        }
        let first = self.hits.partition_point(|hit| hit.start < end);
        let earlier = self.hits[..first].iter().rev().take_while(|hit| hit.start + before >= start);
        if let Some(hit) = earlier.filter(|hit| hit.end <= start).find(|hit| hit.kinds.has(kinds)) {
            return Some(hit.word);
        }
        let later = self.hits[first..].iter().take_while(|hit| hit.end <= end + after);
        later.into_iter().find(|hit| hit.kinds.has(kinds)).map(|hit| hit.word)
    }

    /// The cell of a known column that `at` is in.
    fn cell_at(&self, at: usize) -> Option<Cell> {
        let after = self.cells.partition_point(|cell| cell.start <= at);
        self.cells.get(after.checked_sub(1)?).copied().filter(|cell| at < cell.end)
    }

    /// Records a finding.
    pub fn push(
        &mut self,
        name: &'static str,
        label: Label,
        span: (usize, usize),
        score: f32,
        validated: bool,
        context: Option<&'static str>,
    ) {
        let by = if validated { By::Validated } else { By::Pattern };
        let explain = Explain {
            recogniser: Cow::Borrowed(name),
            context: context.map(Cow::Borrowed),
            gave_way: Vec::new(),
        };
        self.found.push(Entity { label, start: span.0, end: span.1, score, by, explain });
    }
}

/// Whether a byte is part of a word: ASCII letter, digit, underscore, or any non-ASCII.
pub(crate) fn is_word(b: u8) -> bool {
    CLASS[usize::from(b)] & WORD != 0
}
