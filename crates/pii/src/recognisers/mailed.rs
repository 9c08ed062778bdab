//! Names that an e-mail address repeats: the people of `Hope,Summers,hope.summers@example.com`. What stands beside an address and in it is
//! whose address it is.

use super::capitals::{begins_upper, opens_firm};
use super::fields::MAILED;
use super::lexicon::{is_no_name, titled};
use super::scan::Scan;
use super::words::words;
use crate::Label;
use crate::offsets::{ceil_char_boundary, floor_char_boundary};

/// How far from an address a name may stand, in bytes.
const NEAR: usize = 96;
/// Fewest letters of a name, and of one that is not by itself in the address.
const LEAST: (usize, usize) = (3, 4);

words! {
    /// In addresses of nobody.
    ROLES = "info sales support admin administrator office contact hello team service services mail email noreply reply press media marketing accounts account billing legal \
    customer customers care help helpdesk desk jobs career careers hr it webmaster postmaster security privacy data news newsletter events shop store orders \
    order booking bookings reservations reception enquiries inquiries feedback finance invoice invoices payments payroll recruiting human resources group \
    kontakt vertrieb verwaltung bewerbung buchhaltung datenschutz kundenservice contacto ventas soporte facturacion service commercial comptabilite \
    contatti amministrazione vendite assistenza contato vendas suporte klantenservice verkoop the and school university bank hotel test user"
}

/// Looks beside every address that was found.
pub(super) fn scan(scan: &mut Scan<'_>) {
    let addresses = scan.found.iter().filter(|entity| entity.label == Label::Email);
    let addresses: Vec<(usize, usize)> = addresses.map(|entity| (entity.start, entity.end)).collect();
    for (start, end) in addresses {
        beside(scan, start, end);
    }
}

fn beside(scan: &mut Scan<'_>, start: usize, end: usize) {
    let Some((local, _)) = scan.text[start..end].split_once('@') else { return };
    // Behind a plus sign the owner sorts mail.
    let local = local.split('+').next().unwrap_or_default();
    let parts = local.split(|c: char| !c.is_alphabetic()).filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(bare).collect();
    if parts.iter().any(|part| ROLES.has(part)) {
        return;
    }
    let from = ceil_char_boundary(scan.text, start.saturating_sub(NEAR));
    let to = floor_char_boundary(scan.text, end + NEAR);
    let before = scan.text[from..start].rsplit('\n').next().unwrap_or_default();
    let after = scan.text[end..to].split('\n').next().unwrap_or_default();
    let mut names: Vec<(usize, usize)> = Vec::new();
    let words: Vec<(usize, &str)> = [(start - before.len(), before), (end, after)]
        .into_iter()
        .flat_map(|(at, side)| words_of(side).map(move |(offset, word)| (at + offset, word)))
        .collect();
    let bares: Vec<String> = words.iter().map(|(_, word)| bare(word)).collect();
    let shouts = [before, after].concat().contains(char::is_uppercase);
    for (i, &(at, word)) in words.iter().enumerate() {
        let capital = begins_upper(word);
        if !capital && shouts || bares[i].len() < LEAST.0 {
            continue;
        }
        let common = is_no_name(&if word.contains(char::is_lowercase) && capital {
            word.to_owned()
        } else {
            titled(word)
        });
        let alone = parts.len() > 1 && parts.contains(&bares[i]);
        let joined = || parts.iter().any(|part| is_half(part, &bares[i], &bares));
        let known = alone && (capital || !common) || !common && capital && joined();
        let end = at + word.len();
        if !known || opens_firm(scan, end) || scan.byte(end) == b':' {
            continue;
        }
        match names.last_mut() {
            Some(last) if scan.text.get(last.1..at) == Some(" ") => last.1 = end,
            _ => names.push((at, end)),
        }
    }
    for span in names {
        scan.push(MAILED, Label::Person, span, 0.8, false, Some("e-mail address"));
    }
}

