//! The settings of each kind of decoder, as GGUF's keys. Source: llama.cpp's `convert_hf_to_gguf.py`; the defaults are
//! those of transformers' configuration classes.

use sotto_format::{Array, Value};

use super::keys::{Keys, Sizes, decoder, rope_base, rope_parameters};
use super::tensors::Made;
use super::{Config, HfError, rope};

type Done = Result<(), HfError>;

/// An activation that the architecture's plan does not have.
fn activation(config: &Config, supported: &[&str], expected: &'static str) -> Done {
    let key = if config.get("hidden_activation").is_some() { "hidden_activation" } else { "hidden_act" };
    let known = config.text_opt(key)?.is_none_or(|name| supported.contains(&name));
    config.require(key, known, expected)
}

fn silu(config: &Config) -> Done {
    activation(config, &["silu", "swish"], "\"silu\"")
}

fn gelu(config: &Config) -> Done {
    activation(config, &["gelu_pytorch_tanh", "gelu_new"], "\"gelu_pytorch_tanh\"")
}

fn dense(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    decoder(config, keys)?;
    rope::write(config, keys, made)
}

pub(crate) fn llama(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    dense(config, keys, made)?;
    window(config, keys)
}

/// Mixtral: Llama with experts.
pub(crate) fn mixtral(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    llama(config, keys, made)?;
    keys.size("expert_count", config.size("num_local_experts")?);
    keys.size("expert_used_count", config.size("num_experts_per_tok")?);
    Ok(())
}

/// Queries that grow with their position, and YaRN whose magnitude is set by two multipliers of one logarithm.
pub(crate) fn ministral3(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    llama(config, keys, made)?;
    let Some(rope) = rope_parameters(config) else { return Ok(()) };
    if let Some(multiplier) = rope.number_opt("mscale_all_dim")? {
        keys.number("rope.scaling.yarn_log_multiplier", multiplier);
    }
    if let Some(beta) = rope.number_opt("llama_4_scaling_beta")? {
        keys.number("attention.temperature_scale", beta);
    }
    Ok(())
}

/// A window that all layers have, or those that `layer_types` names.
fn window(config: &Config, keys: &mut Keys<'_>) -> Done {
    if let Some(window) = config.size_opt("sliding_window")? {
        keys.size("attention.sliding_window", window);
        windowed_layers(config, keys)?;
    }
    Ok(())
}

/// Which layers see no further than the window, where the config lists them.
fn windowed_layers(config: &Config, keys: &mut Keys<'_>) -> Done {
    if let Some(types) = config.texts_opt("layer_types")? {
        let windowed = types.iter().map(|ty| *ty == "sliding_attention").collect();
        keys.set("attention.sliding_window_pattern", Value::Array(Array::Bool(windowed)));
    }
    Ok(())
}

/// Refuses windows in an architecture whose layers all see everything.
fn no_windows(config: &Config) -> Done {
    config.require("use_sliding_window", config.flag_opt("use_sliding_window")? != Some(true), "false")?;
    let types = config.texts_opt("layer_types")?.unwrap_or_default();
    config.require(
        "layer_types",
        types.iter().all(|ty| *ty == "full_attention"),
        "full_attention in each layer",
    )
}

pub(crate) fn smollm3(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    let interval = config.size_opt("no_rope_layer_interval")?.unwrap_or(4);
    config.require("no_rope_layer_interval", interval == 4, "4")?;
    let layers = Sizes::read(config)?.n_layers as usize;
    if let Some(turning) = config.numbers_opt("no_rope_layers")? {
        let every_fourth = (0..layers).map(|layer| f32::from((layer + 1) % 4 != 0)).eq(turning);
        config.require(
            "no_rope_layers",
            every_fourth,
            "a 0 for every fourth layer and a 1 for the others",
        )?;
    }
    no_windows(config)?;
    dense(config, keys, made)
}

pub(crate) fn granite(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    no_windows(config)?;
    dense(config, keys, made)?;
    for (name, key) in [
        ("attention_multiplier", "attention.scale"),
        ("embedding_multiplier", "embedding_scale"),
        ("residual_multiplier", "residual_scale"),
        ("logits_scaling", "logit_scale"),
    ] {
        if let Some(value) = config.number_opt(name)? {
            keys.number(key, value);
        }
    }
    Ok(())
}

