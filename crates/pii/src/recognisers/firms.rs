//! Firms by their legal form (`Acme Widgets GmbH`), and those that anybody would take for a person.

use super::capitals::{LONGEST, WORD, begins_upper, capitalised, word_at};
use super::forms::{self, is_form};
use super::institutions::{HEADS, INSTITUTIONS};
use super::lexicon::{Kinds, look};
use super::names::small;
use super::scan::{Scan, is_word};
use super::words::{opening, words};
use crate::Label;
use crate::joining::SURE_NAME as SURE;

/// A legal form that is also a word, behind a place, a word of the language or capitals.
const UNSURE: f32 = 0.8;
words! {
    /// Between the last two names of a firm.
    pub(super) AND = "& and et y e und en og och i és"
}
words! {
    /// Small words inside a firm's name.
    pub(super) INSIDE = "van von de den der del della dei di da do dos das du la le ter ten zu"
}
words! {
    /// Of those, what may begin it.
    BEFORE = "van von ter ten"
}
words! {
    /// What a sentence may begin with before a firm and its article.
    OPENERS = "An Auf Bei Durch Für Gegen Mit Nach Ohne Seit Über Von Zwischen Avec Chez Entre Par Pour Selon Con De Desde Para Por Según Com Da Fra Per Presso Tra Bij Met Tussen Voor"
}
/// Firms that anybody would take for a person.
const NAMESAKES: [&str; 8] = [
    "Albert Heijn",
    "Leroy Merlin",
    "Avery Dennison",
    "Morgan Stanley",
    "Eli Lilly",
    "Fannie Mae",
    "Freddie Mac",
    "Merrill Lynch",
];

/// `Acme Widgets GmbH`, `Smith & Sons Ltd`, `Hill, Kaul and Ward PLC`: a capitalised run that ends in a legal form.
pub(super) fn firm(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    if !begins_upper(first) || is_form(first) || first == "The" {
        return None;
    }
    let (mut at, mut last) = (start + first.len(), first);
    // Of "Ann Toft, Cagnin SPA" the comma ends a person's name; in a list of surnames each item is one word, and "and" comes last.
    let (mut alone, mut unfinished) = (true, false);
    let (mut words, mut one_run) = (1, true);
    if let Some(name) = opening(&scan.text[start..], &NAMESAKES) {
        let end = start + name.len();
        if !is_word(scan.byte(end)) {
            scan.push("known_organisation", Label::Organization, (start, end), SURE, false, None);
            return Some(end);
        }
    }
    for _ in 0..2 * LONGEST {
        let comma = usize::from(scan.byte(at) == b',');
        if scan.byte(at + comma) != b' ' {
            return None;
        }
        if let Some(form) = forms::form(scan, at + comma + 1).filter(|_| !unfinished) {
            let kinds = look(last);
            let is_place = kinds.has(Kinds::PLACE) || kinds.has(Kinds::NAMED_PLACE);
            if comma > 0 && is_place && !form.certain {
                return None; // "Calgary, AB"
            }
            let shouted = !last.chars().any(char::is_lowercase);
            if shouted && !form.certain && look(&small(last)).has(Kinds::STOP) {
                return None; // "THE AS"
            }
            let named = last.chars().any(char::is_lowercase) && !kinds.has(Kinds::STOP) && !is_place;
            let score = if form.certain || named { SURE } else { UNSURE };
            let start = particles_before(scan, start);
            scan.push("legal_form", Label::Organization, (start, form.end), score, false, None);
            return Some(form.end);
        }
        if comma > 0 {
            if !alone {
                return None;
            }
            (unfinished, one_run) = (true, false);
        }
        at += comma + 1;
        let mut word = part_at(scan, at);
        let before = std::mem::replace(&mut alone, comma > 0);
        if AND.has(word) {
            // "Shell and Petron Corporation" are two, if either is more than a surname.
            if word != "&" && (!before || opens_late(scan, start)) {
                return None;
            }
            (unfinished, alone, one_run) = (false, true, false);
            at += word.len() + 1;
            word = word_at(scan, at);
        }
        for _ in 0..2 {
            if INSIDE.has(word) && scan.byte(at + word.len()) == b' ' {
                if one_run && is_of_a_firm(scan, start, first, words) {
                    return None;
                }
                at += word.len() + 1;
                word = word_at(scan, at);
            }
        }
        if !begins_upper(word) {
            return None;
        }
        (at, last, words) = (at + word.len(), word, words + 1);
    }
    None
}

