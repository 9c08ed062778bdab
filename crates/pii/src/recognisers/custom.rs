//! The caller's own recognisers: regular expressions (linear time, whatever the pattern), deny lists that are
//! always redacted, allow lists that never are.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use regex::Regex;

use crate::normal::is_spaceless;
use crate::phrases::automaton;
use crate::{By, Entity, Explain, Label};

/// Compiled size a pattern may have, in bytes: enough for any honest pattern, small beside a browser's memory.
const MAX_COMPILED: usize = 1 << 20;

/// The caller's patterns and lists.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    patterns: Vec<(Label, Regex, f32)>,
    deny: BTreeMap<String, Label>,
    deny_automaton: Option<(AhoCorasick, Vec<Label>)>,
    allow: Vec<String>,
}

/// A pattern or list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomError {
    /// The regular expression is malformed or too large; the position is not repeated as the pattern may itself be private.
    #[error(
        "the regular expression for {label} is not valid or compiles to more than {MAX_COMPILED} bytes; look-around and back-references are not supported"
    )]
    Pattern {
        /// The label it was for.
        label: String,
    },
    /// The pattern matches the empty string, which would be an entity everywhere.
    #[error("the regular expression for {label} matches the empty string")]
    Empty {
        /// The label it was for.
        label: String,
    },
    /// The deny list is too large to index.
    #[error("the deny list is too large")]
    TooLarge,
}

impl Custom {
    /// Adds a regular expression whose matches are `label`, or whose first group is, if it has one.
    pub fn pattern(&mut self, label: Label, pattern: &str, score: f32) -> Result<(), CustomError> {
        let regex = regex::RegexBuilder::new(pattern)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .build()
            .map_err(|_| CustomError::Pattern { label: label.to_string() })?;
        if regex.is_match("") {
            return Err(CustomError::Empty { label: label.to_string() });
        }
        self.patterns.push((label, regex, score.clamp(0.0, 1.0)));
        Ok(())
    }

    /// Adds words and phrases that are always `label`, in any ASCII case, as whole words.
    pub fn deny<S: Into<String>>(
        &mut self,
        label: &Label,
        words: impl IntoIterator<Item = S>,
    ) -> Result<(), CustomError> {
        self.deny.extend(
            words
                .into_iter()
                .map(Into::into)
                .filter(|word| !word.trim().is_empty())
                .map(|word| (word, label.clone())),
        );
        let phrases: Vec<&str> = self.deny.keys().map(String::as_str).collect();
        let automaton = automaton(&phrases, false).ok_or(CustomError::TooLarge)?;
        self.deny_automaton = Some((automaton, self.deny.values().cloned().collect()));
        Ok(())
    }

    /// Adds texts that are never an entity (unless denied), compared without case and surrounding space.
    pub fn allow<S: Into<String>>(&mut self, words: impl IntoIterator<Item = S>) {
        self.allow.extend(words.into_iter().map(|word| word.into().trim().to_lowercase()));
        self.allow.sort();
        self.allow.dedup();
    }

    pub(crate) fn allows(&self, text: &str) -> bool {
        !self.allow.is_empty() && self.allow.binary_search(&text.trim().to_lowercase()).is_ok()
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.deny.is_empty()
    }

    /// Length of the longest entry of the deny lists.
    pub(crate) fn longest_listed(&self) -> usize {
        self.deny.keys().map(String::len).max().unwrap_or(0)
    }

    pub(crate) fn find(&self, text: &str, found: &mut Vec<Entity>) {
        for (label, regex, score) in &self.patterns {
            for captures in regex.captures_iter(text) {
                if let Some(span) =
                    captures.get(1).or_else(|| captures.get(0)).filter(|span| !span.is_empty())
                {
                    found.push(entity(label, span.start(), span.end(), *score, "custom_pattern"));
                }
            }
        }
        let Some((automaton, labels)) = &self.deny_automaton else { return };
        // Of "我叫王伟吗" no letter tells where a name ends.
        let joins = |c: char| (c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii()) && !is_spaceless(c);
        let inside = |at: usize| {
            let (before, after) = (text[..at].chars().next_back(), text[at..].chars().next());
            before.is_some_and(joins) && after.is_some_and(joins)
        };
        for hit in automaton.find_iter(text) {
            if !inside(hit.start()) && !inside(hit.end()) {
                found.push(entity(
                    &labels[hit.pattern().as_usize()],
                    hit.start(),
                    hit.end(),
                    1.0,
                    "deny_list",
                ));
            }
        }
    }
}

fn entity(label: &Label, start: usize, end: usize, score: f32, name: &'static str) -> Entity {
    Entity {
        label: label.clone(),
        start,
        end,
        score,
        by: By::User,
        explain: Explain { recogniser: name.into(), ..Explain::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Recognisers;

    fn found(custom: &Custom, text: &str) -> Vec<(String, String)> {
        let found = Recognisers::all().with(custom.clone()).find(text, None);
        found.iter().map(|e| (e.label.to_string(), e.text(text).to_owned())).collect()
    }

    #[test]
    fn patterns_lists_and_exceptions() {
        let mut custom = Custom::default();
        let project = Label::custom("PROJECT").unwrap();
        custom.pattern(Label::IdNumber, r"\bEMP-(\d{4})\b", 0.9).unwrap();
        custom.deny(&project, ["Blue Heron", "x"]).unwrap();
        custom.allow(["info@example.com"]);
        let pairs = found(&custom, "BLUE HERON, EMP-1234, info@example.com, ana@example.com, box");
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert!(
            pairs.contains(&("PROJECT", "BLUE HERON"))
                && pairs.contains(&("ID_NUMBER", "1234"))
                && pairs.contains(&("EMAIL", "ana@example.com"))
        );
        assert!(!pairs.iter().any(|(_, text)| *text == "info@example.com" || *text == "x"));
    }

    #[test]
    fn patterns_and_lists_in_scripts_without_spaces() {
        let mut custom = Custom::default();
        let project = Label::custom("PROJECT").unwrap();
        custom.pattern(Label::IdNumber, r"项目[A-Z]{2}\d+", 0.9).unwrap();
        custom.deny(&project, ["小米14", "王伟", "A公司", "青鹭"]).unwrap();
        for (text, want) in [
            ("参与项目AB12的人", "项目AB12"),
            ("买小米14吧", "小米14"),
            ("我叫王伟吗", "王伟"),
            ("在A公司工作", "A公司"),
        ] {
            assert!(found(&custom, text).iter().any(|(_, value)| value == want), "{text}");
        }
        assert!(found(&custom, "在AA公司工作").iter().all(|(label, _)| label != "PROJECT"));
    }

    #[test]
    fn bad_patterns_are_errors_without_the_pattern() {
        let mut custom = Custom::default();
        for bad in ["(secret", "(?=x)", "((a{1000}){1000}){1000}"] {
            let error = custom.pattern(Label::IdNumber, bad, 1.0).unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
        assert!(matches!(custom.pattern(Label::IdNumber, "a*", 1.0), Err(CustomError::Empty { .. })));
    }

    #[test]
    fn a_pattern_that_blows_up_elsewhere_is_linear_here() {
        let mut custom = Custom::default();
        custom.pattern(Label::IdNumber, "(a+)+$", 1.0).unwrap();
        let text = "a".repeat(100_000) + "!";
        let start = std::time::Instant::now();
        custom.find(&text, &mut Vec::new());
        assert!(start.elapsed().as_secs() < 10);
    }
}
