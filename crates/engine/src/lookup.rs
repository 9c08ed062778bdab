//! What may follow a text, looked up in the text itself (Saxena, "Prompt Lookup Decoding", 2023).
//!
//! Where the last tokens have stood before, what followed them then may follow now: code that is edited, a text that is
//! summed up, a table.

/// Tokens that must have stood before, at least: of fewer, too much is followed by something else.
const LEAST: usize = 3;
/// Tokens beyond which a longer agreement says no more.
const MOST: usize = 16;

/// Where in `text` the tokens begin that followed its end when it stood there before: of the places where the longest end
/// of it stands, the last one.
pub(crate) fn follows(text: &[u32]) -> Option<usize> {
    let mut best = (LEAST - 1, None);
    for at in (LEAST..text.len()).rev() {
        let same =
            text[..at].iter().rev().zip(text.iter().rev()).take(MOST).take_while(|(a, b)| a == b).count();
        if same > best.0 {
            best = (same, Some(at));
        }
        if same == MOST {
            break;
        }
    }
    best.1
}