/// Whether part of an address is `word` and an initial or another of the words beside it, or `word` by itself.
fn is_half(part: &str, word: &str, words: &[String]) -> bool {
    let rest = part.strip_prefix(word).or_else(|| part.strip_suffix(word));
    word.len() >= LEAST.1
        && rest.is_some_and(|rest| {
            rest.len() < 2 || rest.len() >= LEAST.0 && words.iter().any(|other| other == rest)
        })
        || word.len() == LEAST.0
            && rest.is_some_and(|rest| rest.len() >= LEAST.0 && words.iter().any(|other| other == rest))
}

/// The words of a text and where they start.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inside = |c: char| {
        c.is_alphabetic()
            || matches!(c, '\'' | '’' | '-' | '\u{300}'..='\u{36f}' | '@' | '_' | '.' | '0'..='9')
    };
    text.split(move |c: char| !is_inside(c)).filter_map(move |word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        let whole = word.trim_end_matches('.');
        let is_word = whole.chars().all(|c| is_inside(c) && !matches!(c, '@' | '_' | '.' | '0'..='9'));
        (is_word && !whole.is_empty()).then_some((at, whole))
    })
}

/// In small letters as addresses have them: without accents, apostrophes and hyphens.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !matches!(c, '\'' | '’' | '-')).flat_map(char::to_lowercase) {
        let plain = match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
            'ç' | 'ć' | 'č' => 'c',
            'ď' | 'đ' => 'd',
            'è'..='ë' | 'ē' | 'ę' | 'ě' => 'e',
            'ğ' => 'g',
            'ì'..='ï' | 'ı' => 'i',
            'ł' => 'l',
            'ñ' | 'ń' | 'ň' => 'n',
            'ò'..='ö' | 'ø' | 'ő' => 'o',
            'ř' => 'r',
            'ś' | 'š' | 'ş' | 'ș' => 's',
            'ť' | 'ţ' | 'ț' => 't',
            'ù'..='ü' | 'ů' | 'ű' => 'u',
            'ý' | 'ÿ' => 'y',
            'ź'..='ž' => 'z',
            c => c,
        };
        bare.push(plain);
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::MAILED;
    use crate::recognisers::Recognisers;

    #[test]
    fn names_that_an_address_repeats() {
        for (text, names) in [
            ("3,Hope,Summers,hope.summers@x.com,Lima", &["Hope", "Summers"][..]),
            ("2,Carrie,Estrada,carrieestrada55@x.com", &["Carrie", "Estrada"]),
            ("HOPE QUMMERS <qummers.h@x.com>", &["QUMMERS"]),
            ("Ifeoma,Nwośu,nwosu.i70@x.it", &["Nwośu"]),
            ("write to Xyla Quxley (xyla_quxley@x.it)", &["Xyla Quxley"]),
            ("jquxley@x.it: Quxley.", &["Quxley"]),
            ("hope quxley, hope.quxley@x.com", &["hope quxley"]),
            ("O'Neill-Smith, oneillsmith@x.com", &["O'Neill-Smith"]),
            ("Customer Care, customer.care@x.com", &[]),
            ("The Kitchen, kitchen@x.com", &[]),
            ("Quxley Motors, quxley@x.com", &[]),
            ("Then quxley wrote, quxley.x@x.com", &[]),
            ("Info, info@x.com", &[]),
            ("Van: Quxley <van.quxley@x.com>", &["Quxley"]),
            ("Hope,Quxley,hope.quxley+news@x.com", &["Hope", "Quxley"]),
            ("Summers\nhope.summers@x.com", &[]),
            ("Jo, joquxley@x.com", &[]),
        ] {
            let mut found = Recognisers::all().find(text, None);
            found.retain(|e| e.explain.recogniser == MAILED);
            let found: Vec<&str> = found.iter().map(|e| e.text(text)).collect();
            assert_eq!(found, names, "{text}");
        }
    }
}
