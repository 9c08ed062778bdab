//! Names by what stands around them: in `Guest: Vega, Gary` they are a person's two halves, in `employed by Vega, Gary and Sood` and
//! `Business name: Vega-Sood` a firm's, whatever each would be alone.

use super::capitals::{LONGEST, begins_upper, capitalised, initials, word_at};
use super::firms::{AND, INSIDE};
use super::forms::{form, is_form};
use super::lexicon::{Kinds, look};
use super::scan::Scan;
use super::words::words;
use crate::Label;
use crate::joining::SURE_NAME as SURE;

words! {
    /// Before a person in any form.
    PERSONS = "guest pt patient customer client employee tenant cardholder claimant payee attending"
}
words! {
    /// Before a person where a colon follows.
    PERSON_FIELDS = "guest pt patient customer client employee tenant cardholder claimant payee attending name by physician insured passenger student applicant attorney paziente ospite cliente \
    gast patiente klant kunde"
}
words! {
    /// Before a firm where a colon follows, and nobody's.
    FIRM_FIELDS = "employer company vendor supplier respondent beneficiary insurer arbeitgeber dienstgeber versicherer versicherung krankenkasse kasse firma empresa société employeur assureur empleador aseguradora \
    ditta azienda compagnia emitente seguradora verzekeraar werkgever bedrijf leverancier fornitore fornecedor proveedor fournisseur lieferant"
}
words! {
    /// Before a firm of several surnames.
    FIRM_WORDS = "employer company vendor supplier respondent beneficiary chez left joins joined join insurer"
}
/// Before a firm of several surnames, with the word before that.
const FIRM_PHRASES: [(&str, &str); 5] = [
    ("of", " executive director founder owner ceo president chairman "),
    (
        "at",
        " work works worked working job day position role partner partners office career started employed ",
    ),
    ("by", " employed charged hired owned issued represented manufactured cancelled insured billed "),
    ("from", " calling call invoice invoices order letter bill quote payment refund "),
    ("for", " work works worked working "),
];

/// The last two words before `start`, in lower case, and what lies between the last and it.
fn words_before(scan: &Scan<'_>, start: usize) -> (String, String, bool) {
    let from = crate::offsets::floor_char_boundary(scan.text, start.saturating_sub(40));
    let head = &scan.text[from..start];
    let line = head.rfind('\n').map_or(head, |at| &head[at + 1..]);
    let end = line.trim_end_matches([' ', ':', '.']);
    let colon = line[end.len()..].contains(':');
    let mut words = end.rsplit(|c: char| !c.is_alphabetic());
    let last = words.next().unwrap_or_default().to_lowercase();
    let earlier = words.find(|word| !word.is_empty()).unwrap_or_default().to_lowercase();
    (last, earlier, colon)
}

/// At a capitalised word: a person or a firm that the words around it make one.
pub(super) fn named(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    let end = start + first.len();
    let is_listed = scan.byte(end) == b',' && scan.byte(end + 1) == b' ';
    let is_double = first.contains('-') && capitalised(first);
    let after_colon = start >= 2 && matches!(&scan.bytes[start - 2..start], b": " | b":\t");
    if first.len() < 2 || !(is_listed || is_double || after_colon) {
        return None;
    }
    let (last, earlier, colon) = words_before(scan, start);
    let of_business =
        last == "name" && matches!(earlier.as_str(), "business" | "company" | "trading" | "firm");
    let is_field = colon && (of_business || FIRM_FIELDS.has(&last));
    let firm = || listed(scan, start, first).or_else(|| field(scan, start, first, of_business));
    if let Some(end) = is_field.then(firm).flatten() {
        scan.push("firm_field", Label::Organization, (start, end), SURE, false, None);
        return Some(end);
    }
    let is_phrase = || {
        let of =
            |(word, before): &(&str, &str)| *word == last && before.split(' ').any(|word| word == earlier);
        !earlier.is_empty() && FIRM_PHRASES.iter().any(of)
    };
    let is_party = scan.text[end..].starts_with(" (the ") && scan.before(start) == b' ';
    if is_double && !is_listed && (is_party || is_phrase()) {
        scan.push("firm_of_names", Label::Organization, (start, end), SURE, false, None);
        return Some(end);
    }
    if !is_listed {
        return None;
    }
    if let Some(end) = listed(scan, start, first) {
        let in_brackets = scan.before(start) == b'(' && scan.byte(end) == b')';
        let behind = &scan.text[end..];
        let around =
            [" (the ", " merges ", " announces ", " acquires "].iter().any(|next| behind.starts_with(next))
                || (in_brackets || alone_on_line(scan, start, end)) && of_surnames(scan, start, end);
        if !(is_phrase() || FIRM_WORDS.has(&last) || around) {
            return None;
        }
        scan.push("firm_of_names", Label::Organization, (start, end), SURE, false, None);
        return Some(end);
    }
    let cue = match last.as_str() {
        "of" => earlier == "review",
        "by" => colon || earlier == "held",
        last if colon => PERSON_FIELDS.has(last),
        last => PERSONS.has(last),
    };
    let end = if cue { surname_first(scan, start, first)? } else { return None };
    scan.push("surname_first", Label::Person, (start, end), SURE, false, None);
    Some(end)
}

