//! Qwen3.5: most layers have linear attention by the gated delta rule in place of attention, behind a short convolution; in
//! the others a gate says how much of each head's result goes on.
//! Source: transformers' `modeling_qwen3_5.py`; llama.cpp's `qwen35.cpp`. A text has one position a token, and so the RoPE of
//! three axes that the model has for images is the plain one.

use sotto_plan::{DeltaNet, Gated, Map, Plan, PlanError, RopeLayout, ValueId};

use crate::layer::{Heads, Layer, QkNorm};
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let heads = Heads { qk_norm: QkNorm::Head, gated: true, ..Heads::new(rope) };
    let keys = &source.keys;
    let n_v_heads = keys.size("ssm.time_step_rank")?;
    let net = DeltaNet {
        n_k_heads: keys.size("ssm.group_count")?,
        n_v_heads,
        k_dim: keys.size("ssm.state_size")?,
        v_dim: (keys.size("ssm.inner_size")? / n_v_heads).max(1),
    };
    let taps = keys.size("ssm.conv_kernel")?;
    let linear = match keys.has("attention.recurrent_layers") {
        true => keys.pattern_of_first("attention.recurrent_layers", source.h.n_layers)?,
        false => keys.pattern("full_attention_interval", source.h.n_layers, 4)?,
    };

    let mut x = source.embed(1.0)?;
    for (index, linear) in linear.into_iter().enumerate() {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = match linear {
            true => delta_net(&mut layer, normed, net, taps)?,
            false => layer.attention(normed, &heads)?,
        };
        x = layer.b.add(x, mixed)?;

        x = source.select_in_last_layer(index, x);
        let mut layer = source.layer(index);
        let normed = layer.norm("post_attention_norm", x)?;
        let inner = layer.feed_forward(normed, Gated::Silu)?;
        x = layer.b.add(x, inner)?;
    }
    let logits = source.logits(x, "output_norm.weight")?;
    Ok(source.finish(logits))
}

fn delta_net(
    layer: &mut Layer<'_, '_>,
    x: ValueId,
    net: DeltaNet,
    taps: usize,
) -> Result<ValueId, PlanError> {
    let (dim, heads) = (layer.h.dim, net.n_v_heads);
    let inner = heads * net.v_dim;
    let mixed = layer.linear("attn_qkv", x, [net.width(), dim])?;
    let z = layer.linear("attn_gate", x, [inner, dim])?;
    let b = layer.linear("ssm_beta", x, [heads, dim])?;
    let a = layer.linear("ssm_alpha", x, [heads, dim])?;
    let weight = layer.weight("ssm_conv1d", &[net.width(), taps])?;
    let mixed = layer.b.short_conv(mixed, weight)?;
    let mixed = layer.b.map(Map::Silu, mixed);
    let decay = layer.tensor("ssm_a", &[heads])?;
    let bias = layer.tensor("ssm_dt.bias", &[heads])?;
    let out = layer.b.delta_net([mixed, a, b], decay, bias, net)?;
    let normed = layer.norm_groups("ssm_norm", out, net.v_dim)?;
    let gated = layer.b.gated(Gated::Silu, z, normed)?;
    layer.linear("ssm_out", gated, [dim, inner])
}
