//! GGUF metadata from `config.json`: the keys that decoder architectures share, written as llama.cpp's converter writes
//! them (`convert_hf_to_gguf.py`).

use sotto_format::{Array, Metadata, Value};

use super::{Config, HfError};

/// Metadata in the making, under an architecture's name.
pub(crate) struct Keys<'a> {
    pub metadata: &'a mut Metadata,
    architecture: &'static str,
}

impl<'a> Keys<'a> {
    pub fn new(metadata: &'a mut Metadata, architecture: &'static str) -> Self {
        metadata.insert("general.architecture", Value::String(architecture.to_owned()));
        Keys { metadata, architecture }
    }

    pub fn set(&mut self, key: &str, value: Value) {
        self.metadata.insert(format!("{}.{key}", self.architecture), value);
    }

    pub fn size(&mut self, key: &str, value: u32) {
        self.set(key, Value::U32(value));
    }

    pub fn number(&mut self, key: &str, value: f32) {
        self.set(key, Value::F32(value));
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.set(key, Value::String(value.to_owned()));
    }

    /// One number a layer.
    pub fn sizes(&mut self, key: &str, values: Vec<u32>) {
        let values = values.into_iter().map(|v| v as i32).collect();
        self.set(key, Value::Array(Array::I32(values)));
    }
}

/// Sizes that the keys of several architectures derive from.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub dim: u32,
    pub n_layers: u32,
    pub n_heads: u32,
    pub n_kv_heads: u32,
    pub head_dim: u32,
    pub hidden_dim: u32,
}

impl Sizes {
    pub fn read(config: &Config) -> Result<Sizes, HfError> {
        let (dim, n_heads) = (config.size("hidden_size")?, config.size("num_attention_heads")?);
        let positive = |key: &str, n: u32| {
            let value = n.to_string();
            let error = HfError::Setting { key: config.name(key), value, expected: "at least 1" };
            if n == 0 { Err(error) } else { Ok(n) }
        };
        let n_heads = positive("num_attention_heads", n_heads)?;
        let head_dim = config.size_opt("head_dim")?.unwrap_or(dim / n_heads);
        Ok(Sizes {
            dim: positive("hidden_size", dim)?,
            n_layers: positive("num_hidden_layers", config.size("num_hidden_layers")?)?,
            n_heads,
            n_kv_heads: positive(
                "num_key_value_heads",
                config.size_opt("num_key_value_heads")?.unwrap_or(n_heads),
            )?,
            head_dim: positive("head_dim", head_dim)?,
            hidden_dim: config.size_opt("intermediate_size")?.unwrap_or(0),
        })
    }
}

/// What every decoder has.
pub(crate) fn decoder(config: &Config, keys: &mut Keys<'_>) -> Result<(), HfError> {
    let sizes = Sizes::read(config)?;
    keys.size("context_length", config.size("max_position_embeddings")?);
    keys.size("embedding_length", sizes.dim);
    keys.size("feed_forward_length", sizes.hidden_dim);
    keys.size("block_count", sizes.n_layers);
    keys.size("attention.head_count", sizes.n_heads);
    keys.size("attention.head_count_kv", sizes.n_kv_heads);
    keys.size("attention.key_length", sizes.head_dim);
    keys.size("attention.value_length", sizes.head_dim);
    keys.number("attention.layer_norm_rms_epsilon", config.number_opt("rms_norm_eps")?.unwrap_or(1e-6));
    keys.size("vocab_size", config.size("vocab_size")?);
    keys.size("rope.dimension_count", rotary_dim(config, sizes)?);
    Ok(())
}

/// Elements of a head that rotate.
pub(crate) fn rotary_dim(config: &Config, sizes: Sizes) -> Result<u32, HfError> {
    let rope = rope_parameters(config);
    let share = match &rope {
        Some(rope) => rope.number_opt("partial_rotary_factor")?,
        None => None,
    };
    let share = share.or(config.number_opt("partial_rotary_factor")?).unwrap_or(1.0);
    Ok((share * sizes.head_dim as f32) as u32)
}

/// How RoPE is set: `rope_parameters` since transformers 5, `rope_scaling` before. Of those that are set by kinds of
/// layers, how it is in the layers that see everything.
pub(crate) fn rope_parameters(config: &Config) -> Option<Config> {
    let rope = config
        .section("rope_parameters", "rope_parameters.")
        .or_else(|| config.section("rope_scaling", "rope_scaling."))?;
    Some(rope.section("full_attention", "rope_parameters.full_attention.").unwrap_or(rope))
}

/// The RoPE base, wherever the file has it.
pub(crate) fn rope_base(config: &Config, default: f32) -> Result<f32, HfError> {
    let inner = match rope_parameters(config) {
        Some(rope) => rope.number_opt("rope_theta")?,
        None => None,
    };
    Ok(inner.or(config.number_opt("rope_theta")?).unwrap_or(default))
}
