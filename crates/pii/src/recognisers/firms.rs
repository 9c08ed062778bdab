//! Places and organisations: those of the word list (`São Paulo`, `Google`), `Gainesville, GA`, `Acme GmbH`, `Mercy Hospital`.

use super::capitals::{LONGEST, WORD, begins_upper, capitalised, opens_firm, word_at};
use super::forms::{self, is_form};
use super::lexicon::{Kinds, look};
use super::names::{TITLES, small};
use super::scan::{Scan, is_word};
use super::words::{opening, words};
use crate::Label;

/// `Gainesville, GA`.
const CITY_AND_STATE: f32 = 0.65;
/// A listed place; one that is also a name.
const PLACE: (f32, f32) = (0.65, 0.5);
/// A listed organisation, and a name with a legal form.
const ORGANIZATION: (f32, f32) = (0.55, 0.8);
/// `Mercy Hospital`, `University of Leeds`.
const INSTITUTION: f32 = 0.6;
/// What is a firm by its form or by the words around it, whatever a model makes of the names in it.
const SURE: f32 = crate::joining::SURE_NAME;
/// `tribunal pénal d'Adana`.
const COURT: f32 = 0.7;

words! {
    /// Before their place's name (`University of Leeds`), or after their own (`Mercy Hospital`): institutions.
    INSTITUTIONS = "University Universidad Université Universität Università Universidade Universiteit Hospital Hôpital Ospedale Krankenhaus Klinikum Ziekenhuis \
    College Institute Instituto Institut Istituto Bank Banco Banque Banca Ministry Ministerio Ministère Ministero Ministério Department Tribunal Court"
}
words! {
    /// Before their owner's or their place's name (`Bäckerei Hoffmann`, `Universitetet i Bergen`): firms and institutions, and never people.
    HEADS = "Universidad Université Universität Università Universidade Universiteit Universitet Universitetet Uniwersytet Univerzita Universitatea Ospedale Krankenhaus \
    Klinikum Ziekenhuis Hospital Hôpital Bäckerei Bakkerij Boulangerie Panadería Panificio Padaria Editorial Verlag Makelaardij Inmobiliaria Immobiliare Imobiliária \
    Supermercado Supermarché Spedition Ingenieurbüro Etablissements Établissements Transportes Construcciones Construções Costruzioni Asesoría Gestoría Stichting \
    Condominio Condomínio Jobcenter Polizeipräsidium Tribunale Pflegedienst Autohaus Schreinerei Metzgerei Tischlerei Schilderwerken Installatiebedrijf Bouwbedrijf Apotheke \
    Pharmacie Apotheek Klinik Klinika Szpital Praxis Officina Prefettura Questura Grupo Gruppo Groupe Cabinet Garage Entreprise Immo IUT UZ CHU OCMW"
}
words! {
    /// After a name of their own alone (`Tiny Tots Academy`): institutions and firms.
    CLOSERS = "Academy School Clinic Foundation Association Society Council Commission Committee Agency Authority Airlines Airways Energy Insurance \
    Pharmacy Dentistry Bakery Motors Industries Technologies Pharmaceuticals Partners Securities Railway Brewery Records Biologics Steel"
}
words! {
    /// Of those after a name, what never ends a person's: `Apollo Hospitals`, `Janssen de Jong Groep`.
    TAILS = "Hospital Hospitals Infirmary Clinic Group Gruppen Groep Gruppe Holding Holdings Solicitors Advocaten Logistics Analytics Consulting Plumbing Lettings Energie \
    Versand yliopisto kommune banka spořitelna Egyetem Tudományegyetem Industries Technologies Pharmaceuticals Airlines Airways Insurance Motors Academy University Universität"
}
words! {
    /// After a name and before what makes it a place for the sick: `Hammond Medical Center`.
    CENTRES = "Medical Health Rehabilitation Cancer Surgical"
}
words! {
    /// Postal codes of the United States.
    pub(super) STATES = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
}
words! {
    /// Between an institution and its place.
    JOINS = "of de di da do du des van für voor the la i din w v na General"
}

