//! What a text says itself of its names (the head of a table, a field's name, the address beside them) stands against what a model takes
//! them for: of a cell by itself there is little to see.

use super::{UNSURE, is_name, is_number, near};
use crate::recognisers::{Nameless, is_told};
use crate::{By, Entity, Label};

/// The score below which what is told may be wrong: the column `name` may hold firms.
const FIRM: f32 = 0.8;
/// Fewest bytes of what is left of a model's finding.
const LEAST: usize = 3;

/// Takes from a model's findings what is told to be something else, and from all findings the names that are told to be none.
/// `recognised` is sorted.
pub(crate) fn heed(
    text: &str,
    model: &mut Vec<Entity>,
    recognised: &mut Vec<Entity>,
    mut nameless: Vec<Nameless>,
) {
    if !nameless.is_empty() {
        nameless.sort_by_key(|part| part.start);
        let part_of = |entity: &Entity| {
            let after = nameless.partition_point(|part| part.start <= entity.start);
            // In a cell of more words may be a name among them.
            let is_all = |part: &&Nameless| entity.end == part.end && entity.start == part.start;
            nameless
                .get(after.checked_sub(1)?)
                .filter(|part| is_all(part) || part.sure && entity.end <= part.end)
        };
        model.retain(|entity| {
            let is_none = |part: &Nameless| {
                (part.sure || entity.score < UNSURE.1)
                    && (is_name(&entity.label)
                        || entity.label == Label::Username
                        || part.amount && is_number(&entity.label))
            };
            !part_of(entity).is_some_and(is_none)
        });
        let is_none =
            |entity: &Entity| entity.by == By::Pattern && is_name(&entity.label) && !is_told(entity);
        recognised.retain(|entity| !is_none(entity) || part_of(entity).is_none());
    }
    if model.is_empty() || !recognised.iter().any(is_told) {
        return;
    }
    let told: Vec<Entity> = recognised.iter().filter(|entity| is_told(entity)).cloned().collect();
    for entity in model.iter_mut().filter(|entity| is_telling(&entity.label)) {
        let mut cut = false;
        for other in told[near(&told, entity)].iter() {
            let doubted = other.score < FIRM && entity.score >= UNSURE.1;
            if other.end <= entity.start || other.label == entity.label || doubted {
                continue;
            }
            cut = true;
            if entity.start >= other.start {
                entity.start = other.end.min(entity.end);
            } else {
                entity.end = other.start;
            }
        }
        if !cut {
            continue;
        }
        let rest = text.get(entity.start..entity.end).unwrap_or_default();
        let marks = |c: char| !c.is_alphanumeric();
        let ahead = rest.len() - rest.trim_start_matches(marks).len();
        entity.end -= rest.len() - rest.trim_end_matches(marks).len().max(ahead);
        entity.start += ahead;
    }
    model.retain(|entity| entity.start + LEAST <= entity.end);
}

/// Whether what a model gives this label says more than where something stands, so that it can be wrong.
fn is_telling(label: &Label) -> bool {
    is_name(label) || is_number(label) || matches!(label, Label::Username | Label::Title | Label::Nationality)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, Recognisers, Redactor};

    /// What is found where a model takes `part` for `label`, with a score.
    fn found(text: &str, part: &str, label: Label, score: f32) -> Vec<String> {
        let start = text.find(part).unwrap();
        let model = Entity::new(label, start, start + part.len(), score, By::Model, "test");
        let redactor = Redactor::new(Policy::default(), Recognisers::all()).unwrap();
        let found = redactor.analyze_with(text, vec![model], None);
        found.iter().map(|e| format!("{} {}", e.label, e.text(text))).collect()
    }

    #[test]
    fn a_table_knows_better() {
        let text = "name,surname,role,city,qty\nXyla,Qux,Engineer,Montegabbione,70977";
        let is = ["PERSON Qux", "LOCATION Montegabbione"];
        for (part, label, score) in [
            ("Montegabbione", Label::Organization, 0.99),
            ("Qux", Label::Nationality, 0.9),
            ("role", Label::Person, 0.99),
            ("Engineer", Label::Organization, 0.9),
            ("70977", Label::AccountNumber, 0.9),
            ("Montegabbione,70977", Label::Organization, 0.9),
        ] {
            let mut found = found(text, part, label, score);
            found.retain(|e| e != "ORGANIZATION 70977");
            assert_eq!(found, is, "{part}");
        }
        let all = found(text, "Engineer", Label::Person, 0.99);
        assert_eq!(all, ["PERSON Qux", "PERSON Engineer", "LOCATION Montegabbione"]);
        let all = found(text, "Xyla", Label::Person, 0.6);
        assert_eq!(all, ["PERSON Xyla", "PERSON Qux", "LOCATION Montegabbione"]);
    }
}
