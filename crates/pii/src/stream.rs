//! Redaction of text that arrives in parts. Nothing is let out while later text could still make it part of an entity.
//!
//! What decides about a character stands within [`REACH`](crate::recognisers::REACH) bytes of it, or in the same run
//! without white space. So text is let go up to a white space that far from the end, unless an entity lies across it.
//! Of what was let go, enough is remembered to serve as context. The result is the same as for the whole text at once.

use crate::placeholder::mentions;
use crate::recognisers::REACH;
use crate::redactor::{Redacted, Redactor};
use crate::vault::Vault;

/// Bytes remembered as context of what follows.
const CONTEXT: usize = 2 * REACH;
/// A run without white space longer than this is let go inside.
const MAX_RUN: usize = 4 << 10;
/// An entity longer than this is let go in pieces, each replaced.
const MAX_ENTITY: usize = 64 << 10;

/// Redacts a stream with recognisers. The delay is at most a few hundred bytes in ordinary text, and bounded in any.
pub struct StreamRedactor<'r> {
    redactor: &'r Redactor,
    /// Text let go already, kept as context, then text held back.
    buffer: String,
    /// Where what is held back starts.
    held: usize,
    /// Bytes let go and forgotten.
    forgotten: usize,
    /// Held bytes at the last look, so that long holds are not looked at again for each byte.
    looked: usize,
    reach: usize,
}

impl<'r> StreamRedactor<'r> {
    /// A stream at its start. The caller's own regular expressions have no bound; matches longer than 256 bytes
    /// across white space are found only if they come whole.
    pub fn new(redactor: &'r Redactor) -> Self {
        let listed = redactor.recognisers().custom().longest_listed();
        StreamRedactor {
            redactor,
            buffer: String::new(),
            held: 0,
            forgotten: 0,
            looked: 0,
            reach: REACH.max(listed + 16),
        }
    }

    /// Takes a part; gives what is decided, its entities' offsets counted from the start of the stream
    /// (and `new_start` within this piece).
    pub fn push(&mut self, part: &str, vault: &mut Vault) -> Redacted {
        self.buffer.push_str(part);
        let held = self.buffer.len() - self.held;
        if held <= self.reach || held < self.looked + self.looked / 8 {
            return Redacted { text: String::new(), entities: Vec::new() };
        }
        let redacted = self.emit(false, vault);
        self.looked = self.buffer.len() - self.held;
        redacted
    }

    /// Gives the rest.
    pub fn finish(mut self, vault: &mut Vault) -> Redacted {
        self.emit(true, vault)
    }

    fn emit(&mut self, last: bool, vault: &mut Vault) -> Redacted {
        let text = &self.buffer;
        let entities = self.redactor.analyze(text);
        vault.index();
        let cut = if last { text.len() } else { self.cut(text, &entities, vault) };
        let from = self.held;
        let segment = &text[from..cut];
        let inside = entities
            .into_iter()
            .filter(|e| e.start >= from && e.start < cut)
            .map(|mut e| {
                (e.start, e.end) = (e.start - from, e.end.min(cut) - from);
                e
            })
            .collect();
        let mut redacted = self.redactor.apply(segment, inside, vault);
        let base = self.forgotten + from;
        for replaced in &mut redacted.entities {
            replaced.entity.start += base;
            replaced.entity.end += base;
        }
        let keep = crate::offsets::floor_char_boundary(text, cut.saturating_sub(CONTEXT));
        self.buffer.drain(..keep);
        self.forgotten += keep;
        self.held = cut - keep;
        redacted
    }

