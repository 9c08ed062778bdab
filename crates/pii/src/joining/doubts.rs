//! What a model takes for somebody or something and is none.

use super::{UNSURE, is_name};
use crate::offsets::floor_char_boundary;
use crate::recognisers::{
    is_acronym, is_blood_pressure, is_finding, is_no_name, is_nobody, is_role, is_state, is_titled,
};
use crate::{Entity, Label};

/// What an unsure model takes for a name and is one word of the language (`Elle`, `January`, `Kitchen`) is left to those who ask for
/// recall: four in five are none. In capitals it may be an acronym.
pub(crate) fn doubt_words(text: &str, model: &mut [Entity]) {
    let is_word = |word: &str| is_no_name(word) && word.contains(char::is_lowercase);
    for entity in model.iter_mut().filter(|e| is_name(&e.label) && e.score < UNSURE.0) {
        if is_word(entity.text(text)) {
            entity.score /= 2.0;
        }
    }
}

/// Drops what a model takes for a name and is none (`Damen`, `Rgds`, `PDF`), and the numbers of goods and versions.
pub(crate) fn drop_nobody(text: &str, model: &mut Vec<Entity>) {
    model.retain(|entity| {
        let value = entity.text(text);
        match entity.label {
            Label::Person | Label::Organization => {
                let nobody = entity.label == Label::Person && is_nobody(value);
                let (start, end) = (entity.start, entity.end);
                let known = [is_finding, is_blood_pressure, is_state].iter().any(|is| is(text, start, end));
                let none = is_role(value) || is_acronym(value);
                !(known || nobody && !is_role(value) || none && !is_titled(&text[..start]))
            }
            Label::Phone => !is_of_goods(&text[..entity.start]),
            Label::IpAddress => value.contains(':') || value.split('.').count() < 5,
            _ => true,
        }
    });
}

/// Whether a text ends in `ISBN-13: ` or the like.
fn is_of_goods(before: &str) -> bool {
    const GOODS: [&str; 6] = ["ISBN", "ISSN", "EAN", "GTIN", "UPC", "SKU"];
    let near = &before[floor_char_boundary(before, before.len().saturating_sub(16))..];
    let near = near.trim_end_matches([' ', ':', '#', '.']);
    let near = ["-13", "-10", " 13", " 10"].iter().find_map(|kind| near.strip_suffix(kind)).unwrap_or(near);
    near.rsplit(|c: char| !c.is_alphanumeric()).next().is_some_and(|word| GOODS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::By;

    #[test]
    fn a_word_is_hardly_a_name() {
        let text = "Elle says Elle and Lisa and Elements";
        let spans = [(0, 4, 0.7), (10, 14, 0.9), (19, 23, 0.6), (28, 36, 0.6)];
        let mut model =
            spans.map(|(a, b, score)| Entity::new(Label::Person, a, b, score, By::Model, "test")).to_vec();
        doubt_words(text, &mut model);
        assert_eq!(model.iter().map(|e| e.score).collect::<Vec<_>>(), [0.35, 0.9, 0.6, 0.3]);
    }

    #[test]
    fn what_is_nobody_or_a_number_of_goods_is_dropped() {
        let text = "Damen und Rgds, ISBN-13: 978-2-38271-598-7, firmware 3.0.0.4.386 at 10.0.0.1; Don of LG to SEAN, 07700 900 12 (PDF)";
        let at = |label: Label, value: &str| {
            let start = text.find(value).unwrap();
            Entity::new(label, start, start + value.len(), 0.99, By::Model, "test")
        };
        let mut model = vec![
            at(Label::Person, "Damen"),
            at(Label::Person, "Rgds"),
            at(Label::Phone, "978-2-38271-598-7"),
            at(Label::IpAddress, "3.0.0.4.386"),
            at(Label::IpAddress, "10.0.0.1"),
            at(Label::Person, "Don"),
            at(Label::Organization, "LG"),
            at(Label::Phone, "07700 900 12"),
            at(Label::Organization, "PDF"),
        ];
        drop_nobody(text, &mut model);
        assert_eq!(
            model.iter().map(|e| e.text(text)).collect::<Vec<_>>(),
            ["10.0.0.1", "Don", "LG", "07700 900 12"]
        );
    }

    #[test]
    fn a_physician_s_name_may_be_a_finding() {
        let text = "Hx of Crohn's disease, Foley catheter, morbo di Parkinson, Romberg negative. Seen by Dr. Romberg and Mrs Crohn, I and Okay by Mr. Ja";
        let at = |value: &str, from: usize| {
            let start = from + text[from..].find(value).unwrap();
            Entity::new(Label::Person, start, start + value.len(), 0.9, By::Model, "test")
        };
        let mut model: Vec<Entity> =
            ["Crohn", "Foley", "Parkinson", "Romberg"].iter().map(|name| at(name, 0)).collect();
        model.extend([at("Romberg", 80), at("Crohn", 80), at("I", 100), at("Okay", 80), at("Ja", 80)]);
        drop_nobody(text, &mut model);
        assert_eq!(
            model.iter().map(|e| (e.start > 80, e.text(text))).collect::<Vec<_>>(),
            [(true, "Romberg"), (true, "Crohn"), (true, "Ja")]
        );
    }
}