/// The longest place or organisation of the list that starts at `start`.
pub(super) fn phrase(scan: &mut Scan<'_>, start: usize, end: usize, first: Kinds) -> Option<usize> {
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
    let (name, label, score) = if kinds.has(Kinds::ORGANIZATION) {
        ("known_organisation", Label::Organization, ORGANIZATION.0)
    } else if kinds.has(Kinds::PLACE) {
        ("known_place", Label::Location, PLACE.0)
    } else if kinds.has(Kinds::NAMED_PLACE) {
        ("known_place", Label::Location, PLACE.1)
    } else {
        return None;
    };
    let is_scale = opening(&scan.text[start..], &["Glasgow Coma", "Glasgow Blatchford"]).is_some();
    if is_scale
        || is_blood_pressure(scan.text, start, end)
        || label == Label::Location && opens_firm(scan, end)
    {
        return None;
    }
    let head = scan.text.get(..start).unwrap_or_default();
    match court_of(head).filter(|_| label == Label::Location) {
        Some(from) => scan.push("court", Label::Organization, (from, end), COURT, false, None),
        None => scan.push(name, label, span, score, false, None),
    }
    Some(end)
}

/// Whether a cell of a row holds a state's code and nothing else.
pub(crate) fn is_state(text: &str, start: usize, end: usize) -> bool {
    let is_mark = |c: char| matches!(c, ',' | ';' | '\t' | '|');
    STATES.has(&text[start..end]) && text[..start].ends_with(is_mark) && text[end..].starts_with(is_mark)
}

/// Whether `BP` is a blood pressure: before a number, and where it is somebody's.
pub(crate) fn is_blood_pressure(text: &str, start: usize, end: usize) -> bool {
    const WHOSE: [&str; 8] = ["his ", "her ", "my ", "your ", "their ", "His ", "Her ", "the "];
    if &text[start..end] != "BP" {
        return false;
    }
    let behind = text[end..].trim_start_matches([' ', ':', '=']);
    let behind = ["was ", "is ", "of "].iter().find_map(|word| behind.strip_prefix(word)).unwrap_or(behind);
    behind.starts_with(|c: char| c.is_ascii_digit()) || WHOSE.iter().any(|word| text[..start].ends_with(word))
}

words! {
    /// Between a court and its place: what kind of court it is.
    COURT_KINDS = "de du des del la le les lo los las el d l y et en pénal pénale penal administratif administrative administrativo civil civile correctionnel commerce travail social sûreté seguridad \
    etat état estado appel apelación cassation casación instance instancia primera première grande justice justicia superior supérieur supérieure suprême supremo suprema mercantil \
    familia familles enfants menores instrucción police policía paix paz district distrito régional regional militaire militar loi ley martiale marcial assises constitutionnel constitutionnelle constitucional"
}

/// Where `tribunal pénal d'` or `juzgado de lo social de` at the end of `head` begins: the court of the place behind it.
fn court_of(head: &str) -> Option<usize> {
    const REACH: usize = 60;
    let tail = head.get(crate::offsets::ceil_char_boundary(head, head.len().saturating_sub(REACH))..)?;
    if !["de ", "d'", "d’", "d ' "].iter().any(|of| tail.ends_with(of)) {
        return None;
    }
    let courts = ["tribunal ", "Tribunal ", "cour ", "Cour ", "juzgado ", "Juzgado "];
    let at = courts.iter().filter_map(|word| tail.rfind(word)).max()?;
    let court = tail.get(at..)?;
    let opens = tail[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let mut words = court.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).skip(1);
    let marks = court.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-'));
    (opens && marks && words.all(|word| COURT_KINDS.has(&word.to_lowercase())))
        .then(|| head.len() - court.len())
}

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
            let score = if form.certain || named { SURE } else { ORGANIZATION.1 };
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

