//! The operations. Formulas use `t` for a row (token) and `i`, `o` for elements.

use crate::{CacheId, StateId, TableId, ValueId, WeightId};

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
    /// `out[r, i] = table[r, i]`: a table's rows as an activation, for projections of them.
    Table {
        /// `[table_rows, n]`.
        table: WeightId,
        /// `[table_rows, n]`.
        out: ValueId,
    },
    /// Attention whose scores also tell how far apart the query at `i` and the key at `j` are:
    /// `scale * (q[i] . k[j] + q[i] . keys[r] + queries[r] . k[j])` with
    /// `r = clamp(span + sign(i - j) * buckets[|i - j|], 0, 2 * span - 1)`. Each query head has a key/value head of its own.
    /// Source: He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", 2021, section 3.
    RelativeAttention {
        /// `[tokens, n_heads * head_dim]`.
        q: ValueId,
        /// Where keys and values are.
        cache: CacheId,
        /// What distances mean.
        relative: Relative,
        /// Heads, scale and masks.
        attention: Attention,
        /// `[tokens, n_heads * head_dim]`.
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
    /// `out[t, i] = kind(gate[t, i], up[t, i])`.
    Gated {
        /// Which function.
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
    /// `out[t, i] = map(x[t, i])`.
    Map {
        /// Which function.
        map: Map,
        /// `[rows, n]`.
        x: ValueId,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// Chooses the `n_used` experts with the largest logits, ties to the lowest index. `out[t, s]` is the index of
    /// the expert in slot `s` (largest logit first) and `out[t, n_used + s]` its weight, which is
    /// `softmax(logits[t])` at it, divided with `normalise` by the sum over the chosen.
    /// Source: Shazeer et al., "Outrageously Large Neural Networks", 2017.
    Route {
        /// `[rows, n_experts]`.
        logits: ValueId,
        /// Experts a row, at most `n_experts`.
        n_used: usize,
        /// Whether the weights of a row add up to 1.
        normalise: bool,
        /// `[rows, 2 * n_used]`.
        out: ValueId,
    },
    /// A projection by the experts of each row: with `e = routes[t, s]`,
    /// `out[t, s, o] = bias[e, o] + sum_i weight[e, o, i] * x[t, s, i]`. An `x` of width `in` is the same for every slot.
    ExpertLinear {
        /// `[rows, in]` or `[rows, n_used * in]`.
        x: ValueId,
        /// From [`Op::Route`].
        routes: ValueId,
        /// `[n_experts * out, in]`.
        weight: WeightId,
        /// `[n_experts, out]`.
        bias: Option<WeightId>,
        /// `[rows, n_used * out]`.
        out: ValueId,
    },
    /// `out[t, i] = sum_s routes[t, n_used + s] * x[t, s, i]`.
    ExpertSum {
        /// `[rows, n_used * n]`.
        x: ValueId,
        /// From [`Op::Route`].
        routes: ValueId,
        /// `[rows, n]`.
        out: ValueId,
    },
    /// A causal convolution of each element with its own past:
    /// `out[t, i] = sum_j weight[i, j] * x[t + j + 1 - taps, i]`, where rows before the step come from the state
    /// and rows before position 0 are 0. The state then takes the step's rows.
    /// Source: Liquid AI, LFM2 (transformers' `Lfm2ShortConv`).
    ShortConv {
        /// `[tokens, n]`.
        x: ValueId,
        /// `[n, taps]`.
        weight: WeightId,
        /// The rows of `x` at the positions before the step.
        state: StateId,
        /// `[tokens, n]`.
        out: ValueId,
    },
    /// Linear attention with a state a head that each token makes over.
    DeltaNet {
        /// `[tokens, width]`: queries and keys `[n_k_heads, k_dim]`, then values `[n_v_heads, v_dim]`.
        x: ValueId,
        /// `[tokens, n_v_heads]`.
        a: ValueId,
        /// `[tokens, n_v_heads]`.
        b: ValueId,
        /// `[n_v_heads]`, negative.
        decay: WeightId,
        /// `[n_v_heads]`, added to `a`.
        bias: WeightId,
        /// `[n_v_heads, k_dim, v_dim]`.
        state: StateId,
        /// Heads, and what becomes of them.
        net: DeltaNet,
        /// `[tokens, n_v_heads * v_dim]`.
        out: ValueId,
    },
    /// A part of each group of elements: `out[t, g * n + i] = x[t, g * group + first + i]`, with `n` elements a group in `out`.
    GroupPart {
        /// `[rows, groups * group]`.
        x: ValueId,
        /// Elements of a group.
        group: usize,
        /// The first that is taken.
        first: usize,
        /// `[rows, groups * n]`.
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
            | Op::Table { out, .. }
            | Op::RelativeAttention { out, .. }
            | Op::LayerNorm { out, .. }
            | Op::RmsNorm { out, .. }
            | Op::Linear { out, .. }
            | Op::Rope { out, .. }
            | Op::Attention { out, .. }
            | Op::Gated { out, .. }
            | Op::Add { out, .. }
            | Op::Map { out, .. }
            | Op::Route { out, .. }
            | Op::ExpertLinear { out, .. }
            | Op::ExpertSum { out, .. }
            | Op::ShortConv { out, .. }
            | Op::DeltaNet { out, .. }
            | Op::GroupPart { out, .. }
            | Op::SelectOutputs { out, .. } => Some(out),
            Op::KvWrite { .. } => None,
        }
    }

    /// The activations this operation reads.
    pub fn inputs(&self) -> impl Iterator<Item = ValueId> {
        // One list of what is read serves this and `inputs_mut`.
        let mut copy = self.clone();
        let mut inputs = [None; 3];
        inputs.iter_mut().zip(copy.inputs_mut()).for_each(|(input, id)| *input = Some(*id));
        inputs.into_iter().flatten()
    }

    /// The activations this operation reads, to be replaced by others of the same shape.
    pub fn inputs_mut(&mut self) -> impl Iterator<Item = &mut ValueId> {
        let pair = match self {
            Op::RelativeAttention { q, relative, .. } => {
                [Some(q), Some(&mut relative.keys), Some(&mut relative.queries)]
            }
            Op::DeltaNet { x, a, b, .. } => [Some(x), Some(a), Some(b)],
            Op::Embed { .. } | Op::Table { .. } => [None, None, None],
            Op::AddRow { x, .. }
            | Op::LayerNorm { x, .. }
            | Op::RmsNorm { x, .. }
            | Op::Linear { x, .. }
            | Op::Rope { x, .. }
            | Op::Map { x, .. }
            | Op::Route { logits: x, .. }
            | Op::ShortConv { x, .. }
            | Op::GroupPart { x, .. }
            | Op::SelectOutputs { x, .. }
            | Op::Attention { q: x, .. } => [Some(x), None, None],
            Op::KvWrite { k: a, v: b, .. }
            | Op::Gated { gate: a, up: b, .. }
            | Op::ExpertLinear { x: a, routes: b, .. }
            | Op::ExpertSum { x: a, routes: b, .. }
            | Op::Add { a, b, .. } => [Some(a), Some(b), None],
        };
        pair.into_iter().flatten()
    }

    /// The cache this operation reads or writes.
    pub fn cache(&self) -> Option<CacheId> {
        match *self {
            Op::KvWrite { cache, .. } | Op::Attention { cache, .. } | Op::RelativeAttention { cache, .. } => {
                Some(cache)
            }
            Op::Embed { .. }
            | Op::Table { .. }
            | Op::AddRow { .. }
            | Op::LayerNorm { .. }
            | Op::RmsNorm { .. }
            | Op::Linear { .. }
            | Op::Rope { .. }
            | Op::Gated { .. }
            | Op::Add { .. }
            | Op::Map { .. }
            | Op::Route { .. }
            | Op::ExpertLinear { .. }
            | Op::ExpertSum { .. }
            | Op::ShortConv { .. }
            | Op::DeltaNet { .. }
            | Op::GroupPart { .. }
            | Op::SelectOutputs { .. } => None,
        }
    }

    /// The weights this operation reads.
    pub fn weights(&self) -> impl Iterator<Item = WeightId> {
        let pair = match *self {
            Op::Embed { table, .. } | Op::AddRow { table, .. } | Op::Table { table, .. } => {
                [Some(table), None]
            }
            Op::RmsNorm { weight, .. } | Op::ShortConv { weight, .. } => [Some(weight), None],
            Op::LayerNorm { weight, bias, .. }
            | Op::Linear { weight, bias, .. }
            | Op::ExpertLinear { weight, bias, .. } => [Some(weight), bias],
            Op::Rope { rope: Rope { factors: Some(Factors::Weight(id)), .. }, .. } => [Some(id), None],
            Op::Attention { attention, .. } | Op::RelativeAttention { attention, .. } => {
                [attention.sinks, None]
            }
            Op::DeltaNet { decay, bias, .. } => [Some(decay), Some(bias)],
            Op::Rope { .. }
            | Op::KvWrite { .. }
            | Op::Gated { .. }
            | Op::Add { .. }
            | Op::Map { .. }
            | Op::Route { .. }
            | Op::ExpertSum { .. }
            | Op::GroupPart { .. }
            | Op::SelectOutputs { .. } => [None, None],
        };
        pair.into_iter().flatten()
    }
}

/// What the distance of a query and a key adds to their score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    /// `[2 * span, n_heads * head_dim]`: what a query asks of a distance.
    pub keys: ValueId,
    /// As `keys`: what a distance asks of a key.
    pub queries: ValueId,
    /// The bucket of each distance, `[positions]`: whole numbers.
    pub buckets: TableId,
    /// Buckets to a side.
    pub span: u32,
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
    /// Multiplies them further, by their position.
    pub growth: Option<Growth>,
    /// `[rotary_dim / 2]` divisors of the frequencies.
    pub factors: Option<Factors>,
}

