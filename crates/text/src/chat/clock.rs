//! The time a template is told, and Python's `strftime`. The caller gives the time: there is no clock here.

use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const SECONDS_A_DAY: i64 = 86_400;

/// A time of day somewhere, in seconds since 1970-01-01 00:00 there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime(i64);

impl LocalTime {
    /// From Unix time and the place's distance from UTC, in minutes, positive east of Greenwich.
    pub fn new(unix_seconds: i64, utc_offset_minutes: i32) -> Self {
        // Within the years that the calendar below is right for, and far from overflow.
        const LIMIT: i64 = 1 << 40;
        LocalTime(unix_seconds.clamp(-LIMIT, LIMIT) + i64::from(utc_offset_minutes) * 60)
    }

    /// The date of the proleptic Gregorian calendar: year, month from 1, day from 1 (Howard Hinnant,
    /// "chrono-compatible low-level date algorithms").
    fn date(self) -> (i64, u32, u32) {
        let days = self.0.div_euclid(SECONDS_A_DAY) + 719_468; // Since 0000-03-01.
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
    }

    fn day_of_year(self) -> u32 {
        let (year, month, day) = self.date();
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, 28 + u32::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        lengths.iter().take(month as usize - 1).sum::<u32>() + day
    }

    /// Python's `strftime`, in English, for the directives of C89 and `%-d` and its like.
    pub(super) fn format(self, format: &str) -> Result<String, Error> {
        let (year, month, day) = self.date();
        let seconds = self.0.rem_euclid(SECONDS_A_DAY) as u32;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let hour12 = (hour + 11) % 12 + 1;
        let month_name = MONTHS[month as usize - 1];
        let day_name = DAYS[(self.0.div_euclid(SECONDS_A_DAY) + 4).rem_euclid(7) as usize];
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let mut directive = rest.next();
            let padded = directive != Some('-');
            if !padded {
                directive = rest.next();
            }
            let number = |value: u32, width: usize| {
                if padded { format!("{value:0width$}") } else { value.to_string() }
            };
            text.push_str(&match directive {
                Some('Y') => year.to_string(),
                Some('y') => number(year.rem_euclid(100) as u32, 2),
                Some('m') => number(month, 2),
                Some('d') => number(day, 2),
                Some('e') => format!("{day:2}"),
                Some('j') => number(self.day_of_year(), 3),
                Some('H') => number(hour, 2),
                Some('I') => number(hour12, 2),
                Some('M') => number(minute, 2),
                Some('S') => number(second, 2),
                Some('f') => "000000".to_owned(),
                Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                Some('B') => month_name.to_owned(),
                Some('b' | 'h') => month_name[..3].to_owned(),
                Some('A') => day_name.to_owned(),
                Some('a') => day_name[..3].to_owned(),
                Some('F') => format!("{year}-{month:02}-{day:02}"),
                Some('D' | 'x') => format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
                Some('T' | 'X') => format!("{hour:02}:{minute:02}:{second:02}"),
                Some('R') => format!("{hour:02}:{minute:02}"),
                Some('c') => {
                    format!(
                        "{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}",
                        &day_name[..3],
                        &month_name[..3]
                    )
                }
                Some('Z' | 'z') => String::new(), // A time without a zone, as `datetime.now()` gives.
                Some('n') => "\n".to_owned(),
                Some('t') => "\t".to_owned(),
                Some('%') => "%".to_owned(),
                other => {
                    let name = other.map_or_else(|| "%".to_owned(), |c| format!("%{c}"));
                    return Err(Error::new(
                        ErrorKind::InvalidOperation,
                        format!("strftime_now does not know {name}"),
                    ));
                }
            });
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_dates_as_python_does() {
        for (unix, expected) in EXPECTED {
            let format = "%Y-%m-%d %H:%M:%S %a %j %-d %I %p %b %B %A %y";
            assert_eq!(LocalTime::new(*unix, 0).format(format).unwrap(), *expected);
        }
        assert_eq!(LocalTime::new(1_709_251_199, 60).format("%F").unwrap(), "2024-03-01");
        assert!(LocalTime::new(0, 0).format("%Q").is_err());
        LocalTime::new(i64::MIN, i32::MIN).format("%c").unwrap();
        LocalTime::new(i64::MAX, i32::MAX).format("%c").unwrap();
    }

    /// By Python: `(datetime(1970, 1, 1) + timedelta(seconds=n)).strftime(format)`.
    #[rustfmt::skip]
    const EXPECTED: &[(i64, &str)] = &[
        (0, "1970-01-01 00:00:00 Thu 001 1 12 AM Jan January Thursday 70"),
        (-1, "1969-12-31 23:59:59 Wed 365 31 11 PM Dec December Wednesday 69"),
        (951782400, "2000-02-29 00:00:00 Tue 060 29 12 AM Feb February Tuesday 00"),
        (951868799, "2000-02-29 23:59:59 Tue 060 29 11 PM Feb February Tuesday 00"),
        (1709164800, "2024-02-29 00:00:00 Thu 060 29 12 AM Feb February Thursday 24"),
        (1709251199, "2024-02-29 23:59:59 Thu 060 29 11 PM Feb February Thursday 24"),
        (1721997909, "2024-07-26 12:45:09 Fri 208 26 12 PM Jul July Friday 24"),
        (1735689599, "2024-12-31 23:59:59 Tue 366 31 11 PM Dec December Tuesday 24"),
        (1798761599, "2026-12-31 23:59:59 Thu 365 31 11 PM Dec December Thursday 26"),
        (4102444800, "2100-01-01 00:00:00 Fri 001 1 12 AM Jan January Friday 00"),
        (-2208988800, "1900-01-01 00:00:00 Mon 001 1 12 AM Jan January Monday 00"),
        (32503680000, "3000-01-01 00:00:00 Wed 001 1 12 AM Jan January Wednesday 00"),
    ];
}