    /// The last place up to which everything is decided.
    fn cut(&self, text: &str, entities: &[crate::Entity], vault: &Vault) -> usize {
        let limit = crate::offsets::floor_char_boundary(text, text.len().saturating_sub(self.reach));
        if limit <= self.held {
            return self.held;
        }
        let mut cut = match text[self.held..limit].rfind(char::is_whitespace) {
            Some(space) => self.held + space,
            None if text.len() - self.held > MAX_RUN + self.reach => limit,
            None => return self.held,
        };
        let mut across: Vec<(usize, usize)> = entities.iter().map(|e| (e.start, e.end)).collect();
        across.extend(mentions(text, None).into_iter().map(|m| (m.span.start, m.span.end)));
        across.extend(vault.find(text, None).into_iter().map(|(span, _)| (span.start, span.end)));
        loop {
            let before = cut;
            for &(start, end) in &across {
                // An entity that ends where the known text ends may go on.
                if start < cut && cut < end.max(start + 1) {
                    cut = start;
                }
            }
            if cut == before {
                break;
            }
        }
        if cut <= self.held && text.len() - self.held > MAX_ENTITY { limit } else { cut.max(self.held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, Recognisers};
    use proptest::prelude::*;

    fn stream(text: &str, sizes: &[usize]) -> (String, Vec<(usize, usize, String)>, Vault, usize) {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let mut vault = Vault::new();
        let mut stream = StreamRedactor::new(&redactor);
        let (mut out, mut spans, mut most) = (String::new(), Vec::new(), 0);
        let mut take = |redacted: Redacted| {
            out += &redacted.text;
            spans.extend(
                redacted.entities.iter().map(|r| (r.entity.start, r.entity.end, r.entity.label.to_string())),
            );
        };
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        for size in sizes.iter().cycle() {
            if at >= chars.len() {
                break;
            }
            let part: String = chars[at..(at + size).min(chars.len())].iter().collect();
            at += size;
            take(stream.push(&part, &mut vault));
            most = most.max(stream.buffer.len() - stream.held);
        }
        take(stream.finish(&mut vault));
        (out, spans, vault, most)
    }

    fn whole(text: &str) -> Vec<(usize, usize, String)> {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        redactor.analyze(text).iter().map(|e| (e.start, e.end, e.label.to_string())).collect()
    }

    #[test]
    fn a_secret_never_leaves_in_pieces() {
        let text =
            "Hello, my card is 4111 1111 1111 1111 and my mail ana.maria.ruiz@example.com. ".repeat(12);
        for size in [1, 3, 7, 100] {
            let (out, spans, vault, most) = stream(&text, &[size]);
            assert!(
                !out.contains("4111")
                    && !out.contains("ana.maria")
                    && out.contains("[CREDIT_CARD_1] and my mail [EMAIL_1].")
            );
            assert_eq!(spans, whole(&text));
            assert_eq!(vault.restore(&out), text);
            assert!(most < 2 * REACH + 100, "{most}");
        }
    }

    #[test]
    fn long_runs_and_long_entities_are_bounded() {
        let run = "x".repeat(100_000);
        let (out, _, vault, most) = stream(&run, &[500]);
        assert_eq!(vault.restore(&out), run);
        assert!(most < 2 * MAX_RUN, "{most}");
        let key = format!("-----BEGIN PRIVATE KEY-----\n{}", "QUJDRA==\n".repeat(20_000));
        let (out, _, vault, most) = stream(&key, &[900]);
        assert_eq!(vault.restore(&out), key);
        assert!(most < 2 * MAX_ENTITY, "{most}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_stream_finds_what_the_whole_does(
            words in prop::collection::vec(prop_oneof![
                6 => "[a-z]{1,9}".prop_map(String::from),
                1 => prop_oneof![Just("ana@example.com"), Just("4111 1111 1111 1111"), Just("passport 546372819"), Just("(415) 555-2671"), Just("18 August 1997"),
                    Just("born on 1 May 1980"), Just("https://example.com/x?y=1"), Just("password: hunter2"), Just("[PERSON_1]"), Just("[ email 1 ]"), Just("\n"), Just("536-90-4399"),
                    Just("12 Baker Street"), Just("DE89 3704 0044 0532 0130 00"), Just("é😀")].prop_map(String::from),
            ], 0..200),
            sizes in prop::collection::vec(1_usize..90, 1..5),
        ) {
            let text = words.join(" ");
            let (out, spans, vault, _) = stream(&text, &sizes);
            prop_assert_eq!(vault.restore(&out), text.clone());
            let spans: Vec<_> = spans.into_iter().filter(|s| s.2 != "LITERAL").collect();
            prop_assert_eq!(spans, whole(&text));
        }
    }
}
