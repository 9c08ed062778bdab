//! Names that stand in a text again: whoever is hidden in one sentence must not be in the open in the next, where a model or a
//! recogniser saw less of what is around.

use std::collections::{HashMap, HashSet};

use crate::merge::sort_by_place;
use crate::recognisers::is_word_of_the_language;
use crate::{By, Entity, Label};

/// The score from which a finder is believed in other places too. On the development sets, read as documents, two of three that this
/// adds are right.
const SURE: f32 = 0.5;
/// Fewest letters of a name that stands in one place in capitals and not in the other.
const SHOUTED: usize = 4;
/// Fewest bytes of a name that is looked for.
const LEAST: usize = 3;

/// Where a name may begin or end: at no letter or digit, and not inside an address or a handle.
fn is_open(before: &str, after: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '/' | '\\' | '#');
    let left = before.chars().next_back();
    let mut right = after.chars();
    let dotted = |c: Option<char>, next: Option<char>| {
        matches!(c, Some('.' | ':')) && next.is_some_and(char::is_alphanumeric)
    };
    let left_dotted = left == Some('.') && before.chars().nth_back(1).is_some_and(char::is_alphanumeric);
    !left.is_some_and(joins) && !left_dotted && {
        let first = right.next();
        !first.is_some_and(joins) && !dotted(first, right.next())
    }
}

/// Words as they stand, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// The names to look for that an entity gives: itself, and of a person's full name its last word.
fn names<'t>(entity: &Entity, text: &'t str) -> impl Iterator<Item = &'t str> {
    let whole = entity.text(text);
    let last =
        whole.rsplit(' ').next().filter(|last| entity.label == Label::Person && last.len() < whole.len());
    [Some(whole), last.filter(|last| last.chars().count() >= SHOUTED)].into_iter().flatten()
}

