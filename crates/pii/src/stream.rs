//! Redaction of text that arrives in parts. Nothing is let out while later text could still make it part of an entity
//! ([`decided`](crate::decided)). Of what was let go, enough is remembered to serve as context. With recognisers alone the
//! result is the same as for the whole text at once.

use crate::Entity;
use crate::decided::decided;
use crate::offsets::floor_char_boundary;
use crate::placeholder::mentions;
use crate::redactor::{Redacted, Redactor};
use crate::vault::Vault;

/// An entity longer than this is let go in pieces, each replaced.
const MAX_ENTITY: usize = 64 << 10;

/// Bytes on either side of a position that a token classifier goes by: names hang on a few words around them, seldom on more.
const MODEL_REACH: usize = 512;

/// Redacts a stream. A table's rows are read by its head only while that is among what is remembered, some hundred bytes; further rows
/// are read as any other text. The delay is at most a few hundred bytes in ordinary text, and bounded in any.
///
/// With recognisers alone, [`StreamRedactor::push`] and [`StreamRedactor::finish`] do it. With a model, which takes its
/// time, the caller does: [`append`](StreamRedactor::append) a part; if that makes a look [`due`](StreamRedactor::due), run
/// the model over [`known`](StreamRedactor::known) and [`advance`](StreamRedactor::advance) with all that was found in it.
#[derive(Clone, Debug)]
pub struct StreamRedactor {
    /// Text let go already, kept as context, then text held back.
    buffer: Text,
    /// Where what is held back starts.
    held: usize,
    /// Bytes let go and forgotten.
    forgotten: usize,
    /// What was let out last.
    last: Option<char>,
    /// Held bytes at the last look, so that long holds are not looked at again for each byte.
    looked: usize,
    reach: usize,
    /// Bytes that must be held beyond the reach to make a look worth it.
    step: usize,
}

/// Text that `Debug` does not show.
#[derive(Clone, Default)]
struct Text(String);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl StreamRedactor {
    /// A stream at its start, for recognisers. The caller's own regular expressions have no bound; matches longer than 256
    /// bytes across white space are found only if they come whole.
    pub fn new(redactor: &Redactor) -> Self {
        StreamRedactor {
            buffer: Text::default(),
            held: 0,
            forgotten: 0,
            last: None,
            looked: 0,
            reach: redactor.reach(),
            step: 0,
        }
    }

    /// A stream at its start, for a model beside the recognisers: it holds more back and looks less often.
    pub fn with_model(redactor: &Redactor) -> Self {
        let stream = StreamRedactor::new(redactor);
        StreamRedactor { reach: stream.reach.max(MODEL_REACH), step: MODEL_REACH, ..stream }
    }

    /// Takes a part; gives what is decided, its entities' offsets counted from the start of the stream
    /// (and `new_start` within this piece).
    pub fn push(&mut self, redactor: &Redactor, part: &str, vault: &mut Vault) -> Redacted {
        self.append(part);
        if !self.due() {
            return Redacted { text: String::new(), entities: Vec::new() };
        }
        let found = redactor.analyze(self.known());
        self.advance(redactor, found, false, vault)
    }

    /// Gives the rest.
    pub fn finish(&mut self, redactor: &Redactor, vault: &mut Vault) -> Redacted {
        let found = redactor.analyze(self.known());
        self.advance(redactor, found, true, vault)
    }

    /// Takes a part and decides nothing.
    pub fn append(&mut self, part: &str) {
        self.buffer.0.push_str(part);
    }

    /// Whether so much is held back that some of it may be let go.
    pub fn due(&self) -> bool {
        let held = self.buffer.0.len() - self.held;
        held > self.reach + self.step && held >= self.looked + self.looked / 8
    }

    /// The text to analyse: some of what was let go, and all that is held back.
    pub fn known(&self) -> &str {
        &self.buffer.0
    }

    /// What of [`StreamRedactor::known`] is held back.
    pub fn held(&self) -> &str {
        self.buffer.0.get(self.held..).unwrap_or_default()
    }

    /// Bytes let go since the start.
    pub fn position(&self) -> usize {
        self.forgotten + self.held
    }

    /// Lets go what `found`, the entities in [`StreamRedactor::known`], decides; everything if this is the `last` of the stream.
    pub fn advance(
        &mut self,
        redactor: &Redactor,
        found: Vec<Entity>,
        last: bool,
        vault: &mut Vault,
    ) -> Redacted {
        let text = &self.buffer.0;
        vault.index();
        let cut = if last { text.len() } else { self.cut(text, &found, vault) };
        let from = self.held;
        let segment = &text[from..cut];
        let inside = found
            .into_iter()
            .filter(|e| e.start >= from && e.start < cut)
            .map(|mut e| {
                (e.start, e.end) = (e.start - from, e.end.min(cut) - from);
                e
            })
            .collect();
        let around = [self.last, text[cut..].chars().next()];
        let mut redacted = redactor.apply_between(around, segment, inside, vault);
        self.last = redacted.text.chars().next_back().or(self.last);
        let base = self.forgotten + from;
        for replaced in &mut redacted.entities {
            replaced.entity.start += base;
            replaced.entity.end += base;
        }
        let keep = floor_char_boundary(text, cut.saturating_sub(2 * self.reach));
        self.looked = text.len() - cut;
        self.buffer.0.drain(..keep);
        self.forgotten += keep;
        self.held = cut - keep;
        redacted
    }

