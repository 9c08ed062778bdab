//! The parts that layers of decoders are put together from. Tensors of a layer share a prefix; a part reads
//! those of the names that llama.cpp gives them, and their biases where the file has some.

use sotto_plan::{Attention, CacheId, Gated, Growth, PlanBuilder, PlanError, Rope, ValueId, WeightId};

use crate::hyperparameters::LayerSizes;
use crate::{Hyperparameters, ModelError, Source};

/// One layer of the plan that is being built.
pub(crate) struct Layer<'s, 'a> {
    pub h: &'s Hyperparameters,
    pub b: &'s mut PlanBuilder<'a>,
    pub sizes: LayerSizes,
    prefix: String,
}

/// What attention does besides its projections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// `None` where positions do not turn queries and keys.
    pub rope: Option<Rope>,
    /// Multiplies `q . k`.
    pub scale: f32,
    /// Positions that a query sees.
    pub window: Option<u32>,
    pub softcap: Option<f32>,
    pub qk_norm: QkNorm,
    /// What multiplies rotated queries by their position.
    pub query_growth: Option<Growth>,
    /// Whether each head has a score without a value.
    pub sinks: bool,
    /// Whether `attn_q` has after each head's query as many rows for a gate, whose sigmoid multiplies the head's result.
    pub gated: bool,
    /// Where keys and values are kept for attention that looks both ways; `None` looks back, with a cache of its own.
    pub both_ways: Option<CacheId>,
}

impl Heads {
    /// Plain heads of `head_dim` elements.
    pub fn new(rope: Rope) -> Heads {
        Heads { rope: Some(rope), ..Heads::unturned(rope.head_dim) }
    }

    /// Plain heads that know no position.
    pub fn unturned(head_dim: usize) -> Heads {
        Heads {
            scale: 1.0 / (head_dim as f32).sqrt(),
            rope: None,
            window: None,
            softcap: None,
            qk_norm: QkNorm::None,
            query_growth: None,
            sinks: false,
            gated: false,
            both_ways: None,
        }
    }
}

/// RMS norms of queries and keys before RoPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QkNorm {
    None,
    /// Over each head by itself.
    Head,
    /// Over all heads together.
    Whole,
}

/// A mixture of experts in place of a feed-forward layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Experts {
    pub n_experts: usize,
    /// Experts a token.
    pub n_used: usize,
    /// Elements of an expert's inner state.
    pub hidden_dim: usize,
    pub kind: Gated,
    /// Whether the weights of those chosen are made to add up to 1.
    pub normalise: bool,
}

impl Experts {
    pub fn read(source: &Source<'_>, kind: Gated) -> Result<Experts, ModelError> {
        let keys = &source.keys;
        Ok(Experts {
            n_experts: keys.size("expert_count")?,
            n_used: keys.size("expert_used_count")?,
            hidden_dim: keys.size_or("expert_feed_forward_length", source.h.hidden_dim)?,
            kind,
            // What llama.cpp does where a file does not say.
            normalise: keys.flag_or("expert_weights_norm", true)?,
        })
    }
}

impl<'s, 'a> Layer<'s, 'a> {
    pub fn new(source: &'s mut Source<'a>, index: usize) -> Self {
        let sizes = source.h.layers[index];
        Layer { h: &source.h, b: &mut source.b, sizes, prefix: format!("blk.{index}.") }
    }

    /// What is outside of the layers, with the same parts.
    pub fn outside(source: &'s mut Source<'a>) -> Self {
        let sizes = source.h.widest_layer();
        Layer { h: &source.h, b: &mut source.b, sizes, prefix: String::new() }
    }

    /// An RMS norm over the whole state.
    pub fn norm(&mut self, name: &str, x: ValueId) -> Result<ValueId, PlanError> {
        self.norm_groups(name, x, self.h.dim)
    }

