//! Where what has a shape begins and ends, which the recognisers know and a model does not.

use std::ops::Range;

use super::is_name;
use crate::classifier::snap;
use crate::recognisers::is_no_name;
use crate::{Entity, Label};

/// Where a recogniser finds the same in the same place, a model knows better what it is, and the recogniser where it begins
/// and ends: an address does not hold the full stop behind it. Only of what has a shape; a name has none.
pub(crate) fn take_edges(model: &mut [Entity], recognised: &[Entity]) {
    let has_shape = |label: &Label| {
        matches!(
            label,
            Label::Email
                | Label::Url
                | Label::IpAddress
                | Label::MacAddress
                | Label::Phone
                | Label::CreditCard
                | Label::Iban
                | Label::Bic
                | Label::CryptoAddress
        )
    };
    for entity in model.iter_mut().filter(|entity| has_shape(&entity.label)) {
        let same = |other: &&Entity| {
            // Most of what the model saw: it may have taken two numbers for one.
            let shared = entity.end.min(other.end).saturating_sub(entity.start.max(other.start));
            other.label == entity.label && 2 * shared > entity.end - entity.start
        };
        if let Some(other) = recognised.iter().find(same) {
            (entity.start, entity.end) = (other.start, other.end);
            entity.score = entity.score.max(other.score);
        }
    }
}

/// An address on the web or of mail is no name and no part of one, and without `@` it is no e-mail address, whatever a model makes of it.
/// Where a recogniser knows it for what it is, that stands, and of the model's finding what lies before and behind.
pub(crate) fn leave_addresses(text: &str, model: &mut Vec<Entity>, recognised: &[Entity]) {
    let is_address =
        |e: &&Entity| matches!(e.label, Label::Url | Label::Email | Label::IpAddress) && e.score >= 0.5;
    let mut behind = Vec::new();
    for entity in model.iter_mut() {
        let value = entity.text(text);
        let is_mail = entity.label == Label::Email && !value.contains('@');
        if !(is_mail || is_name(&entity.label)) || !value.contains(['.', '@']) {
            continue;
        }
        let Some(address) = recognised.iter().filter(is_address).find(|e| e.overlaps(entity)) else {
            continue;
        };
        if is_mail {
            entity.label = address.label.clone();
            continue;
        }
        // "See" of "See example.com" is no name by itself.
        let named = |part: &Range<usize>| part.len() > 1 && !is_no_name(&text[part.clone()]);
        let [before, after] =
            [entity.start..address.start.max(entity.start), address.end.min(entity.end)..entity.end]
                .map(|part| snap(text, part));
        if named(&after) {
            behind.push(Entity { start: after.start, end: after.end, ..entity.clone() });
        }
        (entity.start, entity.end) =
            if named(&before) { (before.start, before.end) } else { (before.start, before.start) };
    }
    model.retain(|entity| entity.start < entity.end);
    model.append(&mut behind);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::By;

    #[test]
    fn a_recogniser_says_where_what_it_knows_ends() {
        let entity = |label: Label, start, end, score, by| Entity::new(label, start, end, score, by, "test");
        let recognised = [
            entity(Label::Email, 4, 20, 0.9, By::Pattern),
            entity(Label::Phone, 30, 39, 0.6, By::Pattern),
            entity(Label::Person, 60, 63, 0.6, By::Pattern),
        ];
        let mut model = [
            entity(Label::Email, 3, 21, 0.7, By::Model),
            entity(Label::Phone, 30, 55, 0.7, By::Model),
            entity(Label::Person, 60, 70, 0.7, By::Model),
        ];
        take_edges(&mut model, &recognised);
        let spans: Vec<_> = model.iter().map(|e| (e.start, e.end, e.score, e.by)).collect();
        assert_eq!(spans[0], (4, 20, 0.9, By::Model));
        assert_eq!([spans[1].1, spans[2].1], [55, 70]);
    }

    #[test]
    fn an_address_is_no_name() {
        let text = "See rivera.biz, or Ana Ruiz ruiz.com Bo of otto.com";
        let at = |part: &str| text.find(part).map(|start| (start, start + part.len())).unwrap();
        let entity =
            |label: Label, part: &str, by| Entity::new(label, at(part).0, at(part).1, 0.7, by, "test");
        let recognised =
            ["rivera.biz", "ruiz.com", "otto.com"].map(|part| entity(Label::Url, part, By::Pattern));
        let mut model = vec![
            entity(Label::Person, "See rivera.biz", By::Model),
            entity(Label::Person, "Ana Ruiz ruiz.com Bo", By::Model),
            entity(Label::Email, "otto.com", By::Model),
        ];
        leave_addresses(text, &mut model, &recognised);
        let left: Vec<_> = model.iter().map(|e| (e.label.name(), e.text(text))).collect();
        assert_eq!(left, [("PERSON", "Ana Ruiz"), ("URL", "otto.com"), ("PERSON", "Bo")]);
    }
}