/// What of `found` (sorted, without overlap) stands in `text` again and was not found there.
pub(crate) fn again(text: &str, found: &[Entity]) -> Vec<Entity> {
    let sure = |e: &&Entity| {
        e.score >= SURE
            && e.by <= By::Model
            && matches!(e.label, Label::Person | Label::Organization | Label::Location)
    };
    let mut known: HashMap<String, (&str, &Entity)> = HashMap::new();
    for entity in found.iter().filter(sure) {
        for name in
            names(entity, text).filter(|name| name.len() >= LEAST && name.starts_with(char::is_uppercase))
        {
            let best = known.entry(name.to_lowercase()).or_insert((name, entity));
            if best.1.score < entity.score {
                *best = (name, entity);
            }
        }
    }
    if known.is_empty() {
        return Vec::new();
    }
    // A word that the text has in lower case too, or that the language has, says nothing where it stands alone.
    let is_lower = |(at, word): &(usize, &str)| {
        known.contains_key(*word) && is_open(&text[..*at], &text[at + word.len()..])
    };
    let lower: HashSet<&str> = words(text).filter(is_lower).map(|(_, word)| word).collect();
    known.retain(|folded, (name, _)| {
        name.contains(' ') || !lower.contains(folded.as_str()) && !is_word_of_the_language(name)
    });
    let mut by_first: HashMap<String, Vec<(String, &str, &Entity)>> = HashMap::new();
    for (folded, (name, entity)) in known {
        if let Some((_, first)) = words(&folded).next() {
            by_first.entry(first.to_owned()).or_default().push((folded.clone(), name, entity));
        }
    }
    let mut more: Vec<Entity> = Vec::new();
    for (start, word) in words(text).filter(|(_, word)| word.starts_with(char::is_uppercase)) {
        let Some(names) = by_first.get(&word.to_lowercase()) else { continue };
        let fits = |(folded, name, entity): &&(String, &str, &Entity)| {
            let end = start + name.len();
            let Some(here) = text.get(start..end) else { return false };
            let shouted =
                !here.contains(char::is_lowercase) && here.len() >= SHOUTED && here.to_lowercase() == *folded;
            (here == *name || shouted) && is_open(&text[..start], &text[end..]) && start != entity.start
        };
        let Some((_, name, entity)) = names.iter().filter(fits).max_by_key(|(_, name, _)| name.len()) else {
            continue;
        };
        let mut repeat = Entity { start, end: start + name.len(), ..(*entity).clone() };
        repeat.explain.recogniser = "again".into();
        repeat.explain.gave_way.clear();
        let next = found.partition_point(|e| e.end <= repeat.start);
        let taken = found.get(next).is_some_and(|e| e.overlaps(&repeat))
            || more.last().is_some_and(|e| e.overlaps(&repeat));
        if !taken {
            more.push(repeat);
        }
    }
    sort_by_place(&mut more);
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, names: &[(&str, Label, f32)]) -> Vec<(String, String)> {
        let entity = |(name, label, score): &(&str, Label, f32)| {
            let start = text.find(name).unwrap();
            Entity::new(label.clone(), start, start + name.len(), *score, By::Model, "test")
        };
        let mut given: Vec<Entity> = names.iter().map(entity).collect();
        sort_by_place(&mut given);
        let more = again(text, &given);
        assert!(more.iter().all(|e| e.by == By::Model && e.explain.recogniser == "again"));
        more.iter().map(|e| (e.text(text).to_owned(), e.label.name().to_owned())).collect()
    }

    #[test]
    fn a_name_is_found_wherever_it_stands() {
        let text = "Philip Zelikow spoke. The CPA, said Zelikow, left; the CPA's papers stayed. PHILIP ZELIKOW! zelikow.com, @Zelikow, Zelikowski";
        let got = found(text, &[("Philip Zelikow", Label::Person, 0.9), ("CPA", Label::Organization, 0.9)]);
        let texts: Vec<(&str, &str)> =
            got.iter().map(|(text, label)| (text.as_str(), label.as_str())).collect();
        assert_eq!(texts, [("Zelikow", "PERSON"), ("CPA", "ORGANIZATION"), ("PHILIP ZELIKOW", "PERSON")]);
    }

    #[test]
    fn what_may_be_a_word_is_left_alone() {
        for (text, name, label) in [
            ("We met Target there. Target the rest, hit the target.", "Target", Label::Organization),
            ("Then Will came. Will it rain?", "Will", Label::Person),
            ("By Bo. Bo!", "Bo", Label::Person),
            ("from lisa. Lisa! lisa", "lisa", Label::Person),
            ("see Rex.com of Rex.Org, Rex_1, a/Rex", "Rex", Label::Person),
        ] {
            assert_eq!(found(text, &[(name, label, 0.9)]), [], "{text}");
        }
        assert_eq!(found("Ann Orr. Orr? Ann Orr", &[("Ann Orr", Label::Person, 0.4)]), []);
    }

    #[test]
    fn the_surest_and_longest_wins_and_nothing_is_taken_twice() {
        let text = "Ann Lindqvist, Bo Lindqvist; Ann Lindqvist of Lindqvist.";
        let got =
            found(text, &[("Ann Lindqvist", Label::Person, 0.9), ("Bo Lindqvist", Label::Person, 0.95)]);
        assert_eq!(
            got.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
            ["Ann Lindqvist", "Lindqvist"]
        );
    }

    proptest! {
        #[test]
        fn repeats_fit_between_what_was_found(text in "[AbÉé .\\-@_ß😀]{0,60}", spans in prop::collection::vec((0_usize..60, 1_usize..9), 0..6)) {
            let at = |byte: usize| crate::offsets::floor_char_boundary(&text, byte);
            let given: Vec<Entity> = spans.iter().map(|&(s, n)| Entity::new(Label::Person, at(s), at(s + n), 0.9, By::Model, "test")).collect();
            let mut all = crate::merge::merge(given, 0.5);
            all.extend(again(&text, &all));
            sort_by_place(&mut all);
            prop_assert!(all.iter().all(|e| !e.text(&text).is_empty()));
            prop_assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
