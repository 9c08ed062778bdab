//! The merging both kinds of BPE share: of all adjacent pairs that may merge, again and again the best one
//! does, the leftmost of equals. A heap holds the candidates, so a text of n symbols takes O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A run of bytes `start..start + len` of the text, with its token id where it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    pub start: usize,
    /// 0 once the symbol has been merged into its left neighbour.
    pub len: usize,
    pub id: Option<u32>,
}

/// Lowest priority first, then leftmost.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    priority: u32,
    left: usize,
    right: usize,
    /// Of the merged symbol. A candidate is stale when its two symbols no longer add up to it.
    len: usize,
    id: u32,
}

/// Merges `symbols` until `find` (left, right -> priority, lowest merges first, and the id of the two
/// together) knows no pair; what remains stands in `symbols`.
pub(crate) fn merge(symbols: &mut Vec<Symbol>, find: impl Fn(Symbol, Symbol) -> Option<(u32, u32)>) {
    let n = symbols.len();
    // Index n stands for "none" at either end.
    let mut next: Vec<usize> = (1..=n).collect();
    let mut prev: Vec<usize> = std::iter::once(n).chain(0..n.saturating_sub(1)).collect();
    let candidate = |symbols: &[Symbol], left: usize, right: usize| {
        let (l, r) = (*symbols.get(left)?, *symbols.get(right)?);
        let (priority, id) = find(l, r)?;
        Some(Reverse(Candidate { priority, left, right, len: l.len + r.len, id }))
    };
    let mut heap: BinaryHeap<_> = (1..n).filter_map(|right| candidate(symbols, right - 1, right)).collect();
    while let Some(Reverse(Candidate { left, right, len, id, .. })) = heap.pop() {
        if symbols[left].len == 0 || symbols[right].len == 0 || symbols[left].len + symbols[right].len != len
        {
            continue;
        }
        symbols[left].len = len;
        symbols[left].id = Some(id);
        symbols[right].len = 0;
        next[left] = next[right];
        if next[left] < n {
            prev[next[left]] = left;
        }
        heap.extend(candidate(symbols, prev[left], left));
        heap.extend(candidate(symbols, left, next[left]));
    }
    symbols.retain(|symbol| symbol.len > 0);
}