/// `1 + beta * ln(1 + floor(p / interval))` at position `p`: what queries are multiplied by so that attention over long
/// contexts stays as sharp as over short ones (Llama 4, Ministral 3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// How fast it grows.
    pub beta: f32,
    /// Positions that make no difference, at least 1.
    pub interval: u32,
}

impl Growth {
    /// The factor at `position`.
    pub fn at(self, position: usize) -> f32 {
        1.0 + self.beta * ((position / self.interval as usize) as f32).ln_1p()
    }
}

/// Where the divisors of RoPE's frequencies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    /// In a tensor of the file: Llama 3.1's `rope_freqs.weight`, LongRoPE's factors.
    Weight(WeightId),
    /// In the plan, computed when it was made: YaRN.
    Table(TableId),
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
    /// `[n_heads]`: a score a head that takes part in the softmax and has no value (gpt-oss; Xiao et al.,
    /// "Efficient Streaming Language Models with Attention Sinks", 2024).
    pub sinks: Option<WeightId>,
}

/// The gated delta rule. For value head `h` and its key head, one token after the other, `S` being the state of the head:
///
/// - `q = query / |query| / sqrt(k_dim)` and `k = key / |key|`, where `|v|^2 = sum_i v[i]^2 + 1e-6`;
/// - `S = exp(decay[h] * softplus(a[t, h] + bias[h])) * S`: what is remembered fades;
/// - `S = S + k (sigmoid(b[t, h]) * (value - k S))`: what `k` stands for becomes more like the value;
/// - `out[t, h] = q S`.
///
/// Source: Yang, Kautz & Hatamizadeh, "Gated Delta Networks: Improving Mamba2 with Delta Rule", 2024; transformers'
/// `torch_recurrent_gated_delta_rule`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaNet {
    /// Heads of queries and keys.
    pub n_k_heads: usize,
    /// Heads of values, a multiple of `n_k_heads`: the key heads take turns, that of value head `h` is `h % n_k_heads`.
    pub n_v_heads: usize,
    /// Elements of a query or key.
    pub k_dim: usize,
    /// Elements of a value.
    pub v_dim: usize,
}

