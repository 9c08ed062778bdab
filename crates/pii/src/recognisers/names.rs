//! People, places and organisations that a word list and the words around can tell: `Mr. Tanaka`, `Lisa Kowalczyk`,
//! `Smith, John`, `J. R. Smith`, `Lisa`, `São Paulo`, `Acme GmbH`. A model finds more; where it sees the same place otherwise, it wins.
//!
//! Scores follow the share of right findings on the development sets in `tests/fixtures/pii` (English web text and posts).

use super::lexicon::{Kinds, look};
use super::scan::{Scan, Word};
use super::words::words;
use crate::Label;

/// After a title: 0.88 to 1.00 of them are right.
const TITLED: f32 = 0.85;
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
/// After `my name is`, in a field for names, or in a greeting.
const INTRODUCED: (f32, f32, f32) = (0.8, 0.65, 0.6);
/// `Gainesville, GA`.
const CITY_AND_STATE: f32 = 0.65;
/// A listed place; one that is also a name.
const PLACE: (f32, f32) = (0.65, 0.5);
/// A listed organisation, and a name with a legal form.
const ORGANIZATION: (f32, f32) = (0.55, 0.8);
/// `Mercy Hospital`, `University of Leeds`.
const INSTITUTION: f32 = 0.6;

/// Most words of a name after its first.
const LONGEST: usize = 4;
/// Most bytes of a word of a name.
const WORD: usize = 40;

words! {
    TITLES = "Mr Mrs Ms Miss Mx Dr Prof Sen Rep Gov Gen Lt Capt Sgt Col Cpl Hon Rev Fr Sr Sra Srta Sir Lord Lady Dame President Senator Professor Doctor Sheikh \
    Sheik Judge Justice Uncle Aunt Auntie Pastor Officer Detective Captain Congressman Congresswoman Don Doña Mme Mlle Monsieur Madame Maître Herr Frau Signor \
    Signora Sig Dott Dottor Dottoressa Avv Ing Dra Senhor Senhora Meneer Mevrouw Dhr Mw Mevr mr mrs ms dr prof señor señora monsieur madame signor signora senhor senhora meneer mevrouw"
}
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
    /// Before their place's name (`University of Leeds`), or after their own (`Mercy Hospital`): institutions.
    INSTITUTIONS = "University Universidad Université Universität Università Universidade Universiteit Hospital Hôpital Ospedale Krankenhaus Klinikum Ziekenhuis \
    College Institute Instituto Institut Istituto Bank Banco Banque Banca Ministry Ministerio Ministère Ministero Ministério Department Tribunal Court"
}
words! {
    STATES = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
}
words! {
    PARTICLES = "de da do das dos del della di du des van von der den ter te la le bin ibn al el y e zu"
}
words! {
    FORMS = "Inc Corp Corporation Ltd Limited LLC LLP PLC GmbH AG KG SE SA SL SLU SAS SARL SpA Srl BV NV Ltda Lda EURL SNC Pty Oy AB AS Holdings"
}

/// The word at `start`: letters, with apostrophes and hyphens between them; less `'s`.
fn word_at<'t>(scan: &Scan<'t>, start: usize) -> &'t str {
    let rest = scan.text.get(start..).unwrap_or_default();
    let mut end = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inside = matches!(c, '\'' | '’' | '-')
            && at > 0
            && chars.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !(c.is_alphabetic() || inside || is_mark(c)) || at > WORD {
            break;
        }
        end = at + c.len_utf8();
    }
    let word = &rest[..end];
    ["'s", "’s", "'S", "’S"].iter().find_map(|possessive| word.strip_suffix(possessive)).unwrap_or(word)
}

/// Combining diacritical marks, so that decomposed letters stay in their word.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// `Lisa`, `O'Neill`, `McDonald`: a capital, and small letters.
fn capitalised(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.chars().any(char::is_lowercase)
}

/// `J`, `J.`, `J.R.` at `start`: its end.
fn initials(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    let mut count = 0;
    while scan.byte(at).is_ascii_uppercase() && !super::scan::is_word(scan.byte(at + 1)) {
        at += 1 + usize::from(scan.byte(at + 1) == b'.');
        count += 1;
        if count == 3 || scan.before(at) != b'.' {
            break;
        }
    }
    (count > 0 && !super::scan::is_word(scan.byte(at))).then_some(at)
}

