//! A grammar as states over bytes.
//!
//! A rule is a graph of states that ends in [`State::Accept`]. It is made back to front: each part of it knows the state that
//! follows, so that no state is there only to join others.

use super::error::GrammarError;
use super::gbnf;
use super::rules::{MAX_RULES, Node, Range, Rules, sort};
use super::utf8;

/// States of a program, and ways to go on at them, at most. A schema of many properties has thousands.
const MAX_STATES: usize = 1 << 18;
/// States of a class that are looked through for one that can stand for the next: more would take long for a long class.
const SHARED: usize = 512;
/// No edge.
const NONE: u32 = u32::MAX;
/// Rules of so few states that call no others are written out where they are named, so that there are fewer frames: the characters
/// of a string, say. One that goes round, as the string does, is not: what a matcher learns of it then holds wherever it is named.
const INLINED: usize = 160;
/// Repeated parts beyond this many states in all become rules.
const REPEATED: usize = 256;
/// Inlined rules that name inlined rules, at most.
const INLINE_DEPTH: usize = 4;

/// Where a rule stands.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Takes a byte from the first to the second.
    Byte(u8, u8, u32),
    /// Goes on at any of these; at none, the text cannot go on.
    Split(Box<[u32]>),
    /// Goes on with a rule, and after it at the state.
    Call(u32, u32),
    /// The rule ends.
    Accept,
}

/// The state at which every rule ends.
pub(super) const ACCEPT: u32 = 0;

/// A grammar that can be run.
#[derive(Debug)]
pub(super) struct Program {
    pub states: Vec<State>,
    /// Where each rule begins.
    pub starts: Vec<u32>,
    /// Whether a rule may be empty.
    pub nullable: Vec<bool>,
    /// A number for each rule that is above those of the rules that may begin with it.
    pub order: Vec<u32>,
    pub root: u32,
    /// Bytes that no state tells apart have the same class.
    pub classes: Box<[u8; 256]>,
    pub n_classes: usize,
}

impl Program {
    /// Of rules that were read of `text`, where they were.
    pub fn new(rules: &Rules, root: usize, text: &str) -> Result<Program, GrammarError> {
        let n = rules.rules.len();
        if n > MAX_RULES {
            return Err(GrammarError::TooLarge { what: "rules,", limit: MAX_RULES });
        }
        let mut writer = Writer {
            rules,
            inlined: inlined(rules),
            states: vec![State::Accept],
            ways: 0,
            starts: vec![ACCEPT; n],
            parts_of: (0..n).collect(),
            writing: 0,
        };
        for (i, rule) in rules.rules.iter().enumerate() {
            let Some(node) = &rule.node else { continue };
            writer.writing = i;
            let start = writer.node(node, ACCEPT)?;
            writer.starts[i] = start;
        }
        let Writer { states, starts, parts_of, .. } = writer;
        if starts.len() > MAX_RULES {
            return Err(GrammarError::TooLarge { what: "rules,", limit: MAX_RULES });
        }
        let n = starts.len();
        let mut program = Program {
            states,
            starts,
            nullable: Vec::new(),
            order: vec![0; n],
            root: root as u32,
            classes: Box::new([0; 256]),
            n_classes: 0,
        };
        program.nullable = program.ending(false).split_off(program.states.len());
        program.sort().map_err(|rule| match rules.rules[parts_of[rule]].at {
            Some(at) => {
                let (line, column) = gbnf::place(text, at);
                GrammarError::LeftRecursion { line, column }
            }
            None => GrammarError::Schema {
                path: "#".to_owned(),
                problem: "a $ref leads to itself and nothing else",
            },
        })?;
        let ending = program.ending(true);
        if !ending[program.states.len() + root] {
            return Err(GrammarError::NoText);
        }
        // A text that comes to one of the others would never end.
        for (state, _) in program.states.iter_mut().zip(ending).filter(|(_, ends)| !ends) {
            *state = State::Split(Box::default());
        }
        (program.classes, program.n_classes) = classes(&program.states);
        Ok(program)
    }

    /// Its states, and the ways to go on at them.
    pub fn size(&self) -> usize {
        let ways = |state: &State| if let State::Split(next) = state { next.len() } else { 0 };
        self.states.iter().map(|state| 1 + ways(state)).sum()
    }

    /// Of each state, and behind them of each rule: whether the end of its rule can come, by some text, or without any.
    fn ending(&self, by_text: bool) -> Vec<bool> {
        let n = self.states.len();
        // The edges that lead to each, as a chain: where it begins, and the next one.
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let mut chains = vec![NONE; n + self.starts.len()];
        let mut edge = |from: usize, to: u32| {
            edges.push((from as u32, chains[to as usize]));
            chains[to as usize] = edges.len() as u32 - 1;
        };
        for (from, state) in self.states.iter().enumerate() {
            match state {
                State::Byte(_, _, next) if by_text => edge(from, *next),
                State::Split(next) => next.iter().for_each(|&next| edge(from, next)),
                State::Call(rule, next) => {
                    edge(from, *next);
                    edge(from, n as u32 + rule);
                }
                _ => {}
            }
        }
        self.starts.iter().enumerate().for_each(|(rule, &start)| edge(n + rule, start));
        let mut ends = vec![false; chains.len()];
        ends[ACCEPT as usize] = true;
        let mut open = vec![ACCEPT];
        while let Some(to) = open.pop() {
            let mut at = chains[to as usize];
            while at != NONE {
                let (from, next) = edges[at as usize];
                at = next;
                let all = match self.states.get(from as usize) {
                    Some(State::Call(rule, next)) => ends[*next as usize] && ends[n + *rule as usize],
                    _ => true,
                };
                if all && !std::mem::replace(&mut ends[from as usize], true) {
                    open.push(from);
                }
            }
        }
        ends
    }

