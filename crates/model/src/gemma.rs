//! The decoder that Gemma 2 and 3 share: norms before and after attention and feed-forward, embeddings times
//! `sqrt(dim)`, GELU. Gemma's norms multiply by `1 + weight`; files hold the sum.
//! Source: "Gemma 2", 2024; "Gemma 3 Technical Report", 2025.

use sotto_plan::{Gated, Map, Plan};

use crate::layer::Heads;
use crate::{ModelError, Source};

/// The plan of a Gemma with these heads in each layer.
pub(crate) fn plan(
    mut source: Source<'_>,
    heads: &dyn Fn(usize) -> Heads,
    logit_softcap: Option<f32>,
) -> Result<Plan, ModelError> {
    let mut x = source.embed((source.h.dim as f32).sqrt())?;
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = layer.attention(normed, &heads(index))?;
        let mixed = layer.norm("post_attention_norm", mixed)?;
        x = layer.b.add(x, mixed)?;

        x = source.select_in_last_layer(index, x);
        let mut layer = source.layer(index);
        let normed = layer.norm("ffn_norm", x)?;
        let inner = layer.feed_forward(normed, Gated::GeluTanh)?;
        let inner = layer.norm("post_ffw_norm", inner)?;
        x = layer.b.add(x, inner)?;
    }
    let logits = source.logits(x, "output_norm.weight")?;
    let logits = match logit_softcap {
        Some(cap) => source.b.map(Map::Softcap(cap), logits),
        None => logits,
    };
    Ok(source.finish(logits))
}

/// Multiplies `q . k`: `1 / sqrt(head_dim)`, but for the 27B models, where it is `1 / sqrt(dim / n_heads)`. GGUF files seldom
/// state it; llama.cpp too knows those models by their number of layers. What a `config.json` says of it goes first.
pub(crate) fn attention_scale(source: &Source<'_>, layers_of_27b: usize) -> Result<f32, ModelError> {
    let h = &source.h;
    let width = if h.n_layers == layers_of_27b { h.dim / h.n_heads } else { h.head_dim };
    source.keys.f32_or("attention.scale", 1.0 / (width as f32).sqrt())
}
