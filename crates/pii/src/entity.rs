//! What analysis returns: a span of the text, what it is, how sure we are, and why.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Label;

/// Who found an entity. The order is the order of trust: where two disagree, the later one here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A recogniser's shape, with nothing in it that could be checked.
    Pattern,
    /// A token-classification model.
    Model,
    /// A recogniser whose checksum or equally strict rule held.
    Validated,
    /// The caller's own deny list or regular expression.
    User,
}

/// A piece of personal data in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    pub label: Label,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// 0 to 1: how sure its finder is.
    pub score: f32,
    /// Who found it.
    pub by: By,
    /// Why.
    pub explain: Explain,
}

/// Why a span is an entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explain {
    /// The recogniser (`us_ssn`) or model that found it.
    pub recogniser: Cow<'static, str>,
    /// The context word near it that raised the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Cow<'static, str>>,
    /// Others that saw something in the same place and gave way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gave_way: Vec<Other>,
}

/// A finding that gave way to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Other {
    /// What it took the text for.
    pub label: Label,
    /// Its score.
    pub score: f32,
    /// Its kind of finder.
    pub by: By,
    /// Its recogniser or model.
    pub recogniser: Cow<'static, str>,
}

impl Entity {
    /// An entity with no more to explain than its finder's name.
    pub fn new(
        label: Label,
        start: usize,
        end: usize,
        score: f32,
        by: By,
        recogniser: impl Into<Cow<'static, str>>,
    ) -> Self {
        let explain = Explain { recogniser: recogniser.into(), context: None, gave_way: Vec::new() };
        Entity { label, start, end, score, by, explain }
    }

    /// The entity's text, empty if `text` is not the text that was analysed.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn overlaps(&self, other: &Entity) -> bool {
        self.start < other.end && other.start < self.end
    }
}
