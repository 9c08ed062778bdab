//! The face that a token classifier shows to redaction, and how its spans become entities.
//!
//! This crate runs no model. Whoever does ([`TokenClassifier`]) gives spans of classes; a [`LabelMap`] says which of our
//! labels each class means.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::eval::LabelMap;
use crate::label::Group;
use crate::offsets::{ceil_char_boundary, floor_char_boundary};
use crate::recognisers::{
    is_acronym, is_blood_pressure, is_finding, is_no_name, is_nobody, is_role, is_state, is_titled,
};
use crate::{By, Entity, Label};

/// A stretch of text to which a token classifier gives one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The class as the model names it: `PERSON`, `PER`, `private_person`.
    pub class: String,
    /// 0 to 1: the mean probability of the class over the span's tokens.
    pub score: f32,
}

/// A model that finds spans in a text. Futures need not be `Send`: in a browser all runs on one thread.
#[expect(async_fn_in_trait, reason = "a browser's futures stay on one thread")]
pub trait TokenClassifier {
    /// What can go wrong.
    type Error;

    /// The model's name, for [`Explain`](crate::Explain).
    fn name(&self) -> &str;

    /// The spans of `text`, in order and without overlap. Texts of any length are taken.
    async fn classify(&mut self, text: &str) -> Result<Vec<ClassSpan>, Self::Error>;
}

/// A model's spans as entities. Classes that `labels` maps to nothing are left out.
pub fn entities(spans: &[ClassSpan], labels: &LabelMap, model: &str) -> Vec<Entity> {
    let entity = |span: &ClassSpan| {
        let label = labels.get(&span.class)?;
        Some(Entity::new(label, span.start, span.end, span.score, By::Model, model.to_owned()))
    };
    spans.iter().filter_map(entity).collect()
}

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

/// A model's score below which a word of the language is no name, and below which a recogniser's label of the same name stands; chosen
/// on the texts that pii-mini's card scores.
pub(crate) const UNSURE: (f32, f32) = (0.8, 0.93);

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

/// Bytes that no name and no number reaches.
pub(crate) const LONGEST: usize = 256;

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
        let from = recognised.partition_point(|other| other.start + LONGEST < entity.start);
        let near = recognised[from..].iter().take_while(|other| other.start < entity.end);
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

/// Whether what has this label is made of digits, by and large.
pub(crate) fn is_number(label: &Label) -> bool {
    matches!(label, Label::Phone | Label::PostalCode)
        || matches!(
            label.group(),
            Group::Device | Group::Financial | Group::Government | Group::Credential | Group::Time
        )
}

/// A model's score below which a place that everybody knows is one, though it is somebody's name as well.
const HALF_SURE: f32 = 0.6;

pub(crate) fn is_name(label: &Label) -> bool {
    matches!(label, Label::Person | Label::Location | Label::Organization)
}

/// The score of a recogniser that knows whose name it is by more than the name: by a legal form (`Palmgren HB`), or by what stands before
/// it (`Patient: Vega, Gary`).
pub(crate) const SURE_NAME: f32 = 0.9;

/// Where a recogniser is sure of a name, a model's other reading of it gives way, whatever its score, and keeps what lies before or behind.
/// `recognised` is sorted.
pub(crate) fn take_names(text: &str, model: &mut Vec<Entity>, recognised: &[Entity]) {
    let is_sure = |e: &&Entity| is_name(&e.label) && e.by == By::Pattern && e.score >= SURE_NAME;
    for entity in model.iter_mut() {
        let is_reading = is_name(&entity.label) || matches!(entity.label, Label::Title | Label::Nationality);
        let from = recognised.partition_point(|other| other.start + LONGEST < entity.start);
        let end = entity.end;
        let near = recognised[from..].iter().take_while(|other| other.start < end);
        for sure in near.filter(is_sure) {
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
        let from = recognised.partition_point(|other| other.start + LONGEST < entity.start);
        let near = recognised[from..].iter_mut().take_while(|other| other.start < entity.end);
        let sureness = entity.score;
        let (mut agreed, mut known) = (0.0_f32, None);
        for other in near.filter(|other| other.end > entity.start && is_name(&other.label)) {
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

/// What a run of tokens, bytes `span` of `text`, means as a span of text: without white space at its edges, and with an edge
/// that falls inside a word moved out to the word's edge, a word being letters and the marks on them. Empty where
/// nothing is left.
pub fn snap(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor_char_boundary(text, span.start);
    let end = ceil_char_boundary(text, span.end).max(start);
    let inside = &text[start..end];
    let mut start = start + (inside.len() - inside.trim_start().len());
    let mut end = start + text[start..end].trim_end().len();
    if start >= end {
        return start..start;
    }
    let before = |at: usize| text[..at].chars().next_back();
    let after = |at: usize| text[at..].chars().next();
    while let (Some(c), Some(first)) = (before(start), after(start)) {
        if !(is_letter(c) && is_letter(first)) {
            break;
        }
        start -= c.len_utf8();
    }
    while let (Some(last), Some(c)) = (before(end), after(end)) {
        if !(is_letter(last) && is_letter(c)) {
            break;
        }
        end += c.len_utf8();
    }
    start..end
}

fn is_letter(c: char) -> bool {
    // A literal, which the tests compile.
    static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}]").ok());
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    LETTER.as_ref().is_some_and(|letter| letter.is_match(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;
    use crate::merge::sort_by_place;

    #[test]
    fn spans_end_at_words() {
        for (text, span, expected) in [
            ("to Ana Ruiz.", 2..6, "Ana"),
            ("to Ana Ruiz.", 4..9, "Ana Ruiz"),
            ("Škvorecký", 4..6, "Škvorecký"),
            // A mark belongs to its letter, and a token may end inside a character.
            ("Jose\u{301}!", 0..4, "Jose\u{301}"),
            ("a 😀b", 3..4, "😀"),
            ("no 12345", 4..6, "23"),
            ("x   y", 1..4, ""),
        ] {
            let range = span.start.min(text.len())..span.end;
            assert_eq!(&text[snap(text, range)], expected, "{text:?}");
        }
        assert_eq!(snap("", 0..0), 0..0);
        assert_eq!(snap("ab", 1..9), 0..2);
    }

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

    #[test]
    fn classes_become_labels() {
        let span = |class: &str| ClassSpan { start: 0, end: 3, class: class.to_owned(), score: 0.7 };
        let map = LabelMap::new().with("MISC", Some(Label::IdNumber)).with("LOC", None);
        let found = entities(&[span("PER"), span("MISC"), span("LOC"), span("cabbage")], &map, "m");
        let labels: Vec<_> = found.iter().map(|e| e.label.name()).collect();
        assert_eq!(labels, ["PERSON", "ID_NUMBER"]);
        assert!(found.iter().all(|e| e.by == By::Model && e.explain.recogniser == "m" && e.score == 0.7));
    }
}