    /// A layer norm over the whole state, with a bias where the file has one.
    pub fn layer_norm(&mut self, name: &str, x: ValueId) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[self.h.dim])?;
        let bias = self.b.weight_if_present(&self.name(name, "bias"), &[self.h.dim])?;
        self.b.layer_norm(x, weight, bias, self.h.norm_eps)
    }

    /// Whether the file has `<name>.weight`.
    pub fn has(&self, name: &str) -> bool {
        self.b.shape_of(&self.name(name, "weight")).is_some()
    }

    /// RMS norms over groups of elements.
    pub fn norm_groups(&mut self, name: &str, x: ValueId, group: usize) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[group])?;
        self.b.rms_norm(x, weight, self.h.norm_eps)
    }

    /// A projection of `cols` to `rows` elements.
    pub fn linear(&mut self, name: &str, x: ValueId, [rows, cols]: [usize; 2]) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[rows, cols])?;
        let bias = self.b.weight_if_present(&self.name(name, "bias"), &[rows])?;
        self.b.linear(x, weight, bias)
    }

    /// Projections of `cols` elements to each of `parts`, whose rows lie one after the other in one tensor.
    pub fn fused_linear<const N: usize>(
        &mut self,
        name: &str,
        x: ValueId,
        parts: [usize; N],
        cols: usize,
    ) -> Result<[ValueId; N], PlanError> {
        let (weight_name, bias_name) = (self.name(name, "weight"), self.name(name, "bias"));
        let rows = parts.iter().sum();
        let has_bias = self.b.shape_of(&bias_name).is_some();
        let mut outs = [x; N];
        let mut first = 0;
        for (out, part) in outs.iter_mut().zip(parts) {
            let range = first..first + part;
            first += part;
            let weight = self.b.weight_rows(&weight_name, &[rows, cols], range.clone())?;
            let bias = has_bias.then(|| self.b.weight_rows(&bias_name, &[rows], range)).transpose()?;
            *out = self.b.linear(x, weight, bias)?;
        }
        Ok(outs)
    }

    /// Attention with its output projection. Queries, keys and values have a tensor each, or `attn_qkv`.
    pub fn attention(&mut self, x: ValueId, heads: &Heads) -> Result<ValueId, PlanError> {
        let LayerSizes { n_heads, n_kv_heads, .. } = self.sizes;
        let (dim, head_dim) = (self.h.dim, self.h.head_dim);
        let (q_dim, kv_dim) = (n_heads * head_dim, n_kv_heads * head_dim);
        let fused = self.b.shape_of(&self.name("attn_qkv", "weight")).is_some();
        let [mut q, mut k, v] = if fused {
            self.fused_linear("attn_qkv", x, [q_dim, kv_dim, kv_dim], dim)?
        } else {
            [
                self.linear("attn_q", x, [if heads.gated { 2 * q_dim } else { q_dim }, dim])?,
                self.linear("attn_k", x, [kv_dim, dim])?,
                self.linear("attn_v", x, [kv_dim, dim])?,
            ]
        };
        let mut gate = None;
        if heads.gated {
            gate = Some(self.b.group_part(q, 2 * head_dim, head_dim..2 * head_dim)?);
            q = self.b.group_part(q, 2 * head_dim, 0..head_dim)?;
        }
        let groups = match heads.qk_norm {
            QkNorm::None => None,
            QkNorm::Head => Some([head_dim, head_dim]),
            QkNorm::Whole => Some([q_dim, kv_dim]),
        };
        if let Some([q_group, k_group]) = groups {
            q = self.norm_groups("attn_q_norm", q, q_group)?;
            k = self.norm_groups("attn_k_norm", k, k_group)?;
        }
        if let Some(rope) = heads.rope {
            q = self.b.rope(q, Rope { growth: heads.query_growth, ..rope })?;
            k = self.b.rope(k, rope)?;
        }
        let cache = heads.both_ways.unwrap_or_else(|| self.b.cache(n_kv_heads, head_dim));
        self.b.kv_write(k, v, cache)?;
        let sinks = match heads.sinks {
            true => Some(self.b.weight(&self.name("attn_sinks", "weight"), &[n_heads])?),
            false => None,
        };
        let Heads { scale, window, softcap, .. } = *heads;
        let causal = heads.both_ways.is_none();
        let attention = Attention { n_heads, scale, causal, window, softcap, sinks };
        let mut mixed = self.b.attention(q, cache, attention)?;
        if let Some(gate) = gate {
            mixed = self.b.gated(Gated::Sigmoid, gate, mixed)?;
        }
        self.linear("attn_output", mixed, [dim, q_dim])
    }

    /// A gated feed-forward layer. Gate and input have a tensor each, or share `ffn_up`, the gate first.
    pub fn feed_forward(&mut self, x: ValueId, kind: Gated) -> Result<ValueId, PlanError> {
        let (dim, hidden) = (self.h.dim, self.sizes.hidden_dim);
        let fused = self.b.shape_of(&self.name("ffn_gate", "weight")).is_none();
        let [gate, up] = if fused {
            self.fused_linear("ffn_up", x, [hidden, hidden], dim)?
        } else {
            [self.linear("ffn_gate", x, [hidden, dim])?, self.linear("ffn_up", x, [hidden, dim])?]
        };
        let inner = self.b.gated(kind, gate, up)?;
        self.linear("ffn_down", inner, [dim, hidden])
    }

    /// A mixture of experts: each token goes through the few that a projection chooses, and their results are
    /// added with the weights it gives.
    pub fn experts(&mut self, x: ValueId, experts: &Experts) -> Result<ValueId, PlanError> {
        let &Experts { n_experts, n_used, hidden_dim, kind, normalise } = experts;
        let dim = self.h.dim;
        let logits = self.linear("ffn_gate_inp", x, [n_experts, dim])?;
        let routes = self.b.route(logits, n_used, normalise)?;
        let gate = self.expert_linear("ffn_gate_exps", x, routes, [n_experts, hidden_dim, dim])?;
        let up = self.expert_linear("ffn_up_exps", x, routes, [n_experts, hidden_dim, dim])?;
        let inner = self.b.gated(kind, gate, up)?;
        let outs = self.expert_linear("ffn_down_exps", inner, routes, [n_experts, dim, hidden_dim])?;
        self.b.expert_sum(outs, routes)
    }

    fn expert_linear(
        &mut self,
        name: &str,
        x: ValueId,
        routes: ValueId,
        [n_experts, rows, cols]: [usize; 3],
    ) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[n_experts, rows, cols])?;
        let bias = self.b.weight_if_present(&self.name(name, "bias"), &[n_experts, rows])?;
        self.b.expert_linear(x, routes, n_experts, weight, bias)
    }

    /// A tensor of this layer that must be there.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> Result<WeightId, PlanError> {
        self.b.weight(&self.name(name, "weight"), shape)
    }

    /// A tensor of this layer under its whole name.
    pub fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<WeightId, PlanError> {
        self.b.weight(&format!("{}{name}", self.prefix), shape)
    }

    fn name(&self, name: &str, kind: &str) -> String {
        format!("{}{name}.{kind}", self.prefix)
    }
}
