//! The pre-norm decoder that Llama and its kin share. An architecture says how its parts differ.

use sotto_plan::{Attention, Gated, Plan, PlanBuilder, PlanError, Rope, RopeLayout, ValueId};

use crate::Hyperparameters;

/// How an architecture differs from Llama.
pub(crate) struct Variant {
    pub rope_layout: RopeLayout,
    /// RMS norm over each query and key head before RoPE.
    pub qk_norm: bool,
}

/// Embedding, `n_layers` of attention and gated feed-forward, final norm, output projection.
pub(crate) fn plan(
    h: &Hyperparameters,
    mut b: PlanBuilder<'_>,
    variant: &Variant,
) -> Result<Plan, PlanError> {
    let table = b.weight("token_embd.weight", &[h.vocab_size, h.dim])?;
    let factors = b.weight_if_present("rope_freqs.weight", &[h.rotary_dim / 2])?;
    let rope = Rope {
        head_dim: h.head_dim,
        rotary_dim: h.rotary_dim,
        layout: variant.rope_layout,
        base: h.rope_base,
        position_scale: h.rope_position_scale,
        magnitude: 1.0,
        factors,
    };
    let mut x = b.embed(table, 1.0);
    for index in 0..h.n_layers {
        let mut layer = Layer { h, b: &mut b, prefix: format!("blk.{index}.") };
        x = layer.attention(x, rope, variant)?;
        if index + 1 == h.n_layers {
            x = layer.b.select_outputs(x);
        }
        x = layer.feed_forward(x)?;
    }
    let norm = b.weight("output_norm.weight", &[h.dim])?;
    let x = b.rms_norm(x, norm, h.norm_eps)?;
    // A file without an output projection ties it to the embedding table.
    let head = b.weight_if_present("output.weight", &[h.vocab_size, h.dim])?.unwrap_or(table);
    let bias = b.weight_if_present("output.bias", &[h.vocab_size])?;
    let logits = b.linear(x, head, bias)?;
    Ok(b.finish(logits))
}

/// One transformer layer's tensors share a prefix.
struct Layer<'a, 't> {
    h: &'a Hyperparameters,
    b: &'a mut PlanBuilder<'t>,
    prefix: String,
}

impl Layer<'_, '_> {
    fn attention(&mut self, x: ValueId, rope: Rope, variant: &Variant) -> Result<ValueId, PlanError> {
        let h = self.h;
        let (q_dim, kv_dim) = (h.n_heads * h.head_dim, h.n_kv_heads * h.head_dim);
        let normed = self.norm("attn_norm", x, h.dim)?;
        let mut q = self.linear("attn_q", normed, q_dim, h.dim)?;
        let mut k = self.linear("attn_k", normed, kv_dim, h.dim)?;
        let v = self.linear("attn_v", normed, kv_dim, h.dim)?;
        if variant.qk_norm {
            q = self.norm("attn_q_norm", q, h.head_dim)?;
            k = self.norm("attn_k_norm", k, h.head_dim)?;
        }
        let q = self.b.rope(q, rope)?;
        let k = self.b.rope(k, rope)?;
        let cache = self.b.cache(h.n_kv_heads, h.head_dim);
        self.b.kv_write(k, v, cache)?;
        let attention = Attention {
            n_heads: h.n_heads,
            scale: 1.0 / (h.head_dim as f32).sqrt(),
            causal: true,
            window: None,
            softcap: None,
        };
        let mixed = self.b.attention(q, cache, attention)?;
        let out = self.linear("attn_output", mixed, h.dim, q_dim)?;
        self.b.add(x, out)
    }

    fn feed_forward(&mut self, x: ValueId) -> Result<ValueId, PlanError> {
        let h = self.h;
        let normed = self.norm("ffn_norm", x, h.dim)?;
        let gate = self.linear("ffn_gate", normed, h.hidden_dim, h.dim)?;
        let up = self.linear("ffn_up", normed, h.hidden_dim, h.dim)?;
        let inner = self.b.gated(Gated::Silu, gate, up)?;
        let out = self.linear("ffn_down", inner, h.dim, h.hidden_dim)?;
        self.b.add(x, out)
    }

    fn norm(&mut self, name: &str, x: ValueId, group: usize) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&format!("{}{name}.weight", self.prefix), &[group])?;
        self.b.rms_norm(x, weight, self.h.norm_eps)
    }

    fn linear(&mut self, name: &str, x: ValueId, rows: usize, cols: usize) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&format!("{}{name}.weight", self.prefix), &[rows, cols])?;
        let bias = self.b.weight_if_present(&format!("{}{name}.bias", self.prefix), &[rows])?;
        self.b.linear(x, weight, bias)
    }
}
