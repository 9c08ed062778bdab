//! The numbers that decoder architectures share, read from GGUF metadata (`<architecture>.<key>`,
//! named as in ggml's docs/gguf.md).

use sotto_format::ModelFile;

use crate::ModelError;

/// Sizes and constants of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// `general.architecture`.
    pub architecture: String,
    /// Longest context the model was trained for, in tokens.
    pub context_length: usize,
    /// Elements of a token's state.
    pub dim: usize,
    /// Elements of the feed-forward layer's inner state.
    pub hidden_dim: usize,
    /// Transformer layers.
    pub n_layers: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads.
    pub n_kv_heads: usize,
    /// Elements a head.
    pub head_dim: usize,
    /// Tokens in the vocabulary: rows of the embedding table.
    pub vocab_size: usize,
    /// Added to the mean square in RMS norms.
    pub norm_eps: f32,
    /// RoPE frequency base.
    pub rope_base: f32,
    /// Elements of a head that rotate.
    pub rotary_dim: usize,
    /// Multiplies positions: 1 / `rope.scaling.factor` for linear scaling.
    pub rope_position_scale: f32,
}

/// Above every published model, and low enough that products of two sizes fit 32 bits each way.
const LARGEST_SIZE: u64 = 1 << 24;

impl Hyperparameters {
    /// Reads the numbers of `architecture` from `file`.
    pub fn read(architecture: &str, file: &ModelFile) -> Result<Self, ModelError> {
        let metadata = &file.metadata;
        let key = |name: &str| format!("{architecture}.{name}");
        let size = |name: &str| bounded(key(name), metadata.u32(&key(name))?.into());
        let size_or = |name: &str, default: usize| -> Result<usize, ModelError> {
            bounded(key(name), metadata.u32_or(&key(name), default as u32)?.into())
        };

        let dim = size("embedding_length")?;
        let n_heads = size("attention.head_count")?;
        let n_kv_heads = size_or("attention.head_count_kv", n_heads)?;
        if n_heads % n_kv_heads != 0 {
            return Err(ModelError::Hyperparameter {
                key: key("attention.head_count_kv"),
                value: n_kv_heads as u64,
                range: "a divisor of attention.head_count",
            });
        }
        let head_dim = size_or("attention.key_length", (dim / n_heads).max(1))?;
        if size_or("attention.value_length", head_dim)? != head_dim {
            return Err(ModelError::UnsupportedSetting {
                key: key("attention.value_length"),
                value: metadata.u32(&key("attention.value_length"))?.to_string(),
                supported: "values as long as keys",
            });
        }
        let heads = n_heads.checked_mul(head_dim).map(|n| n as u64).unwrap_or(u64::MAX);
        bounded(key("attention.head_count"), heads)?;

        let rotary_dim = size_or("rope.dimension_count", head_dim)?;
        if rotary_dim > head_dim || rotary_dim % 2 != 0 {
            return Err(ModelError::Hyperparameter {
                key: key("rope.dimension_count"),
                value: rotary_dim as u64,
                range: "even and at most the head's length",
            });
        }
        let vocab_size = match file.tensor("token_embd.weight").map(|t| t.shape.as_slice()) {
            Some(&[rows, _]) => bounded("token_embd.weight rows".to_owned(), rows)?,
            _ => size("vocab_size")?,
        };
        Ok(Hyperparameters {
            architecture: architecture.to_owned(),
            context_length: size("context_length")?,
            dim,
            hidden_dim: size("feed_forward_length")?,
            n_layers: size("block_count")?,
            n_heads,
            n_kv_heads,
            head_dim,
            vocab_size,
            norm_eps: metadata.f32(&key("attention.layer_norm_rms_epsilon"))?,
            rope_base: metadata.f32_or(&key("rope.freq_base"), 10_000.0)?,
            rotary_dim,
            rope_position_scale: position_scale(architecture, file)?,
        })
    }
}

/// Linear scaling stretches positions. Llama 3's scaling comes as divisors in `rope_freqs.weight`.
fn position_scale(architecture: &str, file: &ModelFile) -> Result<f32, ModelError> {
    let key = format!("{architecture}.rope.scaling.type");
    let kind = match file.metadata.get(&key) {
        None => "none",
        Some(_) => file.metadata.str(&key)?,
    };
    match kind {
        "none" => Ok(1.0),
        "linear" => {
            let factor = file.metadata.f32(&format!("{architecture}.rope.scaling.factor"))?;
            if factor.is_finite() && factor > 0.0 {
                Ok(1.0 / factor)
            } else {
                Err(ModelError::UnsupportedSetting {
                    key: format!("{architecture}.rope.scaling.factor"),
                    value: factor.to_string(),
                    supported: "finite numbers above 0",
                })
            }
        }
        other => {
            Err(ModelError::UnsupportedSetting { key, value: other.to_owned(), supported: "none, linear" })
        }
    }
}

fn bounded(key: String, value: u64) -> Result<usize, ModelError> {
    if (1..=LARGEST_SIZE).contains(&value) {
        Ok(value as usize)
    } else {
        Err(ModelError::Hyperparameter { key, value, range: "at least 1 and at most 16777216" })
    }
}
