//! Evaluation: reads annotated texts, compares them with what was found, and counts by label.
//!
//! Two ways to agree: *exact* (same label and span) and *overlap* (same label, at least one byte shared). F2 weighs recall
//! four times as much as precision: what is missed is leaked.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Entity, Label, Offsets};

/// An annotated text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Its entities, offsets in bytes.
    pub gold: Vec<Span>,
}

/// A labelled byte range.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub label: Label,
}

impl From<&Entity> for Span {
    fn from(entity: &Entity) -> Span {
        Span { start: entity.start, end: entity.end, label: entity.label.clone() }
    }
}

/// Which of our labels a file's label means. Starts from the usual names; what maps to nothing is left out of the count.
#[derive(Clone, Debug, Default)]
pub struct LabelMap {
    names: BTreeMap<String, Option<Label>>,
}

impl LabelMap {
    /// The usual names ([`Label::from_common_name`]).
    pub fn new() -> Self {
        LabelMap::default()
    }

    /// Maps a name to a label, or to nothing.
    #[must_use]
    pub fn with(mut self, name: &str, label: Option<Label>) -> Self {
        self.names.insert(name.to_owned(), label);
        self
    }

    /// What a file's label means.
    pub fn get(&self, name: &str) -> Option<Label> {
        self.names.get(name).cloned().unwrap_or_else(|| Label::from_common_name(name))
    }
}

/// A file that cannot be read as annotated text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A line of span-JSON is not such a line.
    #[error("line {line} is not {{\"text\": ..., \"entities\": [{{\"label\", \"start\", \"end\"}}]}}")]
    Json {
        /// Line, from 1.
        line: usize,
    },
    /// A span does not lie in its text.
    #[error("line {line}: span {start}..{end} does not lie in the text")]
    Span {
        /// Line, from 1.
        line: usize,
        /// Its start in code points.
        start: usize,
        /// Its end in code points.
        end: usize,
    },
    /// A token line without a tag.
    #[error("line {line} has no tag such as O or B-PER in the expected column")]
    Tag {
        /// Line, from 1.
        line: usize,
    },
}

/// Reads any of the formats: span-JSON if it starts with `{` or `[`, else token lines.
pub fn read(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    match data.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => read_spans(data, map),
        _ => read_tokens(data, map),
    }
}

/// Reads span-JSON: an array or one document a line, offsets in Unicode code points.
pub fn read_spans(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    #[derive(Deserialize)]
    struct Row {
        text: String,
        #[serde(default, alias = "spans", alias = "labels")]
        entities: Vec<RowSpan>,
    }
    #[derive(Deserialize)]
    struct RowSpan {
        #[serde(alias = "type", alias = "entity_type")]
        label: String,
        start: usize,
        end: usize,
    }
    let rows: Vec<(usize, Row)> = if data.trim_start().starts_with('[') {
        let rows: Vec<Row> = serde_json::from_str(data).map_err(|e| ReadError::Json { line: e.line() })?;
        rows.into_iter().map(|row| (1, row)).collect()
    } else {
        let lines = data.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(i, line)| serde_json::from_str(line).map(|row| (i + 1, row)).map_err(|_| ReadError::Json { line: i + 1 })).collect::<Result<_, _>>()?
    };
    rows.into_iter()
        .map(|(line, row)| {
            let count = row.text.chars().count();
            let offsets = Offsets::new(&row.text);
            let mut gold = Vec::new();
            for span in row.entities {
                if span.start >= span.end || span.end > count {
                    return Err(ReadError::Span { line, start: span.start, end: span.end });
                }
                if let Some(label) = map.get(&span.label) {
                    gold.push(Span { start: offsets.byte_of_code_point(span.start), end: offsets.byte_of_code_point(span.end), label });
                }
            }
            gold.sort();
            Ok(Document { text: row.text, gold })
        })
        .collect()
}

