//! Text in, entities out; text and vault in, redacted text out.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::again::again;
use crate::context::{Kinds, of_name};
use crate::eval::LabelMap;
use crate::joining::{join, join_towns, trim_places};
use crate::merge::{merge_by, sort_by_place};
use crate::policy::{Action, Policy, PolicyError};
use crate::recognisers::{Head, REACH, Recognisers};
use crate::texts::Texts;
use crate::vault::Vault;
use crate::{By, Entity, Label, Reading, TokenClassifier, entities, transform};

/// A policy and the recognisers it is applied with. A model's findings join through [`Redactor::analyze_with`].
#[derive(Clone, Debug)]
pub struct Redactor {
    policy: Policy,
    recognisers: Recognisers,
    /// The only labels to report and to act on, if not all.
    only: Option<BTreeSet<Label>>,
}

/// A redacted text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Redacted {
    /// The text after replacement.
    pub text: String,
    /// What was found, in order, offsets in the original.
    pub entities: Vec<Replaced>,
}

/// An entity and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replaced {
    /// The entity, with its offsets in the original.
    #[serde(flatten)]
    pub entity: Entity,
    /// What stands in its place; its own text where the policy keeps it.
    pub replacement: String,
    /// First byte of the replacement in the redacted text.
    pub new_start: usize,
    /// In a document: the value that the offsets count in.
    #[serde(skip)]
    pub place: Option<Arc<Place>>,
}

