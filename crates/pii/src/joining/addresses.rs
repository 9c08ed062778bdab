//! How a model's findings and the recognisers' come together in street addresses: a street is called by somebody's name, and a model
//! takes it for whoever that is.

use super::near;
use crate::recognisers::street_of;
use crate::recognisers::words::words;
use crate::{By, Entity, Label};

/// What a recogniser half believes to be an address and a model to be a name.
const AGREED: f32 = 0.6;

/// Joins a model's findings with the addresses among the recognisers': where a number, a name that the model saw and a word that may be
/// a street's stand together, that is an address; one that either saw more of is as long as both say; and a name behind `chemin` or
/// `calle de` is a street's. `recognised` is sorted.
pub(crate) fn join_addresses(text: &str, model: &mut [Entity], recognised: &mut [Entity]) {
    for entity in model.iter_mut() {
        let named = matches!(entity.label, Label::Person | Label::Organization | Label::Location);
        if !(named || entity.label == Label::Address) {
            continue;
        }
        let (mut start, mut end) = (entity.start, entity.end);
        let near = near(recognised, entity);
        for other in &mut recognised[near] {
            if other.label != Label::Address || other.end <= entity.start {
                continue;
            }
            if other.score < 0.5 && entity.start >= other.start && entity.end <= other.end {
                other.score = AGREED;
            }
            if entity.label == Label::Address && other.score >= 0.5 {
                // "4, " of "room 4, Paseo Balaguer 8" is no part of it.
                let head = text.get(start..other.start).unwrap_or_default();
                let cut = !head.is_empty() && !head.contains(char::is_alphabetic);
                start = if cut { other.start } else { start.min(other.start) };
                end = end.max(other.end);
            }
        }
        (entity.start, entity.end) = (start, end);
        if named && let Some(start) = street_of(text, entity.start) {
            entity.start = start;
            entity.label = Label::Address;
        }
    }
}

/// Takes spaces and marks from the edges of places: what is left of one beside another finding has them.
pub(crate) fn trim_places(text: &str, found: &mut Vec<Entity>) {
    for entity in found.iter_mut().filter(|e| e.by < By::Validated) {
        if !matches!(entity.label, Label::Address | Label::Location) {
            continue;
        }
        let value = entity.text(text);
        let end = value.trim_end_matches([' ', ',', ';', ':', '\n', '\r', '\t', '(', '|']).len();
        let start = value.len()
            - value.trim_start_matches([' ', ',', ';', ':', '\n', '\r', '\t', ')', '|', '.']).len();
        (entity.start, entity.end) = (entity.start + start.min(end), entity.start + end);
    }
    found.retain(|e| e.start < e.end);
}

words! {
    /// Rivers and lands that towns are called by.
    BY_WATER = "Main Rhein Breisgau Inn Neckar Donau Elbe Saale Oder Leitha Lahn Ruhr Weser Spree Tauber Weinstraße Ilm Lech Isar Mur Enns Wörthersee Allgäu Taunus Sauerland \
    Schwarzwald Odenwald Vogtland Harz Bodensee Aisch Brenz Steige Fils Rott Nahe Havel Mosel Glan Rijn Zoom IJssel Maas Trent Thames Tyne Avon Soar Tweed Seine Loire Marne Saône Mer"
}
/// Between the parts of a town's name, the first ones before what it is called by alone.
const JOINS: [&str; 24] = [
    " am ",
    " im ",
    " an der ",
    " in der ",
    " ob der ",
    " a.d. ",
    " aan den ",
    " aan de ",
    " op ",
    " upon ",
    "-upon-",
    "-on-",
    "-sur-",
    " sur ",
    " de ",
    " del ",
    " di ",
    " do ",
    " da ",
    " de la ",
    " dos ",
    " du ",
    " nad ",
    " i.",
];
/// How many of them may be followed by water that nobody has found.
const BEFORE_WATER: usize = 14;

