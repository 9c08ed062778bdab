//! From a token classifier's log-probabilities to spans: Viterbi over the tags under the BIOES constraints, with the
//! transition biases that `openai/privacy-filter` calls a calibration.
//!
//! The decoder takes one row at a time and keeps one byte a tag and token, so a megabyte of text costs megabytes, not gigabytes.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Where in an entity a tag stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Begin,
    Inside,
    End,
    Single,
}

/// A model's output tags, parsed.
#[derive(Clone, Debug)]
pub struct Tags {
    tags: Vec<(Place, usize)>,
    classes: Vec<String>,
    /// Whether an entity has to close with `E` or `S`; plain IOB2 has neither.
    closed: bool,
}

/// A list of tags that no sequence of entities can be read from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// There is no outside tag `O`.
    #[error("the tag list has no outside tag \"O\"")]
    NoOutside,
    /// More tags than one byte counts.
    #[error("{0} tags are more than the 255 the decoder takes")]
    TooMany(usize),
}

/// A row of a length other than the number of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of {got} scores came for {want} tags")]
pub struct RowError {
    /// Length of the row.
    pub got: usize,
    /// Number of tags.
    pub want: usize,
}

impl Tags {
    /// Parses tag names in the order of the model's outputs: `O`, `B-PER`, `I-PER`, `E-PER`, `S-PER` (also `L-`/`U-`,
    /// and IOB2, where nothing marks an end). A name without a known prefix is a class that needs no order: any run of it is an entity.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Tags, TagsError> {
        if names.len() > 255 {
            return Err(TagsError::TooMany(names.len()));
        }
        let mut classes: Vec<String> = Vec::new();
        let mut closed = false;
        let mut tags = Vec::with_capacity(names.len());
        for name in names {
            let name = name.as_ref();
            let (place, class) = match name.split_once(['-', '_']) {
                Some(("B", class)) => (Place::Begin, class),
                Some(("I", class)) => (Place::Inside, class),
                Some(("E" | "L", class)) => (Place::End, class),
                Some(("S" | "U", class)) => (Place::Single, class),
                _ if name.eq_ignore_ascii_case("O") => (Place::Outside, ""),
                _ => (Place::Inside, name),
            };
            closed |= matches!(place, Place::End | Place::Single);
            let index = classes.iter().position(|known| known == class).unwrap_or_else(|| {
                classes.push(class.to_owned());
                classes.len() - 1
            });
            tags.push((place, index));
        }
        if !tags.iter().any(|(place, _)| *place == Place::Outside) {
            return Err(TagsError::NoOutside);
        }
        Ok(Tags { tags, classes, closed })
    }

    /// Number of tags: the length of a row of scores.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Never: a tag list holds at least `O`.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The name of a class, such as `PER`.
    pub fn class(&self, index: usize) -> &str {
        self.classes.get(index).map_or("", String::as_str)
    }

    fn has_begin(&self, class: usize) -> bool {
        self.tags.iter().any(|&(place, c)| c == class && matches!(place, Place::Begin | Place::Single))
    }

    fn may_start(&self, (place, class): (Place, usize)) -> bool {
        match place {
            Place::Outside | Place::Begin | Place::Single => true,
            Place::Inside => !self.has_begin(class),
            Place::End => false,
        }
    }

    fn may_end(&self, (place, _): (Place, usize)) -> bool {
        !self.closed || matches!(place, Place::Outside | Place::End | Place::Single)
    }

    fn may_follow(&self, from: (Place, usize), to: (Place, usize)) -> bool {
        let inside = matches!(from.0, Place::Begin | Place::Inside);
        match to.0 {
            Place::Inside if !self.has_begin(to.1) => !self.closed || !inside || from.1 == to.1,
            Place::Inside | Place::End => inside && from.1 == to.1,
            Place::Outside | Place::Begin | Place::Single => !inside || !self.closed,
        }
    }
}

/// Biases added to legal transitions: a dial between recall and precision. All zero leaves the constraints alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Biases {
    /// `O` to `O`.
    #[serde(rename = "transition_bias_background_stay")]
    pub background_stay: f32,
    /// `O` to `B` or `S`.
    #[serde(rename = "transition_bias_background_to_start")]
    pub background_to_start: f32,
    /// `B` or `I` to `I`.
    #[serde(rename = "transition_bias_inside_to_continue")]
    pub inside_to_continue: f32,
    /// `B` or `I` to `E`.
    #[serde(rename = "transition_bias_inside_to_end")]
    pub inside_to_end: f32,
    /// `E` or `S` to `O`.
    #[serde(rename = "transition_bias_end_to_background")]
    pub end_to_background: f32,
    /// `E` or `S` to `B` or `S`.
    #[serde(rename = "transition_bias_end_to_start")]
    pub end_to_start: f32,
}

