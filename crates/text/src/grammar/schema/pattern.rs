//! Regular expressions of `pattern`, as far as they are regular: over the characters of a string of JSON.
//!
//! Groups, alternatives, classes, `. ^ $ * + ? {m,n}`, `\d \w \s` and their negations. A quotation mark, a backslash, tab, newline and
//! carriage return are written as JSON's short escapes; other control characters are never matched.

use super::super::rules::{LAST, Node, Range, all_but};

const MAX_DEPTH: usize = 32;

const DIGITS: [Range; 1] = [(0x30, 0x39)];
const WORD: [Range; 4] = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];
const SPACE: [Range; 9] = [
    (9, 13),
    (32, 32),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
];
/// What JSON writes with a short escape, and how.
const ESCAPED: [(u32, &str); 5] = [(0x22, "\\\""), (0x5C, "\\\\"), (9, "\\t"), (10, "\\n"), (13, "\\r")];

const UNKNOWN: &str = "it has an escape that is not supported";

type Parsed<T> = Result<T, &'static str>;

/// The number that hexadecimal digits are, and nothing else.
pub(super) fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok().filter(|_| text.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The insides of strings that `pattern` is found in.
pub(super) fn node(pattern: &str) -> Parsed<Node> {
    let mut parser = Parser { left: pattern, depth: 0 };
    let begins = parser.take('^');
    let mut node = parser.choice()?;
    if !parser.left.is_empty() {
        return Err("it closes a group that is not open");
    }
    // An end sign stands at the end of an alternative, where only that of the whole pattern is taken.
    let ends = match &mut node {
        Node::Sequence(parts) => parts.pop_if(|part| is_end(part)).is_some(),
        _ => false,
    };
    if has_end(&node) {
        return Err("^ and $ are supported at its beginning and its end alone");
    }
    let any = || characters(&all_but(Vec::new())).times(0, None);
    let mut all = vec![node];
    if !begins {
        all.insert(0, any());
    }
    if !ends {
        all.push(any());
    }
    Ok(Node::Sequence(all))
}

/// Stands for `$` until it is known where it is: a repetition of nothing, no times.
fn end() -> Node {
    Node::Sequence(Vec::new()).times(0, Some(0))
}

fn is_end(node: &Node) -> bool {
    matches!(node, Node::Repeat(_, 0, Some(0)))
}

fn has_end(node: &Node) -> bool {
    match node {
        Node::Sequence(parts) | Node::Choice(parts) => parts.iter().any(has_end),
        Node::Repeat(part, ..) => is_end(node) || has_end(part),
        _ => false,
    }
}

/// One of these characters, as JSON writes them in a string.
fn characters(ranges: &[Range]) -> Node {
    let has = |c: u32| ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
    let mut out = all_but(ranges.to_vec());
    out.extend([(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F)]);
    let mut choices = vec![Node::Class(all_but(out))];
    choices.extend(ESCAPED.iter().filter(|(c, _)| has(*c)).map(|(_, written)| Node::literal(written)));
    if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) }
}