/// A value of a document. Its `Debug` shows where it is and not what.
#[derive(Clone, PartialEq)]
pub struct Place {
    /// `messages[0].content`, or row and column of a table: `[3].email`.
    pub path: String,
    /// Its text before redaction.
    pub value: String,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Fails if the policy cannot be carried out.
    pub fn new(policy: Policy, recognisers: Recognisers) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Redactor { policy, recognisers, only: None })
    }

    /// Reports these labels alone, and leaves all else in the text as it is.
    #[must_use]
    pub fn only(mut self, labels: impl IntoIterator<Item = Label>) -> Self {
        self.only = Some(labels.into_iter().collect());
        self
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The recognisers.
    pub fn recognisers(&self) -> &Recognisers {
        &self.recognisers
    }

    /// What `text` holds by the recognisers alone: sorted, without overlap, above the policy's thresholds.
    pub fn analyze(&self, text: &str) -> Vec<Entity> {
        self.analyze_with(text, Vec::new(), None)
    }

    /// As [`Redactor::analyze`], joined with a model's findings on the same text. `field` is the name of the field or column
    /// whose value the text is. Findings whose offsets do not fit the text are dropped.
    pub fn analyze_with(&self, text: &str, model: Vec<Entity>, field: Option<&str>) -> Vec<Entity> {
        self.analyze_in(text, model, field, None)
    }

    /// As [`Redactor::analyze_with`]; `open` is the head of a table that goes on where the text begins.
    pub(crate) fn analyze_in(
        &self,
        text: &str,
        model: Vec<Entity>,
        field: Option<&str>,
        open: Option<&Head>,
    ) -> Vec<Entity> {
        let (mut found, nameless) = self.recognisers.read(text, field, open);
        let fits = |e: &Entity| {
            text.get(e.start..e.end)
                .is_some_and(|value| !value.trim().is_empty() && !self.recognisers.custom().allows(value))
        };
        let mut model: Vec<Entity> = model.into_iter().filter(fits).collect();
        let acts = |label: &Label| self.policy.action(label) != Action::Keep;
        let may = |one: &Entity, label: &Label, score: f32| {
            self.only.as_ref().is_none_or(|only| only.contains(label))
                && self.policy.threshold(label) <= score
                && (acts(label) || !acts(&one.label))
        };
        join(text, &mut model, &mut found, nameless, field.map_or(Kinds::NONE, of_name), &may);
        found.extend(model);
        // What is only reported must not hide what has to go: a kept URL must not cover the card number in it.
        self.keep_asked(&mut found);
        let (kept, acted): (Vec<Entity>, Vec<Entity>) =
            found.into_iter().partition(|e| self.policy.action(&e.label) == Action::Keep);
        let mut entities = merge_by(acted, &|label| self.policy.threshold(label));
        let kept = merge_by(kept, &|label| self.policy.threshold(label));
        if !kept.is_empty() {
            let free: Vec<Entity> = kept.into_iter().filter(|e| !overlaps_any(&entities, e)).collect();
            entities.extend(free);
            sort_by_place(&mut entities);
        }
        trim_places(text, &mut entities);
        join_towns(text, &mut entities);
        entities
    }

    /// Drops what was not asked for, and what was asked for where a checksum says that it is something else.
    fn keep_asked(&self, found: &mut Vec<Entity>) {
        let Some(only) = &self.only else { return };
        let (asked, others): (Vec<Entity>, Vec<Entity>) =
            std::mem::take(found).into_iter().partition(|e| only.contains(&e.label));
        let proven = merge_by(others.into_iter().filter(|e| e.by == By::Validated).collect(), &|_| 0.0);
        *found = asked.into_iter().filter(|e| e.by >= By::Validated || !overlaps_any(&proven, e)).collect();
    }

    /// Bytes on either side of a position that decide about it.
    pub(crate) fn reach(&self) -> usize {
        REACH.max(self.recognisers.custom().longest_listed() + 16)
    }

    /// As [`Redactor::analyze`], joined with what `model` finds in the text; `labels` says what its classes mean.
    ///
    /// # Errors
    /// What the model reports.
    pub async fn analyze_by_model<M: TokenClassifier>(
        &self,
        text: &str,
        model: &mut M,
        labels: &LabelMap,
    ) -> Result<Vec<Entity>, M::Error> {
        let reading = Reading::new(text);
        let spans = model.classify(reading.text()).await?;
        let seen = entities(&reading.back(spans), labels, model.name());
        Ok(self.with_again(text, self.analyze_with(text, seen, None)))
    }

    /// What analysis found in the whole of a text, and where else in it the names among that stand. A step of its own, for what
    /// it goes by may be anywhere: a reader of pieces takes it at the end, and a stream cannot.
    pub fn with_again(&self, text: &str, mut found: Vec<Entity>) -> Vec<Entity> {
        let acts = |label: &Label| self.policy.action(label) != Action::Keep;
        let mut more = again(text, &found, &acts);
        more.retain(|e| !self.recognisers.custom().allows(e.text(text)));
        found.retain(|e| acts(&e.label) || !overlaps_any(&more, e));
        found.extend(more);
        sort_by_place(&mut found);
        found
    }

    /// What analysis found in a text, and where else in it the names stand that `vault` holds from earlier texts: in a conversation
    /// who was named once is spoken of in sentences that say less.
    pub fn with_known(&self, text: &str, found: Vec<Entity>, vault: &Vault) -> Vec<Entity> {
        if vault.entries().is_empty() {
            return found;
        }
        let mut texts = Texts::default();
        texts.push(text, found.clone());
        match texts.know(self, vault) {
            true => texts.again(self).pop().unwrap_or_default(),
            false => found,
        }
    }

    /// Whether a value that is known to have this label, with this score, is to be looked for elsewhere.
    pub(crate) fn looks_for(&self, label: &Label, value: &str, score: f32) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(label))
            && self.policy.threshold(label) <= score
            && !self.recognisers.custom().allows(value.trim())
    }

    /// Finds and replaces.
    pub fn redact(&self, text: &str, vault: &mut Vault) -> Redacted {
        self.apply(text, self.analyze(text), vault)
    }

    /// Replaces given entities (sorted or not; of overlapping ones the more trusted stays).
    pub fn apply(&self, text: &str, entities: Vec<Entity>, vault: &mut Vault) -> Redacted {
        self.apply_between([None; 2], text, entities, vault)
    }

    /// As [`Redactor::apply`], for a text that stands between two characters: one that was let out already, and one to come.
    pub(crate) fn apply_between(
        &self,
        around: [Option<char>; 2],
        text: &str,
        entities: Vec<Entity>,
        vault: &mut Vault,
    ) -> Redacted {
        let entities =
            merge_by(entities.into_iter().filter(|e| text.get(e.start..e.end).is_some()).collect(), &|_| 0.0);
        vault.index();
        let entities = self.with_literals(text, entities, vault);
        vault.reserve(text);
        for part in self.open_parts(text, &entities) {
            vault.reserve(&text[part]);
        }
        let redacted = self.replace(text, &entities, vault, true);
        vault.index();
        // Stand-ins can meet their surroundings in ways that no single one shows ("Kim" before a real "berly").
        // Placeholders cannot, so where a stand-in would not come back, they take over.
        let reversible = entities.iter().all(|e| self.policy.action(&e.label).is_reversible());
        let [before, after] = around.map(String::from_iter);
        let framed = |text: &str| [&before, text, &after].concat();
        if reversible && vault.restore(&framed(&redacted.text)) != framed(text) {
            return self.replace(text, &entities, vault, false);
        }
        redacted
    }

    /// What of `text` stays: the parts between the entities that are acted on.
    fn open_parts(&self, text: &str, entities: &[Entity]) -> Vec<Range<usize>> {
        let acted = entities.iter().filter(|e| self.policy.action(&e.label) != Action::Keep);
        let starts = acted.clone().map(|e| e.end);
        let ends = acted.map(|e| e.start).chain([text.len()]);
        [0].into_iter().chain(starts).zip(ends).filter(|(a, b)| a < b).map(|(a, b)| a..b).collect()
    }

    /// Adds what the vault would take for its own replacements, in the text as it is and in what will stay of it: with the
    /// address behind it gone, `PERSON_1` of `PERSON_1https://example.com` ends where a word does.
    fn with_literals(&self, text: &str, mut entities: Vec<Entity>, vault: &Vault) -> Vec<Entity> {
        let acts = |e: &Entity| self.policy.action(&e.label) != Action::Keep;
        let mut added = false;
        let mut spans: Vec<Range<usize>> = vault.find(text, None).into_iter().map(|(span, _)| span).collect();
        for part in self.open_parts(text, &entities) {
            let found = vault.find(&text[part.clone()], None).into_iter();
            spans.extend(found.map(|(span, _)| span.start + part.start..span.end + part.start));
        }
        for span in spans {
            let covered = entities.iter().any(|e| acts(e) && e.start <= span.start && span.end <= e.end);
            if covered {
                continue;
            }
            // Join with what it overlaps, under that label if it is to be replaced.
            let mut literal = Entity::new(Label::Literal, span.start, span.end, 1.0, By::User, "vault");
            for other in entities.iter().filter(|e| e.overlaps(&literal)).cloned().collect::<Vec<_>>() {
                if acts(&other) {
                    (literal.start, literal.end) =
                        (literal.start.min(other.start), literal.end.max(other.end));
                    literal.label = other.label;
                }
            }
            entities.retain(|e| !e.overlaps(&literal));
            entities.push(literal);
            added = true;
        }
        if added {
            sort_by_place(&mut entities);
        }
        trim_places(text, &mut entities);
        join_towns(text, &mut entities);
        entities
    }

    fn replace(&self, text: &str, entities: &[Entity], vault: &mut Vault, surrogates: bool) -> Redacted {
        let mut out = String::with_capacity(text.len());
        let mut replaced = Vec::with_capacity(entities.len());
        let mut at = 0;
        for entity in entities {
            let value = entity.text(text);
            out.push_str(text.get(at..entity.start).unwrap_or_default());
            let replacement = match self.policy.action(&entity.label) {
                _ if entity.label == Label::Literal => vault.placeholder(&Label::Literal, value),
                // Of either, the vault may have a stand-in from an earlier policy.
                Action::Placeholder | Action::Surrogate if !surrogates => vault.escape(&entity.label, value),
                Action::Placeholder => vault.placeholder(&entity.label, value),
                Action::Surrogate => vault.surrogate(&entity.label, value, text),
                Action::Mask => transform::mask(&entity.label, value),
                Action::Hash => transform::hash(&entity.label, value, self.policy.key()),
                Action::Generalise => transform::generalise(entity, value, &self.policy),
                Action::Keep => value.to_owned(),
            };
            replaced.push(Replaced {
                entity: entity.clone(),
                new_start: out.len(),
                replacement: replacement.clone(),
                place: None,
            });
            out.push_str(&replacement);
            at = entity.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Redacted { text: out, entities: replaced }
    }
}

