//! The town before a letter's date: `Wien, den 28. Februar 2022`, `Annecy, le 23 novembre 2019`, `Halle, 10.06.2013`.

use super::capitals::begins_upper;
use super::mailing::town_end;
use super::scan::Scan;
use crate::Label;

/// With an article before the date, in a line of its own.
const SCORES: (f32, f32) = (0.7, 0.55);
/// Most bytes of a town's name.
const LONGEST: usize = 40;

/// Before each date.
pub(super) fn scan(scan: &mut Scan<'_>) {
    let is_date = |e: &&crate::Entity| e.label == Label::Date && e.score >= 0.5;
    let dates: Vec<(usize, usize)> = scan.found.iter().filter(is_date).map(|e| (e.start, e.end)).collect();
    let is_person = |e: &&crate::Entity| e.label == Label::Person && e.score >= 0.5;
    let mut people: Vec<(usize, usize)> =
        scan.found.iter().filter(is_person).map(|e| (e.start, e.end)).collect();
    people.sort_unstable();
    for (start, end) in dates {
        let Some(head) = scan.text.get(..start) else { continue };
        let articles = [", den ", ", le ", ", lì ", ", li ", ", am ", ", "];
        let Some(article) = articles.iter().find(|article| head.ends_with(**article)) else { continue };
        let town = head.len() - article.len();
        let from = crate::offsets::ceil_char_boundary(scan.text, town.saturating_sub(LONGEST));
        let near = scan.text.get(from..town).unwrap_or_default();
        let line = near.rfind('\n').map_or(from, |at| from + at + 1);
        let opens_line = line > from || from == 0;
        // A sentence or a label may stand before it.
        let name = near[line - from..].rfind([':', '.']).map_or(line, |at| line + at + 1);
        let text = scan.text.get(name..town).unwrap_or_default();
        let name = name + text.len() - text.trim_start().len();
        let closes_line = matches!(scan.byte(end), 0 | b'\n' | b'\r');
        let whole = closes_line && (name == line && opens_line || scan.before(name) == b' ' && name > line);
        let spoken = article.len() > 2 && name == line && opens_line;
        if !(spoken || whole)
            || name >= town
            || !scan.text.get(name..).is_some_and(begins_upper)
            || town_end(scan, name) != Some(town)
        {
            continue;
        }
        // "Ruiz, Ana, 10.06.2013" says who.
        let before = people.partition_point(|person| person.0 < town);
        let person = people[..before].iter().rev().take(3).any(|person| person.1 > name);
        if !person {
            let score = if spoken { SCORES.0 } else { SCORES.1 };
            scan.push("letterhead", Label::Location, (name, town), score, false, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::spans;

    #[test]
    fn towns() {
        for (text, want) in [
            ("x\nKaltenstein, den 28. Februar 2022\n", "Kaltenstein"),
            ("x\nBourgneuf-sur-Loue, le 23 novembre 2019\nMadame,", "Bourgneuf-sur-Loue"),
            ("Bad Kaltenstein, 10/06/2013", "Bad Kaltenstein"),
            ("Ort, Datum: Kaltenstein, 01.02.2025", "Kaltenstein"),
        ] {
            assert_eq!(spans("LOCATION", text), [want], "{text}");
        }
        for text in
            ["He left Kaltenstein, 10/06/2013 was late", "Maria Lopez, 10/06/2013", "on Monday, 10/06/2013"]
        {
            assert_eq!(spans("LOCATION", text), [""; 0], "{text}");
        }
    }
}
