//! Ranges of code points as sequences of ranges of bytes.

use super::rules::Range;

/// Code points that are no characters, and that UTF-8 has no bytes for.
const SURROGATES: Range = (0xD800, 0xDFFF);

/// Takes the ranges of some characters' bytes.
type Emit<'a> = &'a mut dyn FnMut(&[(u8, u8)]);

/// Gives `emit` the bytes of the characters from `first` to `last`: one range of values for each byte.
pub(super) fn sequences((first, last): Range, emit: Emit<'_>) {
    if first > last {
        return;
    }
    let mut split = |at: u32| {
        sequences((first, at), emit);
        sequences((at + 1, last), emit);
    };
    if first <= SURROGATES.1 && last >= SURROGATES.0 {
        sequences((first, SURROGATES.0 - 1), emit);
        sequences((SURROGATES.1 + 1, last), emit);
        return;
    }
    // Each half has as many bytes throughout.
    for most in [0x7F, 0x7FF, 0xFFFF] {
        if first <= most && most < last {
            return split(most);
        }
    }
    // And then the same leading bytes, or trailing bytes of every value.
    for bits in [6, 12, 18] {
        let low = (1u32 << bits) - 1;
        if last > 0x7F && first & !low != last & !low {
            if first & low != 0 {
                return split(first | low);
            }
            if last & low != low {
                return split((last & !low) - 1);
            }
        }
    }
    let (Some(first), Some(last)) = (char::from_u32(first), char::from_u32(last)) else { return };
    let (mut low, mut high) = ([0; 4], [0; 4]);
    let n = first.encode_utf8(&mut low).len();
    last.encode_utf8(&mut high);
    let mut ranges = [(0, 0); 4];
    (0..n).for_each(|i| ranges[i] = (low[i], high[i]));
    emit(&ranges[..n]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_characters_and_no_others() {
        for range in
            [(0, 0x10FFFF), (0x61, 0x7A), (0x7F, 0x80), (0xD7FF, 0xE000), (0x3041, 0x309F), (0x7FE, 0x10123)]
        {
            let mut found = Vec::new();
            sequences(range, &mut |bytes| {
                let mut texts = vec![Vec::new()];
                for &(low, high) in bytes {
                    texts = texts
                        .into_iter()
                        .flat_map(|text: Vec<u8>| (low..=high).map(move |b| [&text[..], &[b]].concat()))
                        .collect();
                }
                found.extend(texts);
            });
            found.sort();
            let mut expected: Vec<Vec<u8>> =
                (range.0..=range.1).filter_map(char::from_u32).map(|c| c.to_string().into_bytes()).collect();
            expected.sort();
            assert!(found == expected, "{range:?}");
        }
    }
}