fn overlaps_any(sorted: &[Entity], entity: &Entity) -> bool {
    let after = sorted.partition_point(|e| e.end <= entity.start);
    sorted.get(after).is_some_and(|e| e.overlaps(entity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_as_a_placeholder_once_its_neighbour_is_gone_comes_back() {
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let texts = ["LITERAL_1https://x.example/a", "[PERSON_1]", "LITERAL_1https://x.example/a"];
        for texts in [&texts[..2], &texts[1..]] {
            let mut vault = Vault::new();
            vault.placeholder(&Label::Person, "Ana Ruiz");
            let redacted: Vec<String> = texts.iter().map(|t| redactor.redact(t, &mut vault).text).collect();
            let restored: Vec<String> = redacted.iter().map(|t| vault.restore(t)).collect();
            assert_eq!(restored, texts, "{redacted:?}");
        }
    }

    #[test]
    fn a_stand_in_of_an_earlier_policy_that_would_not_come_back_is_not_used() {
        let by = |action| Redactor::new(Policy::all(action), Recognisers::all()).unwrap();
        let mut vault = Vault::new();
        by(Action::Surrogate).redact("https://x.example/a?b=c@d.e ", &mut vault);
        let text = "4111 1111 1111 1111https://x.example/a?b=c@d.e ";
        let redacted = by(Action::Placeholder).redact(text, &mut vault);
        assert_eq!(vault.restore(&redacted.text), text, "{}", redacted.text);
    }

    #[test]
    fn what_is_only_reported_hides_no_name() {
        let policy = Policy::all(Action::Placeholder).with(Label::Organization, Action::Keep);
        let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
        let text = "Ilse Qorvina left. Qorvina said so; Qorvina Motors did not.";
        let at_in = |text: &str, label, what: &str, nth| {
            let start = text.match_indices(what).nth(nth).unwrap().0;
            Entity::new(label, start, start + what.len(), 0.9, By::Model, "test")
        };
        let at = |label, what, nth| at_in(text, label, what, nth);
        let found = vec![
            at(Label::Person, "Ilse Qorvina", 0),
            at(Label::Organization, "Qorvina", 1),
            at(Label::Organization, "Qorvina Motors", 0),
        ];
        let got = redactor.with_again(text, found);
        let got: Vec<(&str, &Label)> = got.iter().map(|e| (e.text(text), &e.label)).collect();
        let (person, organization) = (&Label::Person, &Label::Organization);
        assert_eq!(got, [("Ilse Qorvina", person), ("Qorvina", person), ("Qorvina Motors", organization)]);
        let text = "Ilse Qorvina left. Ilse Qorvina did.";
        for (first, second, want) in [
            (Label::Organization, Label::Location, vec!["Ilse Qorvina", "Ilse", "Qorvina"]),
            (Label::Person, Label::Organization, vec!["Ilse Qorvina", "Ilse", "Qorvina"]),
            (Label::Organization, Label::Organization, vec!["Ilse Qorvina", "Ilse Qorvina"]),
        ] {
            let last = at_in(text, Label::Person, "Ilse Qorvina", 0);
            let found = vec![last, at_in(text, first, "Ilse", 1), at_in(text, second, "Qorvina", 1)];
            let got = redactor.with_again(text, found);
            assert!(got.is_sorted_by(|a, b| a.end <= b.start));
            assert_eq!(got.iter().map(|e| e.text(text)).collect::<Vec<_>>(), want);
        }
    }

    #[test]
    fn only_the_labels_asked_for() {
        let redactor =
            Redactor::new(Policy::default(), Recognisers::all()).unwrap().only([Label::Email, Label::Phone]);
        let text =
            "card 4111 1111 1111 1111, mail ana@example.com, see https://example.com/?to=bo@example.com";
        let found = redactor.analyze(text);
        let found: Vec<_> = found.iter().map(|e| (e.label.name(), e.text(text))).collect();
        assert_eq!(found, [("EMAIL", "ana@example.com"), ("EMAIL", "bo@example.com")]);
        // A card number is no telephone number, asked for or not.
        assert!(redactor.analyze("phone: 4111 1111 1111 1111").is_empty());
    }
}
