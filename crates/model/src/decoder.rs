//! The pre-norm decoder that Llama and its kin share: in each layer attention and then a feed-forward layer, each over a
//! norm of the state and added to it. An architecture says how its parts differ.

use sotto_plan::{Gated, Plan};

use crate::layer::{Experts, Heads};
use crate::{ModelError, Source};

/// How an architecture differs from Llama.
pub(crate) struct Variant<'v> {
    /// The attention of a layer, by its index.
    pub heads: &'v dyn Fn(usize) -> Heads,
    /// The name of the norm before the feed-forward layer.
    pub ffn_norm: &'static str,
    /// A mixture of experts in place of each feed-forward layer.
    pub experts: Option<Experts>,
    /// Multiplies the embeddings.
    pub embedding_scale: f32,
    /// Multiplies what each part adds to the state.
    pub residual_scale: f32,
    /// Multiplies the logits.
    pub logit_scale: f32,
}

impl<'v> Variant<'v> {
    /// Llama itself, with these heads.
    pub fn new(heads: &'v dyn Fn(usize) -> Heads) -> Self {
        Variant {
            heads,
            ffn_norm: "ffn_norm",
            experts: None,
            embedding_scale: 1.0,
            residual_scale: 1.0,
            logit_scale: 1.0,
        }
    }
}

/// Embedding, layers, final norm, output projection.
pub(crate) fn plan(mut source: Source<'_>, variant: &Variant<'_>) -> Result<Plan, ModelError> {
    let mut x = source.embed(variant.embedding_scale)?;
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = layer.attention(normed, &(variant.heads)(index))?;
        let mixed = layer.b.scale(mixed, variant.residual_scale);
        x = layer.b.add(x, mixed)?;

        x = source.select_in_last_layer(index, x);
        let mut layer = source.layer(index);
        let normed = layer.norm(variant.ffn_norm, x)?;
        let inner = match &variant.experts {
            Some(experts) => layer.experts(normed, experts)?,
            None => layer.feed_forward(normed, Gated::Silu)?,
        };
        let inner = layer.b.scale(inner, variant.residual_scale);
        x = layer.b.add(x, inner)?;
    }
    let logits = source.logits(x, "output_norm.weight")?;
    let logits = source.b.scale(logits, variant.logit_scale);
    Ok(source.finish(logits))
}
