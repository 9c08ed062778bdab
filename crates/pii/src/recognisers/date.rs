//! Dates with the names of months ([`date_words`](super::date_words)) around a number, and Chinese and Japanese forms; those in digits are
//! in [`date_numbers`](super::date_numbers). A date beside "born" or its like is a date of birth.

use super::date_numbers::{BIRTH, is_day, is_year};
use super::date_words::{self, AMBIGUOUS, COUNTED};
use super::scan::{Scan, Word, is_word};
use crate::Label;
use crate::context::{Hit, Kind, Kinds};

struct Month {
    number: u32,
    start: usize,
    end: usize,
    sure: bool,
}

fn month(scan: &Scan<'_>, start: usize, end: usize) -> Option<Month> {
    let word = scan.text.get(start..end)?;
    if !(3..=20).contains(&word.len()) {
        return None;
    }
    let lower = word.to_lowercase();
    let number = date_words::month(&lower)?;
    // "19. maj" is a day, "in mai 12" may be none.
    let counted = scan.bytes[..start].ends_with(b". ") && COUNTED.contains(&lower.as_str());
    let sure = !AMBIGUOUS.has(&lower) || lower == "may" && word.starts_with('M') || counted;
    Some(Month { number, start, end, sure })
}

fn letters_from(scan: &Scan<'_>, start: usize) -> usize {
    let mut end = start;
    while end - start < 24 && (scan.byte(end).is_ascii_alphabetic() || scan.byte(end) >= 0x80) {
        end += 1;
    }
    crate::offsets::floor_char_boundary(scan.text, end).max(start)
}

fn letters_to(scan: &Scan<'_>, end: usize) -> usize {
    let mut start = end;
    while end - start < 24 && (scan.before(start).is_ascii_alphabetic() || scan.before(start) >= 0x80) {
        start -= 1;
    }
    crate::offsets::ceil_char_boundary(scan.text, start).min(end)
}

/// Skips up to three of spaces, dots, commas, dashes and slashes.
fn skip_marks(scan: &Scan<'_>, mut at: usize) -> usize {
    let from = at;
    while at - from < 3 && matches!(scan.byte(at), b' ' | b'.' | b',' | b'-' | b'/' | b'\'') {
        at += 1;
    }
    at
}

/// Skips "of", "de", "del" and spaces.
fn skip_joiner(scan: &Scan<'_>, at: usize) -> usize {
    let end = letters_from(scan, at);
    match scan.text.get(at..end) {
        Some("de" | "of" | "del" | "do" | "di" | "van" | "den" | "DE" | "Of" | "De")
            if scan.byte(end) == b' ' =>
        {
            end + 1
        }
        _ => at,
    }
}

/// A year of four digits, or of two behind an apostrophe or where `two` allows it; gives the byte after it.
fn year_at(scan: &Scan<'_>, at: usize, two: bool) -> Option<usize> {
    let mut end = at;
    while end - at < 5 && scan.byte(end).is_ascii_digit() {
        end += 1;
    }
    let value = scan.bytes[at..end].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let hour = scan.byte(end) == b':' && end - at == 2;
    let whole = !hour && !is_word(scan.byte(end));
    (whole && (end - at == 4 && is_year(value) || end - at == 2 && two)).then_some(end)
}

fn year_after(scan: &Scan<'_>, month_end: usize) -> Option<usize> {
    let at = skip_marks(scan, month_end);
    let joined = skip_joiner(scan, at);
    let short = matches!(scan.byte(month_end), b'-' | b'/') || scan.before(at) == b'\'';
    year_at(scan, joined, short)
}

fn push(scan: &mut Scan<'_>, start: usize, end: usize, score: f32) {
    match scan.context_within(BIRTH, start, end, 40, 8) {
        Some(word) => scan.push("date_of_birth", Label::DateOfBirth, (start, end), 0.95, false, Some(word)),
        None => scan.push("date", Label::Date, (start, end), score, false, None),
    }
}

/// `18 August 1997`, `August 18, 1997`, `March 2010` around a word of digits.
pub(crate) fn at_number(scan: &mut Scan<'_>, word: Word) {
    match word.len() {
        1 | 2 => {
            around_day(scan, word.start, word.end, word.end);
            month_slash_day(scan, word);
        }
        4 => {
            month_and_year(scan, word);
            birth_year(scan, word);
        }
        _ => {}
    }
}