pub(crate) fn qwen2(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    no_windows(config)?;
    dense(config, keys, made)
}

pub(crate) fn qwen3_moe(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    qwen2(config, keys, made)?;
    let normalise = config.flag_opt("norm_topk_prob")?.unwrap_or(false);
    keys.set("expert_weights_norm", Value::Bool(normalise));
    let step = config.size_opt("decoder_sparse_step")?.unwrap_or(1);
    config.require("decoder_sparse_step", step == 1, "1")?;
    let experts = match config.size_opt("num_experts")? {
        Some(experts) => experts,
        None => config.size("num_local_experts")?,
    };
    keys.size("expert_count", experts);
    keys.size("expert_used_count", config.size("num_experts_per_tok")?);
    keys.size("expert_feed_forward_length", config.size("moe_intermediate_size")?);
    Ok(())
}

pub(crate) fn qwen35(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    dense(config, keys, made)?;
    // Axes of images, which llama.cpp asks for; of a text all three positions are one.
    let sections =
        rope_parameters(config).map(|rope| rope.numbers_opt("mrope_section")).transpose()?.flatten();
    let mut sections: Vec<u32> =
        sections.unwrap_or(vec![11.0, 11.0, 10.0]).iter().map(|&n| n as u32).collect();
    sections.resize(4, 0);
    keys.sizes("rope.dimension_sections", sections);
    let gated = config.flag_opt("attn_output_gate")?.unwrap_or(true);
    config.require("attn_output_gate", gated, "true")?;
    let [key_heads, value_heads] =
        [config.size("linear_num_key_heads")?, config.size("linear_num_value_heads")?];
    let value_dim = config.size("linear_value_head_dim")?;
    keys.size("ssm.conv_kernel", config.size("linear_conv_kernel_dim")?);
    keys.size("ssm.state_size", config.size("linear_key_head_dim")?);
    keys.size("ssm.group_count", key_heads);
    keys.size("ssm.time_step_rank", value_heads);
    keys.size("ssm.inner_size", value_heads.saturating_mul(value_dim));
    match config.texts_opt("layer_types")? {
        Some(types) => {
            let linear = types.iter().map(|ty| *ty == "linear_attention").collect();
            keys.set("attention.recurrent_layers", Value::Array(Array::Bool(linear)));
        }
        None => {
            keys.size("full_attention_interval", config.size_opt("full_attention_interval")?.unwrap_or(4))
        }
    }
    Ok(())
}

pub(crate) fn gpt_oss(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    dense(config, keys, made)?;
    window(config, keys)?;
    keys.size("expert_count", config.size("num_local_experts")?);
    keys.size("expert_used_count", config.size("num_experts_per_tok")?);
    keys.size("expert_feed_forward_length", config.size("intermediate_size")?);
    Ok(())
}

pub(crate) fn olmo2(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    no_windows(config)?;
    dense(config, keys, made)
}

/// OLMo 2 with windows; only the RoPE of the layers without one is stretched.
pub(crate) fn olmo3(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    dense(config, keys, made)?;
    keys.size("attention.sliding_window", config.size("sliding_window")?);
    windowed_layers(config, keys)
}

pub(crate) fn phi3(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    silu(config)?;
    dense(config, keys, made)?;
    window(config, keys)
}

/// What Gemma 2 and 3 share.
fn gemma(config: &Config, keys: &mut Keys<'_>) -> Done {
    gelu(config)?;
    decoder(config, keys)?;
    let head_dim = config.size_opt("head_dim")?.unwrap_or(256);
    keys.size("attention.key_length", head_dim);
    keys.size("attention.value_length", head_dim);
    keys.size("rope.dimension_count", head_dim);
    if let Some(scalar) = config.number_opt("query_pre_attn_scalar")?
        && scalar > 0.0
    {
        keys.number("attention.scale", 1.0 / scalar.sqrt());
    }
    config.require(
        "use_bidirectional_attention",
        config.flag_opt("use_bidirectional_attention")? != Some(true),
        "false",
    )?;
    keys.size("attention.sliding_window", config.size_opt("sliding_window")?.unwrap_or(4096));
    windowed_layers(config, keys)?;
    for (name, key) in [
        ("attn_logit_softcapping", "attn_logit_softcapping"),
        ("final_logit_softcapping", "final_logit_softcapping"),
    ] {
        if let Some(value) = config.number_opt(name)? {
            keys.number(key, value);
        }
    }
    Ok(())
}

