//! Legal forms of companies (`GmbH & Co. KG`, `Sp. z o.o.`, `S.p.A.`), and what firms of a family end in: `& Söhne`.

use super::capitals::{WORD, word_at};
use super::scan::{Scan, is_word};
use super::words::{opening, words};

words! {
    /// Legal forms that nothing else looks like.
    CERTAIN = "Inc Corp Corporation Ltd Limited LLC LLP PLC plc GmbH gGmbH GesmbH mbH KGaA OHG SARL Sàrl SASU SpA Srl Snc EURL BVBA VOF Ltda Lda EIRELI Pty Oy Oyj \
    ApS ASA Osk Kft Nyrt Zrt Kht Kkt SCP SLU SNC Holdings"
}
words! {
    /// Legal forms that are also words, places, units or anything else.
    DOUBTFUL = "AG KG SE SA SL SAS NV BV AB AS HB UG SPA BA"
}
words! {
    /// Legal forms that are written with full stops or strokes, without these.
    DOTTED = "SA SAS SARL SpA SPA Srl SRL srl Snc SNC snc Sas sas SL SLU SCP SAT SCom SCoop BV NV AS eV eK eU eG sro as ks os vos sc Spj spj Spk spk LLC LLP Ltda Lda"
}
/// What stands behind a family's name, or behind another form.
const FAMILY: [&str; 32] = [
    "Sp. z o.o.",
    "sp. z o.o.",
    "Sp. z o. o.",
    "As Oy",
    "S.A. de C.V.",
    "de C.V.",
    "(haftungsbeschränkt)",
    "e. V.",
    "e. K.",
    "& Co.",
    "& Co",
    "& Cie",
    "& Cia",
    "& C.",
    "& Sons",
    "and Sons",
    "& Söhne",
    "und Söhne",
    "& Zonen",
    "en Zonen",
    "& Zoon",
    "e figli",
    "e Figli",
    "& Figli",
    "e Hijos",
    "e Filhos",
    "& Filhos",
    "& Fils",
    "et Fils",
    "og Sønner",
    "i syn",
    "és társa",
];

/// A legal form and whether it is one for certain.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub end: usize,
    pub certain: bool,
}

/// Whether a word is a legal form.
pub(super) fn is_form(word: &str) -> bool {
    CERTAIN.has(word) || DOUBTFUL.has(word)
}

/// The legal form at `at`, with all its parts: `GmbH & Co. KG`.
pub(super) fn form(scan: &Scan<'_>, at: usize) -> Option<Form> {
    let mut whole = part(scan, at)?;
    for _ in 0..3 {
        let next = if scan.byte(whole.end) == b' ' { part(scan, whole.end + 1) } else { None };
        let Some(next) = next else { break };
        whole = Form { end: next.end, certain: true };
    }
    Some(whole)
}

fn part(scan: &Scan<'_>, at: usize) -> Option<Form> {
    let rest = scan.text.get(at..)?;
    if let Some(family) = opening(rest, &FAMILY) {
        let end = at + family.len();
        if !is_word(scan.byte(end)) {
            return Some(Form { end, certain: true });
        }
    }
    let word = word_at(scan, at);
    let end = at + word.len();
    let marked = matches!(scan.byte(end), b'.' | b'/') && is_word(scan.byte(end + 1));
    if !marked && is_form(word) && !is_word(scan.byte(end)) {
        let dot = scan.byte(end) == b'.' && matches!(word, "Inc" | "Corp" | "Ltd" | "Ltda" | "Lda");
        return Some(Form { end: end + usize::from(dot), certain: CERTAIN.has(word) });
    }
    dotted(rest).map(|len| Form { end: at + len, certain: true })
}

/// The length of `S.p.A.` or `A/S` at the start of `rest`.
fn dotted(rest: &str) -> Option<usize> {
    let is_mark = |b: &u8| matches!(b, b'.' | b'/');
    let first = rest.bytes().take(WORD).take_while(u8::is_ascii_alphabetic).count();
    if first == 0 || !rest.as_bytes().get(first).is_some_and(is_mark) {
        return None;
    }
    let len = rest.bytes().take(WORD).take_while(|b| b.is_ascii_alphabetic() || is_mark(b)).count();
    // Of "..", the second ends the sentence.
    let len = len - usize::from(rest[..len].ends_with(".."));
    let marks = rest[..len].bytes().filter(is_mark).count();
    if len < marks + first || rest[len..].starts_with(char::is_alphanumeric) {
        return None;
    }
    let letters = rest[..len].replace(['.', '/'], "");
    (letters.len() + marks == len && letters.len() > first && DOTTED.has(&letters)).then_some(len)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn companies_by_their_legal_form() {
        check(
            "ORGANIZATION",
            &[
                "Palmgren HB",
                "Normand S.A.R.L.",
                "Jensens Tømrerfirma ApS",
                "Kjær A/S",
                "Garcia S/A",
                "Dušek o.s.",
                "Bakker B.V.",
                "Murray PLC",
                "Muster e.V.",
                "Soprano-Ruberto SPA",
                "Dixon and Sons",
                "Blasi-Carnera e figli",
            ],
            &[
                "Blood group AB",
                "GmbH",
                "THE AS",
                "Apples e.g. pears",
                "Calgary, AB",
                "The Sons",
                "Ann k.d. lang",
                "See p.a. or",
            ],
        );
        for (text, want) in [
            ("an Stey AG & Co. KGaA.", "Stey AG & Co. KGaA"),
            ("PPUH Siara Sp. z o.o. Sp.k., K.E.", "PPUH Siara Sp. z o.o. Sp.k."),
            ("merges with Kensy e.G..", "Kensy e.G."),
            ("Anichini, Morosini e Pertini s.r.l.", "Anichini, Morosini e Pertini s.r.l."),
            ("Kai-Uwe Klemm, Cagnin SPA", "Cagnin SPA"),
            ("1. Ann Toft, van Dongen BV\n2.", "van Dongen BV"),
            ("rufen Sie Emmy Koch von Stolze GmbH an", "Stolze GmbH"),
            ("Zwischen der Haase AG und", "Haase AG"),
            ("Kontor UG (haftungsbeschränkt), -", "Kontor UG (haftungsbeschränkt)"),
            ("Frutas del Segura, S.A.T. pagó", "Frutas del Segura, S.A.T."),
        ] {
            assert_eq!(spans("ORGANIZATION", text), [want], "{text}");
        }
    }
}