/// `Mercy General Hospital`, `University of Leeds`, `Tribunal de Lyon`, `Bäckerei Hoffmann`.
pub(super) fn institution(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    let of = || scan.text[start + first.len()..].starts_with(" of ");
    let is_head = HEADS.has(first) || first == "University" && of();
    if !(capitalised(first) || is_head) || TITLES.has(first) {
        return None;
    }
    let mut at = start + first.len();
    let opens = is_head || INSTITUTIONS.has(first);
    let (mut named, mut worded) = (None, false);
    let mut before = first;
    for _ in 0..LONGEST + 2 {
        if scan.byte(at) != b' ' {
            break;
        }
        let word = word_at(scan, at + 1);
        let next = at + 1 + word.len();
        let centre = CENTRES.has(before) && matches!(word, "Center" | "Centre") && at > start + first.len();
        let tail = centre || TAILS.has(word);
        if !opens && (tail || INSTITUTIONS.has(word) || CLOSERS.has(word)) {
            let kinds = look(first);
            let is_name = |kinds: Kinds| kinds.has(Kinds::SURNAME) || kinds.has(Kinds::GIVEN);
            // A group may be of blood, or work.
            if word == "Group" && !is_name(look(before)) {
                return None;
            }
            if at == start + first.len() && kinds.has(Kinds::STOP) {
                return None; // "High Court", "The College"
            }
            at = next;
            let of = matches!(word_at(scan, at + 1), "of" | "de" | "di") && scan.byte(at) == b' ';
            let place = if of { word_at(scan, at + 4) } else { "" };
            at += if capitalised(place) { 4 + place.len() } else { 0 };
            let sure = tail && !kinds.has(Kinds::STOP) && !opens_firm(scan, at);
            let score = if sure { SURE } else { INSTITUTION };
            scan.push("institution", Label::Organization, (start, at), score, false, None);
            return Some(at);
        }
        if opens && JOINS.has(word) || (is_head || !opens) && INSIDE.has(word) || is_head && word == "am" {
            at = next;
        } else if capitalised(word) {
            named = (opens && at > start + first.len()).then_some(next).or(named);
            named = if is_head { Some(next) } else { named };
            worded |= look(word).has(Kinds::STOP) && !INSIDE.has(&word.to_lowercase());
            at = next;
        } else {
            break;
        }
        before = word;
    }
    let end = named?;
    // Of a court's name it is the place that tells which: "Tribunal Supremo" is in every country.
    let is_place = |word: &str| look(word).has(Kinds::PLACE) || look(word).has(Kinds::NAMED_PLACE);
    if first == "Tribunal" && !scan.text[start..end].split(' ').any(is_place) {
        return None;
    }
    // "Cabinet Minister", "Garage Door": before what is a name, these are firms.
    let next = word_at(scan, start + first.len() + 1);
    let is_name = |kinds: Kinds| kinds.has(Kinds::SURNAME) || kinds.has(Kinds::GIVEN);
    if matches!(first, "Cabinet" | "Garage") && !is_name(look(next)) && !INSIDE.has(&next.to_lowercase()) {
        return None;
    }
    // "Hospital Road" is a street.
    let sure = is_head && !worded;
    if is_head && !sure && !INSTITUTIONS.has(first) {
        return None;
    }
    scan.push(
        "institution",
        Label::Organization,
        (start, end),
        if sure { SURE } else { INSTITUTION },
        false,
        None,
    );
    Some(end)
}

/// Before the place of an authority, in small letters.
const AUTHORITIES: [&str; 10] = [
    "gemeente ",
    "rechtbank ",
    "politie ",
    "politie-eenheid ",
    "politiezone ",
    "mairie de ",
    "commissariat de ",
    "préfecture de ",
    "comune di ",
    "questura di ",
];

/// `gemeente Utrecht`, `mairie de Tours`: at the place's name.
pub(super) fn authority(scan: &mut Scan<'_>, start: usize, first: &str) -> Option<usize> {
    let head = &scan.text[..start];
    let name = AUTHORITIES.iter().filter(|name| head.ends_with(**name)).max_by_key(|name| name.len())?;
    let from = start - name.len();
    let opens = !head[..from].ends_with(|c: char| c.is_alphanumeric() || c == '-');
    if !opens || !capitalised(first) {
        return None;
    }
    let mut end = start + first.len();
    // "Den Haag", "Bergen op Zoom": a place's name goes on behind a small word only.
    let mut small = INSIDE.has(&first.to_lowercase());
    let mut at = end;
    while scan.byte(at) == b' ' && at < end + WORD {
        let word = word_at(scan, at + 1);
        at += 1 + word.len();
        if capitalised(word) && small {
            (end, small) = (at, false);
        } else if matches!(word, "op" | "aan" | "den" | "sur") {
            small = true;
        } else {
            break;
        }
    }
    scan.push("authority", Label::Organization, (from, end), SURE, false, None);
    Some(end)
}

