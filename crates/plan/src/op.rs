//! The operations. Formulas use `t` for a row (token) and `i`, `o` for elements.

use crate::{CacheId, ValueId, WeightId};

/// One operation of a [`crate::Plan`].
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `out[t, i] = scale * table[ids[t], i]`, with `ids` the step's token ids.
    Embed {
        /// `[vocab, dim]`.
        table: WeightId,
        /// Multiplies each element; 1 for most models.
        scale: f32,
        /// `[tokens, dim]`.
        out: ValueId,
    },
    /// `out[t, i] = x[t, i] + table[r(t), i]`: position embeddings, and the segment embedding of a text that is one segment.
    AddRow {
        /// `[tokens, n]`.
        x: ValueId,
        /// `[table_rows, n]`.
        table: WeightId,
        /// Which row, `r(t)`.
        row: TableRow,
        /// `[tokens, n]`.
        out: ValueId,
    },
    /// `out[t, i] = (x[t, i] - mean) / sqrt(variance + eps) * weight[i] + bias[i]`, with mean and variance (the mean square
    /// distance from the mean) over the whole row.
    /// Source: Ba, Kiros & Hinton, "Layer Normalization", 2016.
    LayerNorm {
        /// `[rows, n]`.
        x: ValueId,
        /// `[n]`.
        weight: WeightId,
        /// `[n]`.
        bias: Option<WeightId>,
        /// Added to the variance.
        eps: f32,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// `out[t, i] = x[t, i] / sqrt(mean_j(x[t, j]^2) + eps) * weight[i]`, the mean over groups of
    /// `weight.cols` elements: a weight as long as a head norms each head by itself.
    /// Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019.
    RmsNorm {
        /// `[rows, n]`.
        x: ValueId,
        /// `[group]`; `n` is a multiple of it.
        weight: WeightId,
        /// Added to the mean square.
        eps: f32,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// `out[t, o] = bias[o] + sum_i weight[o, i] * x[t, i]`.
    Linear {
        /// `[rows, in]`.
        x: ValueId,
        /// `[out, in]`.
        weight: WeightId,
        /// `[out]`.
        bias: Option<WeightId>,
        /// `[rows, out]`.
        out: ValueId,
    },
    /// Rotates pairs of elements of each head by an angle that grows with the position.
    Rope {
        /// `[tokens, n_heads * head_dim]`.
        x: ValueId,
        /// How to rotate.
        rope: Rope,
        /// As `x`.
        out: ValueId,
    },
    /// Writes the step's keys and values to a cache at the step's positions, over what it held from there on.
    KvWrite {
        /// `[tokens, n_kv_heads * head_dim]`.
        k: ValueId,
        /// `[tokens, n_kv_heads * head_dim]`.
        v: ValueId,
        /// Where to.
        cache: CacheId,
    },
    /// Attention of the step's queries over a cache that already holds the step's keys.
    Attention {
        /// `[tokens, n_heads * head_dim]`.
        q: ValueId,
        /// Where keys and values are.
        cache: CacheId,
        /// Heads, scale and masks.
        attention: Attention,
        /// `[tokens, n_heads * head_dim]`.
        out: ValueId,
    },
    /// `out[t, i] = activation(gate[t, i]) * up[t, i]`.
    Gated {
        /// Which activation.
        kind: Gated,
        /// `[rows, n]`.
        gate: ValueId,
        /// `[rows, n]`.
        up: ValueId,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// `out[t, i] = a[t, i] + b[t, i]`.
    Add {
        /// `[rows, n]`.
        a: ValueId,
        /// `[rows, n]`.
        b: ValueId,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// Keeps the rows whose output was asked for.
    SelectOutputs {
        /// `[tokens, n]`.
        x: ValueId,
        /// `[outputs, n]`.
        out: ValueId,
    },
}

impl Op {
    /// The activation this operation writes, if any.
    pub fn out(&self) -> Option<ValueId> {
        match *self {
            Op::Embed { out, .. }
            | Op::AddRow { out, .. }
            | Op::LayerNorm { out, .. }
            | Op::RmsNorm { out, .. }
            | Op::Linear { out, .. }
            | Op::Rope { out, .. }
            | Op::Attention { out, .. }
            | Op::Gated { out, .. }
            | Op::Add { out, .. }
            | Op::SelectOutputs { out, .. } => Some(out),
            Op::KvWrite { .. } => None,
        }
    }

    /// The activations this operation reads.
    pub fn inputs(&self) -> impl Iterator<Item = ValueId> {
        let pair = match *self {
            Op::Embed { .. } => [None, None],
            Op::AddRow { x, .. }
            | Op::LayerNorm { x, .. }
            | Op::RmsNorm { x, .. }
            | Op::Linear { x, .. }
            | Op::Rope { x, .. }
            | Op::SelectOutputs { x, .. }
            | Op::Attention { q: x, .. } => [Some(x), None],
            Op::KvWrite { k: a, v: b, .. } | Op::Gated { gate: a, up: b, .. } | Op::Add { a, b, .. } => {
                [Some(a), Some(b)]
            }
        };
        pair.into_iter().flatten()
    }

    /// The cache this operation reads or writes.
    pub fn cache(&self) -> Option<CacheId> {
        match *self {
            Op::KvWrite { cache, .. } | Op::Attention { cache, .. } => Some(cache),
            Op::Embed { .. }
            | Op::AddRow { .. }
            | Op::LayerNorm { .. }
            | Op::RmsNorm { .. }
            | Op::Linear { .. }
            | Op::Rope { .. }
            | Op::Gated { .. }
            | Op::Add { .. }
            | Op::SelectOutputs { .. } => None,
        }
    }

    /// The weights this operation reads.
    pub fn weights(&self) -> impl Iterator<Item = WeightId> {
        let pair = match *self {
            Op::Embed { table, .. } | Op::AddRow { table, .. } => [Some(table), None],
            Op::LayerNorm { weight, bias, .. } => [Some(weight), bias],
            Op::RmsNorm { weight, .. } => [Some(weight), None],
            Op::Linear { weight, bias, .. } => [Some(weight), bias],
            Op::Rope { rope, .. } => [rope.factors, None],
            Op::KvWrite { .. }
            | Op::Attention { .. }
            | Op::Gated { .. }
            | Op::Add { .. }
            | Op::SelectOutputs { .. } => [None, None],
        };
        pair.into_iter().flatten()
    }
}

/// Which row of a table a token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableRow {
    /// That of the token's position, counted from this row: 0, or 2 in RoBERTa's family, where two rows come first that
    /// padding would take.
    Position(usize),
    /// The same for every token.
    Always(usize),
}

/// Which two elements of a head form the pair `j` that is rotated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RopeLayout {
    /// `(2j, 2j + 1)`: Llama's GGUF files, GPT-J.
    Adjacent,
    /// `(j, j + rotary_dim / 2)`: GPT-NeoX, Qwen, Hugging Face's Llama.
    Halves,
}

/// Rotary position embedding (Su et al., "RoFormer", 2021). Pair `j` at position `p` turns by
/// `position_scale * p * base^(-2j / rotary_dim) / factors[j]`, and is multiplied by `magnitude`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Elements a head.
    pub head_dim: usize,
    /// Leading elements of a head that rotate, even and at most `head_dim`; the rest are copied.
    pub rotary_dim: usize,
    /// Which elements pair up.
    pub layout: RopeLayout,
    /// The frequency base, 10 000 in the paper.
    pub base: f32,
    /// Multiplies the position: 1, or `1 / factor` for linearly stretched contexts.
    pub position_scale: f32,
    /// Multiplies the rotated elements; 1 but for YaRN and LongRoPE.
    pub magnitude: f32,
    /// `[rotary_dim / 2]` divisors of the frequencies (Llama 3.1's `rope_freqs.weight`).
    pub factors: Option<WeightId>,
}

