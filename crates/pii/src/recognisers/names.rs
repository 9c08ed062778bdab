//! People by the word list and the words around: `my name is Xyla`, `Lisa Kowalczyk`, `Smith, John`, `J. R. Smith`, `Lisa`.
//!
//! Scores follow the share of right findings on the development sets in `tests/fixtures/pii` (English web text and posts).

use super::capitals::{LONGEST, beside_capitals, capitalised, initials, opens_firm, word_at};
use super::forms::is_form;
use super::lexicon::{Kinds, look};
use super::nobody::ANYBODY;
use super::scan::Scan;
use super::titles::{PLURAL_TITLES, TITLES};
use super::words::words;
use crate::Label;

/// A given name and a surname or another capitalised word: 0.89 to 0.94.
const FULL: f32 = 0.85;
/// A given name that is also a word, and a surname.
const WEAK_FULL: f32 = 0.75;
/// `Smith, John`, `J. Smith`.
const FORMAL: f32 = 0.7;
/// A capitalised word that no list has, and a surname: 0.67 to 0.75.
const HALF_KNOWN: f32 = 0.55;
/// A given name alone: 0.68 to 0.78.
const GIVEN: f32 = 0.6;
/// A given name beside other capitals, a surname alone: below a half, for whoever asks for recall.
const DOUBTFUL: f32 = 0.35;
/// `In Vala v. Wable`.
const PARTY: f32 = 0.6;
/// After `my name is`, in a field for names, or in a greeting.
const INTRODUCED: (f32, f32, f32) = (0.8, 0.65, 0.6);
words! {
    /// Before a name and a comma: `Dear Lisa,`.
    GREETINGS = "dear hi hello hey thanks querido querida estimado estimada hola gracias cher chère bonjour salut merci lieber liebe hallo danke caro cara \
    gentile ciao grazie querida prezado prezada olá obrigado beste geachte dag bedankt"
}
words! {
    /// Before a colon or equals sign and a name.
    FIELDS = "name fullname firstname lastname surname patient applicant tenant employee attn from to cc by author signed witness nombre apellido apellidos \
    paciente nom prénom vorname nachname nome cognome paziente sobrenome naam voornaam achternaam kontakt contact"
}
words! {
    /// Before `name`, and then it is no person's.
    NO_PERSON = "product file user domain host company brand model package class function table column business project event team school hotel street city item device"
}
/// Before a name.
const INTRODUCTIONS: [&str; 14] = [
    "my name is",
    "my name's",
    "name is",
    "me llamo",
    "mi nombre es",
    "je m'appelle",
    "je m’appelle",
    "ich heiße",
    "mein name ist",
    "mi chiamo",
    "meu nome é",
    "me chamo",
    "mijn naam is",
    "ik heet",
];
words! {
    PARTICLES = "de da do das dos del della di du des van von der den ter te la le bin ibn al el y e zu"
}

/// Whether a word in any case is one to greet with.
pub(super) fn is_greeting(word: &str) -> bool {
    GREETINGS.has(&word.to_lowercase())
}

/// The rest of a name.
pub(super) struct Tail {
    pub end: usize,
    pub words: usize,
    pub surname: bool,
}

/// Surnames, initials and particles after `end`.
pub(super) fn tail(scan: &Scan<'_>, end: usize) -> Tail {
    let mut tail = Tail { end, words: 0, surname: false };
    let mut at = end;
    let mut joined = false;
    for _ in 0..LONGEST {
        if scan.byte(at) != b' ' {
            break;
        }
        let word = word_at(scan, at + 1);
        let kinds = look(word);
        if joined && (TITLES.has(word) || PLURAL_TITLES.has(word)) {
            break; // "y la Sra. Ruiz" is somebody else
        }
        joined = PARTICLES.has(word);
        if capitalised(word) && word.len() > 1 && !kinds.has(Kinds::STOP) && !is_form(word) {
            at += 1 + word.len();
            tail =
                Tail { end: at, words: tail.words + 1, surname: tail.surname || kinds.has(Kinds::SURNAME) };
        } else if let Some(after) = initials(scan, at + 1).filter(|_| word.len() == 1) {
            at = after;
        } else if PARTICLES.has(word) {
            at += 1 + word.len();
        } else {
            break;
        }
    }
    tail
}

