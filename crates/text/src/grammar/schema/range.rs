//! Integers from one to another, by their digits.

use super::super::rules::Node;

/// Beyond this, an integer that is not bounded has too many digits: 16, as llama.cpp has it.
const MOST: i64 = 9_999_999_999_999_999;

/// The integers from `least` to `most`.
pub(super) fn integers(least: Option<i64>, most: Option<i64>) -> Node {
    // What is beyond is beyond by one, which is enough for there to be none.
    let least = least.unwrap_or(-MOST).clamp(-MOST, MOST + 1);
    let most = most.unwrap_or(MOST).clamp(-MOST - 1, MOST);
    let mut choices = Vec::new();
    if least < 0 {
        let (low, high) = ((-most).max(1), -least);
        choices.push(Node::Sequence(vec![Node::literal("-"), naturals(low as u64, high as u64)]));
    }
    if most >= 0 {
        choices.push(naturals(least.max(0) as u64, most as u64));
    }
    Node::Choice(choices)
}

/// Those from `low` to `high`; nothing, where it is less.
fn naturals(mut low: u64, high: u64) -> Node {
    let mut choices = Vec::new();
    while low <= high {
        // Those with as many digits as `low`.
        let digits = low.to_string().len() as u32;
        let last = high.min(10u64.pow(digits) - 1);
        choices.push(same_length(low.to_string().as_bytes(), last.to_string().as_bytes()));
        low = last + 1;
    }
    Node::Choice(choices)
}

/// Numbers from `low` to `high`, which have as many digits.
fn same_length(low: &[u8], high: &[u8]) -> Node {
    let ([l, low @ ..], [h, high @ ..]) = (low, high) else { return Node::Sequence(Vec::new()) };
    let digit = |from: u8, to: u8| Node::Class(vec![(from.into(), to.into())]);
    if l == h {
        return Node::Sequence(vec![digit(*l, *h), same_length(low, high)]);
    }
    // Where the rest may be anything, the digit is one of the middle.
    let from_zeros = low.iter().all(|&d| d == b'0');
    let to_nines = high.iter().all(|&d| d == b'9');
    let (first, last) = (if from_zeros { *l } else { l + 1 }, if to_nines { *h } else { h - 1 });
    let mut choices = Vec::new();
    if !from_zeros {
        choices.push(Node::Sequence(vec![digit(*l, *l), same_length(low, &vec![b'9'; low.len()])]));
    }
    if first <= last {
        let rest = digit(b'0', b'9').times(low.len() as u32, Some(low.len() as u32));
        choices.push(Node::Sequence(vec![digit(first, last), rest]));
    }
    if !to_nines {
        choices.push(Node::Sequence(vec![digit(*h, *h), same_length(&vec![b'0'; high.len()], high)]));
    }
    Node::Choice(choices)
}
