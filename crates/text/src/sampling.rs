//! Chooses the next token from logits, on the CPU. [`sotto_plan::Sampling`] says what each setting means; the
//! shaders that do the same on the GPU are checked against this.
//!
//! With penalised logits `l`, `w_i = exp((l_i - max l) / temperature)`; top-k, top-p and min-p each take tokens
//! out, and of those that stay the drawn one is the first, in order of ids, whose cumulated `w` exceeds
//! `u · Σw`. Sums are in f64, in order of ids.

use sotto_plan::Sampling;
use sotto_plan::sampling::{SamplingError, uniform};

/// Set in a token's count when the prompt holds it; the other 31 bits say how often it was generated.
pub const IN_PROMPT: u32 = 1 << 31;

/// How often each token has been seen: what penalties look at.
#[derive(Clone, Debug)]
pub struct TokenCounts(Vec<u32>);

impl TokenCounts {
    /// None seen.
    pub fn new(vocab_size: usize) -> Self {
        TokenCounts(vec![0; vocab_size])
    }

    /// The prompt holds `id`.
    pub fn prompt(&mut self, id: u32) {
        if let Some(count) = self.0.get_mut(id as usize) {
            *count |= IN_PROMPT;
        }
    }

    /// `id` was generated once more.
    pub fn generated(&mut self, id: u32) {
        if let Some(count) = self.0.get_mut(id as usize).filter(|count| **count & !IN_PROMPT != !IN_PROMPT) {
            *count += 1;
        }
    }

    /// One word a token, as [`sample`] and the shaders read it.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

/// Why no token could be chosen.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// There are no logits, or all are minus infinity.
    #[error("no token is possible: {logits} logits, none above minus infinity")]
    NoCandidate {
        /// How many logits there were.
        logits: usize,
    },
    /// A logit is not a number: the model's weights or a kernel are broken.
    #[error("the logit of token {id} is NaN")]
    Nan {
        /// The first such token.
        id: u32,
    },
    /// Counts and logits disagree about the size of the vocabulary.
    #[error("{counts} token counts for {logits} logits")]
    Counts {
        /// Length of the counts.
        counts: usize,
        /// Length of the logits.
        logits: usize,
    },
    /// A setting is outside its range.
    #[error(transparent)]
    Settings(#[from] SamplingError),
}

/// Chooses tokens. It keeps the memory that it works in.
#[derive(Debug, Default)]
pub struct Sampler {
    weights: Vec<f32>,
    /// What a threshold is looked for in.
    sorted: Vec<f32>,
}

impl Sampler {
    /// The id chosen from `logits` `[vocab]` as token number `step` of the reply. `counts` `[vocab]` are as
    /// [`TokenCounts`] has them, or empty where no penalty is set. Leaves penalised logits behind.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        counts: &[u32],
        sampling: &Sampling,
        step: u32,
    ) -> Result<u32, SampleError> {
        sampling.check()?;
        let mut found = greatest(logits)?;
        if sampling.has_penalties() {
            penalise(logits, counts, sampling)?;
            found = greatest(logits)?;
        }
        let (best, max) = found.ok_or(SampleError::NoCandidate { logits: logits.len() })?;
        if sampling.is_greedy() {
            return Ok(best);
        }
        let Sampler { weights, sorted } = self;
        set_weights(weights, logits, max, sampling.temperature);
        keep_top_k(weights, logits, sampling.top_k, sorted);
        keep_top_p(weights, sampling.top_p, sorted);
        keep_min_p(weights, sampling.min_p);
        Ok(draw(weights, uniform(sampling.seed, step)).unwrap_or(best))
    }
}

