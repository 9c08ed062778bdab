//! Places by their coordinates: `51.50735, -0.12776`, `"lat": 40.7128`, `40°42'46"N 74°00'22"W`. With four decimals they tell one
//! house from the next.

use super::scan::{Scan, Word, is_word};
use crate::Label;
use crate::context::{Kind, Kinds};

/// What `explain` calls it.
pub(crate) const NAME: &str = "coordinates";
const GEO: Kinds = Kinds::of(&[Kind::Geo]);
/// Least decimals of a pair without a word for it, and of one with.
const DECIMALS: (usize, usize) = (4, 3);
/// Names of one coordinate, in lower case.
const KEYS: [&str; 8] = ["lat", "latitude", "lon", "lng", "long", "longitude", "latitud", "longitud"];

/// One coordinate as it is written.
struct Angle {
    start: usize,
    end: usize,
    degrees: u32,
    decimals: usize,
    /// Written in minutes too.
    minutes: bool,
    /// `N`, `S`, `E`, `W`, or 0.
    toward: u8,
}

/// Coordinates that begin with the digits of a word.
pub(crate) fn at(scan: &mut Scan<'_>, word: Word) {
    let degrees = scan.bytes[word.start..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if degrees > 3 || !matches!(scan.byte(word.start + degrees), b'.' | 0xc2) {
        return;
    }
    let signed = scan.before(word.start) == b'-';
    let start = word.start - usize::from(signed);
    let before = scan.before(start);
    if is_word(before) || matches!(before, b'.' | b'-' | b'+' | b'$' | b'/') {
        return;
    }
    let Some(first) = angle(scan, start) else { return };
    let key = key_before(scan, start);
    let Some(second) = second(scan, first.end).and_then(|at| angle(scan, at)) else {
        return one(scan, &first, key);
    };
    let in_range = first.degrees.min(second.degrees) <= 90;
    let decimals = first.decimals.min(second.decimals);
    let compass = matches!((first.toward, second.toward), (b'N' | b'S', b'E' | b'W'));
    let fine = |angle: &Angle| angle.minutes || angle.decimals >= 2;
    let context = scan.context(GEO, start, second.end);
    let score = match () {
        () if !in_range => return,
        () if compass && fine(&first) => 0.9,
        () if first.minutes || second.minutes => return,
        () if context.is_some() && decimals >= DECIMALS.1 => 0.9,
        // Two numbers with a comma are often something else: a row of measurements, a vector.
        () if decimals >= DECIMALS.0 && is_a_pair(scan, &first, &second) => 0.6,
        () => return one(scan, &first, key),
    };
    scan.push(NAME, Label::Location, (start, second.end), score, false, context);
}

/// A coordinate that is named: `lat=51.50735`.
fn one(scan: &mut Scan<'_>, angle: &Angle, key: Option<&'static str>) {
    if key.is_some() && angle.decimals >= DECIMALS.1 {
        scan.push(NAME, Label::Location, (angle.start, angle.end), 0.85, false, key);
    }
}

/// Alone in its row, near no axis, and with as many decimals as devices give.
fn is_a_pair(scan: &Scan<'_>, first: &Angle, second: &Angle) -> bool {
    let comma = scan.byte(first.end) == b',';
    let fine = first.decimals.max(second.decimals) > DECIMALS.0;
    let signed = [first, second].iter().any(|angle| scan.byte(angle.start) == b'-');
    let before = scan.bytes[..first.start].iter().rev().take(8).find(|b| !b.is_ascii_whitespace());
    let after = scan.bytes[second.end..].iter().take(2).find(|b| !b.is_ascii_whitespace());
    let goes_on = matches!(before, Some(b',' | b'0'..=b'9' | b'='))
        || matches!(after, Some(b',' | b'0'..=b'9' | b'-' | b'f' | b'*' | b'+'));
    comma
        && !goes_on
        && (fine || signed)
        && first.degrees.max(second.degrees) >= 10
        && first.decimals.max(second.decimals) <= 8
}

/// The key in whose value a coordinate stands.
fn key_before(scan: &Scan<'_>, start: usize) -> Option<&'static str> {
    let mut end = start;
    while start - end < 5 && matches!(scan.before(end), b' ' | b':' | b'=' | b'"' | b'\'' | b'\t') {
        end -= 1;
    }
    let letters = scan.bytes[..end].iter().rev().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
    let word = scan.text.get(end - letters..end).filter(|_| end < start)?;
    KEYS.into_iter().find(|key| key.eq_ignore_ascii_case(word))
}

/// Where the second of two begins: behind a comma, a slash or a space.
fn second(scan: &Scan<'_>, end: usize) -> Option<usize> {
    let marks =
        scan.bytes[end..].iter().take(3).take_while(|b| matches!(b, b' ' | b',' | b';' | b'/')).count();
    (marks > 0).then_some(end + marks)
}

fn angle(scan: &Scan<'_>, start: usize) -> Option<Angle> {
    let run = |at: usize| {
        scan.bytes[at.min(scan.bytes.len())..].iter().take(16).take_while(|b| b.is_ascii_digit()).count()
    };
    let first = start + usize::from(scan.byte(start) == b'-');
    let whole = run(first);
    let mut end = first + whole;
    let mut decimals = 0;
    if scan.byte(end) == b'.' {
        decimals = run(end + 1);
        end += 1 + decimals;
        if decimals == 0 {
            return None;
        }
    }
    let degrees = scan.text.get(first..first + whole)?.parse().ok()?;
    let mut angle = Angle { start, end, degrees, decimals, minutes: false, toward: 0 };
    let after_sign = scan.text.get(end..).and_then(|rest| rest.strip_prefix('°'));
    let sign = after_sign.is_some();
    if let Some(rest) = after_sign {
        let mut at = scan.text.len() - rest.len();
        // Minutes, then seconds.
        for marks in ["'′’", "\"″”'"] {
            let from = at + usize::from(scan.byte(at) == b' ');
            let digits = run(from);
            let mut stop = from + digits;
            if scan.byte(stop) == b'.' {
                stop += 1 + run(stop + 1);
            }
            let mark =
                scan.text.get(stop..).and_then(|rest| rest.chars().next()).filter(|&c| marks.contains(c));
            let Some(mark) = mark.filter(|_| (1..=2).contains(&digits)) else { break };
            angle.minutes = true;
            at = stop + mark.len_utf8();
        }
        at += usize::from(scan.byte(at) == b'\'' && angle.minutes);
        angle.end = at;
    }
    let letter = angle.end + usize::from(scan.byte(angle.end) == b' ');
    let toward = match scan.byte(letter) {
        b'O' => b'W',
        letter => letter,
    };
    if matches!(toward, b'N' | b'S' | b'E' | b'W') && !is_word(scan.byte(letter + 1)) {
        (angle.toward, angle.end) = (toward, letter + 1);
    }
    let (after, next) = (scan.byte(angle.end), scan.byte(angle.end + 1));
    let glued = is_word(after) || after == b'%' || after == b'.' && next.is_ascii_digit();
    (!glued && (sign || decimals > 0) && degrees <= 180).then_some(angle)
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn places() {
        check(
            "LOCATION",
            &[
                "51.50735, -0.12776",
                "GPS: 40.7128, -74.0060",
                "coordinates 40.713 -74.006",
                "40°42'46\"N 74°00'22\"W",
                "40° 42′ 46.1″ N, 74° 00′ 22″ W",
                "51.5074° N, 0.1278° W",
                "48.8584 N, 2.2945 E",
                "-33.86882,151.20930",
                "latitude=51.50735",
            ],
            &[
                "3.1416, 2.7183",
                "51.50735, -0.12776, 12.0000",
                "[0.1234, 51.5012, 0.5678]",
                "values 12.3456, 78.9012",
                "251.50735, -0.12776",
                "51.5, -0.1",
                "gps 1.2, 3.4",
                "vec2(12.5000f, 13.5000f)",
                "45°N 90°W",
                "20.5° C, 19.5° C",
                "99.99999, 99.99999",
                "flat 51.50735",
                "10.0.0.1234, 10.0.0.1235",
                "12.5000%, 13.5000%",
            ],
        );
        assert_eq!(spans("LOCATION", r#"{"lat": 51.50735, "lng": -0.12776}"#), ["51.50735", "-0.12776"]);
        assert_eq!(spans("LOCATION", "at 51.5074° N, 0.1278° W."), ["51.5074° N, 0.1278° W"]);
        assert_eq!(spans("LOCATION", "latitude=51.50735 longitude=-0.12776;"), ["51.50735", "-0.12776"]);
    }
}
