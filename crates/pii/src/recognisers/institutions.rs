//! Institutions, authorities, and firms that say what they do: `Mercy Hospital`, `University of Leeds`, `gemeente Utrecht`, `Bäckerei Hoffmann`.

use super::capitals::{LONGEST, WORD, capitalised, opens_firm, word_at};
use super::firms::INSIDE;
use super::lexicon::{Kinds, look};
use super::scan::Scan;
use super::titles::TITLES;
use super::words::words;
use crate::Label;
use crate::joining::SURE_NAME as SURE;

/// `Mercy Hospital`, `University of Leeds`.
const INSTITUTION: f32 = 0.6;
words! {
    /// Before their place's name (`University of Leeds`), or after their own (`Mercy Hospital`): institutions.
    pub(super) INSTITUTIONS = "University Universidad Université Universität Università Universidade Universiteit Hospital Hôpital Ospedale Krankenhaus Klinikum Ziekenhuis \
    College Institute Instituto Institut Istituto Bank Banco Banque Banca Ministry Ministerio Ministère Ministero Ministério Department Tribunal Court"
}
words! {
    /// Before their owner's or their place's name (`Bäckerei Hoffmann`, `Universitetet i Bergen`): firms and institutions, and never people.
    pub(super) HEADS = "Universidad Université Universität Università Universidade Universiteit Universitet Universitetet Uniwersytet Univerzita Universitatea Ospedale Krankenhaus \
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
    /// Between an institution and its place.
    JOINS = "of de di da do du des van für voor the la i din w v na General"
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

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::spans;

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
}
