//! LFM2: most layers mix neighbouring tokens with a short gated convolution in place of attention; the layers that have
//! key/value heads are those with attention, whose queries and keys are normed head by head.
//! Source: Liquid AI, LFM2 (transformers' `modeling_lfm2.py`).

use sotto_plan::{Gated, Plan, PlanError, RopeLayout, ValueId};

use crate::layer::{Heads, Layer, QkNorm};
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let taps = source.keys.size("shortconv.l_cache")?;
    let heads = Heads { qk_norm: QkNorm::Head, ..Heads::new(rope) };

    let mut x = source.embed(1.0)?;
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = match layer.sizes.n_kv_heads {
            0 => short_conv(&mut layer, normed, taps)?,
            _ => layer.attention(normed, &heads)?,
        };
        x = layer.b.add(x, mixed)?;

        x = source.select_in_last_layer(index, x);
        let mut layer = source.layer(index);
        let normed = layer.norm("ffn_norm", x)?;
        let inner = layer.feed_forward(normed, Gated::Silu)?;
        x = layer.b.add(x, inner)?;
    }
    let logits = source.logits(x, "token_embd_norm.weight")?;
    Ok(source.finish(logits))
}

/// `out_proj(c * conv(b * x))` with `b`, `c` and `x` one after the other in one projection.
fn short_conv(layer: &mut Layer<'_, '_>, x: ValueId, taps: usize) -> Result<ValueId, PlanError> {
    let dim = layer.h.dim;
    let [b, c, x] = layer.fused_linear("shortconv.in_proj", x, [dim; 3], dim)?;
    let gated = layer.b.gated(Gated::Product, b, x)?;
    let weight = layer.weight("shortconv.conv", &[dim, taps])?;
    let mixed = layer.b.short_conv(gated, weight)?;
    let gated = layer.b.gated(Gated::Product, c, mixed)?;
    layer.linear("shortconv.out_proj", gated, [dim, dim])
}
