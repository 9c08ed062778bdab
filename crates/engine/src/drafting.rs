//! Drafts of what follows in a reply: how many, and where they come from.
//!
//! Running the model on drafts in vain costs time, so their number follows what became of the last ones, and after a failure
//! there is a pause that grows. They come from a smaller model where one was given to the engine, else from the text itself.

use sotto_plan::{DECODE_TOKENS, Sampling};

use crate::generation::Begun;
use crate::lookup::follows;
use crate::{Engine, EngineError};

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
pub(crate) struct Drafting {
    drafts: Vec<u32>,
    /// How many to draft next.
    wanted: usize,
    /// Tokens to come without drafts, and how many after the next failure.
    pause: usize,
    next_pause: usize,
    /// The backend's counts at the last call: drafts tried, and drafts sampled.
    seen: (u64, u64),
    /// How a smaller model chooses: what is most probable under the reply's penalties.
    sampling: Sampling,
}

impl Drafting {
    /// For a reply that is sampled with `sampling` and begins when the backend's counts are `seen`.
    pub fn new(sampling: &Sampling, seen: (u64, u64)) -> Self {
        let sampling = Sampling { temperature: 0.0, ..*sampling };
        Drafting { drafts: Vec::new(), wanted: FIRST_DRAFTS, pause: 0, next_pause: 1, seen, sampling }
    }

    /// At most `room` tokens that may follow `text`, given what became of the drafts before. Those of `model` are ids below
    /// `vocab`.
    pub async fn drafts(
        &mut self,
        text: &[u32],
        room: usize,
        counts: (u64, u64),
        model: Option<&mut Engine>,
        vocab: usize,
    ) -> Result<&[u32], EngineError> {
        self.learn(counts);
        self.drafts.clear();
        let wanted = self.wanted.min(room);
        if self.pause > 0 {
            self.pause -= 1;
        } else if let Some(model) = model {
            model.guess(text, wanted, &self.sampling, &mut self.drafts).await?;
            let known = self.drafts.iter().take_while(|&&id| (id as usize) < vocab).count();
            self.drafts.truncate(known);
        } else if let Some(at) = follows(text) {
            // What is repeated goes on as it did.
            self.drafts.extend(text[at..].iter().cycle().take(wanted));
        }
        Ok(&self.drafts)
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

impl Engine {
    /// Appends to `guesses` what this model would write behind `text`: up to `wanted` tokens, none where the text does not fit
    /// its context or has tokens that it does not know. Its cache keeps what this text shares with the next.
    async fn guess(
        &mut self,
        text: &[u32],
        wanted: usize,
        sampling: &Sampling,
        guesses: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        // The last guess needs no position.
        let wanted = wanted.min((self.context_length() + 1).saturating_sub(text.len()));
        let vocab = self.info().vocab_size;
        if wanted == 0 || text.iter().any(|&id| id as usize >= vocab) {
            return Ok(());
        }
        self.prefill(&Begun { ids: text, prompt: text.len(), bias: None }, sampling).await?;
        for _ in 0..wanted {
            guesses.push(self.sample(&[]).await?);
        }
        self.stop_backend().await
    }
}
