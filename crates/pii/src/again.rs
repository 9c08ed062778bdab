//! Names that stand in a text again: whoever is hidden in one sentence must not be in the open in the next, where a model or a
//! recogniser saw less of what is around. Names are looked for as they stand: not through disguises, as recognisers read, and only in
//! scripts that have capitals.

use aho_corasick::Input;

use crate::merge::{ordered, sort_by_place};
use crate::phrases::automaton;
use crate::recognisers::is_word_of_the_language;
use crate::{By, Entity, Label};

/// The score from which a finder is believed in other places too. On the development sets, read as documents, four of five that this
/// adds are right.
const BELIEVED: f32 = 0.5;
/// The score from which a person named in full or with a title is believed whatever the other places say.
const SURE: f32 = 0.8;
/// Of what is less than certain, one of so many places where it stands must have been found: in a licence or a manual a model takes a
/// word for a name now and then.
const OFTEN: usize = 4;
/// Fewest bytes of a name that is looked for.
const LEAST: usize = 3;
/// Fewest bytes of a surname that is looked for, and of a name that stands in capitals in one place and not in the other.
const LONGER: usize = 4;

/// Who says of a text that it is a name, and is not to be doubted: the rule for a field, and what was redacted before.
const GIVEN: [&str; 2] = [FIELD_RULE, VAULT];
pub(crate) const FIELD_RULE: &str = "field_rule";
pub(crate) const VAULT: &str = "vault";

/// A name to look for, as an entity gives it.
#[derive(Clone, Copy)]
struct Name<'t, 'e> {
    text: &'t str,
    of: &'e Entity,
    /// Said with a title or in full, or given, so that no count of places has to bear it out.
    certain: bool,
}

/// What is known of a name's places.
#[derive(Clone, Copy, Default)]
struct Places {
    /// Found already, and in all.
    found: usize,
    seen: usize,
    /// The text has it in lower case, as a word.
    is_word: bool,
}

