//! OLMo 2: the norms come after attention and feed-forward, before their results are added to the state, and
//! queries and keys are normed over all heads together. OLMo 3's files say `olmo2` too: most of its layers see a sliding
//! window, and only the RoPE of the others is stretched.
//! Source: OLMo et al., "2 OLMo 2 Furious", 2024; "Olmo 3", 2025.

use sotto_plan::{Gated, Plan, RopeLayout};

use crate::layer::{Heads, QkNorm};
use crate::rope::{rope, unscaled};
use crate::{ModelError, Source};

/// Of so many layers, all but the last see a window, where there is one.
const WINDOW_PERIOD: usize = 4;

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let far = Heads { qk_norm: QkNorm::Whole, ..Heads::new(rope(&mut source, RopeLayout::Halves)?) };
    let near = Heads { rope: Some(unscaled(&mut source, RopeLayout::Halves)?), ..far };
    let near = Heads { window: source.keys.window()?, ..near };
    let pattern = "attention.sliding_window_pattern";
    let windowed = source.keys.pattern(pattern, source.h.n_layers, WINDOW_PERIOD)?;

    let heads = |index: usize| if near.window.is_some() && windowed[index] { &near } else { &far };

    let mut x = source.embed(1.0)?;
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let mixed = layer.attention(x, heads(index))?;
        let mixed = layer.norm("post_attention_norm", mixed)?;
        x = layer.b.add(x, mixed)?;

        x = source.select_in_last_layer(index, x);
        let mut layer = source.layer(index);
        let inner = layer.feed_forward(x, Gated::Silu)?;
        let inner = layer.norm("post_ffw_norm", inner)?;
        x = layer.b.add(x, inner)?;
    }
    let logits = source.logits(x, "output_norm.weight")?;
    Ok(source.finish(logits))
}