/// `1er novembre 1998`, `5th of May`, `2010年5月3日`.
pub(crate) fn at_mixed(scan: &mut Scan<'_>, word: Word) {
    let digits = scan.bytes[word.start..word.end].iter().take_while(|b| b.is_ascii_digit()).count();
    let suffix = scan.text.get(word.start + digits..word.end).unwrap_or_default();
    let ordinal =
        ["st", "nd", "rd", "th", "er", "º", "ª", "°", "re", "e", "ST", "ND", "RD", "TH"].contains(&suffix);
    if (1..=2).contains(&digits) && ordinal {
        around_day(scan, word.start, word.start + digits, word.end);
    }
    if digits == 4 && suffix.starts_with('年') {
        cjk(scan, word.start, word.start + digits);
    }
}

fn around_day(scan: &mut Scan<'_>, start: usize, digits_end: usize, end: usize) {
    let day = scan.bytes[start..digits_end].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    if !(1..=31).contains(&day) || matches!(scan.before(start), b':' | b'.' | b'$' | b'#') {
        return;
    }
    let next = skip_marks(scan, end);
    let joined = skip_joiner(scan, next);
    let found = if next > end { month(scan, joined, letters_from(scan, joined)) } else { None };
    if let Some(month) = found.filter(|month| is_day(day, month.number)) {
        match year_after(scan, month.end) {
            Some(year_end) => push(scan, start, year_end, 0.9),
            None if month.sure && !is_word(scan.byte(month.end)) => push(scan, start, month.end, 0.6),
            None => {}
        }
        return;
    }
    let Some(month) = month_before(scan, start).filter(|month| is_day(day, month.number)) else { return };
    let at = skip_marks(scan, end);
    let time_end = time_after(scan, end);
    // "2021. szeptember 18."
    if let Some(year) = year_before(scan, month.start) {
        return push(scan, year, end, 0.9);
    }
    match (year_at(scan, at, false), time_end.map(|time| (time, year_at(scan, time + 1, false)))) {
        (Some(year_end), _) if at > end => push(scan, month.start, year_end, 0.9),
        // As programs write it: "Mar 12 10:22:31 2024".
        (_, Some((_, Some(year_end)))) => push(scan, month.start, year_end, 0.9),
        (_, Some(_)) => push(scan, month.start, end, 0.7),
        _ if month.sure && !matches!(scan.byte(end), b':' | b'%') => push(scan, month.start, end, 0.6),
        _ => {}
    }
}

/// `ED 10/17`, `admitted 4/12.`: month and day behind a word of the wards, which says that they are no fraction, and before no measure.
fn month_slash_day(scan: &mut Scan<'_>, word: Word) {
    const SURE: [&str; 14] = [
        "ED",
        "ER",
        "MVC",
        "MVA",
        "ICU",
        "OSH",
        "DOS",
        "LMP",
        "admitted",
        "Admitted",
        "discharged",
        "Discharged",
        "seen",
        "Seen",
    ];
    const SAID: [&str; 4] = ["on", "since", "until", "dated"];
    if scan.byte(word.end) != b'/' || scan.before(word.start) != b' ' {
        return;
    }
    let run = |at: usize| scan.bytes[at..].iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let (from, digits) = (word.end + 1, run(word.end + 1));
    let end = from + digits;
    let value = |a: usize, b: usize| scan.bytes[a..b].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let after = scan.bytes.get(end..(end + 2).min(scan.bytes.len())).unwrap_or_default();
    let ends = matches!(after, [] | [b',' | b';' | b'.' | b')' | b'\n', ..]);
    let goes_on =
        is_word(scan.byte(end)) || matches!(after, [b'/' | b'-' | b'%', ..] | [b'.' | b',', b'0'..=b'9']);
    if !(1..=2).contains(&digits) || goes_on || !is_day(value(from, end), value(word.start, word.end)) {
        return;
    }
    let space = word.start - 1;
    let before = &scan.text[letters_to(scan, space)..space];
    if SURE.contains(&before) || SAID.contains(&before) && ends {
        push(scan, word.start, end, 0.6);
    }
}

/// The end of ` 10:22:31` at `at`.
fn time_after(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let time = scan.bytes.get(at..at + 9)?;
    let fits = time.iter().enumerate().all(|(i, b)| match i {
        0 => *b == b' ',
        3 | 6 => *b == b':',
        _ => b.is_ascii_digit(),
    });
    (fits && !is_word(scan.byte(at + 9))).then_some(at + 9)
}

