//! `sotto-encoder`: the bundled token classifiers (`models/pii-mini`). Llama's block (RMS norms before, RoPE with pairs half
//! a head apart, SwiGLU) with attention that looks both ways within a band, and a classifier in the place of the
//! output projection. `attention.sliding_window` counts the positions seen on each side.

use sotto_plan::{Gated, Plan, RopeLayout};

use super::parts::{embedding, finish, heads};
use crate::rope::rope;
use crate::{ModelError, Source, Task};

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    const CAUSAL: &str = "attention.causal";
    if source.keys.flag_or(CAUSAL, false)? {
        return Err(source.keys.unsupported(CAUSAL, "true".to_owned(), "false"));
    }
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let window = source.keys.window()?.map(|side| side.saturating_add(1));
    let mut x = embedding(&mut source)?;
    let heads = heads(&mut source, Some(rope), window);
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = layer.attention(normed, &heads)?;
        x = layer.b.add(x, mixed)?;
        let normed = layer.norm("ffn_norm", x)?;
        let out = layer.feed_forward(normed, Gated::Silu)?;
        x = layer.b.add(x, out)?;
    }
    let x = source.outside().norm("output_norm", x)?;
    finish(source, x)
}
