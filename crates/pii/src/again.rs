//! Names that stand in a text again: whoever is hidden in one sentence must not be in the open in the next, where a model or a
//! recogniser saw less of what is around.

use crate::merge::sort_by_place;
use crate::phrases::automaton;
use crate::recognisers::is_word_of_the_language;
use crate::{By, Entity, Label};

/// The score from which a finder is believed in other places too. On the development sets, read as documents, two of three that this
/// adds are right.
const SURE: f32 = 0.5;
/// Fewest bytes of a name that is looked for.
const LEAST: usize = 3;
/// Fewest bytes of a surname that is looked for, and of a name that stands in capitals in one place and not in the other.
const LONGER: usize = 4;

/// What of `found` (sorted, without overlap) stands in `text` again and was not found there.
pub(crate) fn again(text: &str, found: &[Entity]) -> Vec<Entity> {
    let sure: Vec<(&str, &Entity)> = found.iter().flat_map(|entity| names(entity, text)).collect();
    // Each name once, in any case: an automaton takes the square of their number for one that comes over and over.
    let mut folded: Vec<String> = sure.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    folded.sort();
    folded.dedup();
    let phrases: Vec<&str> = folded.iter().map(String::as_str).collect();
    let Some(finder) = (!phrases.is_empty()).then(|| automaton(&phrases, false)).flatten() else {
        return Vec::new();
    };
    let mut of: Vec<Option<(&str, &Entity)>> = vec![None; folded.len()];
    for &(name, entity) in &sure {
        let Ok(at) = folded.binary_search(&name.to_ascii_lowercase()) else { continue };
        if of[at].is_none_or(|(known, _)| !has_lower(known) && has_lower(name)) {
            of[at] = Some((name, entity));
        }
    }
    // A word that the text has in lower case too, or that the language has, says nothing where it stands alone.
    let is_lone_word = |name: &str| !name.contains(' ') && is_word_of_the_language(name);
    let mut is_word: Vec<bool> = of.iter().map(|of| of.is_none_or(|(name, _)| is_lone_word(name))).collect();
    let mut more: Vec<(usize, Entity)> = Vec::new();
    for hit in finder.find_iter(text) {
        let (start, end, which) = (hit.start(), hit.end(), hit.pattern().as_usize());
        let Some((name, entity)) = of[which].filter(|_| stands_free(&text[..start], &text[end..])) else {
            continue;
        };
        let here = &text[start..end];
        if here.starts_with(char::is_lowercase) {
            is_word[which] |= !here.contains(' ');
            continue;
        }
        // "WHO" is not said again by "Who", while "TANAKA" says "Tanaka" again.
        let same = here == name || has_lower(name) && (has_lower(here) || here.len() >= LONGER);
        let next = found.partition_point(|e| e.end <= start);
        if same && found.get(next).is_none_or(|e| e.start >= end) {
            more.push((which, Entity { start, end, ..entity.clone() }));
        }
    }
    let mut more: Vec<Entity> =
        more.into_iter().filter(|(which, _)| !is_word[*which]).map(|(_, e)| e).collect();
    for entity in &mut more {
        entity.explain.recogniser = "again".into();
        entity.explain.gave_way.clear();
    }
    sort_by_place(&mut more);
    more
}

/// The names to look for that an entity gives: its own, and of a person's full name the last word.
fn names<'t, 'e>(entity: &'e Entity, text: &'t str) -> impl Iterator<Item = (&'t str, &'e Entity)> {
    let known = entity.score >= SURE
        && entity.by <= By::Model
        && matches!(entity.label, Label::Person | Label::Organization | Label::Location);
    let whole = if known { entity.text(text) } else { "" };
    let last = whole
        .rsplit(' ')
        .next()
        .filter(|last| entity.label == Label::Person && (LONGER..whole.len()).contains(&last.len()));
    let names = [Some(whole), last].into_iter().flatten();
    names
        .filter(|name| name.len() >= LEAST && name.starts_with(char::is_uppercase))
        .map(move |name| (name, entity))
}

fn has_lower(text: &str) -> bool {
    text.contains(char::is_lowercase)
}

/// Whether what stands between `before` and `after` is no part of a word, an address or a handle.
fn stands_free(before: &str, after: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "_@/\\#".contains(c);
    let (left, right) = (before.trim_end_matches('.'), after.trim_start_matches(['.', ':']));
    let (near, far) = (before.chars().next_back(), left.chars().next_back());
    let (next, further) = (after.chars().next(), right.chars().next());
    let dotted = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let joined = near.is_some_and(joins)
        || next.is_some_and(joins)
        || left.len() < before.len() && dotted(far)
        || right.len() < after.len() && dotted(further);
    !joined
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
    fn a_name_that_comes_over_and_over_is_looked_for_once() {
        let text = "Mr. Tanakaya Who tanaKaya ".repeat(20_000) + "WHO";
        let found: Vec<Entity> = text
            .match_indices("Tanakaya")
            .map(|(at, name)| Entity::new(Label::Person, at, at + name.len(), 0.9, By::Model, "test"))
            .collect();
        let who = Entity::new(Label::Organization, text.len() - 3, text.len(), 0.9, By::Model, "test");
        assert_eq!(again(&text, &[&found[..], &[who]].concat()), []);
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