impl DeltaNet {
    /// Elements of queries, keys and values together.
    pub fn width(self) -> usize {
        2 * self.n_k_heads * self.k_dim + self.n_v_heads * self.v_dim
    }

    /// Elements of the state.
    pub fn state(self) -> usize {
        self.n_v_heads * self.k_dim * self.v_dim
    }
}

/// How a gate and what it lets through make one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gated {
    /// `gate * sigmoid(gate) * up` (Shazeer, "GLU Variants Improve Transformer", 2020).
    Silu,
    /// GELU at `gate`, times `up`.
    Gelu,
    /// The tanh approximation of GELU at `gate`, times `up`.
    GeluTanh,
    /// `gate * up`.
    Product,
    /// `sigmoid(gate) * up`.
    Sigmoid,
    /// `g * sigmoid(1.702 * g) * (u + 1)` with `g = min(gate, 7)` and `u = clamp(up, -7, 7)` (gpt-oss).
    SwigluClamped,
}

impl Gated {
    /// The result for one gate and one input.
    pub fn apply(self, gate: f32, up: f32) -> f32 {
        match self {
            Gated::Silu => silu(gate) * up,
            Gated::Gelu => gelu(gate) * up,
            Gated::GeluTanh => gelu_tanh(gate) * up,
            Gated::Product => gate * up,
            Gated::Sigmoid => up / (1.0 + (-gate).exp()),
            Gated::SwigluClamped => {
                const LIMIT: f32 = 7.0;
                const ALPHA: f32 = 1.702;
                // Unlike `min`, this lets NaN through.
                let gate = if gate > LIMIT { LIMIT } else { gate };
                gate / (1.0 + (-ALPHA * gate).exp()) * (up.clamp(-LIMIT, LIMIT) + 1.0)
            }
        }
    }
}

/// A function of each element by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    /// `factor * x`.
    Scale(f32),
    /// `cap * tanh(x / cap)` (Gemma 2).
    Softcap(f32),
    /// `x / 2 * (1 + erf(x / sqrt 2))` (Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016).
    Gelu,
    /// Its approximation `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x * sigmoid(x)`.
    Silu,
}

impl Map {
    /// The function at `x`.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Map::Scale(factor) => factor * x,
            Map::Softcap(cap) => cap * (x / cap).tanh(),
            Map::Gelu => gelu(x),
            Map::GeluTanh => gelu_tanh(x),
            // Unlike `max`, this lets NaN through.
            Map::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Map::Silu => silu(x),
        }
    }
}

fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    0.5 * x * (1.0 + (SQRT_2_OVER_PI * x * (1.0 + 0.044_715 * x * x)).tanh())
}
