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
    let mut names: Vec<&str> = Vec::new();
    let mut of: Vec<&Entity> = Vec::new();
    for entity in found.iter().filter(|e| e.score >= SURE && e.by <= By::Model) {
        let whole = entity.text(text);
        let last = match entity.label {
            Label::Person => {
                whole.rsplit(' ').next().filter(|last| (LONGER..whole.len()).contains(&last.len()))
            }
            Label::Organization | Label::Location => None,
            _ => continue,
        };
        for name in [Some(whole), last].into_iter().flatten() {
            if name.len() >= LEAST && name.starts_with(char::is_uppercase) {
                names.push(name);
                of.push(entity);
            }
        }
    }
    let Some(finder) = (!names.is_empty()).then(|| automaton(&names, false)).flatten() else {
        return Vec::new();
    };
    // A word that the text has in lower case too, or that the language has, says nothing where it stands alone.
    let mut is_word: Vec<bool> =
        names.iter().map(|name| !name.contains(' ') && is_word_of_the_language(name)).collect();
    let mut more: Vec<(usize, Entity)> = Vec::new();
    for hit in finder.find_iter(text) {
        let (start, end, which) = (hit.start(), hit.end(), hit.pattern().as_usize());
        let (here, name) = (&text[start..end], names[which]);
        if !stands_free(&text[..start], &text[end..]) {
            continue;
        }
        if here.starts_with(char::is_lowercase) {
            is_word[which] |= !here.contains(' ');
            continue;
        }
        let shouted = here.len() >= LONGER && !here.contains(char::is_lowercase);
        let entity = of[which];
        let repeat = Entity { start, end, ..entity.clone() };
        let next = found.partition_point(|e| e.end <= start);
        if (here == name || shouted) && !found.get(next).is_some_and(|e| e.overlaps(&repeat)) {
            more.push((which, repeat));
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
