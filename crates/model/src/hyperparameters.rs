//! The numbers that architectures share, read from GGUF metadata.

use sotto_format::ModelFile;

use crate::ModelError;
use crate::keys::{Keys, bounded};

/// Sizes and constants of a model. What only one architecture has, its own file reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// `general.architecture`.
    pub architecture: String,
    /// Longest context the model was trained for, in tokens.
    pub context_length: usize,
    /// Elements of a token's state.
    pub dim: usize,
    /// Elements of the feed-forward layer's inner state; the most of any layer.
    pub hidden_dim: usize,
    /// Transformer layers.
    pub n_layers: usize,
    /// Query heads; the most of any layer.
    pub n_heads: usize,
    /// Key/value heads; the most of any layer.
    pub n_kv_heads: usize,
    /// Sizes of each layer.
    pub layers: Vec<LayerSizes>,
    /// Elements a head.
    pub head_dim: usize,
    /// Tokens in the vocabulary: rows of the embedding table.
    pub vocab_size: usize,
    /// Added to the mean square in RMS norms, or to the variance in layer norms.
    pub norm_eps: f32,
    /// RoPE frequency base.
    pub rope_base: f32,
    /// Elements of a head that rotate.
    pub rotary_dim: usize,
    /// Multiplies positions: 1 / `rope.scaling.factor` where the scaling is linear, else 1.
    pub rope_position_scale: f32,
}

/// What may differ from layer to layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSizes {
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads; 0 where a layer has no attention.
    pub n_kv_heads: usize,
    /// Elements of the feed-forward layer's inner state.
    pub hidden_dim: usize,
}

impl Hyperparameters {
    /// The largest sizes of any layer.
    pub(crate) fn widest_layer(&self) -> LayerSizes {
        LayerSizes { n_heads: self.n_heads, n_kv_heads: self.n_kv_heads, hidden_dim: self.hidden_dim }
    }

    /// Reads the numbers of `architecture` from `file`.
    pub fn read(architecture: &str, file: &ModelFile) -> Result<Self, ModelError> {
        let keys = Keys::new(architecture, file);
        // Layers that draft further tokens come last.
        let drafting = keys.u32_or("nextn_predict_layers", 0)? as usize;
        let n_layers = keys.size("block_count")?.saturating_sub(drafting).max(1);
        let dim = keys.size("embedding_length")?;
        let layers = layers(&keys, n_layers)?;
        let most = |of: fn(&LayerSizes) -> usize| layers.iter().map(of).max().unwrap_or(0);
        let n_heads = bounded(keys.name("attention.head_count"), most(|l| l.n_heads) as u64)?;
        let head_dim = keys.size_or("attention.key_length", (dim / n_heads).max(1))?;
        let value_dim = keys.size_or("attention.value_length", head_dim)?;
        if value_dim != head_dim {
            let supported = "values as long as keys";
            return Err(keys.unsupported("attention.value_length", value_dim.to_string(), supported));
        }
        let heads = n_heads.checked_mul(head_dim).map(|n| n as u64).unwrap_or(u64::MAX);
        bounded(keys.name("attention.head_count"), heads)?;

        let rotary_dim = keys.size_or("rope.dimension_count", head_dim)?;
        if rotary_dim > head_dim || rotary_dim % 2 != 0 {
            return Err(ModelError::Hyperparameter {
                key: keys.name("rope.dimension_count"),
                value: rotary_dim as u64,
                range: "even and at most the head's length",
            });
        }
        let vocab_size = match file.tensor("token_embd.weight").map(|t| t.shape.as_slice()) {
            Some(&[rows, _]) => bounded("token_embd.weight rows".to_owned(), rows)?,
            _ => keys.size("vocab_size")?,
        };
        Ok(Hyperparameters {
            architecture: architecture.to_owned(),
            context_length: keys.size("context_length")?,
            dim,
            hidden_dim: most(|l| l.hidden_dim),
            n_layers,
            n_heads,
            n_kv_heads: most(|l| l.n_kv_heads),
            layers,
            head_dim,
            vocab_size,
            norm_eps: match keys.f32_opt("attention.layer_norm_epsilon")? {
                Some(eps) => eps,
                None => keys.f32("attention.layer_norm_rms_epsilon")?,
            },
            rope_base: keys.f32_or("rope.freq_base", 10_000.0)?,
            rotary_dim,
            rope_position_scale: match keys.str_or("rope.scaling.type", "none")? {
                "linear" => 1.0 / keys.positive("rope.scaling.factor")?,
                _ => 1.0,
            },
        })
    }
}

fn layers(keys: &Keys<'_>, n_layers: usize) -> Result<Vec<LayerSizes>, ModelError> {
    let n_heads = keys.per_layer("attention.head_count", n_layers, None)?;
    let n_kv_heads = match n_heads.iter().max() {
        Some(&most) if !keys.has("attention.head_count_kv") => vec![most; n_layers],
        _ => keys.per_layer("attention.head_count_kv", n_layers, None)?,
    };
    let hidden_dim = keys.per_layer("feed_forward_length", n_layers, None)?;
    for (&heads, &kv_heads) in n_heads.iter().zip(&n_kv_heads) {
        if kv_heads > 0 && heads % kv_heads != 0 {
            return Err(ModelError::Hyperparameter {
                key: keys.name("attention.head_count_kv"),
                value: kv_heads as u64,
                range: "a divisor of attention.head_count",
            });
        }
    }
    let sizes = n_heads.into_iter().zip(n_kv_heads).zip(hidden_dim);
    Ok(sizes
        .map(|((n_heads, n_kv_heads), hidden_dim)| LayerSizes { n_heads, n_kv_heads, hidden_dim })
        .collect())
}
