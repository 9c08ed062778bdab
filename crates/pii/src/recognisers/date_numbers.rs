//! Dates in digits alone: which shapes they have, in the usual orders, and which numbers are days, months and years.

use super::numbers::{Number, NumberRule};
use crate::Label;
use crate::context::{Kind, Kinds};

pub(super) const BIRTH: Kinds = Kinds::of(&[Kind::Birth]);

const NUMERIC: &[&str] = &[
    "4-2-2", "4/2/2", "4.2.2", "4-1-1", "4-1-2", "4-2-1", "4/1/1", "4/1/2", "4/2/1", "2/2/4", "1/1/4",
    "1/2/4", "2/1/4", "2-2-4", "1-1-4", "1-2-4", "2-1-4", "2.2.4", "1.1.4", "1.2.4", "2.1.4", "2 2 4",
];
const SHORT_YEAR: &[&str] = &["2/2/2", "1/1/2", "1/2/2", "2/1/2", "2-2-2"];
const DOTTED: &[&str] = &["2.2.2", "1.1.2", "1.2.2", "2.1.2"];
/// The words of a letterhead or a form that a date stands behind; without one these shapes are as often versions.
const DATED: Kinds = Kinds::of(&[Kind::Birth, Kind::Dated]);

/// A date of these shapes beside a word of birth is a date of birth.
const fn birth(shapes: &'static [&'static str], check: fn(&Number<'_>) -> bool, with: f32) -> NumberRule {
    NumberRule {
        name: "date_of_birth",
        label: Label::DateOfBirth,
        shapes,
        check,
        validated: false,
        context: BIRTH,
        with,
        grouped: 0.0,
        solid: 0.0,
    }
}

/// A date of these shapes, beside a word of `context` or, where there is none, by itself.
const fn date(
    shapes: &'static [&'static str],
    check: fn(&Number<'_>) -> bool,
    context: Option<Kinds>,
    score: f32,
) -> NumberRule {
    let (context, with, grouped) = match context {
        Some(context) => (context, score, 0.0),
        None => (Kinds::NONE, 0.0, score),
    };
    NumberRule {
        name: "date",
        label: Label::Date,
        shapes,
        check,
        validated: false,
        context,
        with,
        grouped,
        solid: 0.0,
    }
}

pub(crate) const RULES: &[NumberRule] = &[
    birth(NUMERIC, calendar, 0.95),
    date(NUMERIC, calendar, None, 0.75),
    birth(SHORT_YEAR, calendar, 0.9),
    date(SHORT_YEAR, calendar, None, 0.5),
    birth(DOTTED, day_first, 0.9),
    date(&["2.2.2"], day_first, None, 0.5),
    date(&["1.1.2", "1.2.2", "2.1.2"], day_first, Some(DATED), 0.6),
    birth(&["8"], compact, 0.8),
];

fn days_in(month: u32) -> u32 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

pub(super) fn is_day(day: u32, month: u32) -> bool {
    day >= 1 && day <= days_in(month)
}

pub(super) fn is_year(year: u32) -> bool {
    (1800..=2150).contains(&year)
}

/// Some order of day, month and year makes it a date.
fn calendar(n: &Number<'_>) -> bool {
    let [a, b, _] = *n.groups else { return false };
    let (i, j) = (usize::from(a), usize::from(a + b));
    let (first, second, third) = (n.value(0, i), n.value(i, j), n.value(j, n.digits.len()));
    if a == 4 {
        return is_year(first) && is_day(third, second);
    }
    let short = n.groups[2] == 2;
    (short || is_year(third)) && (is_day(first, second) || is_day(second, first))
}

/// Whether groups of digits with these lengths are a date in some order.
pub(crate) fn is_calendar_date(lens: &[usize], digits: &[u8]) -> bool {
    let groups: Vec<u8> = lens.iter().map(|&len| len.min(16) as u8).collect();
    lens.iter().all(|&len| len <= 4) && calendar(&Number { digits, groups: &groups, context: false })
}

/// With dots, nobody writes the month first: `10.21.29` is a version.
fn day_first(n: &Number<'_>) -> bool {
    let [a, b, _] = *n.groups else { return false };
    is_day(n.value(0, usize::from(a)), n.value(usize::from(a), usize::from(a + b)))
}

fn compact(n: &Number<'_>) -> bool {
    is_year(n.value(0, 4)) && is_day(n.value(6, 8), n.value(4, 6))
        || is_year(n.value(4, 8))
            && (is_day(n.value(0, 2), n.value(2, 4)) || is_day(n.value(2, 4), n.value(0, 2)))
}