/// A `viterbi_calibration.json` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// Not JSON of the expected shape.
    #[error(
        "the calibration is not {{\"operating_points\": {{NAME: {{\"biases\": ...}}}}}} (line {line}, column {column})"
    )]
    Shape {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// No such operating point.
    #[error("there is no operating point {name:?}; {}", known_points(known))]
    NoSuchPoint {
        /// The name that was asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
}

fn known_points(known: &[String]) -> String {
    if known.is_empty() {
        "this model has none".to_owned()
    } else {
        format!("known are {}", known.join(", "))
    }
}

/// The operating points of a `viterbi_calibration.json`: biases by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration(BTreeMap<String, Biases>);

impl Calibration {
    /// Reads the file.
    pub fn parse(json: &str) -> Result<Calibration, CalibrationError> {
        #[derive(Deserialize)]
        struct File {
            operating_points: BTreeMap<String, Point>,
        }
        #[derive(Deserialize)]
        struct Point {
            biases: Biases,
        }
        let file: File = serde_json::from_str(json)
            .map_err(|e| CalibrationError::Shape { line: e.line(), column: e.column() })?;
        Ok(Calibration(file.operating_points.into_iter().map(|(name, point)| (name, point.biases)).collect()))
    }

    /// The names of its points.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Those that a model is used with when nobody asks for others: the point called "default", or none.
    pub fn default_biases(&self) -> Biases {
        self.0.get("default").copied().unwrap_or_default()
    }

    /// The biases of one of them.
    pub fn biases(&self, name: &str) -> Result<Biases, CalibrationError> {
        self.0.get(name).copied().ok_or_else(|| CalibrationError::NoSuchPoint {
            name: name.to_owned(),
            known: self.names().map(str::to_owned).collect(),
        })
    }
}

impl Biases {
    fn of(&self, from: Place, to: Place) -> f32 {
        match (from, to) {
            (Place::Outside, Place::Outside) => self.background_stay,
            (Place::Outside, Place::Begin | Place::Single) => self.background_to_start,
            (Place::Begin | Place::Inside, Place::Inside) => self.inside_to_continue,
            (Place::Begin | Place::Inside, Place::End) => self.inside_to_end,
            (Place::End | Place::Single, Place::Outside) => self.end_to_background,
            (Place::End | Place::Single, Place::Begin | Place::Single) => self.end_to_start,
            _ => 0.0,
        }
    }
}

/// A run of tokens that is one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSpan {
    /// Index for [`Tags::class`].
    pub class: usize,
    /// Tokens.
    pub tokens: Range<usize>,
    /// Mean probability that the tokens belong to the class.
    pub score: f32,
}

/// Viterbi decoding, a row at a time.
pub struct Decoder<'t> {
    tags: &'t Tags,
    /// Legal transitions `from * len + to`, minus infinity elsewhere.
    transitions: Vec<f32>,
    scores: Vec<f32>,
    /// For each token and tag, the tag before it on the best path.
    back: Vec<u8>,
    /// For each token and class, the probability in 255ths.
    class_probability: Vec<u8>,
    tokens: usize,
}

impl<'t> Decoder<'t> {
    /// A decoder at the start of a text.
    pub fn new(tags: &'t Tags, biases: Biases) -> Self {
        let transitions = tags
            .tags
            .iter()
            .flat_map(|&from| {
                tags.tags.iter().map(move |&to| {
                    if tags.may_follow(from, to) { biases.of(from.0, to.0) } else { f32::NEG_INFINITY }
                })
            })
            .collect();
        Decoder {
            tags,
            transitions,
            scores: Vec::new(),
            back: Vec::new(),
            class_probability: Vec::new(),
            tokens: 0,
        }
    }

