//! Finding many phrases in one pass over a text.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

/// An automaton that finds the longest of `phrases` at each place, in any ASCII case; `None` if they are too many. `hot`: worth
/// the memory that the fastest kind takes. The builder is generic, so this is the only place that calls it.
#[inline(never)]
pub(crate) fn automaton(phrases: &[&str], hot: bool) -> Option<AhoCorasick> {
    AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(hot.then_some(AhoCorasickKind::DFA))
        .build(phrases)
        .ok()
}