/// Reads token lines: IOB2, CoNLL, TSV. The tag is the first column after the token that is `O` or has a `B-`, `I-`, `E-`, `S-`,
/// `L-`, `U-` prefix; a leading column of token numbers is skipped. Blank lines end a sentence. Where a `# text =` comment gives
/// the sentence, tokens are found in it; else they are joined by spaces.
pub fn read_tokens(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    let mut documents = Vec::new();
    let mut sentence = Sentence::default();
    for (number, line) in data.lines().enumerate() {
        if let Some(comment) = line.strip_prefix("# ").filter(|c| c.starts_with("text =") || c.contains(" = ")) {
            if let Some(text) = comment.strip_prefix("text =") {
                sentence.text = Some(text.trim().to_owned());
            }
            continue;
        }
        if line.trim().is_empty() {
            documents.extend(std::mem::take(&mut sentence).finish(map));
            continue;
        }
        let columns: Vec<&str> = if line.contains('\t') { line.split('\t').collect() } else { line.split(' ').collect() };
        let numbered = columns.len() > 2 && columns[0].bytes().all(|b| b.is_ascii_digit() || b == b'-') && !is_tag(columns[1]);
        let token = columns[usize::from(numbered)];
        let tag = columns.iter().skip(1 + usize::from(numbered)).find(|column| is_tag(column));
        let tag = tag.ok_or(ReadError::Tag { line: number + 1 })?;
        sentence.tokens.push((token.to_owned(), tag.trim().to_owned()));
    }
    documents.extend(sentence.finish(map));
    Ok(documents)
}

fn is_tag(column: &str) -> bool {
    let column = column.trim();
    column == "O" || column.len() > 2 && column.as_bytes()[1] == b'-' && b"BIESLU".contains(&column.as_bytes()[0])
}

#[derive(Default)]
struct Sentence {
    text: Option<String>,
    tokens: Vec<(String, String)>,
}

impl Sentence {
    fn finish(self, map: &LabelMap) -> Option<Document> {
        if self.tokens.is_empty() {
            return None;
        }
        let located = self.text.and_then(|text| locate(&text, &self.tokens).map(|places| (text, places)));
        let (text, places) = located.unwrap_or_else(|| {
            let mut text = String::new();
            let mut places = Vec::new();
            for (token, _) in &self.tokens {
                if !text.is_empty() {
                    text.push(' ');
                }
                places.push((text.len(), text.len() + token.len()));
                text.push_str(token);
            }
            (text, places)
        });
        let mut gold: Vec<Span> = Vec::new();
        let mut open: Option<String> = None;
        for ((_, tag), (start, end)) in self.tokens.iter().zip(places) {
            let Some((prefix, class)) = tag.split_once('-') else {
                open = None;
                continue;
            };
            let continues = matches!(prefix, "I" | "E" | "L") && open.as_deref() == Some(class);
            match (continues, map.get(class)) {
                (true, Some(_)) => {
                    if let Some(last) = gold.last_mut() {
                        last.end = end;
                    }
                }
                (false, Some(label)) => gold.push(Span { start, end, label }),
                (_, None) => {}
            }
            open = Some(class.to_owned());
        }
        Some(Document { text, gold })
    }
}

fn locate(text: &str, tokens: &[(String, String)]) -> Option<Vec<(usize, usize)>> {
    let mut at = 0;
    tokens
        .iter()
        .map(|(token, _)| {
            let start = at + text.get(at..)?.find(token.as_str())?;
            at = start + token.len();
            Some((start, at))
        })
        .collect()
}

/// Counts of one label under one way to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Gold entities that were found.
    pub recalled: usize,
    /// Gold entities.
    pub gold: usize,
    /// Found entities that are right.
    pub correct: usize,
    /// Found entities.
    pub found: usize,
}

impl Counts {
    /// Right among the found; 1 if nothing was found.
    pub fn precision(&self) -> f64 {
        if self.found == 0 { 1.0 } else { self.correct as f64 / self.found as f64 }
    }

    /// Found among the gold; 1 if there is none.
    pub fn recall(&self) -> f64 {
        if self.gold == 0 { 1.0 } else { self.recalled as f64 / self.gold as f64 }
    }

    /// The weighted harmonic mean of the two: `beta` 1 for F1, 2 for F2.
    pub fn f(&self, beta: f64) -> f64 {
        let (p, r, b2) = (self.precision(), self.recall(), beta * beta);
        if p + r == 0.0 { 0.0 } else { (1.0 + b2) * p * r / (b2 * p + r) }
    }

