//! Takes out of rules what no text can be: a property whose schema nothing is true of, say, is never begun then.

use super::super::rules::{Node, Rules};

/// Takes out what can be no text, and says of each rule whether it can be one.
pub(super) fn prune(rules: &mut Rules) -> Vec<bool> {
    let mut alive = vec![false; rules.rules.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (i, rule) in rules.rules.iter().enumerate().rev() {
            if !alive[i] && rule.node.as_ref().is_some_and(|node| lives(node, &alive)) {
                alive[i] = true;
                changed = true;
            }
        }
    }
    rules.rules.iter_mut().filter_map(|rule| rule.node.as_mut()).for_each(|node| cut(node, &alive));
    alive
}

fn lives(node: &Node, alive: &[bool]) -> bool {
    match node {
        Node::Literal(_) => true,
        Node::Class(ranges) => !ranges.is_empty(),
        Node::Sequence(nodes) => nodes.iter().all(|node| lives(node, alive)),
        Node::Choice(nodes) => nodes.iter().any(|node| lives(node, alive)),
        Node::Repeat(node, least, _) => *least == 0 || lives(node, alive),
        Node::Rule(rule) => alive[*rule],
    }
}

fn cut(node: &mut Node, alive: &[bool]) {
    match node {
        Node::Choice(nodes) => {
            nodes.retain(|node| lives(node, alive));
            nodes.iter_mut().for_each(|node| cut(node, alive));
        }
        Node::Sequence(nodes) => nodes.iter_mut().for_each(|node| cut(node, alive)),
        Node::Repeat(part, ..) if lives(part, alive) => cut(part, alive),
        Node::Repeat(_, 0, _) => *node = Node::Sequence(Vec::new()),
        _ => {}
    }
}
