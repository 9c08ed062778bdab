//! Which kind of number one is, by what the recognisers have read around it.

use super::{UNSURE, is_number, near};
use crate::label::Group;
use crate::{Entity, Label};

/// The scores from which a recogniser of a number is believed: without a word that says what it is, and with one.
const SHAPELY: (f32, f32) = (0.75, 0.6);

/// A number is what it is called by: where a recogniser has read that (`ITIN`, `born`), or knows the shape, a model that takes most of
/// the same for a number of another kind and is not sure gives way, and neither leaves a part of it in the open. `recognised` is sorted;
/// `may` says of a finding and of what would be taken in its place whether that is as good as it for the caller.
pub(crate) fn take_kinds(
    model: &mut [Entity],
    recognised: &[Entity],
    may: &dyn Fn(&Entity, &Entity) -> bool,
) {
    let is_time = |label: &Label| label.group() == Group::Time;
    let is_sure =
        |other: &Entity| other.score >= if other.explain.context.is_some() { SHAPELY.1 } else { SHAPELY.0 };
    for entity in model.iter_mut().filter(|entity| is_number(&entity.label) && entity.score < UNSURE.1) {
        let (start, end) = (entity.start, entity.end);
        let same = |other: &&Entity| {
            let shared = end.min(other.end).saturating_sub(start.max(other.start));
            // Of dates, merging tells kinds apart.
            let telling = match is_time(&other.label) {
                true => is_time(&entity.label) && end - start < other.end - other.start,
                false => !is_time(&entity.label),
            };
            telling && is_number(&other.label) && is_sure(other) && 4 * shared >= 3 * (end - start)
        };
        let near = recognised[near(recognised, entity)].iter();
        let best = near.filter(same).max_by(|a, b| a.score.total_cmp(&b.score));
        let is_other = |other: &&Entity| other.label != entity.label && other.label != Label::Phone;
        // The words around a telephone number are those around many others.
        if let Some(other) = best.filter(is_other).filter(|other| may(entity, other)) {
            entity.label = other.label.clone();
            (entity.start, entity.end) = (entity.start.min(other.start), entity.end.max(other.end));
            entity.score = entity.score.max(other.score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::By;

    #[test]
    fn a_number_is_what_it_is_called_by() {
        let model = |label, start, end| Entity::new(label, start, end, 0.7, By::Model, "test");
        let pattern = |label, start, end, score, context: Option<&'static str>| {
            let mut entity = Entity::new(label, start, end, score, By::Pattern, "test");
            entity.explain.context = context.map(Into::into);
            entity
        };
        let recognised = [
            pattern(Label::TaxId, 0, 11, 0.65, Some("itin")),
            pattern(Label::MacAddress, 20, 34, 0.95, None),
            pattern(Label::DateOfBirth, 40, 48, 0.8, Some("born")),
            pattern(Label::Phone, 50, 59, 0.9, Some("call")),
            pattern(Label::RoutingNumber, 63, 71, 0.9, Some("sort code")),
            pattern(Label::IdNumber, 80, 90, 0.65, None),
            pattern(Label::Phone, 100, 110, 0.85, Some("mobile")),
            pattern(Label::AccountNumber, 100, 110, 0.7, Some("customer no")),
            pattern(Label::Ssn, 120, 130, 0.8, Some("ssn")),
        ];
        let mut found = [
            model(Label::Phone, 0, 11),
            model(Label::IpAddress, 21, 34),
            model(Label::Date, 40, 44),
            model(Label::IdNumber, 50, 59),
            model(Label::IdNumber, 60, 73),
            model(Label::Phone, 80, 90),
            model(Label::Phone, 100, 110),
            model(Label::IdNumber, 120, 130),
            model(Label::Person, 0, 11),
        ];
        take_kinds(&mut found, &recognised, &|_, other| other.label != Label::Ssn);
        let found: Vec<_> = found.iter().map(|e| (e.label.name(), e.start, e.end)).collect();
        assert_eq!(
            found,
            [
                ("TAX_ID", 0, 11),
                ("MAC_ADDRESS", 20, 34),
                ("DATE_OF_BIRTH", 40, 48),
                ("ID_NUMBER", 50, 59),
                ("ID_NUMBER", 60, 73),
                ("PHONE", 80, 90),
                ("PHONE", 100, 110),
                ("ID_NUMBER", 120, 130),
                ("PERSON", 0, 11),
            ]
        );
    }
}
