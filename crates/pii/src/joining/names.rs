//! Whose a name is, where a model and the recognisers see one in the same place.

use super::{SURE_NAME, UNSURE, is_name, near};
use crate::{By, Entity, Label};

/// A model's score below which a place that everybody knows is one, though it is somebody's name as well.
const HALF_SURE: f32 = 0.6;

/// Where a recogniser is sure of a name, a model's other reading of it gives way, whatever its score, and keeps what lies before or behind.
/// `recognised` is sorted.
pub(crate) fn take_names(text: &str, model: &mut Vec<Entity>, recognised: &[Entity]) {
    let is_sure = |e: &&Entity| is_name(&e.label) && e.by == By::Pattern && e.score >= SURE_NAME;
    for entity in model.iter_mut() {
        let is_reading = is_name(&entity.label) || matches!(entity.label, Label::Title | Label::Nationality);
        for sure in recognised[near(recognised, entity)].iter().filter(is_sure) {
            let holds = entity.start <= sure.start && sure.end <= entity.end;
            if sure.end <= entity.start || sure.start >= entity.end || holds && sure.label == entity.label {
                continue;
            }
            let before = entity.start..sure.start.max(entity.start);
            let behind = sure.end.min(entity.end)..entity.end;
            let rest = match (is_reading, before.len() > behind.len()) {
                (true, true) => before,
                (true, false) => behind,
                // An address may begin with the end of a firm's name, and is otherwise more than a name.
                (false, _) if entity.label == Label::Address && before.is_empty() && !behind.is_empty() => {
                    behind
                }
                (false, _) => continue,
            };
            let value = &text[rest.clone()];
            // Of "and Universitatea din București", what is left is no name.
            let has_capital = |part: &str| part.contains(char::is_uppercase);
            if is_reading && !has_capital(value) && has_capital(entity.text(text)) {
                entity.end = entity.start;
                continue;
            }
            let start = rest.end - value.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
            let kept = value.trim_end_matches([' ', ',', ';', ':', '(', '\n']).len();
            (entity.start, entity.end) = (start, (rest.start + kept).max(start));
        }
    }
    model.retain(|entity| entity.start < entity.end);
}