/// What of `found` (sorted, without overlap) stands in `text` again and was not found there, or is only reported there. Where a name was
/// found under two labels, one that `acts` says something is done about comes first, then the surer.
pub(crate) fn again(text: &str, found: &[Entity], acts: &dyn Fn(&Label) -> bool) -> Vec<Entity> {
    let given: Vec<Name<'_, '_>> = found.iter().flat_map(|entity| names(entity, text)).collect();
    // Each name once, in any case: an automaton takes the square of their number for one that comes over and over.
    let mut folded: Vec<String> = given.iter().flat_map(|name| spellings(name.text)).flatten().collect();
    folded.sort();
    folded.dedup();
    let phrases: Vec<&str> = folded.iter().map(String::as_str).collect();
    let Some(finder) = (!phrases.is_empty()).then(|| automaton(&phrases, false)).flatten() else {
        return Vec::new();
    };
    let mut known: Vec<Option<Name<'_, '_>>> = vec![None; folded.len()];
    let rank = |name: &Name<'_, '_>| (acts(&name.of.label), has_lower(name.text), ordered(name.of.score));
    for name in &given {
        for spelling in spellings(name.text).into_iter().flatten() {
            let Ok(at) = folded.binary_search(&spelling) else { continue };
            let certain = name.certain || known[at].is_some_and(|best| best.certain);
            let best = known[at].filter(|best| rank(best) >= rank(name)).unwrap_or(*name);
            known[at] = Some(Name { certain, ..best });
        }
    }
    let mut places = vec![Places::default(); folded.len()];
    let mut more: Vec<(usize, Entity)> = Vec::new();
    let mut at = 0;
    while let Some(hit) = finder.find(Input::new(text).range(at..)) {
        let (start, end, which) = (hit.start(), hit.end(), hit.pattern().as_usize());
        let here = &text[start..end];
        let next = found.partition_point(|e| e.end <= start);
        let over = found.get(next).filter(|e| e.start < end);
        let free = stands_free(&text[..start], &text[end..]);
        let Some(name) = known[which].filter(|name| free && says(name, here)) else {
            let lower = free && here.starts_with(char::is_lowercase);
            places[which].is_word |= lower && over.is_none() && !here.contains(char::is_whitespace);
            // What it hides, behind its start, may be a name.
            at = start + here.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        // What is only reported does not hide a name that has to go; of a longer one, such as a firm's, the name is a part.
        let reported =
            |e: &Entity| acts(&name.of.label) && !acts(&e.label) && start <= e.start && e.end <= end;
        let mut over = found[next..].iter().take_while(|e| e.start < end).filter(|e| !reported(e));
        let (over, ends_free) = (over.next(), over.next().is_none());
        at = end;
        places[which].seen += 1;
        places[which].found += usize::from(over.is_some());
        // Of a name that was found in part, the rest.
        let rest = over.map_or(start, |e| e.end.max(start));
        let rest = rest + text.get(rest..end).map_or(0, |rest| rest.len() - rest.trim_start().len());
        if end >= rest + LEAST && ends_free && over.is_none_or(|e| e.start <= start) {
            more.push((which, Entity { start: rest, end, ..name.of.clone() }));
        }
    }
    let holds = |which: usize| {
        let (Places { found, seen, is_word }, Some(name)) = (places[which], known[which]) else {
            return false;
        };
        !is_lone_word(name.text) && (name.certain || !is_word && found * OFTEN >= seen)
    };
    let mut more: Vec<Entity> = more.into_iter().filter(|(which, _)| holds(*which)).map(|(_, e)| e).collect();
    for entity in &mut more {
        entity.explain.recogniser = "again".into();
        entity.explain.gave_way.clear();
    }
    sort_by_place(&mut more);
    more
}

/// Whether what has this label goes by a name that others do not share.
pub(crate) fn is_name(label: &Label) -> bool {
    matches!(label, Label::Person | Label::Organization | Label::Location)
}

/// The names to look for that an entity gives: its own, and of a person's full name the last word.
fn names<'t, 'e>(entity: &'e Entity, text: &'t str) -> impl Iterator<Item = Name<'t, 'e>> {
    let believed = entity.score >= BELIEVED && entity.by <= By::Model && is_name(&entity.label);
    let whole = if believed { entity.text(text) } else { "" };
    let is_person = entity.label == Label::Person;
    let in_full = whole.contains(char::is_whitespace);
    let certain = GIVEN.contains(&&*entity.explain.recogniser)
        || is_person && (entity.by == By::Pattern || in_full) && entity.score >= SURE;
    // "Ruiz, Ana" as well as "Ana Ruiz".
    let last = match whole.split_once(',') {
        Some((last, _)) => Some(last.trim_end()),
        None => whole.rsplit(char::is_whitespace).next(),
    };
    let last = last.filter(|last| is_person && in_full && is_surname(last));
    let names = [Some(whole), last].into_iter().flatten();
    let names = names.filter(|name| name.len() >= LEAST && name.starts_with(char::is_uppercase));
    names.map(move |text| Name { text, of: entity, certain })
}

/// Whether the last word of a full name says who it is: not the third of Henry III, nor the Esq. behind Robert Blake.
fn is_surname(word: &str) -> bool {
    let numeral = word.chars().all(|c| matches!(c, 'I' | 'V' | 'X' | 'L' | 'C'));
    word.len() >= LONGER && !numeral && !word.ends_with('.') && !is_word_of_the_language(word)
}

/// How a name is looked for: the automaton folds ASCII alone, so letters beyond have their capitals spelt out.
fn spellings(name: &str) -> [Option<String>; 2] {
    let capitals = (!name.is_ascii()).then(|| name.to_uppercase().to_ascii_lowercase());
    [Some(name.to_ascii_lowercase()), capitals]
}

/// Whether `here` says the name again: in any capitals, but "WHO" is not said again by "Who".
fn says(name: &Name<'_, '_>, here: &str) -> bool {
    let starts = here.starts_with(char::is_uppercase);
    let longer = here.len() >= LONGER;
    starts
        && match (has_lower(name.text), has_lower(here)) {
            (true, true) | (false, false) => true,
            (true, false) => longer,
            (false, true) => longer && name.of.label == Label::Person && !is_lone_word(here),
        }
}

fn is_lone_word(name: &str) -> bool {
    !name.contains(char::is_whitespace) && is_word_of_the_language(name)
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
        let more = again(text, &given, &|_| true);
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
        let text = "Mr. Tanakaya and who? TANAKAYA. ".repeat(20_000) + "WHO";
        let found: Vec<Entity> = text
            .match_indices("Tanakaya")
            .map(|(at, name)| Entity::new(Label::Person, at, at + name.len(), 0.9, By::Model, "test"))
            .collect();
        let who = Entity::new(Label::Organization, text.len() - 3, text.len(), 0.9, By::Model, "test");
        let more = again(&text, &[&found[..], &[who]].concat(), &|_| true);
        assert!(more.len() == 20_000 && more.iter().all(|e| e.text(&text) == "TANAKAYA"), "{}", more.len());
    }

    #[test]
    fn addresses_and_longer_names_do_not_hide_a_name() {
        for (text, name, want) in [
            (
                "Philip Zelikow, mail philip-zelikow@x.com. The Zelikow plan",
                "Philip Zelikow",
                &["Zelikow"][..],
            ),
            ("Ana Zelikova came. Xyzana Zelikova went", "Ana Zelikova", &["Zelikova"]),
            ("JOHN TANAKAYA, Plaintiff. Then Tanakaya left", "JOHN TANAKAYA", &["Tanakaya"]),
            ("Mr. Philip\u{a0}Zelikow. The Zelikow plan", "Philip\u{a0}Zelikow", &["Zelikow"]),
            ("Eva Müllerová and EVA MÜLLEROVÁ", "Eva Müllerová", &["EVA MÜLLEROVÁ"]),
            ("Henry VIII in chapter VIII of volume VIII", "Henry VIII", &[]),
            ("Robert Blake Esq. and other Esq. there", "Robert Blake Esq.", &[]),
        ] {
            let mail = text
                .find("philip-z")
                .map(|at| Entity::new(Label::Email, at, at + 20, 0.9, By::Pattern, "test"));
            let start = text.find(name).unwrap();
            let person = Entity::new(Label::Person, start, start + name.len(), 0.9, By::Model, "test");
            let given: Vec<Entity> = [Some(person), mail].into_iter().flatten().collect();
            let more = again(text, &given, &|_| true);
            assert_eq!(more.iter().map(|e| e.text(text)).collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn what_is_doubtful_must_be_found_often() {
        let text = "the Source. ".repeat(9) + "Ann Lee. Lee Corp and the Lee";
        let at = |name: &str, label, score| {
            let start = text.find(name).unwrap();
            Entity::new(label, start, start + name.len(), score, By::Model, "test")
        };
        let given = [at("Source", Label::Organization, 0.9)];
        assert_eq!(again(&text, &given, &|_| true), []);
        let text = "In Zelikow town. Mr. Zelikow came. The Zelikow plan";
        let given = [(3, Label::Location, 0.96), (21, Label::Person, 0.9)]
            .map(|(start, label, score)| Entity::new(label, start, start + 7, score, By::Model, "test"));
        let label =
            |acts: &dyn Fn(&Label) -> bool| again(text, &given, acts).first().map(|e| e.label.clone());
        assert_eq!(label(&|_| true), Some(Label::Location));
        assert_eq!(label(&|label| *label == Label::Person), Some(Label::Person));
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
            all.extend(again(&text, &all, &|_| true));
            sort_by_place(&mut all);
            prop_assert!(all.iter().all(|e| !e.text(&text).is_empty()));
            prop_assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