/// The end of `Snyder, Morrow and Ward`, no more and no fewer.
fn listed(scan: &Scan<'_>, start: usize, first: &str) -> Option<usize> {
    let item = |at: usize| {
        let mut at = at;
        let mut word = word_at(scan, at);
        for _ in 0..2 {
            if INSIDE.has(word) && scan.byte(at + word.len()) == b' ' {
                at += word.len() + 1;
                word = word_at(scan, at);
            }
        }
        let is_name = word.len() > 1 && begins_upper(word) && !is_form(word);
        is_name.then_some(at + word.len())
    };
    let before = scan.text[..start].strip_suffix(' ').unwrap_or_default();
    let before = before.rsplit([' ', '\n']).next().unwrap_or_default();
    // "Jane Roe, Thaker and Ward" begins with somebody else, and "Ann, Ben, Carl and Dora" is longer.
    if capitalised(before) && !before.ends_with([':', '.']) && !FIRM_WORDS.has(&before.to_lowercase())
        || before.ends_with(',')
    {
        return None;
    }
    let second = start + first.len() + 2;
    let end = item(second).filter(|_| scan.text[..second].ends_with(", "))?;
    if scan.byte(end) != b' ' {
        return None;
    }
    let rest = &scan.text[end + 1..];
    let and = rest.split(' ').next().filter(|word| AND.has(word))?;
    item(end + 1 + and.len() + 1)
}

/// The end of a firm's name in a field for it: capitalised words up to a mark.
fn field(scan: &Scan<'_>, start: usize, first: &str, of_business: bool) -> Option<usize> {
    let (mut end, mut words) = (start + first.len(), 1);
    while words <= LONGEST && scan.byte(end) == b' ' {
        if let Some(form) = form(scan, end + 1) {
            end = form.end;
            break;
        }
        let word = word_at(scan, end + 1);
        if !(begins_upper(word) || INSIDE.has(word)) {
            break;
        }
        end += 1 + word.len();
        words += 1;
    }
    let kinds = look(first);
    let is_word = kinds.has(Kinds::STOP) && words == 1;
    // "Employer: Lisa Smith" is a person.
    let is_person = !of_business
        && words > 1
        && (kinds.has(Kinds::GIVEN) || kinds.has(Kinds::WEAK) || super::titles::TITLES.has(first));
    let closes = matches!(scan.byte(end), b'\n' | b'\r' | b',' | b'.' | b';' | b'(' | b'|' | 0)
        || scan.text[end..].starts_with(" -");
    (begins_upper(first) && first.len() > 2 && !is_word && !is_person && closes).then_some(end)
}

