//! People by their title: `Mr. Tanaka`, `Sra. Ruiz Gil`, `Mmes Palm et Rey`, `Prof. E. Palm`.

use super::capitals::{LONGEST, WORD, capitalised, dot, initials, opens_firm, word_at};
use super::lexicon::{Kinds, look};
use super::names::{Tail, tail};
use super::nobody::{SIGN_OFFS, is_nobody};
use super::scan::{REACH, Scan};
use super::words::words;
use crate::Label;

/// After a title: 0.88 to 1.00 of them are right.
const TITLED: f32 = 0.85;
words! {
    /// Before a surname.
    pub(super) TITLES = "Mr Mrs Ms Miss Mx Dr Prof Doktor Sen Rep Gov Gen Lt Capt Sgt Col Cpl Hon Rev Fr Sr Sra Srta Sir Lord Lady Dame President Senator Professor Doctor Sheikh \
    Sheik Judge Justice Uncle Aunt Auntie Pastor Officer Detective Captain Congressman Congresswoman Don Doña Mme Mlle Monsieur Madame Maître Herr Frau Signor \
    Signora Sig Dott Dottor Dottoressa Avv Ing Dra Senhor Senhora Meneer Mevrouw Dhr Mw Mevr mr mrs ms dr prof señor señora monsieur madame signor signora senhor senhora meneer mevrouw"
}
words! {
    /// Before a list of surnames.
    pub(super) PLURAL_TITLES = "Messrs MM Mmes Mlles Messieurs Mesdames Herren Sres Sras Srs Sigg Heren Drs Profs señores señoras messieurs mesdames"
}
words! {
    /// Between the last two of a list.
    AND = "and et y und e en"
}
words! {
    /// After `Mr` or `Dr`, and no surname.
    NO_SURNAMES = "Doktor Doctor Professor Prof Dr President Chairman Chair Speaker Secretary Mayor Minister Ambassador Chancellor Justice Vice Market Right Wrong Big Clean Perfect Nice Universe World \
    The This That And Who"
}

/// Whether a word stands before a surname.
pub(crate) fn is_title(word: &str) -> bool {
    TITLES.has(word)
}

/// Whether a text ends in a title: what follows is a name, whatever word it is.
pub(crate) fn is_titled(before: &str) -> bool {
    let near = &before[crate::offsets::ceil_char_boundary(before, before.len().saturating_sub(20))..];
    near.trim_end_matches([' ', '.']).rsplit([' ', '\n']).next().is_some_and(|word| TITLES.has(word))
}

/// `Mr. Tanaka`, `Sra. Ruiz Gil`, `President Lincoln`.
pub(super) fn titled(scan: &mut Scan<'_>, title: &str, end: usize) -> Option<usize> {
    let dotted = dot(scan, end);
    if PLURAL_TITLES.has(title) {
        return listed(scan, title, dotted.unwrap_or(end));
    }
    if !(TITLES.has(title) || title == "M" && dotted.is_some()) {
        return None;
    }
    let at = dotted.unwrap_or(end);
    if scan.byte(at) != b' ' {
        return None;
    }
    let first = word_at(scan, at + 1);
    // Of "Prof. Dr. Ruiz" the second title has the name; "Dr Sheikh" is one.
    if TITLES.has(first) {
        let behind = at + 1 + first.len();
        let behind = dot(scan, behind).unwrap_or(behind);
        if scan.byte(behind) == b' ' && capitalised(word_at(scan, behind + 1)) {
            return None;
        }
    }
    let mut tail = tail(scan, at);
    // "Ms May", "Dr Page": a title makes a name of any word, but in a list of titles.
    if tail.words == 0
        && matches!(title, "Mr" | "Mrs" | "Ms" | "Miss" | "Mx" | "Dr")
        && capitalised(first)
        && first.len() > 2
        && !scan.text[..end - title.len()]
            .trim_end()
            .rsplit([' ', '.', '/'])
            .find(|w| !w.is_empty())
            .is_some_and(|w| TITLES.has(w))
    {
        tail = Tail { end: at + 1 + first.len(), words: 1, surname: true };
    }
    if let Some(end) = initialled(scan, at + 1).filter(|&end| end > tail.end) {
        tail = Tail { end, words: tail.words.max(1), surname: true };
    }
    let known = tail.words > 1 || tail.surname || title.len() < 6;
    if tail.words == 0
        || tail.words == 1 && (is_nobody(first) || NO_SURNAMES.has(first))
        || SIGN_OFFS.has(first)
        || !known && !look(first).has(Kinds::GIVEN)
        || opens_firm(scan, tail.end)
    {
        return None;
    }
    scan.push("titled_name", Label::Person, (at + 1, tail.end), TITLED, false, None);
    Some(tail.end)
}

/// ` Ehrenkrona, Bratt and Södergren` at `at`, after a title in the plural: each is a name.
fn listed(scan: &mut Scan<'_>, title: &str, mut at: usize) -> Option<usize> {
    let (title_end, mut done, mut is_last) = (at, None, false);
    // A reader of pieces of a text would not know of a title further back.
    while scan.byte(at) == b' ' && at + LONGEST * WORD + title.len() < title_end + REACH {
        let tail = tail(scan, at);
        if tail.words == 0 || opens_firm(scan, tail.end) {
            break;
        }
        scan.push("titled_name", Label::Person, (at + 1, tail.end), TITLED, false, None);
        done = Some(tail.end);
        at = tail.end;
        at += usize::from(scan.byte(at) == b' ' && scan.byte(at + 1) == b',');
        at += usize::from(scan.byte(at) == b',');
        let and = if scan.byte(at) == b' ' { word_at(scan, at + 1) } else { "" };
        if is_last || at == tail.end && !AND.has(and) {
            break;
        }
        if AND.has(and) {
            at += 1 + and.len();
            is_last = true;
        }
    }
    done
}

/// `E. Palm`, `S. D.`: initials and perhaps a word, whatever word it is, which a title before them makes a name.
fn initialled(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let after = initials(scan, start).filter(|&after| scan.before(after) == b'.')?;
    let word = if scan.byte(after) == b' ' { word_at(scan, after + 1) } else { "" };
    Some(if capitalised(word) { tail(scan, after + 1 + word.len()).end } else { after })
}