struct Parser<'a> {
    left: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.left.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.left = &self.left[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.next();
        }
        found
    }

    fn choice(&mut self) -> Parsed<Node> {
        let mut choices = vec![self.sequence()?];
        while self.take('|') {
            choices.push(self.sequence()?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek().filter(|&c| c != '|' && c != ')') {
            self.next();
            let part = match c {
                '(' => self.group()?,
                '[' => characters(&self.class()?),
                '.' => characters(&all_but(vec![(10, 10), (13, 13), (0x2028, 0x2029)])),
                '$' => end(),
                '^' | '*' | '+' | '?' | '{' => {
                    return Err("there is nothing to repeat, or a ^ that is not at its beginning");
                }
                '\\' => characters(&self.escape()?),
                c => characters(&[(c.into(), c.into())]),
            };
            parts.push(self.repeated(part)?);
        }
        Ok(Node::Sequence(parts))
    }

    fn group(&mut self) -> Parsed<Node> {
        if self.depth == MAX_DEPTH {
            return Err("its groups are nested too deep");
        }
        self.depth += 1;
        if self.take('?') && !self.take(':') {
            return Err("it looks ahead or back, or names a group, which is not supported");
        }
        let node = self.choice()?;
        if !self.take(')') {
            return Err("a group is not closed");
        }
        self.depth -= 1;
        Ok(node)
    }

    fn repeated(&mut self, part: Node) -> Parsed<Node> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let (times, _) = self.left[1..].split_once('}').ok_or("a number of times is not closed")?;
                let number = |text: &str| {
                    let digits = text.bytes().all(|b| b.is_ascii_digit());
                    text.parse().ok().filter(|_| digits).ok_or("a number of times is wrong")
                };
                let range = match times.split_once(',') {
                    None => (number(times)?, Some(number(times)?)),
                    Some((least, "")) => (number(least)?, None),
                    Some((least, most)) => (number(least)?, Some(number(most)?)),
                };
                self.left = &self.left[1 + times.len()..];
                range
            }
            _ => return Ok(part),
        };
        if is_end(&part) || most.is_some_and(|most| most < least) {
            return Err("a number of times is wrong");
        }
        self.next();
        // Which of the ways to match is taken does not matter here.
        self.take('?');
        Ok(if most == Some(0) { Node::Sequence(Vec::new()) } else { part.times(least, most) })
    }

    /// A character by its code in so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Parsed<u32> {
        let (text, left) = self.left.split_at_checked(digits).ok_or(UNKNOWN)?;
        self.left = left;
        hex(text).ok_or(UNKNOWN)
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Parsed<Vec<Range>> {
        const SURROGATE: &str = "it has half a pair of surrogates";
        let c = self.next().ok_or("it ends in a backslash")?;
        let one = |c: u32| Ok(vec![(c, c)]);
        match c {
            'd' => Ok(DIGITS.to_vec()),
            'D' => Ok(all_but(DIGITS.to_vec())),
            'w' => Ok(WORD.to_vec()),
            'W' => Ok(all_but(WORD.to_vec())),
            's' => Ok(SPACE.to_vec()),
            'S' => Ok(all_but(SPACE.to_vec())),
            't' => one(9),
            'n' => one(10),
            'r' => one(13),
            'x' => one(self.code(2)?),
            'u' => match self.code(4)? {
                high @ 0xD800..0xDC00 if self.left.starts_with("\\u") => {
                    self.left = &self.left[2..];
                    match self.code(4)? {
                        low @ 0xDC00..0xE000 => one(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)),
                        _ => Err(SURROGATE),
                    }
                }
                0xD800..0xE000 => Err(SURROGATE),
                c => one(c),
            },
            c if !c.is_ascii_alphanumeric() => one(c.into()),
            _ => Err(UNKNOWN),
        }
    }

    fn class(&mut self) -> Parsed<Vec<Range>> {
        let negated = self.take('^');
        let mut ranges = Vec::new();
        while !self.take(']') {
            let first = self.class_part()?;
            let [(from, same)] = first[..] else {
                ranges.extend(first);
                continue;
            };
            let dash = from == same && self.left.starts_with('-') && !self.left.starts_with("-]");
            if !dash {
                ranges.push((from, same));
                continue;
            }
            self.next();
            match self.class_part()?[..] {
                [(to, same)] if to == same && from <= to => ranges.push((from, to)),
                _ => return Err("a class has a range that is none"),
            }
        }
        ranges.retain(|&(_, last)| last <= LAST);
        Ok(if negated { all_but(ranges) } else { ranges })
    }

    /// A character of a class, or several, as `\d` has them.
    fn class_part(&mut self) -> Parsed<Vec<Range>> {
        match self.next().ok_or("a class is not closed")? {
            '\\' => self.escape(),
            c => Ok(vec![(c.into(), c.into())]),
        }
    }
}
