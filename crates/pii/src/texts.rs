//! Texts that speak of the same people and places: a name that was found in one is looked for in the others. Such are the values of a
//! document, and the texts that were redacted with one vault.

use std::ops::Range;

use crate::again::{VAULT, is_name};
use crate::merge::merge_by;
use crate::vault::Entry;
use crate::{By, Entity, Redactor, Vault};

/// The score of a name that is known from another text: sure enough of one in full, and no surer.
const KNOWN: f32 = 0.8;

/// What stands between two texts, and in no name.
const BETWEEN: char = '\0';

/// Texts one after another, and what was found in them.
#[derive(Default)]
pub(crate) struct Texts {
    joined: String,
    entities: Vec<Entity>,
    places: Vec<Range<usize>>,
}

impl Texts {
    /// Adds a text. Findings that do not fit it are dropped.
    pub(crate) fn push(&mut self, text: &str, found: Vec<Entity>) {
        let place = self.append(text, found);
        self.places.push(place);
    }

    /// Adds the names that a vault holds and that may stand in the texts; `false` if there are none.
    pub(crate) fn know(&mut self, redactor: &Redactor, vault: &Vault) -> bool {
        // What is looked for of a name has its surname in it, or is one word. An automaton of all of a large vault's names would cost
        // more than the reading of a short text.
        let folded = |word: &str| word.to_lowercase();
        let last = |text: &str| text.split(apart).rfind(|word| !word.is_empty()).map(folded);
        let mut names: Vec<(String, usize)> = Vec::new();
        for (at, Entry { label, value, .. }) in vault.entries().iter().enumerate() {
            if is_name(label) && redactor.looks_for(label, value, KNOWN) {
                let surname = value.split_once(',').and_then(|(surname, _)| last(surname));
                names.extend([last(value), surname].into_iter().flatten().map(|word| (word, at)));
            }
        }
        if names.is_empty() {
            return false;
        }
        let mut words: Vec<String> = names.iter().map(|(word, _)| word.clone()).collect();
        words.sort();
        words.dedup();
        let mut said = vec![false; words.len()];
        for word in self.joined.split(apart).map(folded) {
            if let Ok(at) = words.binary_search(&word) {
                said[at] = true;
            }
        }
        names.retain(|(word, _)| words.binary_search(word).is_ok_and(|at| said[at]));
        names.dedup_by_key(|(_, at)| *at);
        for &(_, at) in &names {
            let Entry { label, value, .. } = &vault.entries()[at];
            let value = value.trim();
            self.append(value, vec![Entity::new(label.clone(), 0, value.len(), KNOWN, By::Model, VAULT)]);
        }
        !names.is_empty()
    }

    fn append(&mut self, text: &str, found: Vec<Entity>) -> Range<usize> {
        let at = self.joined.len();
        let fits = |e: &Entity| text.get(e.start..e.end).is_some();
        let found = merge_by(found.into_iter().filter(fits).collect(), &|_| 0.0);
        self.entities.extend(found.into_iter().map(|e| Entity { start: e.start + at, end: e.end + at, ..e }));
        self.joined.push_str(text);
        self.joined.push(BETWEEN);
        at..at + text.len()
    }

    /// What is found in each text when the names of all are known.
    pub(crate) fn again(self, redactor: &Redactor) -> Vec<Vec<Entity>> {
        let entities = redactor.with_again(&self.joined, self.entities);
        let within = |place: Range<usize>| {
            let first = entities.partition_point(|e| e.start < place.start);
            let here = entities[first..].iter().take_while(|e| e.start < place.end);
            // A name that goes on from one text into the next is none.
            let here = here.filter(|e| e.end <= place.end).cloned();
            here.map(|e| Entity { start: e.start - place.start, end: e.end - place.start, ..e }).collect()
        };
        self.places.into_iter().map(within).collect()
    }
}

fn apart(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Label, Policy, Recognisers};

    #[test]
    fn a_vault_knows_who_was_named_before() {
        let redactor = Redactor::new(Policy::all(Action::Placeholder), Recognisers::all()).unwrap();
        let mut vault = Vault::new();
        let hear = |text: &str, vault: &Vault| -> Vec<String> {
            let found = redactor.with_known(text, Vec::new(), vault);
            found.iter().map(|e| format!("{} {} {}", e.text(text), e.label, e.explain.recogniser)).collect()
        };
        let text = "They said that Zelikova left Qorvin; ILSE ZELIKOVA. Will it? Zelikovas";
        assert!(hear(text, &vault).is_empty());
        for (label, value) in [
            (Label::Person, "Ilse Zelikova"),
            (Label::Organization, "Qorvin"),
            (Label::Person, "Will"),
            (Label::Date, "Zelikovas"),
        ] {
            vault.placeholder(&label, value);
        }
        assert_eq!(
            hear(text, &vault),
            ["Zelikova PERSON again", "Qorvin ORGANIZATION again", "ILSE ZELIKOVA PERSON again"]
        );
        let often = "Qorvin, and Zelikova. ".repeat(50);
        assert_eq!(hear(&often, &vault).len(), 100);
        vault.placeholder(&Label::Person, " Orrinder, Bo ");
        assert_eq!(hear("then Orrinder, orrinder and Bo", &vault), ["Orrinder PERSON again"]);
        let policy = Policy::all(Action::Placeholder).with_threshold(Label::Person, 0.9);
        let strict = Redactor::new(policy, Recognisers::all()).unwrap();
        assert_eq!(strict.with_known(text, Vec::new(), &vault).len(), 1);
        let redactor = redactor.only([Label::Organization]);
        assert_eq!(redactor.with_known(text, Vec::new(), &vault).len(), 1);
    }

    #[test]
    fn findings_stay_with_their_text() {
        let redactor = Redactor::new(Policy::all(Action::Placeholder), Recognisers::all()).unwrap();
        let person = |start, end| Entity::new(Label::Person, start, end, 0.9, By::Model, "test");
        let mut texts = Texts::default();
        texts.push("Ilse", vec![person(0, 4)]);
        texts.push("", vec![]);
        texts.push("Zelikova, Ilse\nZelikova", vec![person(0, 8), person(10, 23), person(20, 99)]);
        texts.push("Zelikova and Ilse", vec![]);
        texts.push("Ilse\nZelikova", vec![person(0, 13)]);
        texts.push("by Ilse", vec![]);
        texts.push("Zelikova did", vec![]);
        let found: Vec<Vec<(usize, usize)>> = texts
            .again(&redactor)
            .iter()
            .map(|found| found.iter().map(|e| (e.start, e.end)).collect())
            .collect();
        assert_eq!(
            found,
            [
                vec![(0, 4)],
                vec![],
                vec![(0, 8), (10, 23)],
                vec![(0, 8), (13, 17)],
                vec![(0, 13)],
                vec![(3, 7)],
                vec![(0, 8)]
            ]
        );
    }
}