/// `my name is Xyla Qadir`, `Name: Xyla`, `Dear Xyla,`.
pub(super) fn introduced(scan: &mut Scan<'_>, start: usize, first: &str, kinds: Kinds) -> Option<usize> {
    let is_maiden = || scan.text[..start].ends_with("aiden name: ");
    if !capitalised(first) || kinds.has(Kinds::STOP) && !kinds.has(Kinds::WEAK) && !is_maiden() {
        return None;
    }
    let from = crate::offsets::floor_char_boundary(scan.text, start.saturating_sub(40));
    let before = scan.text.get(from..start).unwrap_or_default();
    let head = before.trim_end_matches([' ', ':', '"', '\'', '=', '\t']);
    let gap = &before[head.len()..];
    if gap.is_empty() {
        return None;
    }
    let at = head
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| at + head[at..].chars().next().map_or(0, char::len_utf8));
    let (earlier, word) = (&head[..at], head[at..].to_lowercase());
    let tail = tail(scan, start + first.len());
    let score = if gap == " "
        && matches!(
            word.as_str(),
            "is" | "s" | "llamo" | "es" | "appelle" | "heiße" | "ist" | "chiamo" | "é" | "chamo" | "heet"
        ) {
        let head = head.to_lowercase();
        INTRODUCTIONS.iter().any(|phrase| head.ends_with(phrase)).then_some(INTRODUCED.0)?
    } else if gap.contains([':', '=']) && FIELDS.has(&word) {
        let of = earlier.trim_end_matches([' ', '_', '-']);
        let of = of.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        (!NO_PERSON.has(&of.to_lowercase())).then_some(INTRODUCED.1)?
    } else if gap == " "
        && GREETINGS.has(&word)
        && !(tail.words == 0 && ANYBODY.has(first))
        && matches!(scan.byte(tail.end), b',' | b'!' | b'\n' | b':' | 0)
    {
        INTRODUCED.2
    } else {
        return None;
    };
    if opens_firm(scan, tail.end) {
        return None;
    }
    scan.push("introduced_name", Label::Person, (start, tail.end), score, false, None);
    Some(tail.end)
}

pub(super) fn person(
    scan: &mut Scan<'_>,
    start: usize,
    end: usize,
    first: &str,
    kinds: Kinds,
) -> Option<usize> {
    if first.len() == 1 {
        let after =
            initials(scan, start).filter(|&after| scan.before(after) == b'.' && scan.byte(after) == b' ')?;
        let surname = word_at(scan, after + 1);
        let end = after + 1 + surname.len();
        let known = look(surname).has(Kinds::SURNAME) && capitalised(surname) && !opens_firm(scan, end);
        known.then(|| scan.push("initials_and_surname", Label::Person, (start, end), FORMAL, false, None))?;
        return Some(end);
    }
    if first.len() > 2 && !first.chars().any(char::is_lowercase) {
        return shouted(scan, start, end, first);
    }
    if !capitalised(first) {
        return None;
    }
    let given = kinds.has(Kinds::GIVEN);
    if given || kinds.has(Kinds::WEAK) {
        let tail = tail(scan, end);
        if tail.words > 0 && (given || tail.surname) && !opens_firm(scan, tail.end) {
            let score = if given { FULL } else { WEAK_FULL };
            scan.push("full_name", Label::Person, (start, tail.end), score, false, None);
            return Some(tail.end);
        }
    }
    if kinds.has(Kinds::SURNAME) && scan.byte(end) == b',' && scan.byte(end + 1) == b' ' {
        let name = word_at(scan, end + 2);
        if capitalised(name) && look(name).has(Kinds::GIVEN) {
            let end = end + 2 + name.len();
            scan.push("surname_first", Label::Person, (start, end), FORMAL, false, None);
            return Some(end);
        }
    }
    if kinds == Kinds::default() && scan.byte(end) == b' ' {
        let surname = word_at(scan, end + 1);
        let after = end + 1 + surname.len();
        let kinds = if capitalised(surname) { look(surname) } else { Kinds::default() };
        if kinds.has(Kinds::SURNAME)
            && !kinds.has(Kinds::STOP)
            && !beside_capitals(scan, start, start)
            && !beside_capitals(scan, after, after)
        {
            scan.push("word_and_surname", Label::Person, (start, after), HALF_KNOWN, false, None);
            return Some(after);
        }
    }
    if framed(scan, start, end)
        && !kinds.has(Kinds::STOP)
        && !kinds.has(Kinds::PLACE)
        && !kinds.has(Kinds::ORGANIZATION)
    {
        scan.push("party", Label::Person, (start, end), PARTY, false, None);
        return Some(end);
    }
    if !given && (!kinds.has(Kinds::SURNAME) || kinds.has(Kinds::STOP)) {
        return None;
    }
    if given && is_greeting_abroad(scan, start, end, first) {
        return None;
    }
    let alone = !beside_capitals(scan, start, end);
    if given {
        let score = if alone { GIVEN } else { DOUBTFUL };
        scan.push("given_name", Label::Person, (start, end), score, false, None);
    } else if alone {
        scan.push("surname", Label::Person, (start, end), DOUBTFUL, false, None);
    }
    None
}

