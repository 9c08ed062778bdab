//! How a text longer than a model's context is read: in overlapping windows, each giving the rows it sees best.

use std::ops::Range;

/// One reading of a long text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Tokens to run the model on.
    pub tokens: Range<usize>,
    /// Those of them whose rows to keep: where this window sees more context on both sides than its neighbours do.
    pub keep: Range<usize>,
}

/// Overlapping windows over `n_tokens` tokens, `window` long and sharing `overlap`; their `keep` ranges join without a gap.
/// An overlap of half a window or more is cut to just under half.
pub fn windows(n_tokens: usize, window: usize, overlap: usize) -> Vec<Window> {
    let window = window.max(2);
    let overlap = overlap.min((window - 1) / 2);
    let stride = window - overlap;
    let mut plan = Vec::new();
    let mut start = 0;
    loop {
        let end = (start + window).min(n_tokens);
        let last = end == n_tokens;
        let keep_from = if start == 0 { 0 } else { start + overlap / 2 };
        let keep_to = if last { n_tokens } else { start + stride + overlap / 2 };
        plan.push(Window { tokens: start..end, keep: keep_from..keep_to });
        if last {
            return plan;
        }
        start += stride;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_keep_every_token_once(n in 0_usize..500, window in 0_usize..80, overlap in 0_usize..80) {
            let plan = windows(n, window, overlap);
            let mut next = 0;
            for w in &plan {
                prop_assert_eq!(w.keep.start, next);
                prop_assert!(w.tokens.start <= w.keep.start && w.keep.end <= w.tokens.end);
                next = w.keep.end;
            }
            prop_assert_eq!(next, n);
        }
    }
}