    /// The rules that `rule` calls before it takes a byte. `seen` is of the program's states.
    fn first_calls(&self, rule: usize, seen: &mut Seen) -> Vec<u32> {
        let mut calls = Vec::new();
        seen.mark += 1;
        seen.reach(self.starts[rule]);
        while let Some(state) = seen.open.pop() {
            match &self.states[state as usize] {
                State::Byte(..) | State::Accept => {}
                State::Split(next) => next.iter().for_each(|&state| seen.reach(state)),
                State::Call(called, next) => {
                    calls.push(*called);
                    if self.nullable[*called as usize] {
                        seen.reach(*next);
                    }
                }
            }
        }
        calls
    }

    /// Numbers the rules; fails with one that begins with itself.
    fn sort(&mut self) -> Result<(), usize> {
        const NEW: u8 = 0;
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let n = self.starts.len();
        let mut seen = Seen::new(&self.states);
        let mut marks = vec![NEW; n];
        let mut number = n as u32;
        for first in 0..n {
            // Each with the calls that are still to be followed.
            let mut path: Vec<(usize, Vec<u32>)> = Vec::new();
            if marks[first] == NEW {
                marks[first] = OPEN;
                path.push((first, self.first_calls(first, &mut seen)));
            }
            while let Some((rule, calls)) = path.last_mut() {
                let Some(called) = calls.pop() else {
                    number -= 1;
                    self.order[*rule] = number;
                    marks[*rule] = DONE;
                    path.pop();
                    continue;
                };
                let called = called as usize;
                match marks[called] {
                    NEW => {
                        marks[called] = OPEN;
                        path.push((called, self.first_calls(called, &mut seen)));
                    }
                    OPEN => return Err(called),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// States that a search has reached.
struct Seen {
    /// For each state, the number of the search that reached it last.
    by: Vec<u32>,
    mark: u32,
    open: Vec<u32>,
}

impl Seen {
    fn new(states: &[State]) -> Seen {
        Seen { by: vec![0; states.len()], mark: 0, open: Vec::new() }
    }

    fn reach(&mut self, state: u32) {
        if std::mem::replace(&mut self.by[state as usize], self.mark) != self.mark {
            self.open.push(state);
        }
    }
}

/// About as many states as `node` takes, one for each of its parts at least; none, where it is more than what is repeated
/// as it is, or names a rule that is not inlined.
fn weight(node: &Node, inlined: &[Option<usize>]) -> Option<usize> {
    let small = |weight: &usize| *weight <= REPEATED;
    let sum = |nodes: &[Node]| {
        nodes.iter().try_fold(0, |sum, node| Some(weight(node, inlined)? + sum).filter(small))
    };
    let weight = match node {
        Node::Literal(bytes) => Some(bytes.len()),
        Node::Class(ranges) => {
            Some(1 + ranges.iter().map(|&(_, last)| if last < 0x80 { 1 } else { 8 }).sum::<usize>())
        }
        Node::Sequence(nodes) => sum(nodes),
        Node::Choice(nodes) => Some(1 + sum(nodes)?),
        Node::Repeat(node, least, most) => {
            let times = most.unwrap_or(least.saturating_add(1)).max(1) as usize;
            Some(times.saturating_mul(weight(node, inlined)? + 1))
        }
        Node::Rule(rule) => inlined[*rule],
    };
    weight.map(|weight| weight.max(1)).filter(small)
}

/// Whether a text of it can be of any length.
fn goes_round(node: &Node) -> bool {
    match node {
        Node::Repeat(_, _, None) => true,
        Node::Repeat(node, ..) => goes_round(node),
        Node::Sequence(nodes) | Node::Choice(nodes) => nodes.iter().any(goes_round),
        _ => false,
    }
}

/// The weights of the rules that are written out where they are named.
fn inlined(rules: &Rules) -> Vec<Option<usize>> {
    let mut inlined = vec![None; rules.rules.len()];
    for _ in 0..INLINE_DEPTH {
        let weights = rules.rules.iter().map(|rule| {
            rule.node.as_ref().filter(|node| !goes_round(node)).and_then(|node| weight(node, &inlined))
        });
        inlined = weights.map(|w| w.filter(|&w| w <= INLINED)).collect();
    }
    inlined
}

struct Writer<'a> {
    rules: &'a Rules,
    inlined: Vec<Option<usize>>,
    states: Vec<State>,
    /// Ways to go on of its states that have several.
    ways: usize,
    starts: Vec<u32>,
    /// The rule that each is, or is a part of.
    parts_of: Vec<usize>,
    writing: usize,
}

impl Writer<'_> {
    fn push(&mut self, state: State) -> Result<u32, GrammarError> {
        if self.states.len() + self.ways >= MAX_STATES {
            return Err(GrammarError::TooLarge { what: "states that its parts take,", limit: MAX_STATES });
        }
        self.states.push(state);
        Ok(self.states.len() as u32 - 1)
    }

    /// Goes on at one of `next`, each of which stands there with a 0.
    fn split(&mut self, mut next: Vec<(u32, u32)>) -> Result<u32, GrammarError> {
        sort(&mut next);
        if next.len() == 1 {
            return Ok(next[0].0);
        }
        self.ways += next.len();
        self.push(State::Split(next.into_iter().map(|(next, _)| next).collect()))
    }

    /// The state that begins `node` where `next` follows it.
    fn node(&mut self, node: &Node, next: u32) -> Result<u32, GrammarError> {
        match node {
            Node::Literal(bytes) => {
                bytes.iter().rev().try_fold(next, |next, &byte| self.push(State::Byte(byte, byte, next)))
            }
            Node::Class(ranges) => self.class(ranges, next),
            Node::Sequence(nodes) => nodes.iter().rev().try_fold(next, |next, node| self.node(node, next)),
            Node::Choice(nodes) => {
                let choices = nodes.iter().map(|node| Ok((self.node(node, next)?, 0)));
                let choices = choices.collect::<Result<_, _>>()?;
                self.split(choices)
            }
            Node::Repeat(node, least, most) => self.repeat(node, *least, *most, next),
            Node::Rule(rule) => match (&self.rules.rules[*rule].node, self.inlined[*rule]) {
                (Some(node), Some(_)) => self.node(node, next),
                _ => self.push(State::Call(*rule as u32, next)),
            },
        }
    }

    fn repeat(&mut self, node: &Node, least: u32, most: Option<u32>, next: u32) -> Result<u32, GrammarError> {
        let times = most.unwrap_or(least) as usize;
        let weight = if times > 1 { weight(node, &self.inlined).unwrap_or(REPEATED) } else { 0 };
        // Written once, as a rule, where it is large; what calls a rule anyway is not made smaller so.
        let rule = match node {
            Node::Rule(_) if weight >= REPEATED => None,
            _ if times > 1 && times.saturating_mul(weight) > REPEATED => {
                let start = self.node(node, ACCEPT)?;
                if start == ACCEPT {
                    return Ok(next);
                }
                self.starts.push(start);
                self.parts_of.push(self.writing);
                Some(self.starts.len() as u32 - 1)
            }
            _ => None,
        };
        let once = |writer: &mut Self, next: u32| match rule {
            Some(rule) => writer.push(State::Call(rule, next)),
            None => writer.node(node, next),
        };
        let mut entry = next;
        match most {
            // Each time but the last may be followed by another one.
            Some(most) => {
                for _ in least..most {
                    let again = once(self, entry)?;
                    let choice = self.split(vec![(again, 0), (next, 0)])?;
                    if std::mem::replace(&mut entry, choice) == choice {
                        break;
                    }
                }
            }
            None => {
                let again = self.push(State::Accept)?;
                let body = once(self, again)?;
                self.states[again as usize] = State::Split([body, next].into());
                entry = again;
            }
        }
        for _ in 0..least {
            let before = once(self, entry)?;
            // Nothing, however often.
            if std::mem::replace(&mut entry, before) == before {
                break;
            }
        }
        Ok(entry)
    }

    fn class(&mut self, ranges: &[Range], next: u32) -> Result<u32, GrammarError> {
        // Many sequences end alike.
        let mut made: Vec<((u8, u8, u32), u32)> = Vec::new();
        let mut entries = Vec::new();
        let mut failed = None;
        for &range in ranges {
            utf8::sequences(range, &mut |bytes| {
                let entry = bytes.iter().rev().try_fold(next, |next, &(low, high)| {
                    let key = (low, high, next);
                    if let Some(&(_, state)) = made.iter().rev().take(SHARED).find(|(k, _)| *k == key) {
                        return Ok(state);
                    }
                    let state = self.push(State::Byte(low, high, next))?;
                    made.push((key, state));
                    Ok(state)
                });
                match entry {
                    Ok(entry) => entries.push((entry, 0)),
                    Err(error) => failed = Some(error),
                }
            });
        }
        match failed {
            Some(error) => Err(error),
            None => self.split(entries),
        }
    }
}

fn classes(states: &[State]) -> (Box<[u8; 256]>, usize) {
    let mut begins = [false; 257];
    for state in states {
        if let State::Byte(low, high, _) = *state {
            begins[low as usize] = true;
            begins[high as usize + 1] = true;
        }
    }
    let mut classes = Box::new([0; 256]);
    let mut class = 0;
    for byte in 0..256 {
        if byte > 0 && begins[byte] {
            class += 1;
        }
        classes[byte] = class as u8;
    }
    (classes, class + 1)
}
