//! Places and organisations of the word list (`São Paulo`, `Google`), with what stands around a place: `Gainesville, GA`, `tribunal pénal
//! d'Adana`.

use super::capitals::{WORD, capitalised, opens_firm};
use super::lexicon::{Kinds, look};
use super::nobody::is_blood_pressure;
use super::scan::Scan;
use super::words::{opening, words};
use crate::Label;

/// `Gainesville, GA`.
const CITY_AND_STATE: f32 = 0.65;
/// A listed place; one that is also a name.
const PLACE: (f32, f32) = (0.65, 0.5);
/// A listed organisation.
const ORGANIZATION: f32 = 0.55;
/// `tribunal pénal d'Adana`.
const COURT: f32 = 0.7;
words! {
    /// Postal codes of the United States.
    pub(super) STATES = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
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
        ("known_organisation", Label::Organization, ORGANIZATION)
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
}