/// The start of `2021. ` or `2021 ` before a month.
fn year_before(scan: &Scan<'_>, month: usize) -> Option<usize> {
    let mut end = month;
    while month - end < 2 && matches!(scan.before(end), b' ' | b'.') {
        end -= 1;
    }
    let start = end.checked_sub(4).filter(|_| end < month)?;
    let whole = year_at(scan, start, false) == Some(end) && !is_word(scan.before(start));
    (whole && !matches!(scan.before(start), b'.' | b',' | b'-' | b'/')).then_some(start)
}

/// Looks at what stands directly before each date: `Tue ` and `Saturday, ` belong to it, and behind `version ` or `lib@` it is none.
pub(crate) fn look_before(scan: &mut Scan<'_>) {
    let mut found = std::mem::take(&mut scan.found);
    found.retain(|entity| {
        let short = entity.label == Label::Date
            && scan.bytes[entity.start..entity.end].contains(&b'.')
            && entity.end - entity.start < 9;
        let version =
            || scan.context_within(Kinds::of(&[Kind::Version]), entity.start, entity.end, 16, 0).is_some();
        !short || !(matches!(scan.before(entity.start), b'@' | b'^' | b'~') || version())
    });
    for entity in found.iter_mut().filter(|e| matches!(e.label, Label::Date | Label::DateOfBirth)) {
        let mut end = entity.start;
        while entity.start - end < 2 && matches!(scan.before(end), b' ' | b',' | b'.') {
            end -= 1;
        }
        let start = letters_to(scan, end);
        let day = scan.text.get(start..end).unwrap_or_default();
        if end < entity.start && date_words::is_weekday(day) && !is_word(scan.before(start)) {
            entity.start = start;
        }
    }
    scan.found = found;
}

fn month_before(scan: &Scan<'_>, at: usize) -> Option<Month> {
    let mut end = at;
    while at - end < 3 && matches!(scan.before(end), b' ' | b'.' | b'-' | b'/') {
        end -= 1;
    }
    if end == at {
        return None;
    }
    month(scan, letters_to(scan, end), end)
}

fn month_and_year(scan: &mut Scan<'_>, word: Word) {
    if year_at(scan, word.start, false) != Some(word.end) {
        return;
    }
    let mut at = word.start;
    // "marzo de 2010": step back over the joiner.
    let before = letters_to(scan, at.saturating_sub(1));
    if scan.before(at) == b' ' && matches!(scan.text.get(before..at - 1), Some("de" | "of" | "del")) {
        at = before;
    }
    let Some(month) = month_before(scan, at.max(1)) else { return };
    // With a day before the month, the day has found it already.
    let day_before = scan.bytes[..month.start].iter().rev().take(4).any(u8::is_ascii_digit);
    let capital = scan.text[month.start..].starts_with(char::is_uppercase);
    if !day_before && (month.sure || capital) {
        push(scan, month.start, word.end, 0.6);
    }
}

/// `born in 1964`, `nacieron en 1952 y 1959`: the year alone, close behind the word and in its sentence.
fn birth_year(scan: &mut Scan<'_>, word: Word) {
    const REACH: usize = 40;
    /// Birth rates and birthday parties have years that are nobody's.
    const NOUNS: [&str; 7] =
        ["birth", "birthday", "naissance", "nacimiento", "nascita", "nascimento", "geburtstag"];
    if year_at(scan, word.start, false) != Some(word.end) {
        return;
    }
    let first = scan.hits.partition_point(|hit| hit.start < word.start);
    let near = scan.hits[..first].iter().rev().take_while(|hit| hit.end + REACH >= word.start);
    let of_someone = |hit: &&Hit| hit.kinds.has(BIRTH) && !NOUNS.contains(&hit.word);
    let Some(hit) = near.into_iter().filter(|hit| hit.end <= word.start).find(of_someone) else { return };
    let between = &scan.bytes[hit.end..word.start];
    if !between.iter().any(|b| b".;:()!?\n".contains(b)) {
        let word_of_birth = Some(hit.word);
        scan.push("date_of_birth", Label::DateOfBirth, (word.start, word.end), 0.7, false, word_of_birth);
    }
}

