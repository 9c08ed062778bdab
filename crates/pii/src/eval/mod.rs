//! Evaluation: reads annotated texts, compares them with what was found, and counts by label.
//!
//! Two ways to agree: *exact* (same label and span) and *overlap* (same label, at least one byte shared). F2 weighs recall
//! four times as much as precision: what is missed is leaked.

use std::collections::BTreeMap;

mod read;
mod score;

pub use read::{ReadError, read, read_spans, read_tokens};
pub use score::{Counts, Miss, Report, Scores};

use crate::{Entity, Label};

/// An annotated text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Its entities, offsets in bytes.
    pub gold: Vec<Span>,
}

/// A labelled byte range.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub label: Label,
}

impl From<&Entity> for Span {
    fn from(entity: &Entity) -> Span {
        Span { start: entity.start, end: entity.end, label: entity.label.clone() }
    }
}

/// Which of our labels a file's label means. Starts from the usual names; what maps to nothing is left out of the count.
#[derive(Clone, Debug, Default)]
pub struct LabelMap {
    names: BTreeMap<String, Option<Label>>,
}

impl LabelMap {
    /// The usual names ([`Label::from_common_name`]).
    pub fn new() -> Self {
        LabelMap::default()
    }

    /// Maps a name to a label, or to nothing.
    #[must_use]
    pub fn with(mut self, name: &str, label: Option<Label>) -> Self {
        self.names.insert(name.to_owned(), label);
        self
    }

    /// What a file's label means.
    pub fn get(&self, name: &str) -> Option<Label> {
        self.names.get(name).cloned().unwrap_or_else(|| Label::from_common_name(name))
    }
}
