//! Reads GBNF as llama.cpp does (`src/llama-grammar.cpp`): rules `name ::= alternates`, literals, classes, `.`, groups, `* + ?` and
//! `{m,n}`, comments. Where a name is defined twice, the later one counts.

use super::error::GrammarError;
use super::rules::{LAST, MAX_RULES, Node, Range, Rules, all_but};

/// Groups inside one another, at most.
const MAX_DEPTH: usize = 100;

/// The rules of `text`, and which of them is `root`.
pub(super) fn parse(text: &str) -> Result<(Rules, usize), GrammarError> {
    let mut rules = Rules::default();
    read(text, &mut rules)?;
    let root = rules.find("root").filter(|&root| rules.rules[root].node.is_some());
    Ok((rules, root.ok_or(GrammarError::NoRoot)?))
}

/// Adds the rules of `text` to `rules`.
pub(super) fn read(text: &str, rules: &mut Rules) -> Result<(), GrammarError> {
    let mut parser = Parser { text, at: 0, rules, depth: 0 };
    parser.space(true);
    while parser.peek().is_some() {
        parser.rule()?;
    }
    match rules.rules.iter().find(|rule| rule.node.is_none()) {
        Some(rule) => {
            let (line, column) = place(text, rule.at.unwrap_or_default());
            Err(GrammarError::Undefined { line, column })
        }
        None => Ok(()),
    }
}

