//! Up to where a text is decided when more of it is to come. What decides about a character stands within
//! [`REACH`](crate::recognisers::REACH) bytes of it, or in the same run without white space. So a text is decided up to a
//! white space that far from its end, unless something lies across it.

use crate::offsets::floor_char_boundary;

/// A run without white space longer than this is cut inside.
pub(crate) const MAX_RUN: usize = 4 << 10;

/// The last place at or after `from` up to which everything in `text` is decided. `across`: spans that must not be cut.
pub(crate) fn decided(text: &str, from: usize, reach: usize, across: &[(usize, usize)]) -> usize {
    let limit = floor_char_boundary(text, text.len().saturating_sub(reach));
    if limit <= from {
        return from;
    }
    let mut cut = match text[from..limit].rfind(char::is_whitespace) {
        Some(space) => from + space,
        None if text.len() - from > MAX_RUN + reach => limit,
        None => return from,
    };
    loop {
        let before = cut;
        for &(start, end) in across {
            // An entity that ends where the known text ends may go on.
            if start < cut && cut < end.max(start + 1) {
                cut = start;
            }
        }
        if cut == before {
            return cut.max(from);
        }
    }
}
