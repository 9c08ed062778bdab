//! Precision, recall and F by label, exact and by overlap.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Document, Span};
use crate::Label;

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
            scores.overlap.recalled +=
                usize::from(found.iter().any(|f| f.label == span.label && overlap(f, span)));
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
            scores.overlap.correct +=
                usize::from(gold.iter().any(|g| g.label == span.label && overlap(g, span)));
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
        let mut list: Vec<_> =
            counts.into_iter().map(|((label, text), count)| (label, text, count)).collect();
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
        let counts = |c: &Counts| serde_json::json!({ "gold": c.gold, "found": c.found, "precision": c.precision(), "recall": c.recall(), "f1": c.f(1.0), "f2": c.f(2.0) });
        let scores =
            |s: &Scores| serde_json::json!({ "exact": counts(&s.exact), "overlap": counts(&s.overlap) });
        let labels: serde_json::Map<String, serde_json::Value> =
            self.labels.iter().map(|(label, s)| (label.name().to_owned(), scores(s))).collect();
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
                write!(
                    f,
                    "   {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
                    c.precision(),
                    c.recall(),
                    c.f(1.0),
                    c.f(2.0)
                )?;
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
    fn counts() {
        let span = |start, end, label: &Label| Span { start, end, label: label.clone() };
        let document = Document {
            text: "x".repeat(40),
            gold: vec![span(0, 5, &Label::Person), span(10, 15, &Label::Person), span(20, 25, &Label::Date)],
        };
        let mut report = Report::default();
        report.add(
            &document,
            &[span(0, 5, &Label::Person), span(12, 18, &Label::Person), span(30, 32, &Label::Email)],
            |label| *label != Label::Email,
        );
        let person = report.labels()[&Label::Person];
        assert_eq!(
            (person.exact.recalled, person.exact.correct, person.overlap.recalled, person.overlap.correct),
            (1, 1, 2, 2)
        );
        assert_eq!(person.exact.f(1.0), 0.5);
        assert_eq!(report.total().overlap, Counts { recalled: 2, gold: 3, correct: 2, found: 2 });
        assert!((report.total().overlap.f(2.0) - 5.0 * (2.0 / 3.0) / (4.0 + 2.0 / 3.0)).abs() < 1e-9);
        assert_eq!(report.worst_misses(5), [(Label::Date, "x".repeat(5), 1)]);
        assert!(
            report.to_string().contains("PERSON")
                && report.to_json()["labels"]["PERSON"]["exact"]["f1"] == 0.5
        );
    }
}