/// Scaled dot-product attention. Query head `h` reads key/value head `h * n_kv_heads / n_heads`;
/// a query at position `p` sees the keys at positions `j` with `|p - j| < window`, and `j <= p` where it is causal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Query heads, a multiple of the cache's.
    pub n_heads: usize,
    /// Multiplies `q . k`, usually `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// Whether a query sees only keys at its own and earlier positions. Where it does not, a step has to hold
    /// the whole sequence, from position 0 on ([`crate::Plan::is_bidirectional`]).
    pub causal: bool,
    /// Positions that a query sees to a side, its own among them; `None` sees all.
    pub window: Option<u32>,
    /// Scores become `c * tanh(score / c)` (Gemma 2).
    pub softcap: Option<f32>,
}

/// The non-linearity of a gated feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gated {
    /// `x * sigmoid(x)` (Shazeer, "GLU Variants Improve Transformer", 2020).
    Silu,
    /// The tanh approximation of GELU.
    GeluTanh,
}

impl Gated {
    /// The non-linearity at `x`.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Gated::Silu => x / (1.0 + (-x).exp()),
            Gated::GeluTanh => {
                const SQRT_2_OVER_PI: f32 = 0.797_884_6;
                0.5 * x * (1.0 + (SQRT_2_OVER_PI * x * (1.0 + 0.044_715 * x * x)).tanh())
            }
        }
    }
}