/// The line and the column of a byte of `text`, from 1. It reads all that is before: errors need it, nothing else.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    rules: &'a mut Rules,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn expected(&self, expected: &'static str) -> GrammarError {
        let (line, column) = place(self.text, self.at);
        GrammarError::Syntax { line, column, expected }
    }

    fn space(&mut self, newlines: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => self.at += 1,
                '\r' | '\n' if newlines => self.at += 1,
                '#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find(['\r', '\n']).unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    fn rule(&mut self) -> Result<(), GrammarError> {
        let at = self.at;
        let name = self.name().ok_or_else(|| self.expected("the name of a rule"))?;
        self.space(false);
        if !self.text[self.at..].starts_with("::=") {
            return Err(self.expected("\"::=\""));
        }
        self.at += 3;
        self.space(true);
        let index = self.rules.named(name, at);
        let node = self.alternates(false)?;
        let rule = &mut self.rules.rules[index];
        (rule.node, rule.at) = (Some(node), Some(at));
        if self.peek().is_some_and(|c| c != '\r' && c != '\n') {
            return Err(self.expected("the end of the line, or a part of a rule"));
        }
        self.space(true);
        Ok(())
    }

    fn alternates(&mut self, nested: bool) -> Result<Node, GrammarError> {
        let mut choices = vec![self.sequence(nested)?];
        while self.take('|') {
            self.space(true);
            choices.push(self.sequence(nested)?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) })
    }

    fn sequence(&mut self, nested: bool) -> Result<Node, GrammarError> {
        let mut parts: Vec<Node> = Vec::new();
        while let Some(c) = self.peek() {
            let at = self.at;
            match c {
                '"' => parts.push(self.literal()?),
                '[' => parts.push(self.class()?),
                '(' => parts.push(self.group()?),
                '.' => {
                    self.at += 1;
                    parts.push(Node::Class(vec![(0, LAST)]));
                }
                '*' | '+' | '?' | '{' => {
                    let Some(part) = parts.pop() else {
                        return Err(self.expected("something to repeat before this"));
                    };
                    let (least, most) = self.times(nested)?;
                    parts.push(self.repeated(part.times(least, most), at));
                }
                '<' | '!' => return Err(self.expected("text: tokens by name are not supported")),
                _ => {
                    let Some(name) = self.name() else { break };
                    parts.push(Node::Rule(self.rules.named(name, at)));
                }
            }
            if self.rules.rules.len() > MAX_RULES {
                return Err(GrammarError::TooLarge { what: "rules,", limit: MAX_RULES });
            }
            self.space(nested);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Sequence(parts) })
    }

    /// A repetition that was read at `at`; what it repeats is a rule where that is another one, so that no number of them is deep.
    fn repeated(&mut self, node: Node, at: usize) -> Node {
        match node {
            Node::Repeat(inner, least, most) if matches!(*inner, Node::Repeat(..)) => {
                let rule = self.rules.add(Some(*inner));
                self.rules.rules[rule].at = Some(at);
                Node::Rule(rule).times(least, most)
            }
            node => node,
        }
    }

    fn group(&mut self) -> Result<Node, GrammarError> {
        if self.depth == MAX_DEPTH {
            return Err(GrammarError::TooLarge { what: "groups inside one another,", limit: MAX_DEPTH });
        }
        self.depth += 1;
        self.at += 1;
        self.space(true);
        let node = self.alternates(true)?;
        if !self.take(')') {
            return Err(self.expected("\")\""));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn literal(&mut self) -> Result<Node, GrammarError> {
        self.at += 1;
        let mut bytes = Vec::new();
        while !self.take('"') {
            let c = self.char()?;
            let c = char::from_u32(c).ok_or_else(|| self.expected("a character: surrogates are none"))?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(Node::Literal(bytes))
    }

    fn class(&mut self) -> Result<Node, GrammarError> {
        self.at += 1;
        let negated = self.take('^');
        let mut ranges: Vec<Range> = Vec::new();
        while !self.take(']') {
            let first = self.char()?;
            let dash = self.text[self.at..].starts_with('-') && !self.text[self.at..].starts_with("-]");
            let last = if dash {
                self.at += 1;
                self.char()?
            } else {
                first
            };
            ranges.push((first, last));
        }
        ranges.retain(|(first, last)| first <= last);
        Ok(Node::Class(if negated { all_but(ranges) } else { ranges }))
    }

    /// A character of a literal or a class.
    fn char(&mut self) -> Result<u32, GrammarError> {
        let c = self.peek().ok_or_else(|| self.expected("the end of what was begun here or before"))?;
        self.at += c.len_utf8();
        if c != '\\' {
            return Ok(c.into());
        }
        let escaped = self.peek();
        self.at += escaped.map_or(0, char::len_utf8);
        let digits = match escaped {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some('t') => return Ok(9),
            Some('n') => return Ok(10),
            Some('r') => return Ok(13),
            Some(c @ ('\\' | '"' | '[' | ']' | '-')) => return Ok(c.into()),
            _ => {
                self.at -= escaped.map_or(0, char::len_utf8);
                return Err(self.expected("an escape: one of x u U t n r \\ \" [ ] -"));
            }
        };
        let hex = self.text[self.at..].get(..digits).filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).filter(|&value| value <= LAST);
        self.at += value.map_or(0, |_| digits);
        value.ok_or_else(|| {
            self.expected("hexadecimal digits of a character: 2 after x, 4 after u, 8 after U")
        })
    }

    fn times(&mut self, nested: bool) -> Result<(u32, Option<u32>), GrammarError> {
        let sign = self.peek();
        self.at += 1;
        match sign {
            Some('*') => return Ok((0, None)),
            Some('+') => return Ok((1, None)),
            Some('?') => return Ok((0, Some(1))),
            _ => {}
        }
        self.space(nested);
        let least = self.number()?.ok_or_else(|| self.expected("a number of times"))?;
        self.space(nested);
        let mut most = Some(least);
        if self.take(',') {
            self.space(nested);
            most = self.number()?;
            self.space(nested);
        }
        if !self.take('}') {
            return Err(self.expected("\"}\""));
        }
        match most {
            Some(most) if most < least => Err(self.expected("at least as many times at most as at least")),
            _ => Ok((least, most)),
        }
    }

    fn number(&mut self) -> Result<Option<u32>, GrammarError> {
        let rest = &self.text[self.at..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            return Ok(None);
        }
        let number = rest[..digits].parse().map_err(|_| self.expected("a smaller number"))?;
        self.at += digits;
        Ok(Some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Grammar;

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let wrong = |text: &str| match Grammar::from_gbnf(text).unwrap_err() {
            GrammarError::Syntax { line, column, .. } => ("syntax", line, column),
            GrammarError::Undefined { line, column } => ("undefined", line, column),
            GrammarError::LeftRecursion { line, column } => ("recursion", line, column),
            other => panic!("{other}"),
        };
        assert_eq!(wrong("root ::= \"a"), ("syntax", 1, 12));
        assert_eq!(wrong("root := \"a\""), ("syntax", 1, 6));
        assert_eq!(wrong("root ::= \"é\" *\n x ::= )"), ("syntax", 2, 8));
        assert_eq!(wrong("root ::= \"é\\q\""), ("syntax", 1, 13));
        assert_eq!(wrong("root ::= [a-z"), ("syntax", 1, 14));
        assert_eq!(wrong("root ::= (\"a\""), ("syntax", 1, 14));
        assert_eq!(wrong("root ::= * \"a\""), ("syntax", 1, 10));
        assert_eq!(wrong("root ::= \"a\"{2,1}"), ("syntax", 1, 18));
        assert_eq!(wrong("root ::= \"a\"{99999999999}"), ("syntax", 1, 14));
        assert_eq!(wrong("root ::= \"\\uD800\""), ("syntax", 1, 17));
        assert_eq!(wrong("root ::= \"\\xg0\""), ("syntax", 1, 13));
        assert_eq!(wrong("root ::= <think>"), ("syntax", 1, 10));
        assert_eq!(wrong("# one\nroot ::= a\n  b"), ("syntax", 3, 4));
        assert_eq!(wrong("root ::= \"a\" b\nc ::= \"d\""), ("undefined", 1, 14));
        assert_eq!(wrong("root ::= \"a\" | b\nb ::= root \"c\""), ("recursion", 1, 1));
        assert_eq!(wrong("root ::= e? root \"c\"\ne ::= \"x\""), ("recursion", 1, 1));
        assert_eq!(Grammar::from_gbnf("start ::= \"a\"").unwrap_err(), GrammarError::NoRoot);
        assert_eq!(Grammar::from_gbnf("").unwrap_err(), GrammarError::NoRoot);
    }

    #[test]
    fn sizes_have_limits() {
        let deep = format!("root ::= {}\"a\"{}", "(".repeat(101), ")".repeat(101));
        let long = "root ::= \"a\"{4000000000}";
        let ways = (0..300).map(|i| format!("| [\\u{:04X}-\\u{:04X}] ", 256 + 9 * i, 258 + 9 * i));
        let ways = format!(
            "x ::= \"\" {}\nroot ::= {}\"a\"",
            ways.collect::<String>(),
            "(x | x x)? ".repeat(100_000)
        );
        let many: String = (0..20_000).map(|i| format!(" r{i}")).collect();
        let many = format!("root ::= {many}");
        let powers = format!("root ::= \"a\"{}", "{2}".repeat(20_000));
        let none = format!("root ::= []{}", "{1000}".repeat(3));
        for text in [&deep, long, &ways, &many, &powers] {
            assert!(matches!(Grammar::from_gbnf(text), Err(GrammarError::TooLarge { .. })), "{text:.40}");
        }
        assert_eq!(Grammar::from_gbnf(&none).unwrap_err(), GrammarError::NoText);
    }

    #[test]
    fn repetitions_of_repetitions_cost_little() {
        let size = |text: &str| Grammar::from_gbnf(text).unwrap().size();
        for sign in ["?", "*", "+", "{1}", "{0,1}", "?*+"] {
            assert!(size(&format!("root ::= \"a\"{}", sign.repeat(10_000))) < 10, "{sign}");
        }
        // Others are rules, each of few states.
        let falling: String = (0..500).map(|i| format!("{{{},{}}}", 2 - i % 2, 2)).collect();
        assert!(size(&format!("root ::= \"a\"{falling}")) < 3000);
        assert!(size("root ::= \"a\" \"\"{400000000} (\"\" | \"\"){0,400000000} ()*") < 10);
        let x = format!("x ::= {}\"\"\nroot ::= {}\"a\"", "|".repeat(20_000), "x{256} ".repeat(8));
        assert!(size(&x) < 2100);
    }

    #[test]
    fn a_repetition_of_a_repetition_is_of_the_same_numbers_of_times() {
        let least_most = [(0, Some(0)), (0, Some(1)), (0, None), (1, None), (1, Some(1)), (2, Some(2))];
        let more = [(0, Some(3)), (1, Some(3)), (2, Some(3)), (3, Some(4)), (2, None)];
        let all: Vec<(u32, Option<u32>)> = least_most.into_iter().chain(more).collect();
        for &(a, b) in &all {
            for &(c, d) in &all {
                let Node::Repeat(inner, least, most) = Node::literal("a").times(a, b).times(c, d) else {
                    unreachable!()
                };
                if matches!(*inner, Node::Repeat(..)) {
                    continue;
                }
                // Up to 30 times, of which the parts up to 60 have all.
                let of = |n: u32| {
                    (c..=d.unwrap_or(60)).any(|k| k * a <= n && b.map_or(n == 0 || k > 0, |b| n <= k * b))
                };
                for n in 0..30 {
                    let found = n >= least && most.is_none_or(|most| n <= most);
                    assert_eq!(found, of(n), "{n} of {a} {b:?} {c} {d:?}");
                }
            }
        }
    }

    #[test]
    fn long_texts_are_read_once() {
        use std::fmt::Write;
        // 16,000 rules, each empty where the next one is, over a megabyte.
        let mut text = "root ::= r0\n".to_owned();
        (0..16_000).for_each(|i| writeln!(text, "r{i} ::= r{} # {:60}", i + 1, "").unwrap());
        text.push_str("r16000 ::= \"\"\n");
        assert!(Grammar::from_gbnf(&text).unwrap().0.nullable.iter().all(|&nullable| nullable));
    }

    #[test]
    fn what_cannot_be_or_end_is_no_text() {
        for text in [
            "root ::= []",
            "root ::= \"a\" []",
            "root ::= \"a\" root",
            "root ::= \"x\" b\nb ::= [] | \"b\" b",
        ] {
            assert_eq!(Grammar::from_gbnf(text).unwrap_err(), GrammarError::NoText, "{text}");
        }
    }
}
