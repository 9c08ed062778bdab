//! The rest of a name that a model saw a part of: `Kay van 't Riet`, `heather ellis`, `St. Clair`. What stays of a name in the open gives it away.

use crate::merge::sort_by_place;
use crate::recognisers::{is_given_name, is_nobody, is_surname, is_title, is_unknown};
use crate::{Entity, Label};

/// Small words inside a person's name.
const PARTICLES: [&str; 24] = [
    "van", "von", "'t", "de", "la", "der", "den", "ter", "ten", "da", "dos", "das", "di", "bin", "ben",
    "ibn", "al", "binti", "De", "La", "BIN", "BEN", "IBN", "AL",
];

/// Widens the people of a model's findings over adjoining words that belong to their names.
pub(crate) fn whole_names(text: &str, model: &mut Vec<Entity>) {
    if !model.iter().any(|entity| entity.label == Label::Person) {
        return;
    }
    sort_by_place(model);
    join(text, model);
    let mut done = 0;
    for at in 0..model.len() {
        let next = model.get(at + 1).map_or(text.len(), |next| next.start);
        let entity = &mut model[at];
        if entity.label == Label::Person && entity.start >= done && next >= entity.end {
            entity.start = left(text, done, entity);
            entity.end = right(&text[..next], entity);
        }
        done = done.max(model[at].end);
    }
}

/// Makes one of two people with nothing but particles between them.
fn join(text: &str, model: &mut Vec<Entity>) {
    model.dedup_by(|next, entity| {
        let both = entity.label == Label::Person && next.label == Label::Person;
        let capitals = [&*entity, &*next].iter().all(|e| e.text(text).starts_with(char::is_uppercase));
        let between = text.get(entity.end..next.start).unwrap_or_default();
        let inner =
            between.strip_prefix(' ').and_then(|between| between.strip_suffix(' ')).unwrap_or_default();
        // "Truus van Leuven", "Jean-Baptiste de La Tour".
        let of_place = entity.label == Label::Person
            && (next.label == Label::Location
                && is_given_name(entity.text(text))
                && matches!(inner, "van" | "von" | "da")
                || inner == "de" && next.text(text).starts_with("La "));
        let is_joined = inner.len() < 12 && inner.split(' ').all(|word| PARTICLES.contains(&word));
        let is_one = (both || of_place) && capitals && is_joined;
        if is_one {
            entity.end = next.end;
            entity.score = entity.score.max(next.score);
        }
        is_one
    });
}

/// Where the name begins, not before `from`.
fn left(text: &str, from: usize, entity: &Entity) -> usize {
    let (value, start) = (entity.text(text), entity.start);
    let head = text.get(from..start).unwrap_or_default();
    if head.ends_with("St. ") && value.starts_with(char::is_uppercase) {
        return start - 4;
    }
    let Some(head) = head.strip_suffix(' ') else { return start };
    if let Some(start) = after_title(head) {
        return from + start;
    }
    let word = head.rsplit(|c: char| !(c.is_alphabetic() || c == '-')).next().unwrap_or_default();
    let begin = from + head.len() - word.len();
    let opens = matches!(text[..begin].chars().next_back(), None | Some('\n'));
    let goes_on =
        text[entity.end..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_lowercase));
    let unheard =
        opens && goes_on && word.len() > 2 && !value.contains(' ') && is_unknown(word) && !is_nobody(word);
    let alike = case(word) == case(value);
    match word.len() > 1 && alike && (is_given_name(word) || unheard && case(word) == Case::Title) {
        true => begin,
        false => start,
    }
}

/// Where the particles at the end of `head` begin, behind a title: `dr. van der`.
fn after_title(head: &str) -> Option<usize> {
    let (mut rest, mut start) = (head, None);
    for _ in 0..3 {
        let word = rest.rsplit([' ', '\n']).next().unwrap_or_default();
        if !PARTICLES.contains(&word) {
            return start.filter(|_| is_title(word.trim_end_matches('.')));
        }
        start = Some(rest.len() - word.len());
        rest = rest[..rest.len() - word.len()].strip_suffix(' ')?;
    }
    None
}

/// Where the name ends; `text` ends where something else begins.
fn right(text: &str, entity: &Entity) -> usize {
    let (value, end) = (entity.text(text), entity.end);
    let (mut at, mut particles) = (end, 0);
    loop {
        let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix(' ')) else { return end };
        let len =
            rest.find(|c: char| !(c.is_alphabetic() || matches!(c, '\'' | '’' | '-'))).unwrap_or(rest.len());
        let word = &rest[..len];
        if particles < 2 && PARTICLES.contains(&word) {
            particles += 1;
        } else {
            let inside = particles > 0 && !text[end..at].starts_with(" de");
            let known = is_surname(word) || inside && (is_unknown(word) || is_given_name(word));
            let needs = particles > 0 || !value.contains(' ') && is_given_name(value);
            return if word.len() > 2 && case(word) == case(value) && known && needs {
                at + 1 + len
            } else {
                end
            };
        }
        at += 1 + len;
    }
}

#[derive(PartialEq)]
enum Case {
    Lower,
    Title,
    Upper,
}

fn case(word: &str) -> Case {
    match (word.starts_with(char::is_uppercase), word.contains(char::is_lowercase)) {
        (true, true) => Case::Title,
        (true, false) => Case::Upper,
        (false, _) => Case::Lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::By;

    #[test]
    fn a_part_of_a_name_becomes_the_whole() {
        for (text, found, want) in [
            ("witness Kay van 't Riet stated", &["Kay", "Riet"][..], &["Kay van 't Riet"][..]),
            ("advocaat Paul de La Tour ontkent", &["Paul", "La Tour"], &["Paul de La Tour"]),
            ("anyone know heather ellis??", &["ellis"], &["heather ellis"]),
            ("and jeffrey chen called", &["jeffrey"], &["jeffrey chen"]),
            ("On cross, St. Clair admitted", &["Clair"], &["St. Clair"]),
            ("Reijo Ahonen nimitettiin", &["Ahonen"], &["Reijo Ahonen"]),
            ("NOTICE TO FATIMA BEN YOUSSEF:", &["FATIMA"], &["FATIMA BEN YOUSSEF"]),
            ("María Ruiz De la Fuente y", &["María Ruiz"], &["María Ruiz De la Fuente"]),
            ("Maria and Ana", &["Maria", "Ana"], &["Maria", "Ana"]),
            ("Hello Ahonen, and", &["Ahonen"], &["Ahonen"]),
            ("call jeffrey back", &["jeffrey"], &["jeffrey"]),
            ("door dr. de Vries te", &["Vries"], &["de Vries"]),
            ("la casa de Vries", &["Vries"], &["Vries"]),
            ("", &[], &[]),
        ] {
            let at = |part: &&str| {
                let start = text.find(*part).unwrap();
                Entity::new(Label::Person, start, start + part.len(), 0.9, By::Model, "test")
            };
            let mut model: Vec<Entity> = found.iter().map(at).collect();
            whole_names(text, &mut model);
            assert_eq!(model.iter().map(|e| e.text(text)).collect::<Vec<_>>(), want, "{text}");
        }
    }
}