/// Changes logits before they are sampled from: adds `bias`, and takes out tokens without a bit in `allowed`, `[vocab / 32]` with the
/// lowest bit first. NaN stays, to be found.
pub fn edit(logits: &mut [f32], bias: &[(u32, f32)], allowed: Option<&[u32]>) {
    for &(id, bias) in bias {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit += bias;
        }
    }
    let Some(allowed) = allowed else { return };
    for (logits, word) in logits.chunks_mut(32).zip(allowed.iter().copied().chain(std::iter::repeat(0))) {
        for (i, logit) in logits.iter_mut().enumerate() {
            if word >> i & 1 == 0 && !logit.is_nan() {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// [`Sampler::sample`], once.
pub fn sample(
    logits: &mut [f32],
    counts: &[u32],
    sampling: &Sampling,
    step: u32,
) -> Result<u32, SampleError> {
    Sampler::default().sample(logits, counts, sampling, step)
}

fn penalise(logits: &mut [f32], counts: &[u32], sampling: &Sampling) -> Result<(), SampleError> {
    if counts.len() != logits.len() {
        return Err(SampleError::Counts { counts: counts.len(), logits: logits.len() });
    }
    let repetition = sampling.repetition_penalty;
    for (logit, &count) in logits.iter_mut().zip(counts).filter(|&(_, &count)| count != 0) {
        *logit = if *logit > 0.0 { *logit / repetition } else { *logit * repetition };
        let generated = count & !IN_PROMPT;
        if generated > 0 {
            *logit -= sampling.presence_penalty + sampling.frequency_penalty * generated as f32;
        }
    }
    Ok(())
}

/// The largest logit and its id, the lowest of equals; `None` if there is none above minus infinity.
fn greatest(logits: &[f32]) -> Result<Option<(u32, f32)>, SampleError> {
    let (mut best, mut max) = (None, f32::NEG_INFINITY);
    for (id, &logit) in (0u32..).zip(logits) {
        // One comparison for nearly all: only what is larger, or no number, is looked at again.
        if logit <= max {
            continue;
        }
        if logit.is_nan() {
            return Err(SampleError::Nan { id });
        }
        (best, max) = (Some(id), logit);
    }
    Ok(best.map(|id| (id, max)))
}

/// Unnormalised probabilities; the largest is 1. Of infinite logits all are equally probable, and nothing else is.
fn set_weights(weights: &mut Vec<f32>, logits: &[f32], max: f32, temperature: f32) {
    let weight = |&l: &f32| if l == max { 1.0 } else { ((l - max) / temperature).exp() };
    weights.clear();
    weights.extend(logits.iter().map(weight));
}

/// Keeps the logits that are at least the k-th largest.
fn keep_top_k(weights: &mut [f32], logits: &[f32], k: u32, sorted: &mut Vec<f32>) {
    let Some(last) = (k as usize).checked_sub(1).filter(|&last| last < logits.len()) else { return };
    sorted.clear();
    sorted.extend_from_slice(logits);
    let (_, &mut threshold, _) = sorted.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
    for (weight, _) in weights.iter_mut().zip(logits).filter(|&(_, &l)| l < threshold) {
        *weight = 0.0;
    }
}

/// Keeps the tokens at least as probable as p*, the largest probability such that those reach the mass `top_p`.
fn keep_top_p(weights: &mut [f32], top_p: f32, sorted: &mut Vec<f32>) {
    if top_p >= 1.0 {
        return;
    }
    sorted.clear();
    sorted.extend(weights.iter().copied().filter(|&w| w > 0.0));
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let wanted = f64::from(top_p) * sorted.iter().copied().map(f64::from).sum::<f64>();
    let mut mass = 0.0;
    let reached = sorted.iter().find(|&&w| {
        mass += f64::from(w);
        mass >= wanted
    });
    if let Some(&threshold) = reached {
        weights.iter_mut().filter(|w| **w < threshold).for_each(|w| *w = 0.0);
    }
}

/// Keeps the tokens at least `min_p` times as probable as the most probable one, whose weight is 1.
fn keep_min_p(weights: &mut [f32], min_p: f32) {
    weights.iter_mut().filter(|w| **w < min_p).for_each(|w| *w = 0.0);
}

fn draw(weights: &[f32], u: f32) -> Option<u32> {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mut mass = 0.0;
    let drawn = (0u32..).zip(weights).find(|&(_, &weight)| {
        mass += f64::from(weight);
        mass > f64::from(u) * total
    });
    drawn.map(|(id, _)| id)
}
