//! A grammar as it is written: rules over code points.

use std::collections::BTreeMap;

/// Code points from the first to the last, both included.
pub(super) type Range = (u32, u32);

/// The last code point.
pub(super) const LAST: u32 = char::MAX as u32;

/// What a part of a rule stands for.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// These bytes.
    Literal(Vec<u8>),
    /// One of these code points; nothing, where there are none.
    Class(Vec<Range>),
    /// One after the other.
    Sequence(Vec<Node>),
    /// One of them; nothing, where there are none.
    Choice(Vec<Node>),
    /// So many times at least and at most.
    Repeat(Box<Node>, u32, Option<u32>),
    /// What the rule says.
    Rule(usize),
}

impl Node {
    pub fn literal(text: &str) -> Node {
        Node::Literal(text.as_bytes().to_vec())
    }

    pub fn optional(self) -> Node {
        self.times(0, Some(1))
    }

    /// `self`, so many times at least and at most. A repetition of one is one, where it is of the same texts and no larger numbers.
    pub fn times(self, least: u32, most: Option<u32>) -> Node {
        match self {
            Node::Repeat(node, low, high) => match product((low, high), (least, most)) {
                Some((least, most)) => Node::Repeat(node, least, most),
                None => Node::Repeat(Box::new(Node::Repeat(node, low, high)), least, most),
            },
            node => Node::Repeat(Box::new(node), least, most),
        }
    }
}

/// How many times a part is there that is repeated as `inner` says, and that as `outer` says: where that is any number from a
/// least to a most, neither above both of what they are made of.
fn product(inner: (u32, Option<u32>), outer: (u32, Option<u32>)) -> Option<(u32, Option<u32>)> {
    let ((a, b), (c, d)) = (inner, outer);
    let least = a.checked_mul(c).filter(|&least| least <= a.max(c))?;
    let most = match (b, d) {
        (Some(0), _) => return None,
        (_, Some(0)) => Some(0),
        (None, _) | (_, None) => None,
        (Some(b), Some(d)) => Some((b == 1 || d == 1).then_some(b.max(d))?),
    };
    // The most of so many leads on to the least of one more.
    let (a, c) = (u64::from(a), u64::from(c));
    let leads_on = (c + 1) * a <= c.saturating_mul(b.map_or(u64::MAX, u64::from)).saturating_add(1);
    (leads_on || d == Some(outer.0)).then_some((least, most))
}

/// A rule, and where it is defined or first named.
#[derive(Debug)]
pub(super) struct Rule {
    /// None until it is defined.
    pub node: Option<Node>,
    /// The byte of the text; none, where it is of no text.
    pub at: Option<usize>,
}

/// Rules of a grammar at most.
pub(super) const MAX_RULES: usize = 1 << 14;

/// All rules of a grammar.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub rules: Vec<Rule>,
    names: BTreeMap<String, usize>,
}

impl Rules {
    /// The rule of this name, which is made where there is none.
    pub fn named(&mut self, name: &str, at: usize) -> usize {
        if let Some(&rule) = self.names.get(name) {
            return rule;
        }
        self.rules.push(Rule { node: None, at: Some(at) });
        self.names.insert(name.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }

    /// The rule of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// A further rule without a name.
    pub fn add(&mut self, node: Option<Node>) -> usize {
        self.rules.push(Rule { node, at: None });
        self.rules.len() - 1
    }
}

/// Sorts pairs, and leaves one of equals. A heap sort: the library's is ten times the code, which every page would download.
pub(super) fn sort(pairs: &mut Vec<(u32, u32)>) {
    let n = pairs.len();
    (0..n / 2).rev().for_each(|at| sift(pairs, at));
    for end in (1..n).rev() {
        pairs.swap(0, end);
        sift(&mut pairs[..end], 0);
    }
    pairs.dedup();
}

/// Lets the pair at `at` down to where no larger one is below it.
fn sift(pairs: &mut [(u32, u32)], mut at: usize) {
    loop {
        let mut child = 2 * at + 1;
        if child + 1 < pairs.len() && pairs[child] < pairs[child + 1] {
            child += 1;
        }
        if child >= pairs.len() || pairs[at] >= pairs[child] {
            return;
        }
        pairs.swap(at, child);
        at = child;
    }
}

/// The code points that are not in `ranges`.
pub(super) fn all_but(mut ranges: Vec<Range>) -> Vec<Range> {
    sort(&mut ranges);
    let mut out = Vec::with_capacity(ranges.len() + 1);
    let mut next = 0;
    for (first, last) in ranges {
        if first > next {
            out.push((next, first - 1));
        }
        next = next.max(last + 1);
    }
    if next <= LAST {
        out.push((next, LAST));
    }
    out
}
