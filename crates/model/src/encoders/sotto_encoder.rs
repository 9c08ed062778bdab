//! `sotto-encoder`: the bundled token classifiers (`models/pii-mini`). Llama's block (RMS norms before, RoPE with pairs half
//! a head apart, SwiGLU) with attention that looks both ways within a band, and a classifier in the place of the
//! output projection. `attention.sliding_window` counts the positions seen on each side.

use sotto_format::ModelFile;
use sotto_plan::{Gated, Plan, PlanBuilder, Rope, RopeLayout};

use super::parts::{Layer, finish};
use crate::{Hyperparameters, ModelError, Task};

pub(super) fn plan(
    h: &Hyperparameters,
    file: &ModelFile,
    mut b: PlanBuilder<'_>,
) -> Result<(Plan, Task), ModelError> {
    let key = |name: &str| format!("{}.{name}", h.architecture);
    if file.metadata.bool_or(&key("attention.causal"), false)? {
        return Err(ModelError::UnsupportedSetting {
            key: key("attention.causal"),
            value: "true".to_owned(),
            supported: "false",
        });
    }
    let side = file.metadata.u32_opt(&key("attention.sliding_window"))?;
    let window = side.map(|side| side.saturating_add(1));
    let rope = Rope {
        head_dim: h.head_dim,
        rotary_dim: h.rotary_dim,
        layout: RopeLayout::Halves,
        base: h.rope_base,
        position_scale: h.rope_position_scale,
        magnitude: 1.0,
        growth: None,
        factors: None,
    };
    let table = b.weight("token_embd.weight", &[h.vocab_size, h.dim])?;
    let cache = b.cache(h.n_kv_heads, h.head_dim);
    let (q_dim, kv_dim) = (h.n_heads * h.head_dim, h.n_kv_heads * h.head_dim);
    let mut x = b.embed(table, 1.0);
    for index in 0..h.n_layers {
        let mut layer = Layer { b: &mut b, prefix: format!("blk.{index}.") };
        let normed = layer.rms_norm("attn_norm", x, h)?;
        let q = layer.linear("attn_q", normed, q_dim, h.dim)?;
        let k = layer.linear("attn_k", normed, kv_dim, h.dim)?;
        let v = layer.linear("attn_v", normed, kv_dim, h.dim)?;
        let (q, k) = (layer.b.rope(q, rope)?, layer.b.rope(k, rope)?);
        let mixed = layer.attention(h, [q, k, v], cache, window)?;
        let mixed = layer.linear("attn_output", mixed, h.dim, q_dim)?;
        x = layer.b.add(x, mixed)?;

        let normed = layer.rms_norm("ffn_norm", x, h)?;
        let gate = layer.linear("ffn_gate", normed, h.hidden_dim, h.dim)?;
        let up = layer.linear("ffn_up", normed, h.hidden_dim, h.dim)?;
        let inner = layer.b.gated(Gated::Silu, gate, up)?;
        let inner = layer.linear("ffn_down", inner, h.dim, h.hidden_dim)?;
        x = layer.b.add(x, inner)?;
    }
    let x = b.select_outputs(x);
    let norm = b.weight("output_norm.weight", &[h.dim])?;
    let x = b.rms_norm(x, norm, h.norm_eps)?;
    finish(h, file, b, x)
}