    fn add(&mut self, other: Counts) {
        self.recalled += other.recalled;
        self.gold += other.gold;
        self.correct += other.correct;
        self.found += other.found;
    }
}

/// One label's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// Same label, same span.
    pub exact: Counts,
    /// Same label, some of the span.
    pub overlap: Counts,
}

/// A gold entity that nothing overlaps, whatever its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// Index of the document.
    pub document: usize,
    /// What it was.
    pub label: Label,
    /// Its text.
    pub text: String,
}

/// Results over many documents.
#[derive(Clone, Debug, Default)]
pub struct Report {
    labels: BTreeMap<Label, Scores>,
    misses: Vec<Miss>,
    documents: usize,
}

impl Report {
    /// Counts one document. Of `found`, only labels for which `counted` says so: a set without e-mail labels says nothing of e-mail addresses.
    pub fn add(&mut self, document: &Document, found: &[Span], counted: impl Fn(&Label) -> bool) {
        let found: Vec<&Span> = found.iter().collect();
        let gold: Vec<&Span> = document.gold.iter().filter(|span| counted(&span.label)).collect();
        let overlap = |a: &Span, b: &Span| a.start < b.end && b.start < a.end;
        for span in &gold {
            let scores = self.labels.entry(span.label.clone()).or_default();
            scores.exact.gold += 1;
            scores.overlap.gold += 1;
            scores.exact.recalled += usize::from(found.iter().any(|f| f == span));
            scores.overlap.recalled += usize::from(found.iter().any(|f| f.label == span.label && overlap(f, span)));
            if !found.iter().any(|f| overlap(f, span)) {
                let text = document.text.get(span.start..span.end).unwrap_or_default().to_owned();
                self.misses.push(Miss { document: self.documents, label: span.label.clone(), text });
            }
        }
        for span in found.iter().filter(|span| counted(&span.label)) {
            let scores = self.labels.entry(span.label.clone()).or_default();
            scores.exact.found += 1;
            scores.overlap.found += 1;
            scores.exact.correct += usize::from(gold.iter().any(|g| g == span));
            scores.overlap.correct += usize::from(gold.iter().any(|g| g.label == span.label && overlap(g, span)));
        }
        self.documents += 1;
    }

    /// Results by label.
    pub fn labels(&self) -> &BTreeMap<Label, Scores> {
        &self.labels
    }

    /// All labels together (micro average).
    pub fn total(&self) -> Scores {
        self.labels.values().fold(Scores::default(), |mut total, scores| {
            total.exact.add(scores.exact);
            total.overlap.add(scores.overlap);
            total
        })
    }

    /// Entities that would leak, the most frequent text first.
    pub fn worst_misses(&self, most: usize) -> Vec<(Label, String, usize)> {
        let mut counts: BTreeMap<(Label, String), usize> = BTreeMap::new();
        for miss in &self.misses {
            *counts.entry((miss.label.clone(), miss.text.clone())).or_default() += 1;
        }
        let mut list: Vec<_> = counts.into_iter().map(|((label, text), count)| (label, text, count)).collect();
        list.sort_by_key(|(label, text, count)| (std::cmp::Reverse(*count), label.clone(), text.clone()));
        list.truncate(most);
        list
    }

    /// Every entity that would leak.
    pub fn misses(&self) -> &[Miss] {
        &self.misses
    }

