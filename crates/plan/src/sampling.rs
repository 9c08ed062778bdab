//! How the next token is chosen from logits. The settings and the random number stand here so that
//! every backend draws the same token from the same logits.
//!
//! Order: penalties, temperature, top-k, top-p, min-p, draw.

/// Sampling settings. The default draws from the model's distribution as it is.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Sampling {
    /// Divides the logits; 0 takes the largest logit after penalties, ties to the lowest id.
    pub temperature: f32,
    /// Keeps the logits that are at least the k-th largest; 0 keeps all.
    pub top_k: u32,
    /// Keeps the most probable tokens whose mass reaches this; 1 keeps all. All tokens as probable
    /// as the last one kept are kept too.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as probable as the most probable one; 0 keeps all.
    pub min_p: f32,
    /// Divides positive logits (multiplies negative ones) of tokens in the prompt or the reply
    /// (Keskar et al., "CTRL", 2019); 1 does nothing.
    pub repetition_penalty: f32,
    /// Subtracted from the logit of a token that the reply holds.
    pub presence_penalty: f32,
    /// Subtracted from the logit of a token for each time the reply holds it.
    pub frequency_penalty: f32,
    /// Chooses the random numbers: the same seed, prompt and settings give the same reply.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            seed: 0,
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{name} is {value}; it must be {range}")]
pub struct SamplingError {
    /// The setting.
    pub name: &'static str,
    /// What it was.
    pub value: f32,
    /// What it may be.
    pub range: &'static str,
}

impl Sampling {
    /// Greedy decoding: always the largest logit.
    pub fn greedy() -> Self {
        Sampling { temperature: 0.0, ..Sampling::default() }
    }

    /// Whether the largest logit is always taken.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Whether any penalty looks at earlier tokens.
    pub fn has_penalties(&self) -> bool {
        self.repetition_penalty != 1.0 || self.presence_penalty != 0.0 || self.frequency_penalty != 0.0
    }

    /// Refuses settings outside their range, NaN and infinity among them.
    pub fn check(&self) -> Result<(), SamplingError> {
        let within = |name, value: f32, ok: bool, range| {
            if value.is_finite() && ok { Ok(()) } else { Err(SamplingError { name, value, range }) }
        };
        within("temperature", self.temperature, self.temperature >= 0.0, "0 or more")?;
        within("top_p", self.top_p, self.top_p > 0.0 && self.top_p <= 1.0, "above 0 and at most 1")?;
        within("min_p", self.min_p, (0.0..=1.0).contains(&self.min_p), "between 0 and 1")?;
        within("repetition_penalty", self.repetition_penalty, self.repetition_penalty > 0.0, "above 0")?;
        within("presence_penalty", self.presence_penalty, true, "finite")?;
        within("frequency_penalty", self.frequency_penalty, true, "finite")
    }
}

/// A number in `[0, 1)`, a multiple of 2^-24, that depends on nothing but `seed` and `step` (the index of
/// the generated token). The hash is pcg3d (Jarzynski & Olano, "Hash Functions for GPU Rendering",
/// JCGT 2020), which shaders compute with the same 32-bit operations.
pub fn uniform(seed: u64, step: u32) -> f32 {
    let spread = |v: u32| v.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    let (mut x, mut y, mut z) = (spread(seed as u32), spread((seed >> 32) as u32), spread(step));
    x = x.wrapping_add(y.wrapping_mul(z));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    x ^= x >> 16;
    y ^= y >> 16;
    z ^= z >> 16;
    x = x.wrapping_add(y.wrapping_mul(z));
    (x >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_is_spread_evenly_and_depends_on_seed_and_step() {
        const N: u32 = 1 << 14;
        for seed in [0, 1, 42, u64::MAX] {
            let mut buckets = [0u32; 16];
            for step in 0..N {
                let u = uniform(seed, step);
                assert!((0.0..1.0).contains(&u));
                buckets[(u * 16.0) as usize] += 1;
            }
            // Chi-square with 15 degrees of freedom exceeds 44 once in 10 000 tries.
            let expected = f64::from(N) / 16.0;
            let chi: f64 = buckets.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            assert!(chi < 44.0, "seed {seed}: chi-square {chi}");
        }
        assert_ne!(uniform(1, 0), uniform(2, 0));
        assert_ne!(uniform(1, 0), uniform(1 << 32, 0));
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        let bad = |s: Sampling| s.check().unwrap_err().name;
        assert_eq!(bad(Sampling { temperature: f32::NAN, ..Default::default() }), "temperature");
        assert_eq!(bad(Sampling { top_p: 0.0, ..Default::default() }), "top_p");
        assert_eq!(bad(Sampling { min_p: 1.5, ..Default::default() }), "min_p");
        assert_eq!(bad(Sampling { repetition_penalty: 0.0, ..Default::default() }), "repetition_penalty");
        assert_eq!(
            bad(Sampling { presence_penalty: f32::INFINITY, ..Default::default() }),
            "presence_penalty"
        );
        assert!(Sampling::greedy().check().is_ok());
    }
}