/// Whether the `words` from `start` on are more likely somebody who is of the firm behind a small word (`Carlos Pérez de Iberia S.A.`), or
/// the opening of a sentence (`Zwischen der Haase AG`), than part of its name (`Frutas del Segura S.A.`).
fn is_of_a_firm(scan: &Scan<'_>, start: usize, first: &str, words: usize) -> bool {
    let kinds = look(first);
    let named = [Kinds::GIVEN, Kinds::WEAK, Kinds::SURNAME, Kinds::STOP].iter().any(|&kind| kinds.has(kind));
    let heads = HEADS.has(first) || INSTITUTIONS.has(first);
    !heads && (named || words > 1 || OPENERS.has(first) || opens_late(scan, start))
}

/// Whether a capitalised word stands right before `start`.
fn opens_late(scan: &Scan<'_>, start: usize) -> bool {
    let from = crate::offsets::ceil_char_boundary(scan.text, start.saturating_sub(WORD));
    let head = scan.text.get(from..start).and_then(|head| head.strip_suffix(' ')).unwrap_or_default();
    head.rsplit(|c: char| !(c.is_alphabetic() || c == '-')).next().is_some_and(capitalised)
}

/// The word at `at`, or `&`.
fn part_at<'t>(scan: &Scan<'t>, at: usize) -> &'t str {
    if scan.byte(at) == b'&' { "&" } else { word_at(scan, at) }
}

/// Where a name begins that `van` or `van der` before `start` belongs to.
fn particles_before(scan: &Scan<'_>, start: usize) -> usize {
    let word_before = |end: usize| {
        let head = scan.text.get(..end).and_then(|head| head.strip_suffix(' ')).unwrap_or_default();
        let word = head.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        (word, head.len() - word.len())
    };
    let (mut word, mut at) = word_before(start);
    let opens = |at: usize| at == 0 || matches!(scan.before(at), b'\n' | b'(');
    if matches!(word, "de" | "der" | "den" | "la") {
        if opens(at) {
            return at;
        }
        (word, at) = word_before(at);
    }
    // Behind a name, it says whose that is.
    let named = begins_upper(word_before(at).0);
    if BEFORE.has(word) && !named { at } else { start }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn organisations() {
        check(
            "ORGANIZATION",
            &[
                "Google",
                "Acme Widgets GmbH",
                "Foo, Bar & Baz LLP",
                "the Washington Post",
                "Mercy Hospital",
                "University of Leeds",
                "Tiny Tots Academy",
                "Universidad de Salamanca",
                "AT&T",
                "Coca-Cola",
                "Marks & Spencer",
                "Cracker Barrel",
                "Apollo Hospitals",
                "Hammond Medical Center",
                "Janssen de Jong Groep",
                "Palmer Group",
                "Bäckerei Hoffmann",
                "Universitatea din București",
                "Univerzita Karlova",
                "Helsingin yliopisto",
                "Asesoría Abella",
                "BP announced",
            ],
            &[
                "GmbH",
                "I like LLC",
                "Orange",
                "Apple pie",
                "Nature",
                "Rice",
                "The College",
                "Great School",
                "Blood Group",
                "Cabinet Minister",
                "BP 138/82",
                "His BP was",
                "BP: 120",
            ],
        );
    }
}