/// The end of `Vega, Gary` or `VEGA, GARY L.`.
fn surname_first(scan: &Scan<'_>, start: usize, first: &str) -> Option<usize> {
    let given = word_at(scan, start + first.len() + 2);
    let shouted = |word: &str| word.len() > 2 && !word.chars().any(char::is_lowercase);
    let alike = capitalised(first) && capitalised(given) || shouted(first) && shouted(given);
    let (surname_kinds, kinds) = match shouted(first) {
        true => (look(&super::names::small(first)), look(&super::names::small(given))),
        false => (look(first), look(given)),
    };
    let is_word =
        |kinds: Kinds| kinds.has(Kinds::STOP) && !kinds.has(Kinds::WEAK) && !kinds.has(Kinds::SURNAME);
    let is_name =
        |kinds: Kinds| kinds.has(Kinds::GIVEN) || kinds.has(Kinds::SURNAME) || kinds.has(Kinds::WEAK);
    let is_place = |kinds: Kinds| {
        kinds.has(Kinds::PLACE)
            || kinds.has(Kinds::ORGANIZATION)
            || kinds.has(Kinds::NAMED_PLACE) && !is_name(kinds)
    };
    let mut end = start + first.len() + 2 + given.len();
    let goes_on =
        scan.byte(end) == b',' && scan.byte(end + 1) == b' ' && scan.byte(end + 2).is_ascii_uppercase();
    let is_said =
        given.starts_with("I'") || super::names::is_greeting(first) || super::nobody::is_nobody(first);
    let is_named = |kinds: Kinds| kinds.has(Kinds::NAMED_PLACE);
    let are_places = is_named(kinds) && is_named(surname_kinds);
    let joined = scan.byte(end) == b' ' && AND.has(word_at(scan, end + 1));
    if !alike
        || is_form(given)
        || is_word(surname_kinds) && !kinds.has(Kinds::GIVEN)
        || is_word(kinds)
        || is_place(kinds)
        || is_place(surname_kinds)
        || goes_on
        || joined
        || is_said
        || are_places
    {
        return None;
    }
    if scan.byte(end) == b' ' {
        let next = word_at(scan, end + 1);
        let kinds = look(next);
        if next.len() == 1 {
            end = initials(scan, end + 1).unwrap_or(end);
        } else if capitalised(next) && (kinds.has(Kinds::GIVEN) || kinds.has(Kinds::WEAK)) {
            end += 1 + next.len();
        }
    }
    Some(end)
}

fn alone_on_line(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    matches!(scan.before(start), b'\n' | 0) && matches!(scan.byte(end), b'\n' | b'\r' | 0)
}

/// Whether a list is one of surnames: words, places, and given names of friends are no partners.
fn of_surnames(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let words = scan.text[start..end].split([' ', ',']).filter(|word| !word.is_empty() && !AND.has(word));
    let mut kinds = words.map(look);
    let is_other = |kinds: Kinds| {
        let surname = kinds.has(Kinds::SURNAME);
        kinds.has(Kinds::PLACE)
            || !surname
                && (kinds.has(Kinds::STOP)
                    || kinds.has(Kinds::GIVEN)
                    || kinds.has(Kinds::WEAK)
                    || kinds.has(Kinds::NAMED_PLACE))
    };
    let mut known = false;
    kinds.all(|kinds| {
        known |= kinds.has(Kinds::SURNAME) && !kinds.has(Kinds::STOP);
        !is_other(kinds)
    }) && known
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::spans;

    #[test]
    fn firms_by_what_stands_around_them() {
        for (text, want) in [
            ("Respondent: Snyder, Morrow and Ward. Received", "Snyder, Morrow and Ward"),
            ("born 1960, employed by Roy, Venkataraman and Sagar since", "Roy, Venkataraman and Sagar"),
            ("last day at Soni, Trivedi and Handa is", "Soni, Trivedi and Handa"),
            ("Attendees: Roy Rice (Curtis, Fox and Ayers), Gael", "Curtis, Fox and Ayers"),
            ("Ann Toft\nOakly, Kota and Sood\n", "Oakly, Kota and Sood"),
            ("between Turner-Mitchell (the Supplier) and", "Turner-Mitchell"),
            ("Business name: Ramirez-Macias\nBusiness", "Ramirez-Macias"),
            ("Dienstgeber: Billa. Beginn", "Billa"),
            ("Compagnia: Unipol Sai\n", "Unipol Sai"),
        ] {
            assert_eq!(spans("ORGANIZATION", text), [want], "{text}");
        }
        for text in [
            "Kowalski, Novak and Schmidt were the only ones on shift",
            "Anna, Ben and Lisa",
            "Employer: Please fill in",
            "Company: None\n",
            "Employer: Lisa Smith\n",
            "by Kowalski, Novak and Schmidt",
        ] {
            assert_eq!(spans("ORGANIZATION", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn surnames_first() {
        for (text, want) in [
            ("Guest: Vega, Gary\nHotel", "Vega, Gary"),
            ("Pt Niiranen, Jorma DOB", "Niiranen, Jorma"),
            ("Performance review of Akçay, Aktemür held", "Akçay, Aktemür"),
            ("Attending: GAY, CHRISTOPHER\n", "GAY, CHRISTOPHER"),
            ("Citibank customer Valera, Pepito disputes", "Valera, Pepito"),
        ] {
            assert_eq!(spans("PERSON", text), [want], "{text}");
        }
        for text in [
            "Customer: Hi, I'm Bo",
            "Customer: Okay, Thanks",
            "Client: Acme, Inc",
            "Guest: Paris, France",
            "a customer Gainesvill, GA",
        ] {
            assert_eq!(spans("PERSON", text), [""; 0], "{text}");
        }
    }
}