pub(crate) fn gemma2(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    gemma(config, keys)?;
    rope::write(config, keys, made)
}

/// Two RoPE bases: one for the layers with a window, one, which may be scaled, for the others.
pub(crate) fn gemma3(config: &Config, keys: &mut Keys<'_>, _: &mut Vec<Made>) -> Done {
    const FULL: &str = "full_attention";
    const SLIDING: &str = "sliding_attention";
    gemma(config, keys)?;
    let both = config.section("rope_parameters", "rope_parameters.");
    let full = both.as_ref().and_then(|both| both.section(FULL, "rope_parameters.full_attention."));
    let sliding = both.as_ref().and_then(|both| both.section(SLIDING, "rope_parameters.sliding_attention."));
    let base = match &full {
        Some(full) => full.number_opt("rope_theta")?,
        None => None,
    };
    let local = match &sliding {
        Some(sliding) => sliding.number_opt("rope_theta")?,
        None => config.number_opt("rope_local_base_freq")?,
    };
    keys.number("rope.freq_base", base.map_or_else(|| rope_base(config, 1_000_000.0), Ok)?);
    keys.number("rope.freq_base_swa", local.unwrap_or(10_000.0));
    let scaling = full.or_else(|| config.section("rope_scaling", "rope_scaling."));
    if let Some(rope) = scaling {
        let kind = rope.text_opt("rope_type")?.unwrap_or("default");
        rope.require("rope_type", matches!(kind, "default" | "linear"), "default or linear")?;
        if kind == "linear" {
            keys.text("rope.scaling.type", "linear");
            keys.number("rope.scaling.factor", rope.number("factor")?);
        }
    }
    Ok(())
}

/// Layers without attention have no key/value heads.
pub(crate) fn lfm2(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Done {
    dense(config, keys, made)?;
    config.require("conv_bias", config.flag_opt("conv_bias")? != Some(true), "false")?;
    let sizes = Sizes::read(config)?;
    let attention: Vec<bool> = match config.texts_opt("layer_types")? {
        Some(types) => types.iter().map(|ty| *ty == "full_attention").collect(),
        None => {
            let indices = config.numbers_opt("full_attn_idxs")?.unwrap_or_default();
            (0..sizes.n_layers).map(|layer| indices.contains(&(layer as f32))).collect()
        }
    };
    let heads = attention.iter().map(|&attends| if attends { sizes.n_kv_heads } else { 0 }).collect();
    keys.sizes("attention.head_count_kv", heads);
    keys.size("shortconv.l_cache", config.size_opt("conv_L_cache")?.unwrap_or(3));
    keys.number("attention.layer_norm_rms_epsilon", config.number_opt("norm_eps")?.unwrap_or(1e-5));
    keys.size("feed_forward_length", lfm2_hidden(config)?);
    Ok(())
}

/// The feed-forward width after LFM2's own adjustment. Source: transformers, `modeling_lfm2.py` (`Lfm2MLP`).
fn lfm2_hidden(config: &Config) -> Result<u32, HfError> {
    let given = match config.size_opt("intermediate_size")? {
        Some(given) => given,
        None => config.size("block_ff_dim")?,
    };
    if !config.flag_opt("block_auto_adjust_ff_dim")?.unwrap_or(true) {
        return Ok(given);
    }
    let multiplier = config.number_opt("block_ffn_dim_multiplier")?.unwrap_or(1.0);
    let multiple = config.size_opt("block_multiple_of")?.unwrap_or(256).max(1);
    let width = (multiplier * (2 * u64::from(given) / 3) as f32) as u32;
    Ok(width.div_ceil(multiple).saturating_mul(multiple))
}