    /// The last place up to which everything is decided, and no replacement is cut.
    fn cut(&self, text: &str, found: &[Entity], vault: &Vault) -> usize {
        let mut across: Vec<(usize, usize)> = found.iter().map(|e| (e.start, e.end)).collect();
        across.extend(mentions(text, None).into_iter().map(|m| (m.span.start, m.span.end)));
        across.extend(vault.find(text, None).into_iter().map(|(span, _)| (span.start, span.end)));
        let cut = decided(text, self.held, self.reach, &across);
        if cut == self.held && text.len() - self.held > MAX_ENTITY {
            return floor_char_boundary(text, text.len() - self.reach);
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decided::MAX_RUN;
    use crate::recognisers::REACH;
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
            take(stream.push(&redactor, &part, &mut vault));
            most = most.max(stream.buffer.0.len() - stream.held);
        }
        take(stream.finish(&redactor, &mut vault));
        (out, spans, vault, most)
    }

    fn whole(text: &str) -> Vec<(usize, usize, String)> {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        redactor.analyze(text).iter().map(|e| (e.start, e.end, e.label.to_string())).collect()
    }

    #[test]
    fn a_stand_in_at_a_cut_comes_back() {
        // An address is cut off from the word that it is joined to where what overlaps it must stay whole.
        let policy = Policy::default().with(crate::Label::Url, crate::Action::Surrogate);
        let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
        let text = "LITERAL_1https://x.example/a?b=c@d.e[LITERAL_1]https://x.example/a?b=c@d.e[ email 2 ]ana@example.com, "
            .to_owned()
            + &"and so on ".repeat(60);
        let chars: Vec<char> = text.chars().collect();
        for size in 1..60 {
            let mut vault = Vault::new();
            let mut stream = StreamRedactor::new(&redactor);
            let parts = chars.chunks(size).map(String::from_iter);
            let mut out: String = parts.map(|part| stream.push(&redactor, &part, &mut vault).text).collect();
            out += &stream.finish(&redactor, &mut vault).text;
            assert_eq!(vault.restore(&out), text, "{size}");
        }
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

    #[test]
    fn a_model_speaks_up_between_the_parts() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let mut vault = Vault::new();
        let mut stream = StreamRedactor::with_model(&redactor);
        let text = "Then Ana Ruiz wrote to ana@example.com about it, and nobody answered her. ".repeat(60);
        let names = |text: &str| {
            let found = text.match_indices("Ana Ruiz");
            found
                .map(|(at, m)| {
                    Entity::new(crate::Label::Person, at, at + m.len(), 0.9, crate::By::Model, "test")
                })
                .collect()
        };
        let (mut out, mut looks) = (String::new(), 0);
        for part in text.as_bytes().chunks(7) {
            stream.append(std::str::from_utf8(part).unwrap());
            if stream.due() {
                let found = redactor.analyze_with(stream.known(), names(stream.known()), None);
                out += &stream.advance(&redactor, found, false, &mut vault).text;
                looks += 1;
            }
        }
        let found = redactor.analyze_with(stream.known(), names(stream.known()), None);
        out += &stream.advance(&redactor, found, true, &mut vault).text;
        assert_eq!(out, text.replace("Ana Ruiz", "[PERSON_1]").replace("ana@example.com", "[EMAIL_1]"));
        assert!(looks > 3 && looks < text.len() / 256, "{looks}");
        assert_eq!(format!("{stream:?}").matches("Ana").count(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_stream_finds_what_the_whole_does(
            words in prop::collection::vec(prop_oneof![
                6 => "[a-z]{1,9}".prop_map(String::from),
                1 => prop_oneof![Just("ana@example.com"), Just("4111 1111 1111 1111"), Just("passport 546372819"), Just("(415) 555-2671"), Just("18 August 1997"),
                    Just("born on 1 May 1980"), Just("https://example.com/x?y=1"), Just("password: hunter2"), Just("[PERSON_1]"), Just("[ email 1 ]"), Just("\n"), Just("536-90-4399"),
                    Just("12 Baker Street"), Just("DE89 3704 0044 0532 0130 00"), Just("é😀"), Just("我的电话13800138000，"), Just("姓名,建国路88号\n"), Just("写ana@例子1.公司。li@a.com、")].prop_map(String::from),
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