fn cjk(scan: &mut Scan<'_>, start: usize, year_end: usize) {
    let text = scan.text;
    let mut at = year_end;
    let mut parts = 0;
    for mark in ['年', '月', '日'] {
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        if mark != '年' && !(1..=2).contains(&digits) {
            break;
        }
        let from = if mark == '年' { at } else { at + digits };
        if !text[from..].starts_with(mark) {
            break;
        }
        at = from + mark.len_utf8();
        parts += 1;
    }
    if parts >= 2 {
        push(scan, start, at, 0.85);
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn dates() {
        check(
            "DATE",
            &[
                "2024-02-29",
                "31/12/1999",
                "12/31/1999",
                "1.5.2020",
                "18 August 1997",
                "August 18, 1997",
                "Aug. 5th, 2010",
                "5th of May 2011",
                "18 de agosto de 1997",
                "1er novembre 1998",
                "3. März 1990",
                "12 marzo 2001",
                "le 18 août 1997",
                "March 2010",
                "noviembre de 1998",
                "2010年5月3日",
                "05-Feb-21",
                "2020-01-01T10:00:00Z",
                "3 мая 1990 г",
                "14 lipca 1999",
                "September 11",
                "7 juin",
                "01/02/03",
                "12. 5. 1990",
                "19. maj",
                "27. lokakuuta 2008",
                "toukokuussa 2008",
                "7. dubna",
                "25. prosince 2019",
                "1999. április 20.",
                "2006.07.21.",
                "7 decembrie 2019",
                "2 desember 2019",
                "12 eylül 2020",
                "Jul 11 17:29:45 web01",
                "Aufnahme: 9.7.96",
                "s/p MVC 4/12, seen",
                "Seen at Harborview ED 10/17 for",
                "follow-up on 9/2.",
                "04.05.98",
            ],
            &[
                "2024-13-01",
                "31/13/1999",
                "30/02/1999",
                "1.2.3",
                "March of the Penguins",
                "you may 5",
                "version 1.12.2000.4",
                "99/99/9999",
                "12 months",
                "page 12 of 20",
                "2 out of 3",
                "2 set",
                "10.21.29",
                "v9.7.96",
                "version 21.10.29",
                "lib@21.10.29",
                "on 1/2 of it",
                "ED 24/7",
                "on 9/2/3.",
                "on 13/40.",
                "page 9/2.",
                "Mar 11 17:29",
                "in maj 19",
                "2 mart",
                "kuuta 12",
            ],
        );
        check(
            "DATE_OF_BIRTH",
            &[
                "born 18 August 1997",
                "DOB: 01/02/1990",
                "fecha de nacimiento: 18 de agosto de 1997",
                "Geburtsdatum 3.5.1977",
                "né le 3 mai 1980",
                "dob 19870512",
                "born in Leeds in 1964",
                "nació en 1964 y vive",
                "née en 1952",
                "geb. 1971",
            ],
            &[
                "on 18 August 1997",
                "19870512",
                "in 1964",
                "born in Leeds. In 1964",
                "born 1 of 1964000",
                "The birth rate fell in 2019",
            ],
        );
    }

    #[test]
    fn exact_spans() {
        for (text, want) in [
            ("on August 18, 1997, he", "August 18, 1997"),
            ("el 18 de agosto de 1997.", "18 de agosto de 1997"),
            ("the 5th of May, 2011!", "5th of May, 2011"),
            ("Le 1er novembre 1998,", "1er novembre 1998"),
            ("In March 2010 it", "March 2010"),
            ("５ May 2011", "５ May 2011"),
            ("Date: Tue Mar 12 10:22:31 2024 +0100", "Tue Mar 12 10:22:31 2024"),
            ("2021. szeptember 18. napján", "2021. szeptember 18"),
            ("on Saturday, December 8, 2018.", "Saturday, December 8, 2018"),
            ("le lundi 18 août 1997", "lundi 18 août 1997"),
            ("Fri 31/12/1999", "Fri 31/12/1999"),
            ("mason 18 August 1997", "18 August 1997"),
        ] {
            assert_eq!(spans("DATE", text), [want], "{text}");
        }
        let born = "Los demandantes nacieron en 1948, 1974 y 1963, respectivamente, en Ankara";
        assert_eq!(spans("DATE_OF_BIRTH", born), ["1948", "1974", "1963"]);
    }
}
