//! ModernBERT: norms before, RoPE, GeGLU, and attention within a band in all layers but each third, which has a RoPE
//! base of its own.
//! Source: Warner et al., "Smarter, Better, Faster, Longer", 2024; llama.cpp's `modern-bert` files, whose names these are.

use sotto_plan::{Plan, Rope, RopeLayout};

use super::parts::{embedding, finish, gate, heads};
use crate::rope::unscaled;
use crate::{ModelError, Source, Task};

/// Of so many layers, all but the first attend within the band.
const BAND_PERIOD: usize = 3;

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    let gate = gate(&source, "gelu")?;
    // Of all positions in the band, half are to each side.
    let band = source.keys.u32_or("attention.sliding_window", 128)?;
    let banded = source.keys.pattern_after_first(
        "attention.sliding_window_pattern",
        source.h.n_layers,
        BAND_PERIOD,
    )?;
    let wide = unscaled(&mut source, RopeLayout::Halves)?;
    let narrow = Rope { base: source.keys.f32_or("rope.freq_base_swa", 10_000.0)?, ..wide };
    let mut x = embedding(&mut source)?;
    x = source.outside().layer_norm("token_embd_norm", x)?;
    let everywhere = heads(&mut source, Some(wide), None);
    let nearby = heads(&mut source, Some(narrow), Some(band / 2 + 1));
    for (index, banded) in banded.into_iter().enumerate() {
        let mut layer = source.layer(index);
        // The embedding's norm stands before the first layer already.
        let normed = if layer.has("attn_norm") { layer.layer_norm("attn_norm", x)? } else { x };
        let mixed = layer.attention(normed, if banded { &nearby } else { &everywhere })?;
        x = layer.b.add(x, mixed)?;
        let normed = layer.layer_norm("ffn_norm", x)?;
        let out = layer.feed_forward(normed, gate)?;
        x = layer.b.add(x, out)?;
    }
    let x = source.outside().layer_norm("output_norm", x)?;
    finish(source, x)
}
