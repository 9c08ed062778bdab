//! What was replaced by what, and the way back.
//!
//! A vault belongs to one conversation. Each value has one replacement in it, in every text redacted with it.
//! Anything in a text that already reads like a replacement is dealt with when that text is redacted: numbers that
//! are mentioned are never given out, and what would be mistaken for a replacement already given is replaced itself
//! (label `LITERAL`). So restoring a redacted text gives the text, whatever it held.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::normal::is_spaceless;
use crate::phrases::automaton;
use crate::placeholder::{self, mentions};
use crate::{Label, surrogate};

/// Candidates tried before a surrogate gives way to a placeholder.
const SURROGATE_ATTEMPTS: u32 = 24;

/// One replaced value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub label: Label,
    /// The value as it stood in the text.
    pub value: String,
    /// What stands there now.
    pub replacement: String,
}

/// Values and their replacements. Its `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Vault {
    entries: Vec<Entry>,
    by_value: HashMap<(Label, String), usize>,
    /// Placeholder label and number to entry.
    by_number: BTreeMap<(String, u32), usize>,
    by_surrogate: HashMap<String, usize>,
    surrogates: Option<AhoCorasick>,
    surrogate_entries: Vec<usize>,
    /// Numbers mentioned in texts, never given out.
    reserved: BTreeSet<(String, u32)>,
    next: HashMap<String, u32>,
    seed: Vec<u8>,
}