/// Where a model and a recogniser see the same in one place, each is surer than alone: with scores taken for the
/// probabilities of two that err apart from each other, both get 1 − (1 − a)(1 − b). So a doubtful surname that the model half
/// believes is found, and neither is alone. Only of names, which have no shape that either could be sure of.
///
/// Where they see a name alike and differ in whose, a model that is unsure gives way to what the recogniser knows: a place or a
/// firm that everybody knows may stand where the model would look for a person. `recognised` is sorted.
pub(crate) fn agree(model: &mut [Entity], recognised: &mut [Entity]) {
    for entity in model.iter_mut().filter(|entity| is_name(&entity.label)) {
        let near = near(recognised, entity);
        let sureness = entity.score;
        let (mut agreed, mut known) = (0.0_f32, None);
        for other in
            recognised[near].iter_mut().filter(|other| other.end > entity.start && is_name(&other.label))
        {
            if other.label == entity.label {
                agreed = agreed.max(other.score);
                let both = 1.0 - (1.0 - entity.score) * (1.0 - other.score);
                (entity.score, other.score) = (both, both);
            } else if (other.start, other.end) == (entity.start, entity.end) && other.score >= 0.5 {
                known = Some((&other.label, other.score));
            }
        }
        // Madrid is somebody's surname as well, and so half a person to a recogniser.
        let wins = |label: &Label, score: f32| match agreed > 0.0 {
            true => *label == Label::Location && agreed < score && sureness < HALF_SURE,
            false => sureness < UNSURE.1,
        };
        if let Some((label, _)) = known.filter(|(label, score)| wins(label, *score)) {
            entity.label = label.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::sort_by_place;

    #[test]
    fn two_that_agree_are_surer() {
        let entity = |label: Label, start, end, score, by| Entity::new(label, start, end, score, by, "test");
        let mut recognised = [
            entity(Label::Person, 30, 34, 0.35, By::Pattern),
            entity(Label::Person, 4, 9, 0.4, By::Pattern),
            entity(Label::Location, 10, 14, 0.5, By::Pattern),
        ];
        let mut model = [
            entity(Label::Person, 0, 9, 0.5, By::Model),
            entity(Label::Organization, 10, 14, 0.5, By::Model),
            entity(Label::Person, 34, 40, 0.4, By::Model),
        ];
        sort_by_place(&mut recognised);
        agree(&mut model, &mut recognised);
        let scores = |entities: &[Entity]| entities.iter().map(|e| e.score).collect::<Vec<_>>();
        assert_eq!(scores(&model), [0.7, 0.5, 0.4]);
        assert_eq!(scores(&recognised), [0.7, 0.5, 0.35]);
    }

    #[test]
    fn an_unsure_model_takes_the_label_that_a_recogniser_knows() {
        let entity = |label: Label, start, end, score, by| Entity::new(label, start, end, score, by, "test");
        let mut recognised = [
            entity(Label::Organization, 0, 6, 0.55, By::Pattern),
            entity(Label::Organization, 10, 16, 0.55, By::Pattern),
            entity(Label::Location, 20, 26, 0.65, By::Pattern),
            entity(Label::Person, 30, 36, 0.6, By::Pattern),
            entity(Label::Location, 30, 36, 0.4, By::Pattern),
            entity(Label::Person, 40, 46, 0.35, By::Pattern),
            entity(Label::Location, 40, 46, 0.5, By::Pattern),
        ];
        let mut model = [
            entity(Label::Person, 0, 6, 0.6, By::Model),
            entity(Label::Person, 10, 16, 0.95, By::Model),
            entity(Label::Organization, 20, 32, 0.6, By::Model),
            entity(Label::Location, 30, 36, 0.5, By::Model),
            entity(Label::Person, 40, 46, 0.55, By::Model),
        ];
        sort_by_place(&mut recognised);
        agree(&mut model, &mut recognised);
        let labels: Vec<_> = model.iter().map(|e| e.label.name()).collect();
        assert_eq!(labels, ["ORGANIZATION", "PERSON", "ORGANIZATION", "LOCATION", "LOCATION"]);
    }

    #[test]
    fn a_model_gives_way_to_what_is_sure_of_a_name() {
        let text = "Ann Toft, Cagnin SPA, Palmgren HB Bo, o.o.\nMain Street 1 to Lee";
        let at = |part: &str| text.find(part).map(|start| (start, start + part.len())).unwrap();
        let entity = |label: Label, part: &str, score, by| {
            Entity::new(label, at(part).0, at(part).1, score, by, "test")
        };
        let sure = |part| entity(Label::Organization, part, SURE_NAME, By::Pattern);
        let recognised = [
            sure("Cagnin SPA"),
            sure("Palmgren HB"),
            sure("o.o."),
            entity(Label::Organization, "Lee", 0.85, By::Pattern),
        ];
        let mut model = vec![
            entity(Label::Person, "Ann Toft, Cagnin", 0.99, By::Model),
            entity(Label::Title, "SPA", 0.99, By::Model),
            entity(Label::Organization, "Palmgren HB Bo", 0.9, By::Model),
            entity(Label::Address, "o.o.\nMain Street 1", 0.9, By::Model),
            entity(Label::Person, "Lee", 0.9, By::Model),
        ];
        take_names(text, &mut model, &recognised);
        let left: Vec<_> = model.iter().map(|e| (e.label.name(), e.text(text))).collect();
        assert_eq!(
            left,
            [
                ("PERSON", "Ann Toft"),
                ("ORGANIZATION", "Palmgren HB Bo"),
                ("ADDRESS", "Main Street 1"),
                ("PERSON", "Lee")
            ]
        );
    }
}