words! {
    /// In capitals, at the end of an institution's name or before `OF`.
    SHOUTED = "HOSPITAL HOSPITALS INFIRMARY CLINIC UNIVERSITY CENTER CENTRE"
}
words! {
    /// Before a centre.
    SHOUTED_CENTRES = "MEDICAL HEALTH REHABILITATION CANCER SURGICAL"
}
words! {
    /// In a sentence in capitals, and in no name.
    SHOUTED_SMALL = "TO THE AT IN FROM YOUR AND FOR WITH BY ON IS WAS ANOTHER LOCAL"
}

/// `ST. LUKE'S MEDICAL CENTER` on a line of its own.
pub(super) fn letterhead(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    if !matches!(scan.before(start), b'\n' | 0) {
        return None;
    }
    let len = scan.bytes[start..].iter().take(80).take_while(|b| !matches!(b, b'\n' | b'\r')).count();
    let line = scan.text.get(start..start + len)?;
    let ends = matches!(scan.byte(start + len), b'\n' | b'\r' | 0);
    if !ends
        || line.contains(|c: char| {
            c.is_lowercase() || !(c.is_alphabetic() || matches!(c, ' ' | '.' | '\'' | '’' | '-' | '&'))
        })
    {
        return None;
    }
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.iter().position(|word| SHOUTED.has(word)).filter(|&at| at > 0)?;
    let is_centre = !words[at].starts_with("CENT") || SHOUTED_CENTRES.has(words[at - 1]);
    let last = words.get(at + 1).is_none_or(|next| *next == "OF");
    if !is_centre || !last || words.len() > 7 || words.iter().any(|word| SHOUTED_SMALL.has(word)) {
        return None;
    }
    scan.push("institution", Label::Organization, (start, start + len), SURE, false, None);
    Some(start + len)
}

/// At `GA` of `Gainesville, GA`: the city with its state.
pub(super) fn state(scan: &mut Scan<'_>, code: &str, start: usize, end: usize) {
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
    fn courts_by_their_place() {
        for (text, want) in [
            ("devant le tribunal pénal d ' Ankara .", &["tribunal pénal d ' Ankara"][..]),
            ("la Cour de sûreté de l'Etat d'Ankara", &["Cour de sûreté de l'Etat d'Ankara"]),
            ("el Juzgado de lo Social de Madrid", &["Juzgado de lo Social de Madrid"]),
            ("el Tribunal Administrativo de Ankara y", &["Tribunal Administrativo de Ankara"]),
            ("el Tribunal Supremo Administrativo", &[]),
            ("la Cour de cassation", &[]),
            ("un tour de Paris, au cours de Paris", &[]),
        ] {
            assert_eq!(spans("ORGANIZATION", text), want, "{text}");
        }
        for text in [
            "el tribunal rechazó ayer la demanda de Madrid",
            "le tribunal condamne un habitant de Lyon",
            "la cour de récréation de Paris",
        ] {
            assert_eq!(spans("ORGANIZATION", text), [""; 0], "{text}");
        }
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
                "Eiffel Tower",
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
    fn authorities() {
        for (text, want) in [
            ("van de rechtbank Den Haag heeft", "rechtbank Den Haag"),
            ("de gemeente Bergen op Zoom en", "gemeente Bergen op Zoom"),
            ("la mairie de Tours a", "mairie de Tours"),
            ("bij Albert Heijn staat", "Albert Heijn"),
            ("van Bakkerij Van den Berg.", "Bakkerij Van den Berg"),
        ] {
            assert_eq!(spans("ORGANIZATION", text), [want], "{text}");
        }
    }

    #[test]
    fn institutions_in_capitals() {
        let head = "Record date: 2021\n\nST. LUKE'S MEDICAL CENTER\nEMERGENCY DEPARTMENT\nROYAL INFIRMARY OF EDINBURGH\n";
        assert_eq!(
            spans("ORGANIZATION", head),
            ["ST. LUKE'S MEDICAL CENTER", "ROYAL INFIRMARY OF EDINBURGH"]
        );
        assert_eq!(spans("ORGANIZATION", "SHE WENT TO HOSPITAL\nCITY CENTER\nHOSPITAL"), [""; 0]);
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
