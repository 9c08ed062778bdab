//! How long somebody was sentenced or held for: `four months and twenty days` beside `imprisonment`. Judgments are told apart by it, and
//! those who annotate them count it among the dates (Pilán et al. 2022, the Text Anonymization Benchmark).

use std::sync::LazyLock;

use regex::Regex;

use super::scan::Scan;
use crate::Label;
use crate::context::{Kind, Kinds};
use crate::offsets::{ceil_char_boundary, floor_char_boundary};

const PENALTY: Kinds = Kinds::of(&[Kind::Penalty]);
/// Bytes between a duration and the word that tells what it is.
const NEAR: usize = 44;
/// Bytes that a duration hardly reaches.
const LONGEST: usize = 48;
const SCORE: f32 = 0.55;

/// Numbers and units of English, Spanish, French, German, Italian, Portuguese and Dutch.
static DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = "(?:[0-9]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|\
        nineteen|twenty|thirty|forty|fifty|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieci[a-zóé]+|veint[a-zéó]+|treinta|cuarenta|cincuenta|\
        deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|quatorze|seize|vingt|trente|quarante|\
        zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|dodici|\
        dois|três|quatro|sete|oito|dez|doze|twee|drie|vijf|zes|zeven|negen|tien)";
    let unit = "(?:years?|months?|weeks?|days?|años?|mes(?:es)?|días?|semanas?|ans?|années?|mois|jours?|semaines?|Jahren?|Monaten?|\
        Tagen?|anni|anno|mesi|giorni|anos?|meses|dias?|jaar|maanden?|dagen)";
    let part = format!("{number}(?:[ -]{{1,3}}(?:and |y |et )?{number}){{0,2}} {unit}");
    Regex::new(&format!(r"(?-u:\b){part}(?:(?:,| and| y| et| und| e| en) {part}){{0,2}}(?-u:\b)")).ok()
});

/// Around each word that speaks of a penalty.
pub(super) fn scan(scan: &mut Scan<'_>) {
    let mut done = 0;
    for at in 0..scan.hits.len() {
        let hit = scan.hits[at];
        if !hit.kinds.has(PENALTY) {
            continue;
        }
        let Some(regex) = DURATION.as_ref() else { return };
        let from = floor_char_boundary(scan.text, hit.start.saturating_sub(NEAR + LONGEST)).max(done);
        let to = ceil_char_boundary(scan.text, (hit.end + NEAR + LONGEST).min(scan.text.len()));
        let near = scan.text.get(from..to).unwrap_or_default();
        for found in regex.find_iter(near) {
            let (start, end) = (from + found.start(), from + found.end());
            // Whole, and as near as the word's reach: the window's edge may lie in a duration.
            let inside = |at: usize| {
                scan.text[..at].ends_with(char::is_alphanumeric) || scan.text[..at].ends_with('-')
            };
            let cut = inside(start) || scan.text[end..].starts_with(char::is_alphanumeric);
            if cut || start > hit.end + NEAR || end + NEAR < hit.start {
                continue;
            }
            scan.push("penalty", Label::Date, (start, end), SCORE, false, Some(hit.word));
            done = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::spans;

    #[test]
    fn durations_beside_a_penalty() {
        for (text, want) in [
            (
                "He was sentenced to four months and twenty days in prison, which",
                &["four months and twenty days"][..],
            ),
            (
                "le condenó a dos años y seis meses de prisión y tres años",
                &["dos años y seis meses", "tres años"],
            ),
            ("l ' a condamné à vingt - cinq jours d ' emprisonnement .", &["vingt - cinq jours"]),
            ("dix-huit mois d'emprisonnement", &["dix-huit mois"]),
            ("condamna à douze ans et six mois de réclusion", &["douze ans et six mois"]),
            ("for 3 weeks in custody; 3 weeks later", &["3 weeks", "3 weeks"]),
            ("eine Freiheitsstrafe von drei Jahren", &["drei Jahren"]),
            ("she waited three years for the bus", &[]),
            ("prison. A long, long way from there they had all counted six months", &[]),
            ("jail for 6 months", &["6 months"]),
            ("fourteen years in prison, fifty years in jail", &["fourteen years", "fifty years"]),
            (
                "prison was built in four years. It took three weeks to paint the prison",
                &["four years", "three weeks"],
            ),
            ("thirty-two months, and much more than that, in prison", &["thirty-two months"]),
            ("un jour en prison", &[]),
            ("una garantía cubre un período de dos años", &[]),
        ] {
            assert_eq!(spans("DATE", text), want, "{text}");
        }
    }
}
