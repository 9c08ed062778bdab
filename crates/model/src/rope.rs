//! Rotary position embeddings, and the ways to stretch them over longer contexts than a model was first trained on.
//!
//! All of them end as divisors of the frequencies and a factor of the result, which are numbers in the plan:
//! no backend knows their names.

use std::f32::consts::TAU;

use sotto_plan::{Factors, Rope, RopeLayout};

use crate::{ModelError, Source};

/// Whether YaRN's range of interpolated pairs ends at whole pairs, as its authors and ggml have it, or between them
/// (transformers' `truncate: false`, gpt-oss).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum YarnRange {
    Whole,
    Fractional,
}

/// The model's RoPE as its metadata and tensors describe it.
pub(crate) fn rope(source: &mut Source<'_>, layout: RopeLayout) -> Result<Rope, ModelError> {
    rope_with(source, layout, YarnRange::Whole)
}

/// As [`rope`], with a choice that no metadata states.
pub(crate) fn rope_with(
    source: &mut Source<'_>,
    layout: RopeLayout,
    yarn_range: YarnRange,
) -> Result<Rope, ModelError> {
    let plain = unscaled(source, layout)?;
    let kind = source.keys.str_or("rope.scaling.type", "none")?;
    match kind {
        "none" => Ok(plain),
        "linear" => Ok(Rope { position_scale: source.h.rope_position_scale, ..plain }),
        "yarn" => yarn(source, plain, yarn_range),
        "longrope" => long_rope(source, plain),
        other => {
            let supported = "none, linear, yarn, longrope";
            Err(source.keys.unsupported("rope.scaling.type", other.to_owned(), supported))
        }
    }
}

/// The model's RoPE without stretching, but for Llama 3.1's, which comes as divisors in a tensor.
/// LongRoPE's factors are there without a `rope.scaling.type` in some files.
pub(crate) fn unscaled(source: &mut Source<'_>, layout: RopeLayout) -> Result<Rope, ModelError> {
    let h = &source.h;
    let (head_dim, rotary_dim, base) = (h.head_dim, h.rotary_dim, h.rope_base);
    let factors = source.b.weight_if_present("rope_freqs.weight", &[rotary_dim / 2])?;
    let plain = Rope {
        head_dim,
        rotary_dim,
        layout,
        base,
        position_scale: 1.0,
        magnitude: 1.0,
        growth: None,
        factors: factors.map(Factors::Weight),
    };
    if source.b.shape_of(SHORT_FACTORS).is_some() { long_rope(source, plain) } else { Ok(plain) }
}

const SHORT_FACTORS: &str = "rope_factors_short.weight";
const LONG_FACTORS: &str = "rope_factors_long.weight";

/// LongRoPE (Ding et al., 2024; Phi-3): one set of divisors for contexts as long as the first training's, another for
/// longer ones. Which one is chosen when the model is loaded, by the context it is loaded with: keys in
/// the cache have turned already.
fn long_rope(source: &mut Source<'_>, plain: Rope) -> Result<Rope, ModelError> {
    let original = source.keys.size_or("rope.scaling.original_context_length", source.h.context_length)?;
    let name = if source.context_length > original { LONG_FACTORS } else { SHORT_FACTORS };
    let factors = source.b.weight(name, &[plain.rotary_dim / 2])?;
    let magnitude = match source.keys.f32_opt("rope.scaling.attn_factor")? {
        Some(factor) => factor,
        None => {
            let stretch = source.h.context_length as f32 / original as f32;
            if stretch > 1.0 { (1.0 + stretch.ln() / (original as f32).ln()).sqrt() } else { 1.0 }
        }
    };
    Ok(Rope { magnitude, factors: Some(Factors::Weight(factors)), ..plain })
}

/// YaRN (Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models", 2023, section 3): pairs
/// that turn often over the original context keep their frequency, those that turn seldom are divided by the factor.
fn yarn(source: &mut Source<'_>, plain: Rope, range: YarnRange) -> Result<Rope, ModelError> {
    let keys = &source.keys;
    let factor = keys.positive("rope.scaling.factor")?;
    let original = keys.size("rope.scaling.original_context_length")? as f32;
    let fast = keys.f32_or("rope.scaling.yarn_beta_fast", 32.0)?;
    let slow = keys.f32_or("rope.scaling.yarn_beta_slow", 1.0)?;
    let log_multiplier = keys.f32_or("rope.scaling.yarn_log_multiplier", 0.0)?;
    let stated_magnitude = keys.f32_opt("rope.scaling.yarn_attn_factor")?;

    let dim = plain.rotary_dim as f32;
    // The pair that turns `turns` times over the original context.
    let pair = |turns: f32| dim * (original / (turns * TAU)).ln() / (2.0 * plain.base.ln());
    let (low, high) = match range {
        YarnRange::Whole => (pair(fast).floor(), pair(slow).ceil()),
        YarnRange::Fractional => (pair(fast), pair(slow)),
    };
    let (low, high) = (low.max(0.0), high.min(dim - 1.0));
    let divisor = |j: usize| {
        let interpolated = ((j as f32 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
        1.0 / (interpolated / factor + (1.0 - interpolated))
    };
    let divisors = (0..plain.rotary_dim / 2).map(divisor).collect();
    let scale = |multiplier: f32| if factor > 1.0 { 0.1 * multiplier * factor.ln() + 1.0 } else { 1.0 };
    let magnitude = stated_magnitude.unwrap_or(scale(1.0) / scale(log_multiplier));
    let factors = Some(Factors::Table(source.b.table(divisors)));
    Ok(Rope { magnitude, factors, ..plain })
}
