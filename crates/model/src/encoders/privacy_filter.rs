//! `openai/privacy-filter`: gpt-oss turned into a classifier of tokens. All layers attend both ways within a band
//! (`attention.sliding_window` positions to each side) and have a score without a value in each head's softmax; feed-forward
//! layers are mixtures of experts with biases and a clamped SwiGLU; RoPE pairs are adjacent, and stretched by YaRN
//! whose range is not rounded.
//! Source: transformers' `openai_privacy_filter`.

use sotto_plan::{Gated, Plan, RopeLayout};

use super::parts::{embedding, finish, heads};
use crate::layer::{Experts, Heads};
use crate::rope::{YarnRange, rope_with};
use crate::{ModelError, Source, Task};

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    let rope = rope_with(&mut source, RopeLayout::Adjacent, YarnRange::Fractional)?;
    let window = source.keys.window()?.map(|side| side.saturating_add(1));
    let experts = Experts::read(&source, Gated::SwigluClamped)?;
    let mut x = embedding(&mut source)?;
    let heads = Heads { sinks: true, ..heads(&mut source, Some(rope), window) };
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let normed = layer.norm("attn_norm", x)?;
        let mixed = layer.attention(normed, &heads)?;
        x = layer.b.add(x, mixed)?;
        let normed = layer.norm("ffn_norm", x)?;
        let out = layer.experts(normed, &experts)?;
        x = layer.b.add(x, out)?;
    }
    let x = source.outside().norm("output_norm", x)?;
    finish(source, x)
}