/// The rest of a name.
struct Tail {
    end: usize,
    words: usize,
    surname: bool,
}

/// Surnames, initials and particles after `end`.
fn tail(scan: &Scan<'_>, end: usize) -> Tail {
    let mut tail = Tail { end, words: 0, surname: false };
    let mut at = end;
    for _ in 0..LONGEST {
        if scan.byte(at) != b' ' {
            break;
        }
        let word = word_at(scan, at + 1);
        let kinds = look(word);
        if capitalised(word) && word.len() > 1 && !kinds.has(Kinds::STOP) && !FORMS.has(word) {
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

/// Whether the word after `end`, behind one space, is one that names of firms and places end in, or a legal form.
fn opens_firm(scan: &Scan<'_>, end: usize) -> bool {
    let next = if scan.byte(end) == b' ' { word_at(scan, end + 1) } else { "" };
    next.starts_with(char::is_uppercase) && (look(next).has(Kinds::STOP) || FORMS.has(next))
}

/// Whether a capitalised word stands right before or after, so that this one may be part of something else.
fn beside_capitals(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let after = scan.byte(end) == b' ' && capitalised(word_at(scan, end + 1));
    let before = start >= 2 && scan.before(start) == b' ' && {
        let head = scan.text.get(..start - 1).unwrap_or_default();
        let word = head.rsplit(|c: char| !(c.is_alphabetic() || c == '\'')).next().unwrap_or_default();
        // A capital at the start of a sentence says nothing.
        let opening = head.len() - word.len();
        capitalised(word)
            && opening > 0
            && !matches!(scan.before(opening), b'\n' | b'"' | b'(')
            && !head[..opening].trim_end().ends_with(['.', '!', '?', ':', ',', ';'])
    };
    after || before
}

/// At a word with a capital: whatever of people, places and organisations starts there.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    let Some(text) = scan.text.get(word.start..word.end) else { return };
    let start = word.start + text.find(char::is_alphabetic).unwrap_or(0);
    if start < scan.names_done
        || matches!(scan.before(start), b'@' | b'#' | b'/' | b'\\' | b'_' | b'&' | b'$')
    {
        return;
    }
    let first = word_at(scan, start);
    let end = start + first.len();
    let domain = scan.byte(end) == b'.' && super::scan::is_word(scan.byte(end + 1)) && first.len() > 1;
    if first.is_empty() || matches!(scan.byte(end), b'@' | b'/' | b'\\' | b'_' | b'(' | b'0'..=b'9') || domain
    {
        return;
    }
    if first.len() == 2 {
        state(scan, first, start, end);
    }
    let done = titled(scan, first, end).or_else(|| {
        let kinds = look(first);
        // What the list calls a place or a firm as it stands goes beside what may be a name: merging weighs them.
        let listed =
            if first.starts_with(char::is_uppercase) { phrase(scan, start, end, kinds) } else { None };
        let named = introduced(scan, start, first, kinds).or_else(|| person(scan, start, end, first, kinds));
        named.max(listed).max(firm(scan, start, first).or_else(|| institution(scan, start, first)))
    });
    if let Some(done) = done {
        scan.names_done = done;
    }
}

/// `Mr. Tanaka`, `Sra. Ruiz Gil`, `President Lincoln`.
fn titled(scan: &mut Scan<'_>, title: &str, end: usize) -> Option<usize> {
    let french = title == "M" && scan.byte(end) == b'.';
    if !(french || TITLES.has(title)) {
        return None;
    }
    let at = end + usize::from(scan.byte(end) == b'.');
    if scan.byte(at) != b' ' {
        return None;
    }
    let tail = tail(scan, at);
    let known = tail.words > 1 || tail.surname || title.len() < 6;
    if tail.words == 0
        || !known && !look(word_at(scan, at + 1)).has(Kinds::GIVEN)
        || opens_firm(scan, tail.end)
    {
        return None;
    }
    scan.push("titled_name", Label::Person, (at + 1, tail.end), TITLED, false, None);
    Some(tail.end)
}

/// `my name is Xyla Qadir`, `Name: Xyla`, `Dear Xyla,`.
fn introduced(scan: &mut Scan<'_>, start: usize, first: &str, kinds: Kinds) -> Option<usize> {
    if !capitalised(first) || kinds.has(Kinds::STOP) && !kinds.has(Kinds::WEAK) {
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

fn person(scan: &mut Scan<'_>, start: usize, end: usize, first: &str, kinds: Kinds) -> Option<usize> {
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
    if !given && (!kinds.has(Kinds::SURNAME) || kinds.has(Kinds::STOP)) {
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

/// `LISA SMITH`: a given name and a surname in capitals.
fn shouted(scan: &mut Scan<'_>, start: usize, end: usize, first: &str) -> Option<usize> {
    if !look(&small(first)).has(Kinds::GIVEN) || scan.byte(end) != b' ' {
        return None;
    }
    let second = word_at(scan, end + 1);
    let end = end + 1 + second.len();
    let known = look(&small(second)).has(Kinds::SURNAME) && !second.chars().any(char::is_lowercase);
    known.then(|| scan.push("full_name", Label::Person, (start, end), FORMAL, false, None))?;
    Some(end)
}

/// `LISA` as the list has it.
fn small(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().chain(chars.flat_map(char::to_lowercase)).collect()
}

/// The longest place or organisation of the list that starts at `start`.
fn phrase(scan: &mut Scan<'_>, start: usize, end: usize, first: Kinds) -> Option<usize> {
    let mut best = (end, first);
    if first.has(Kinds::OPENS) {
        // Phrases end where words do; one mark may belong to them ("U.S.").
        let rest = scan.text.get(start..).unwrap_or_default();
        let mut before = 'x';
        for (at, c) in rest.char_indices().chain([(rest.len(), '\n')]).take_while(|(at, _)| *at <= WORD) {
            let closes = !c.is_alphanumeric() && before != ' ';
            if closes && start + at > end || before == '.' {
                let kinds = look(&rest[..at]);
                if kinds.has(Kinds::PLACE) || kinds.has(Kinds::ORGANIZATION) || kinds.has(Kinds::NAMED_PLACE)
                {
                    best = (start + at, kinds);
                }
            }
            if c == '\n' {
                break;
            }
            before = c;
        }
    }
    let (end, kinds) = best;
    let span = (start, end);
    if opens_firm(scan, end) && !kinds.has(Kinds::ORGANIZATION) {
        return None;
    }
    let (name, label, score) = if kinds.has(Kinds::ORGANIZATION) {
        ("known_organisation", Label::Organization, ORGANIZATION.0)
    } else if kinds.has(Kinds::PLACE) {
        ("known_place", Label::Location, PLACE.0)
    } else if kinds.has(Kinds::NAMED_PLACE) {
        ("known_place", Label::Location, PLACE.1)
    } else {
        return None;
    };
    scan.push(name, label, span, score, false, None);
    Some(end)
}

/// `Acme Widgets GmbH`, `Smith & Sons Ltd`: a capitalised run that ends in a legal form.
fn firm(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    if !first.starts_with(char::is_uppercase) || FORMS.has(first) {
        return None;
    }
    let mut at = start + first.len();
    for _ in 0..LONGEST {
        at += usize::from(scan.byte(at) == b',');
        if scan.byte(at) != b' ' {
            return None;
        }
        at += 1;
        if scan.bytes.get(at..at + 2) == Some(b"& ") {
            at += 2;
        }
        let word = word_at(scan, at);
        if !word.starts_with(char::is_uppercase) {
            return None;
        }
        at += word.len();
        if FORMS.has(word) {
            at += usize::from(scan.byte(at) == b'.' && matches!(word, "Inc" | "Corp" | "Ltd" | "Co"));
            scan.push("legal_form", Label::Organization, (start, at), ORGANIZATION.1, false, None);
            return Some(at);
        }
    }
    None
}

/// `Mercy General Hospital`, `University of Leeds`, `Tribunal de Lyon`.
fn institution(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    if !capitalised(first) || TITLES.has(first) {
        return None;
    }
    let mut at = start + first.len();
    let opens = INSTITUTIONS.has(first);
    let mut named = None;
    for _ in 0..LONGEST {
        if scan.byte(at) != b' ' {
            break;
        }
        let word = word_at(scan, at + 1);
        let next = at + 1 + word.len();
        if !opens && INSTITUTIONS.has(word) {
            at = next;
            let of = matches!(word_at(scan, at + 1), "of" | "de" | "di") && scan.byte(at) == b' ';
            let place = if of { word_at(scan, at + 4) } else { "" };
            at += if capitalised(place) { 4 + place.len() } else { 0 };
            scan.push("institution", Label::Organization, (start, at), INSTITUTION, false, None);
            return Some(at);
        }
        let joins = matches!(
            word,
            "of" | "de"
                | "di"
                | "da"
                | "do"
                | "du"
                | "des"
                | "van"
                | "für"
                | "voor"
                | "the"
                | "la"
                | "General"
        );
        if opens && joins {
            at = next;
        } else if capitalised(word) {
            named = (opens && at > start + first.len()).then_some(next).or(named);
            at = next;
        } else {
            break;
        }
    }
    let end = named?;
    scan.push("institution", Label::Organization, (start, end), INSTITUTION, false, None);
    Some(end)
}

/// At `GA` of `Gainesville, GA`: the city with its state.
fn state(scan: &mut Scan<'_>, code: &str, start: usize, end: usize) {
    if !STATES.has(code) || !scan.text.get(..start).is_some_and(|head| head.ends_with(", ")) {
        return;
    }
    let mut from = start - 2;
    for _ in 0..3 {
        let head = scan.text.get(..from).unwrap_or_default();
        let word = head
            .rsplit(|c: char| !(c.is_alphabetic() || matches!(c, '\'' | '-' | '.')))
            .next()
            .unwrap_or_default();
        if !capitalised(word) {
            break;
        }
        from -= word.len();
        if scan.before(from) != b' ' || word.len() > WORD {
            break;
        }
        from -= 1;
    }
    from += usize::from(scan.byte(from) == b' ');
    if from + 4 < start {
        scan.push("city_and_state", Label::Location, (from, end), CITY_AND_STATE, false, None);
    }
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
                "Dr. Jonathan Q. Reyes",
                "Smith, John",
                "J. R. Smith",
                "JOHN SMITH",
                "Lisa",
                "Will Smith",
                "Maria van der Berg",
                "Will Turner's",
                "Xyla Johnson",
                "My name is Xyla Qadir.",
                "ich heiße Xyla",
                "Patient name: Xyla",
                "Dear Xyla,",
            ],
            &[
                "Will this do",
                "May is a month",
                "Mark the box",
                "Lisa Motors",
                "Product name: Xyla",
                "Dear Customer,",
                "Dear Xyla is",
                "John Deere Street",
                "Mr. Market",
                "John@home",
                "Lisa.com",
                "Mr. and",
                "THE END",
                "A. The",
                "dr. who",
            ],
        );
        assert_eq!(spans("PERSON", "I met Lisa Kowalczyk's brother and Ana."), ["Lisa Kowalczyk", "Ana"]);
        assert_eq!(
            spans("PERSON", "“Günther Müller” sang, said Mrs. O'Neill-Smith."),
            ["Günther Müller", "O'Neill-Smith"]
        );
    }

    #[test]
    fn places() {
        check(
            "LOCATION",
            &[
                "London",
                "São Paulo",
                "New York City",
                "St. Louis",
                "Gainesville, GA",
                "from Chapel Hill, NC.",
                "the United States",
                "U.S.",
                "Texas",
            ],
            &["Paris Hilton", "Boston Market", "Nice", "Reading is fun", "the London Hotel"],
        );
        assert_eq!(
            spans("LOCATION", "from New York to Rio de Janeiro, Brazil"),
            ["New York", "Rio de Janeiro", "Brazil"]
        );
    }

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
                "Universidad de Salamanca",
                "AT&T",
            ],
            &["GmbH", "I like LLC", "Orange", "Apple pie"],
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