    /// Takes the next token's log-probabilities (or logits: each row is normalised), `[n_tags]`. A NaN counts as impossible.
    pub fn push(&mut self, row: &[f32]) -> Result<(), RowError> {
        let n = self.tags.len();
        if row.len() != n {
            return Err(RowError { got: row.len(), want: n });
        }
        let row: Vec<f32> =
            row.iter().map(|&x| if x.is_nan() { f32::NEG_INFINITY } else { x.clamp(-1e30, 1e30) }).collect();
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total = most + row.iter().map(|x| (x - most).exp()).sum::<f32>().ln();
        let log: Vec<f32> = row.iter().map(|x| if total.is_finite() { x - total } else { 0.0 }).collect();
        let from = self.class_probability.len();
        self.class_probability.resize(from + self.tags.classes.len(), 0);
        let mut by_class = vec![0.0_f32; self.tags.classes.len()];
        for (&(_, class), log) in self.tags.tags.iter().zip(&log) {
            by_class[class] += log.exp();
        }
        for (slot, p) in self.class_probability[from..].iter_mut().zip(by_class) {
            *slot = (p * 255.0).round() as u8;
        }
        let mut next = vec![f32::NEG_INFINITY; n];
        let mut back = vec![0_u8; n];
        for (to, slot) in next.iter_mut().enumerate() {
            if self.tokens == 0 {
                *slot = if self.tags.may_start(self.tags.tags[to]) { log[to] } else { f32::NEG_INFINITY };
                continue;
            }
            for (before, score) in self.scores.iter().enumerate() {
                let candidate = score + self.transitions[before * n + to];
                if candidate > *slot {
                    (*slot, back[to]) = (candidate, before as u8);
                }
            }
            *slot += log[to];
        }
        // Keep the running scores near zero: only their differences matter.
        let top = next.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if top.is_finite() {
            next.iter_mut().for_each(|score| *score -= top);
        }
        self.scores = next;
        self.back.extend(back);
        self.tokens += 1;
        Ok(())
    }

    /// The best legal path's entities.
    pub fn finish(self) -> Vec<TokenSpan> {
        let n = self.tags.len();
        if self.tokens == 0 {
            return Vec::new();
        }
        let best = |legal: bool| {
            (0..n)
                .filter(|&i| !legal || self.tags.may_end(self.tags.tags[i]))
                .reduce(|a, b| if self.scores[b] > self.scores[a] { b } else { a })
        };
        let Some(mut tag) = best(true) else { return Vec::new() };
        let mut path = vec![0_usize; self.tokens];
        for token in (0..self.tokens).rev() {
            path[token] = tag;
            tag = usize::from(self.back[token * n + tag]);
        }
        let mut spans: Vec<TokenSpan> = Vec::new();
        let mut open: Option<(usize, usize)> = None;
        for token in 0..=self.tokens {
            let (place, class) = path.get(token).map_or((Place::Outside, 0), |&tag| self.tags.tags[tag]);
            let continues =
                matches!(place, Place::Inside | Place::End) && open.is_some_and(|(c, _)| c == class);
            if !continues {
                if let Some((class, start)) = open.take() {
                    spans.push(self.span(class, start..token));
                }
                open = (place != Place::Outside).then_some((class, token));
            }
        }
        spans
    }

    fn span(&self, class: usize, tokens: Range<usize>) -> TokenSpan {
        let classes = self.tags.classes.len();
        let sum: f32 = tokens
            .clone()
            .map(|token| f32::from(self.class_probability[token * classes + class]) / 255.0)
            .sum();
        TokenSpan { class, score: sum / tokens.len() as f32, tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 9] = ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "S-LOC"];

    fn decode(names: &[&str], rows: &[Vec<f32>], biases: Biases) -> Vec<(String, Range<usize>)> {
        let tags = Tags::parse(names).unwrap();
        let mut decoder = Decoder::new(&tags, biases);
        for row in rows {
            decoder.push(row).unwrap();
        }
        decoder.finish().into_iter().map(|span| (tags.class(span.class).to_owned(), span.tokens)).collect()
    }

    fn row(names: &[&str], scores: &[(&str, f32)]) -> Vec<f32> {
        names.iter().map(|name| scores.iter().find(|(n, _)| n == name).map_or(0.0, |s| s.1)).collect()
    }

    #[test]
    fn the_best_legal_path_joins_what_argmax_cuts() {
        let rows = [
            row(&NAMES, &[("B-PER", 8.0)]),
            row(&NAMES, &[("O", 4.0), ("I-PER", 3.9)]),
            row(&NAMES, &[("E-PER", 8.0)]),
        ];
        assert_eq!(decode(&NAMES, &rows, Biases::default()), [("PER".to_owned(), 0..3)]);
    }