    /// The report as JSON: `{"documents", "labels": {LABEL: {"exact": {...}, "overlap": {...}}}, "total": {...}}`, each with
    /// `gold`, `found`, `precision`, `recall`, `f1`, `f2`.
    pub fn to_json(&self) -> serde_json::Value {
        let counts = |c: &Counts| {
            serde_json::json!({ "gold": c.gold, "found": c.found, "precision": c.precision(), "recall": c.recall(), "f1": c.f(1.0), "f2": c.f(2.0) })
        };
        let scores = |s: &Scores| serde_json::json!({ "exact": counts(&s.exact), "overlap": counts(&s.overlap) });
        let labels: serde_json::Map<String, serde_json::Value> = self.labels.iter().map(|(label, s)| (label.name().to_owned(), scores(s))).collect();
        serde_json::json!({ "documents": self.documents, "labels": labels, "total": scores(&self.total()) })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} {:>6} {:>6}   {:>27}   {:>27}", "", "", "", "exact", "overlap")?;
        write!(f, "{:<16} {:>6} {:>6}", "label", "gold", "found")?;
        for _ in 0..2 {
            write!(f, "   {:>6} {:>6} {:>6} {:>6}", "P", "R", "F1", "F2")?;
        }
        writeln!(f)?;
        let total = self.total();
        let rows = self.labels.iter().map(|(label, scores)| (label.name(), scores)).chain([("all", &total)]);
        for (name, scores) in rows {
            write!(f, "{:<16} {:>6} {:>6}", name, scores.exact.gold, scores.exact.found)?;
            for c in [&scores.exact, &scores.overlap] {
                write!(f, "   {:>6.3} {:>6.3} {:>6.3} {:>6.3}", c.precision(), c.recall(), c.f(1.0), c.f(2.0))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_formats() {
        let map = LabelMap::new();
        let iob = "# sent_id = x\n# text = Ana Ruiz, in York.\n1\tAna\tB-PER\t-\t-\n2\tRuiz\tI-PER\t-\t-\n3\t,\tO\t-\t-\n4\tin\tO\t-\t-\n5\tYork\tB-LOC\t-\t-\n6\t.\tO\t-\t-\n";
        let document = &read(iob, &map).unwrap()[0];
        let spans: Vec<_> = document.gold.iter().map(|s| (&document.text[s.start..s.end], s.label.name())).collect();
        assert_eq!(spans, [("Ana Ruiz", "PERSON"), ("York", "LOCATION")]);
        let conll = "@ana\tO\n1998\tB-DATETIME\nAna\tB-PER\nBo\tB-PER\n\t\nx\tB-creative-work\n\n";
        let documents = read(conll, &map).unwrap();
        assert_eq!((documents.len(), documents[0].gold.len(), documents[1].gold.len()), (2, 3, 0));
        assert_eq!(documents[0].text, "@ana 1998 Ana Bo");
        assert_eq!(read("token only\n", &map).unwrap_err(), ReadError::Tag { line: 1 });
    }

    #[test]
    fn span_json() {
        let data = "{\"text\":\"😀 Ana\",\"entities\":[{\"label\":\"PER\",\"start\":2,\"end\":5}]}\n";
        let document = &read(data, &LabelMap::new()).unwrap()[0];
        assert_eq!(document.gold, [Span { start: 5, end: 8, label: Label::Person }]);
        assert_eq!(read("{\"text\":1}", &LabelMap::new()).unwrap_err(), ReadError::Json { line: 1 });
        let bad = data.replace(":5}", ":9}");
        assert!(matches!(read(&bad, &LabelMap::new()), Err(ReadError::Span { line: 1, .. })));
        let mapped = LabelMap::new().with("PER", None);
        assert!(read(data, &mapped).unwrap()[0].gold.is_empty());
    }

    #[test]
    fn counts() {
        let span = |start, end, label: &Label| Span { start, end, label: label.clone() };
        let document = Document { text: "x".repeat(40), gold: vec![span(0, 5, &Label::Person), span(10, 15, &Label::Person), span(20, 25, &Label::Date)] };
        let mut report = Report::default();
        report.add(&document, &[span(0, 5, &Label::Person), span(12, 18, &Label::Person), span(30, 32, &Label::Email)], |label| *label != Label::Email);
        let person = report.labels()[&Label::Person];
        assert_eq!((person.exact.recalled, person.exact.correct, person.overlap.recalled, person.overlap.correct), (1, 1, 2, 2));
        assert_eq!(person.exact.f(1.0), 0.5);
        assert_eq!(report.total().overlap, Counts { recalled: 2, gold: 3, correct: 2, found: 2 });
        assert!((report.total().overlap.f(2.0) - 5.0 * (2.0 / 3.0) / (4.0 + 2.0 / 3.0)).abs() < 1e-9);
        assert_eq!(report.worst_misses(5), [(Label::Date, "x".repeat(5), 1)]);
        assert!(report.to_string().contains("PERSON") && report.to_json()["labels"]["PERSON"]["exact"]["f1"] == 0.5);
    }
}