/// Whether a surname is that of a party to a case or of an author: `In Vala v. Wable`, `Vala et al.`
fn framed(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let behind = &scan.text[end..];
    let against = behind.strip_prefix(" v. ").is_some_and(|other| other.starts_with(char::is_uppercase));
    let known = matches!(scan.before(start), b'\n' | 0) && look(&scan.text[start..end]).has(Kinds::SURNAME);
    behind.starts_with(" et al") || against && (known || scan.text[..start].ends_with("In "))
}

/// `Cara nonna,`, `Lieve oma,`, `Donna di 23 anni`, `Segundo a polícia`, `Ken je`: a name that is a word of another language, where the next
/// word tells that it is one.
fn is_greeting_abroad(scan: &Scan<'_>, start: usize, end: usize, first: &str) -> bool {
    const WORDS: [(&str, &str); 6] = [
        ("Donna", "di"),
        ("Segundo", "a"),
        ("Segundo", "o"),
        ("Ken", "je"),
        ("Peer", "feedback"),
        ("Peer", "review"),
    ];
    if scan.byte(end) != b' ' || matches!(scan.before(start), b' ' | b',') {
        return false;
    }
    let next = word_at(scan, end + 1);
    let addressed = matches!(first, "Cara" | "Caro" | "Lieve" | "Querida")
        && next.starts_with(char::is_lowercase)
        && matches!(scan.byte(end + 1 + next.len()), b',' | b'!');
    addressed || WORDS.contains(&(first, next))
}

/// `LISA SMITH`, `SMITH, LISA`: a given name and a surname in capitals.
fn shouted(scan: &mut Scan<'_>, start: usize, end: usize, first: &str) -> Option<usize> {
    if scan.text[end..].starts_with(", ") {
        let given = word_at(scan, end + 2);
        let end = end + 2 + given.len();
        let is_name = given.len() > 2 && !capitalised(given) && look(&small(given)).has(Kinds::GIVEN);
        let kinds = look(&small(first));
        let is_place = |kinds: Kinds| kinds.has(Kinds::PLACE) || kinds.has(Kinds::NAMED_PLACE);
        let goes_on = scan.text[end..].starts_with(", ") && scan.byte(end + 2).is_ascii_uppercase();
        if !is_name
            || !kinds.has(Kinds::SURNAME)
            || kinds.has(Kinds::STOP)
            || is_place(kinds)
            || is_place(look(&small(given)))
            || goes_on
        {
            return None;
        }
        scan.push("surname_first", Label::Person, (start, end), FORMAL, false, None);
        return Some(end);
    }
    if !look(&small(first)).has(Kinds::GIVEN) || scan.byte(end) != b' ' {
        return None;
    }
    let second = word_at(scan, end + 1);
    let end = end + 1 + second.len();
    let kinds = look(&small(second));
    let is_place = kinds.has(Kinds::NAMED_PLACE) && !kinds.has(Kinds::SURNAME);
    if second.len() < 3 || second.chars().any(char::is_lowercase) || kinds.has(Kinds::STOP) || is_place {
        return None;
    }
    let score = if kinds.has(Kinds::SURNAME) { FORMAL } else { HALF_KNOWN };
    scan.push("full_name", Label::Person, (start, end), score, false, None);
    Some(end)
}

