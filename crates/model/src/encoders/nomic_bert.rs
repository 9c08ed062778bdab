//! Nomic Embed's encoder: BERT with RoPE in the place of position embeddings, and a gated feed-forward layer.
//! Source: Nussbaum et al., "Nomic Embed", 2024; llama.cpp's `nomic-bert` files, whose names these are.

use sotto_plan::{Plan, RopeLayout};

use super::parts::{embedding, finish, gate, heads};
use crate::rope::rope;
use crate::{ModelError, Source, Task};

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    let gate = gate(&source, "silu")?;
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let mut x = embedding(&mut source)?;
    x = source.outside().layer_norm("token_embd_norm", x)?;
    let heads = heads(&mut source, Some(rope), None);
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let mixed = layer.attention(x, &heads)?;
        x = layer.b.add(x, mixed)?;
        x = layer.layer_norm("attn_output_norm", x)?;
        let out = layer.feed_forward(x, gate)?;
        x = layer.b.add(x, out)?;
        x = layer.layer_norm("layer_output_norm", x)?;
    }
    finish(source, x)
}