    #[test]
    fn biases_are_a_dial() {
        let rows = [row(&NAMES, &[("O", 2.0)]), row(&NAMES, &[("O", 2.0), ("S-LOC", 1.5)])];
        assert!(decode(&NAMES, &rows, Biases::default()).is_empty());
        let eager = Biases { background_to_start: 1.0, ..Biases::default() };
        assert_eq!(decode(&NAMES, &rows, eager), [("LOC".to_owned(), 1..2)]);
        let json =
            r#"{"operating_points":{"default":{"biases":{"transition_bias_background_to_start":1.0}}}}"#;
        let calibration = Calibration::parse(json).unwrap();
        assert_eq!(calibration.default_biases(), eager);
        let error = calibration.biases("x").unwrap_err().to_string();
        assert!(error.contains("\"x\"") && error.contains("known are default"), "{error}");
        assert!(matches!(Calibration::parse("{"), Err(CalibrationError::Shape { .. })));
    }

    #[test]
    fn iob2_and_plain_labels() {
        let names = ["O", "B-PER", "I-PER"];
        let rows = [
            row(&names, &[("B-PER", 5.0)]),
            row(&names, &[("I-PER", 5.0)]),
            row(&names, &[("B-PER", 5.0)]),
            row(&names, &[("O", 5.0)]),
        ];
        assert_eq!(
            decode(&names, &rows, Biases::default()),
            [("PER".to_owned(), 0..2), ("PER".to_owned(), 2..3)]
        );
        let names = ["O", "NAME", "CITY"];
        let rows =
            [row(&names, &[("NAME", 5.0)]), row(&names, &[("NAME", 5.0)]), row(&names, &[("CITY", 5.0)])];
        assert_eq!(
            decode(&names, &rows, Biases::default()),
            [("NAME".to_owned(), 0..2), ("CITY".to_owned(), 2..3)]
        );
    }

    #[test]
    fn bad_rows_and_tags() {
        let tags = Tags::parse(&NAMES).unwrap();
        assert_eq!(Decoder::new(&tags, Biases::default()).push(&[0.0]), Err(RowError { got: 1, want: 9 }));
        assert_eq!(Tags::parse(&["B-X"]).unwrap_err(), TagsError::NoOutside);
        let nan = vec![f32::NAN; 9];
        assert!(decode(&NAMES, &[nan.clone(), nan], Biases::default()).len() <= 2);
        assert!(decode(&NAMES, &[], Biases::default()).is_empty());
    }

    /// Every path, scored one by one.
    fn brute_force(tags: &Tags, rows: &[Vec<f32>], biases: Biases) -> f32 {
        let n = tags.len();
        let mut best = f32::NEG_INFINITY;
        for code in 0..n.pow(rows.len() as u32) {
            let path: Vec<usize> = (0..rows.len()).map(|i| code / n.pow(i as u32) % n).collect();
            let legal = tags.may_start(tags.tags[path[0]])
                && tags.may_end(tags.tags[path[path.len() - 1]])
                && path.windows(2).all(|p| tags.may_follow(tags.tags[p[0]], tags.tags[p[1]]));
            if legal {
                best = best.max(path_score(tags, rows, biases, &path));
            }
        }
        best
    }

    fn path_score(tags: &Tags, rows: &[Vec<f32>], biases: Biases, path: &[usize]) -> f32 {
        let emitted: f32 = path.iter().zip(rows).map(|(&tag, row)| row[tag]).sum();
        emitted + path.windows(2).map(|p| biases.of(tags.tags[p[0]].0, tags.tags[p[1]].0)).sum::<f32>()
    }

    proptest! {
        #[test]
        fn no_path_is_better(rows in prop::collection::vec(prop::collection::vec(-4.0_f32..4.0, 9), 1..5), stay in -2.0_f32..2.0, start in -2.0_f32..2.0) {
            let biases = Biases { background_stay: stay, background_to_start: start, inside_to_end: 0.3, ..Biases::default() };
            let tags = Tags::parse(&NAMES).unwrap();
            let mut decoder = Decoder::new(&tags, biases);
            for row in &rows {
                decoder.push(row).unwrap();
            }
            // Write the spans back as tags: a legal path of the best score.
            let mut path = vec![0; rows.len()];
            for span in decoder.finish() {
                let base = 1 + 4 * usize::from(tags.class(span.class) == "LOC");
                for token in span.tokens.clone() {
                    path[token] = base + match (token == span.tokens.start, token + 1 == span.tokens.end) {
                        (true, true) => 3,
                        (true, false) => 0,
                        (false, true) => 2,
                        (false, false) => 1,
                    };
                }
            }
            let best = brute_force(&tags, &rows, biases);
            prop_assert!((path_score(&tags, &rows, biases, &path) - best).abs() < 1e-3);
        }
    }
}