/// `LISA` as the list has it.
pub(super) fn small(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().chain(chars.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn people() {
        check(
            "PERSON",
            &[
                "Lisa Kowalczyk",
                "Mr. Tanaka",
                "Sra. Ruiz Gil",
                "M. Dupont",
                "Mme E. Palm",
                "Sra. S. D.",
                "Dr. Jonathan Q. Reyes",
                "Smith, John",
                "J. R. Smith",
                "JOHN SMITH",
                "SARAH NDEGE",
                "Lisa",
                "Will Smith",
                "Maria van der Berg",
                "Will Turner's",
                "Xyla Johnson",
                "My name is Xyla Qadir.",
                "ich heiße Xyla",
                "Patient name: Xyla",
                "Dear Xyla,",
                "Ms Page called",
                "Mr. May is out",
                "Prof. Dr. Ute Qadir",
                "Dr Sheikh will",
                "MILLER, RUTH",
                "In Vala v. Wable",
                "Mother's maiden name: Wall",
                "Mary-Kate",
            ],
            &[
                "Will this do",
                "May is a month",
                "Mark the box",
                "Lisa Motors",
                "Product name: Xyla",
                "Dear Customer,",
                "Dear Sirs,",
                "Estimado Cliente:",
                "Hallo Zusammen,",
                "Dear Xyla is",
                "John Deere Street",
                "Mr. Market",
                "Mr Speaker",
                "Herr Doktor",
                "Title: Mr Mrs Ms Miss Dr Other",
                "MILLER, RUTH, SMITH",
                "Frau Kollegin",
                "Dear Recruiter,",
                "PARIS, LONDON",
                "DEBERTA, BERT",
                "STOP, RUTH",
                "John@home",
                "Lisa.com",
                "Mr. and",
                "THE END",
                "A. The",
                "dr. who",
                "Stoke-on-Trent",
                "Donna di 23 anni",
                "Lieve oma, we zijn er",
                "Peer feedback for all",
                "Frau Kollegin Dr. and",
                "In Germany v. Spain",
            ],
        );
        assert_eq!(spans("PERSON", "I met Lisa Kowalczyk's brother and Ana."), ["Lisa Kowalczyk", "Ana"]);
        assert_eq!(spans("PERSON", "por el Sr . R . Ryssdal , y C. H. Lee"), ["R . Ryssdal", "C. H. Lee"]);
        assert_eq!(spans("PERSON", "el Sr. J. De Meyer y la Sra. E. Palm."), ["J. De Meyer", "E. Palm"]);
        let several =
            "témoignages de MM. Evaldsson, Bratt et Hodell, et des Mmes Södergren. Messrs and others";
        assert_eq!(spans("PERSON", several), ["Evaldsson", "Bratt", "Hodell", "Södergren"]);
        assert_eq!(spans("PERSON", "Messrs Smith and Jones, Paris"), ["Smith", "Jones"]);
        assert_eq!(
            spans("PERSON", "“Günther Müller” sang, said Mrs. O'Neill-Smith."),
            ["Günther Müller", "O'Neill-Smith"]
        );
    }

    #[test]
    fn odd_text() {
        for text in [
            "",
            "É",
            "e\u{301}A\u{301}",
            "O'",
            "A.",
            "Mr.",
            "Mr. ",
            "J. R.",
            "Lisa ",
            "😀Lisa",
            "U.S",
            "ǅ Lisa",
            "ßA",
        ] {
            spans("PERSON", text);
        }
        let long = "A".repeat(5000) + " Lisa " + &"Lisa ".repeat(3000);
        assert!(!spans("PERSON", &long).is_empty());
    }
}
