//! The name of a tuning.

use std::fmt;
use std::str::FromStr;

use super::{Tiles, Tuning};

/// The letters of a name, and what each stands for.
type Letter = (char, fn(&mut Tuning) -> &mut bool);
const LETTERS: [Letter; 8] = [
    ('m', |t| &mut t.mantissa),
    ('i', |t| &mut t.ints),
    ('c', |t| &mut t.coarse),
    ('e', |t| &mut t.eight),
    ('a', |t| &mut t.ahead),
    ('h', |t| &mut t.held),
    ('g', |t| &mut t.subgroups),
    ('t', |t| &mut t.tiled_matmul),
];

/// The letters of tiles, after the others; bytes have none.
const TILES: [(char, Tiles); 3] = [('x', Tiles::Floats), ('f', Tiles::Halves), ('s', Tiles::HalfSums)];

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}k", self.lanes, self.workgroup, self.threads >> 10)?;
        let mut this = *self;
        LETTERS
            .iter()
            .filter(|(_, field)| *field(&mut this))
            .map(|&(letter, _)| letter)
            .chain(TILES.iter().filter(|(_, tiles)| *tiles == self.tiles).map(|&(letter, _)| letter))
            .try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// A name that no tuning has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a tuning, as 8/128/64kmagt is")]
pub struct NotATuning(String);

impl FromStr for Tuning {
    type Err = NotATuning;

    fn from_str(name: &str) -> Result<Tuning, NotATuning> {
        let fault = || NotATuning(name.to_owned());
        let parts: Vec<&str> = name.split('/').collect();
        let [lanes, workgroup, rest] = parts[..] else { return Err(fault()) };
        let (threads, letters) = rest.split_once('k').ok_or_else(fault)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| fault());
        let mut tuning = Tuning {
            lanes: number(lanes)?,
            workgroup: number(workgroup)?,
            threads: number(threads)?.checked_mul(1 << 10).ok_or_else(fault)?,
            ..Tuning::SOFTWARE
        };
        for letter in letters.chars() {
            if let Some((_, tiles)) = TILES.iter().find(|(known, _)| *known == letter) {
                tuning.tiles = *tiles;
                continue;
            }
            let (_, field) = LETTERS.iter().find(|(known, _)| *known == letter).ok_or_else(fault)?;
            *field(&mut tuning) = true;
        }
        // What a workgroup may be anywhere.
        let sound = tuning.lanes.is_power_of_two()
            && tuning.lanes <= 64
            && tuning.workgroup.is_power_of_two()
            && (tuning.lanes..=1024).contains(&tuning.workgroup);
        if sound { Ok(tuning) } else { Err(fault()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuning_is_read_back_from_its_name() {
        let gpu = Tuning::GPU;
        for tuning in [
            gpu,
            Tuning { ints: true, eight: true, threads: 1 << 17, ..gpu },
            Tuning { tiles: Tiles::Floats, ..gpu },
            Tuning { tiles: Tiles::Halves, held: false, ..gpu },
            Tuning { tiles: Tiles::HalfSums, ..gpu },
        ] {
            assert_eq!(tuning.to_string().parse(), Ok(tuning));
        }
        for name in ["", "8/128", "7/128/1k", "8/100/1k", "8/128/1kz", "8/128/9999999k", "128/128/1k"] {
            assert_eq!(name.parse::<Tuning>(), Err(NotATuning(name.to_owned())));
        }
    }
}
