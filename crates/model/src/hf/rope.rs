//! RoPE's scalings: GGUF keys for those that are a formula of the position, tensors for those that are a list.

use sotto_format::BlockType;

use super::keys::{Keys, Sizes, rope_base, rope_parameters, rotary_dim};
use super::tensors::Made;
use super::{Config, HfError};

/// Base and scaling. Llama 3's and longrope's frequencies become tensors, as GGUF has them.
pub(crate) fn write(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Result<(), HfError> {
    let base = rope_base(config, 10_000.0)?;
    keys.number("rope.freq_base", base);
    let Some(rope) = rope_parameters(config) else { return Ok(()) };
    let kind = match rope.text_opt("rope_type")? {
        Some(kind) => kind,
        None => rope.text_opt("type")?.unwrap_or("default"),
    };
    let sizes = Sizes::read(config)?;
    match kind {
        "default" => {}
        "linear" => {
            keys.text("rope.scaling.type", "linear");
            keys.number("rope.scaling.factor", rope.number("factor")?);
        }
        "llama3" => made.push(Made::floats("rope_freqs.weight", &llama3(&rope, base, sizes.head_dim)?)),
        "yarn" => yarn(config, &rope, keys)?,
        "longrope" | "su" => longrope(config, &rope, sizes, keys, made)?,
        other => {
            return Err(HfError::Setting {
                key: rope.name("rope_type"),
                value: format!("\"{other}\""),
                expected: "default, linear, llama3, yarn or longrope",
            });
        }
    }
    Ok(())
}

/// Divisors of the frequencies. Source: transformers, `modeling_rope_utils.py` (`_compute_llama3_parameters`).
fn llama3(rope: &Config, base: f32, head_dim: u32) -> Result<Vec<f32>, HfError> {
    let factor = f64::from(rope.number_opt("factor")?.unwrap_or(8.0));
    let low = f64::from(rope.number_opt("low_freq_factor")?.unwrap_or(1.0));
    let high = f64::from(rope.number_opt("high_freq_factor")?.unwrap_or(4.0));
    let context = f64::from(rope.number_opt("original_max_position_embeddings")?.unwrap_or(8192.0));
    let divisor = |pair: u32| {
        let wavelength =
            std::f64::consts::TAU * f64::from(base).powf(2.0 * f64::from(pair) / f64::from(head_dim));
        if wavelength < context / high {
            1.0
        } else if wavelength > context / low {
            factor
        } else {
            let smooth = (context / wavelength - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    Ok((0..head_dim / 2).map(|pair| divisor(pair) as f32).collect())
}

fn yarn(config: &Config, rope: &Config, keys: &mut Keys<'_>) -> Result<(), HfError> {
    keys.text("rope.scaling.type", "yarn");
    keys.number("rope.scaling.factor", rope.number("factor")?);
    let original = match rope.size_opt("original_max_position_embeddings")? {
        Some(original) => original,
        None => config.size("max_position_embeddings")?,
    };
    keys.size("rope.scaling.original_context_length", original);
    for (name, key) in [
        ("attention_factor", "rope.scaling.yarn_attn_factor"),
        ("beta_fast", "rope.scaling.yarn_beta_fast"),
        ("beta_slow", "rope.scaling.yarn_beta_slow"),
    ] {
        if let Some(value) = rope.number_opt(name)? {
            keys.number(key, value);
        }
    }
    Ok(())
}

/// Phi's two lists of divisors. Source: llama.cpp, `convert_hf_to_gguf.py` (`Phi3MiniModel`).
fn longrope(
    config: &Config,
    rope: &Config,
    sizes: Sizes,
    keys: &mut Keys<'_>,
    made: &mut Vec<Made>,
) -> Result<(), HfError> {
    let context = config.size("max_position_embeddings")?;
    let original = match config.size_opt("original_max_position_embeddings")? {
        Some(original) => Some(original),
        None => rope.size_opt("original_max_position_embeddings")?,
    };
    let original = original
        .ok_or_else(|| HfError::MissingSetting { key: config.name("original_max_position_embeddings") })?;
    keys.size("rope.scaling.original_context_length", original);
    let scale = f64::from(context) / f64::from(original.max(1));
    let attention = match rope.number_opt("attention_factor")? {
        Some(factor) => factor,
        None if scale > 1.0 => (1.0 + scale.ln() / f64::from(original.max(2)).ln()).sqrt() as f32,
        None => 1.0,
    };
    keys.number("rope.scaling.attn_factor", attention);
    let pairs = rotary_dim(config, sizes)? as usize / 2;
    for (name, tensor) in
        [("long_factor", "rope_factors_long.weight"), ("short_factor", "rope_factors_short.weight")]
    {
        let factors =
            rope.numbers_opt(name)?.ok_or_else(|| HfError::MissingSetting { key: rope.name(name) })?;
        if factors.len() != pairs {
            let value = format!("a list of {}", factors.len());
            return Err(HfError::Setting {
                key: rope.name(name),
                value,
                expected: "one factor a pair of rotated elements",
            });
        }
        made.push(Made::floats(tensor, &factors));
    }
    Ok(())
}

impl Made {
    /// A list of f32 that stands in the config and in no file.
    pub fn floats(name: &str, values: &[f32]) -> Made {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Made::constant(name, vec![values.len() as u64], BlockType::F32, bytes)
    }
}
