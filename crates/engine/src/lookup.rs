//! Drafts of what follows, looked up in the text itself (Saxena, "Prompt Lookup Decoding", 2023).
//!
//! Where the last tokens have stood before, what followed them then may follow now: code that is edited, a text that is
//! summed up, a table. Looking costs microseconds; running the model on drafts in vain costs more, so their number follows
//! what became of the last ones, and after a failure there is a pause that grows.

use sotto_plan::DECODE_TOKENS;

/// Tokens that must have stood before, at least: of fewer, too much is followed by something else.
const LEAST: usize = 3;
/// Tokens beyond which a longer agreement says no more.
const MOST: usize = 16;
/// Drafts at first.
const FIRST_DRAFTS: usize = 3;
/// Drafts at least: a GPU has a step in flight, which gives the token that the first of them stands for.
const LEAST_DRAFTS: usize = 2;
/// Drafts at most.
const MOST_DRAFTS: usize = DECODE_TOKENS - 1;
/// Tokens without drafts after a failure, at most.
const LONGEST_PAUSE: usize = 32;

/// What a reply drafts.
#[derive(Debug)]
pub(crate) struct Lookup {
    drafts: Vec<u32>,
    /// How many to draft next.
    wanted: usize,
    /// Tokens to come without drafts, and how many after the next failure.
    pause: usize,
    next_pause: usize,
    /// The backend's counts at the last call: drafts tried, and drafts sampled.
    seen: (u64, u64),
}

impl Lookup {
    /// For a reply that begins when the backend's counts are `seen`.
    pub fn new(seen: (u64, u64)) -> Self {
        Lookup { drafts: Vec::new(), wanted: FIRST_DRAFTS, pause: 0, next_pause: 1, seen }
    }

    /// At most `room` tokens that may follow `text`, given what became of the drafts before.
    pub fn drafts(&mut self, text: &[u32], room: usize, counts: (u64, u64)) -> &[u32] {
        self.learn(counts);
        self.drafts.clear();
        if self.pause > 0 {
            self.pause -= 1;
        } else if let Some(at) = follows(text) {
            // What is repeated goes on as it did.
            let again = text[at..].iter().cycle().take(self.wanted.min(room));
            self.drafts.extend(again);
        }
        &self.drafts
    }

    fn learn(&mut self, counts: (u64, u64)) {
        let tried = (counts.0 - self.seen.0) as usize;
        let right = (counts.1 - self.seen.1) as usize;
        self.seen = counts;
        if right > 0 {
            self.wanted = (self.wanted + right).min(MOST_DRAFTS);
            self.next_pause = 1;
        }
        if tried > right {
            self.wanted = (right + 1).clamp(LEAST_DRAFTS, MOST_DRAFTS);
        }
        if tried > 0 && right == 0 {
            self.pause = self.next_pause;
            self.next_pause = (2 * self.next_pause).min(LONGEST_PAUSE);
        }
    }
}

/// Where in `text` the tokens begin that followed its end when it stood there before: of the places where the longest end
/// of it stands, the last one.
fn follows(text: &[u32]) -> Option<usize> {
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