/// Makes one of a town's name that is found in parts (`Freiburg im Breisgau`, `Santa Cruz de Tenerife`), with what is elided before it
/// (`L'Aquila`). `found` is sorted.
pub(crate) fn join_towns(text: &str, found: &mut Vec<Entity>) {
    let mut joined: Vec<Entity> = Vec::with_capacity(found.len());
    for mut entity in found.drain(..) {
        let place = |e: &Entity| e.label == Label::Location;
        let before = joined.last_mut().filter(|e| place(e) || e.label == Label::Address);
        if let Some(before) = before {
            // What is called by its water has taken that along.
            if before.end >= entity.end {
                continue;
            }
            let gap = text.get(before.end..entity.start).unwrap_or_default();
            if place(&entity) && JOINS.contains(&gap) {
                before.end = entity.end;
                extend_to_water(text, before);
                continue;
            }
        }
        if place(&entity) && entity.by < By::Validated {
            let head = text.get(..entity.start).unwrap_or_default();
            let elided = ["L'", "L’", "'s-", "’s-"].iter().find(|elided| head.ends_with(**elided));
            let free = joined.last().map_or(0, |e| e.end);
            let start = entity.start - elided.map_or(0, |elided| elided.len());
            let opens = !text[..start].ends_with(char::is_alphanumeric);
            entity.start = if opens && start >= free { start } else { entity.start };
        }
        if place(&entity) || entity.label == Label::Address {
            extend_to_water(text, &mut entity);
        }
        joined.push(entity);
    }
    *found = joined;
}

fn extend_to_water(text: &str, town: &mut Entity) {
    let rest = text.get(town.end..).unwrap_or_default();
    let Some(join) = JOINS[..BEFORE_WATER].iter().find(|join| rest.starts_with(**join)) else { return };
    let rest = &rest[join.len()..];
    let word = &rest[..rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())];
    if BY_WATER.has(word) {
        town.end += join.len() + word.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(text: &str, label: Label, value: &str, score: f32, by: By) -> Entity {
        let start = text.find(value).unwrap();
        Entity::new(label, start, start + value.len(), score, by, "test")
    }

    #[test]
    fn a_name_in_an_address_is_a_streets() {
        let text = "at 0 Mendoza Gap, room 4, Paseo Balaguer 8, chemin de la Brune, with Ana Gap";
        let of = |label, value, score, by| entity(text, label, value, score, by);
        let mut recognised = [
            of(Label::Address, "0 Mendoza Gap", 0.35, By::Pattern),
            of(Label::Address, "Paseo Balaguer 8", 0.75, By::Pattern),
        ];
        let mut model = [
            of(Label::Person, "Mendoza Gap", 0.9, By::Model),
            of(Label::Address, "4, Paseo Balaguer", 0.9, By::Model),
            of(Label::Person, "Brune", 0.9, By::Model),
            of(Label::Person, "Ana Gap", 0.9, By::Model),
        ];
        join_addresses(text, &mut model, &mut recognised);
        assert_eq!(recognised[0].score, AGREED);
        let found: Vec<_> = model.iter().map(|e| (e.label.name(), e.text(text))).collect();
        assert_eq!(
            found,
            [
                ("PERSON", "Mendoza Gap"),
                ("ADDRESS", "Paseo Balaguer 8"),
                ("ADDRESS", "chemin de la Brune"),
                ("PERSON", "Ana Gap")
            ]
        );
    }

    #[test]
    fn a_town_is_one() {
        for (text, parts, want) in [
            ("in Freiburg im Breisgau lebt", &["Freiburg", "Breisgau"][..], &["Freiburg im Breisgau"][..]),
            ("in Bruck an der Leitha", &["Bruck"], &["Bruck an der Leitha"]),
            ("Santa Cruz de Tenerife", &["Santa Cruz", "Tenerife"], &["Santa Cruz de Tenerife"]),
            ("von L'Aquila nach Wien am Montag", &["Aquila", "Wien"], &["L'Aquila", "Wien"]),
            ("Paris, London to Rome", &["Paris", "London", "Rome"], &["Paris", "London", "Rome"]),
        ] {
            let mut found: Vec<_> =
                parts.iter().map(|part| entity(text, Label::Location, part, 0.9, By::Model)).collect();
            join_towns(text, &mut found);
            assert_eq!(found.iter().map(|e| e.text(text)).collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn places_end_in_no_marks() {
        let text = "Via Roma, , x";
        let mut found = vec![
            Entity::new(Label::Address, 0, 10, 0.9, By::Model, "test"),
            Entity::new(Label::Address, 10, 12, 0.9, By::Model, "test"),
            Entity::new(Label::Person, 8, 10, 0.9, By::Model, "test"),
        ];
        trim_places(text, &mut found);
        assert_eq!(found.iter().map(|e| e.text(text)).collect::<Vec<_>>(), ["Via Roma", ", "]);
    }
}