/// A vault file that cannot be read. Says where, never what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not the JSON of a vault.
    #[error("not a vault: malformed at line {line}, column {column}")]
    Malformed {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// Written by another version.
    #[error("the vault has format version {0}; this build reads version {VERSION}")]
    Version(u32),
    /// Two values share a replacement, or a replacement is empty.
    #[error("entry {0} of the vault has a replacement that is empty or already taken")]
    Conflict(usize),
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    entries: Vec<Entry>,
    #[serde(default)]
    reserved: Vec<(String, u32)>,
    #[serde(default)]
    seed: Vec<u8>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Vault {
    /// An empty vault whose surrogates are the same in every vault.
    pub fn new() -> Self {
        Vault::default()
    }

    /// An empty vault with random bytes of the caller's, so that its surrogates tell nothing to who knows another's.
    pub fn with_seed(seed: &[u8]) -> Self {
        Vault { seed: seed.to_vec(), ..Vault::default() }
    }

    /// All entries, in the order they were made.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Puts the values back: exact replacements, and placeholders whose case, spacing or brackets changed.
    pub fn restore(&self, text: &str) -> String {
        self.restore_after(text, None, str::to_owned)
    }

    /// As [`Vault::restore`] for a text that `before` precedes, each value written as `write` says.
    pub(crate) fn restore_after(
        &self,
        text: &str,
        before: Option<char>,
        write: fn(&str) -> String,
    ) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (span, entry) in self.find(text, before) {
            out.push_str(&text[at..span.start]);
            out.push_str(&write(&self.entries[entry].value));
            at = span.end;
        }
        out.push_str(&text[at..]);
        out
    }

    /// Where [`Vault::restore`] would act, in order and without overlap.
    pub(crate) fn find(&self, text: &str, before: Option<char>) -> Vec<(Range<usize>, usize)> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let known =
            |m: placeholder::Mention| self.by_number.get(&(m.label, m.number)).map(|&entry| (m.span, entry));
        let mut found: Vec<(Range<usize>, usize)> =
            mentions(text, before).into_iter().filter_map(known).collect();
        if let Some(automaton) = &self.surrogates {
            for hit in automaton.find_iter(text) {
                let span = hit.range();
                let previous = text[..span.start].chars().next_back().or(before);
                let boundary = |outer: Option<char>, inner: Option<char>| {
                    let joins = |c: char| c.is_alphanumeric() && !is_spaceless(c);
                    !(outer.is_some_and(joins) && inner.is_some_and(joins))
                };
                let value = &text[span.clone()];
                if boundary(previous, value.chars().next())
                    && boundary(text[span.end..].chars().next(), value.chars().next_back())
                {
                    found.push((span, self.surrogate_entries[hit.pattern().as_usize()]));
                }
            }
            found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
            let mut end = 0;
            found.retain(|(span, _)| {
                let keep = span.start >= end;
                end = if keep { span.end } else { end };
                keep
            });
        }
        found
    }

    /// Notes every number that `text` mentions, so that none is given to a value later.
    pub(crate) fn reserve(&mut self, text: &str) {
        for mention in mentions(text, None) {
            let key = (mention.label, mention.number);
            if !self.by_number.contains_key(&key) {
                self.reserved.insert(key);
            }
        }
    }

    /// The placeholder of a value, made if it has none.
    pub(crate) fn placeholder(&mut self, label: &Label, value: &str) -> String {
        if let Some(&entry) = self.by_value.get(&(label.clone(), value.to_owned())) {
            return self.entries[entry].replacement.clone();
        }
        self.new_placeholder(label, value)
    }

    fn new_placeholder(&mut self, label: &Label, value: &str) -> String {
        let name = label.name().to_owned();
        let mut number = self.next.get(&name).copied().unwrap_or(1);
        while self.reserved.contains(&(name.clone(), number))
            || self.by_number.contains_key(&(name.clone(), number))
        {
            number += 1;
        }
        self.next.insert(name.clone(), number + 1);
        let replacement = placeholder::write(&name, number);
        let entry = Entry { label: label.clone(), value: value.to_owned(), replacement: replacement.clone() };
        self.by_number.insert((name, number), self.entries.len());
        self.insert(entry);
        replacement
    }

    /// The surrogate of a value, made if it has none: one that is in neither `text` nor the vault. A placeholder where none is found.
    pub(crate) fn surrogate(&mut self, label: &Label, value: &str, text: &str) -> String {
        if let Some(&entry) = self.by_value.get(&(label.clone(), value.to_owned())) {
            return self.entries[entry].replacement.clone();
        }
        let lower = text.to_lowercase();
        for attempt in 0..SURROGATE_ATTEMPTS {
            let candidate = surrogate::candidate(&self.seed, label, value, attempt);
            let folded = candidate.to_lowercase();
            // Short numbers and letters turn up everywhere; a stand-in must be rare to be put back safely.
            let rare = candidate.chars().filter(|c| c.is_alphanumeric()).count() >= 5
                && mentions(&candidate, None).is_empty();
            if rare
                && candidate != value
                && !self.by_surrogate.contains_key(&folded)
                && !lower.contains(&folded)
                && !self.entries.iter().any(|e| e.value.to_lowercase() == folded)
            {
                let entry =
                    Entry { label: label.clone(), value: value.to_owned(), replacement: candidate.clone() };
                self.insert(entry);
                return candidate;
            }
        }
        self.new_placeholder(label, value)
    }

    /// A placeholder even for a value that has a surrogate already.
    pub(crate) fn escape(&mut self, label: &Label, value: &str) -> String {
        let known = self
            .by_number
            .values()
            .find(|&&entry| self.entries[entry].label == *label && self.entries[entry].value == value);
        match known {
            Some(&entry) => self.entries[entry].replacement.clone(),
            None => self.new_placeholder(label, value),
        }
    }

    fn insert(&mut self, entry: Entry) {
        let index = self.entries.len();
        self.by_value.insert((entry.label.clone(), entry.value.clone()), index);
        if !entry.replacement.starts_with('[') {
            self.by_surrogate.insert(entry.replacement.to_lowercase(), index);
            self.surrogates = None;
        }
        self.entries.push(entry);
    }

    /// Builds the index that [`Vault::find`] needs, if surrogates were added since.
    pub(crate) fn index(&mut self) {
        if self.surrogates.is_some() || self.by_surrogate.is_empty() {
            return;
        }
        self.surrogate_entries = self.by_surrogate.values().copied().collect();
        self.surrogate_entries.sort_unstable();
        let word = |&entry: &usize| self.entries[entry].replacement.as_str();
        let words: Vec<&str> = self.surrogate_entries.iter().map(word).collect();
        self.surrogates = automaton(&words, false);
    }

    /// Whether `tail` could become a surrogate with more text after it; longest first.
    pub(crate) fn may_continue(&self, tail: &str) -> bool {
        self.surrogate_entries.iter().any(|&entry| {
            let word = &self.entries[entry].replacement;
            word.len() >= tail.len() && word.as_bytes()[..tail.len()].eq_ignore_ascii_case(tail.as_bytes())
        })
    }

    /// Length of the longest surrogate.
    pub(crate) fn longest_surrogate(&self) -> usize {
        self.surrogate_entries.iter().map(|&entry| self.entries[entry].replacement.len()).max().unwrap_or(0)
    }

    /// The vault as JSON, values in the clear: encrypt it before it leaves memory.
    pub fn to_json(&self) -> String {
        let stored = Stored {
            version: VERSION,
            entries: self.entries.clone(),
            reserved: self.reserved.iter().cloned().collect(),
            seed: self.seed.clone(),
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Reads what [`Vault::to_json`] wrote.
    pub fn from_json(json: &str) -> Result<Vault, VaultError> {
        let stored: Stored = serde_json::from_str(json)
            .map_err(|e| VaultError::Malformed { line: e.line(), column: e.column() })?;
        if stored.version != VERSION {
            return Err(VaultError::Version(stored.version));
        }
        let mut vault =
            Vault { seed: stored.seed, reserved: stored.reserved.into_iter().collect(), ..Vault::default() };
        for (index, entry) in stored.entries.into_iter().enumerate() {
            let mention = mentions(&entry.replacement, None)
                .into_iter()
                .find(|m| m.span == (0..entry.replacement.len()));
            let taken = match mention {
                Some(mention) => vault.by_number.insert((mention.label, mention.number), index).is_some(),
                None => {
                    vault.by_surrogate.contains_key(&entry.replacement.to_lowercase())
                        || entry.replacement.starts_with('[')
                }
            };
            if taken || entry.replacement.is_empty() {
                return Err(VaultError::Conflict(index));
            }
            vault.insert(entry);
        }
        vault.index();
        Ok(vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Policy, Recognisers, Redactor};

    fn vault() -> Vault {
        let mut vault = Vault::new();
        assert_eq!(vault.placeholder(&Label::Person, "Ana Ruiz"), "[PERSON_1]");
        assert_eq!(vault.placeholder(&Label::Person, "Bo"), "[PERSON_2]");
        assert_eq!(vault.placeholder(&Label::Person, "Ana Ruiz"), "[PERSON_1]");
        assert_eq!(vault.placeholder(&Label::CreditCard, "4111 1111 1111 1111"), "[CREDIT_CARD_1]");
        vault
    }

    #[test]
    fn restores_what_models_make_of_placeholders() {
        let vault = vault();
        for (reply, want) in [
            ("Dear [PERSON_1],", "Dear Ana Ruiz,"),
            ("**[person 1]**'s card [Credit_Card-1]", "**Ana Ruiz**'s card 4111 1111 1111 1111"),
            ("PERSON_2 and \\[PERSON\\_1\\]", "Bo and Ana Ruiz"),
            ("[PERSON_3] [PERSON_12]", "[PERSON_3] [PERSON_12]"),
        ] {
            assert_eq!(vault.restore(reply), want);
        }
    }

    #[test]
    fn stand_ins_come_back_where_a_script_without_spaces_touches_them() {
        let policy = Policy::default().with(Label::Phone, Action::Surrogate);
        let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
        let (text, mut vault) = ("电话13800138000是", Vault::new());
        let out = redactor.redact(text, &mut vault).text;
        assert!(!out.contains("13800138000") && !out.contains('['), "{out}");
        assert_eq!(vault.restore(&out), text);
    }

    #[test]
    fn survives_json_and_refuses_what_is_no_vault() {
        let mut vault = vault();
        vault.reserve("[PERSON_3]");
        vault.surrogate(&Label::Email, "ana@corp.test", "");
        vault.index();
        let mut back = Vault::from_json(&vault.to_json()).unwrap();
        assert!(back.entries() == vault.entries());
        assert_eq!(back.placeholder(&Label::Person, "Cy"), "[PERSON_4]");
        assert!(matches!(Vault::from_json("{\"secret\""), Err(VaultError::Malformed { .. })));
        assert_eq!(Vault::from_json(r#"{"version":9,"entries":[]}"#).unwrap_err(), VaultError::Version(9));
        let twice = r#"{"version":1,"entries":[{"label":"PERSON","value":"a","replacement":"[PERSON_1]"},{"label":"PERSON","value":"b","replacement":"[PERSON_1]"}]}"#;
        assert_eq!(Vault::from_json(twice).unwrap_err(), VaultError::Conflict(1));
        assert!(!format!("{vault:?}").contains("Ana"));
    }
}
