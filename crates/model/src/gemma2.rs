//! Gemma 2: every other layer, the first among them, sees a sliding window; scores and logits are capped.
//! Source: "Gemma 2: Improving Open Language Models at a Practical Size", 2024.

use sotto_plan::{Plan, RopeLayout};

use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source, gemma};

/// Layers of Gemma 2 27B.
const LAYERS_OF_27B: usize = 46;
/// Of so many layers, all but the last see a window.
const WINDOW_PERIOD: usize = 2;

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let keys = &source.keys;
    let window = keys.window()?;
    let windowed = keys.pattern("attention.sliding_window_pattern", source.h.n_layers, WINDOW_PERIOD)?;
    let softcap = keys.f32_opt("attn_logit_softcapping")?;
    let logit_softcap = keys.f32_opt("final_logit_softcapping")?;
    let scale = gemma::attention_scale(&source, LAYERS_OF_27B)?;
    let heads = |index: usize| Heads {
        scale,
        window: window.filter(|_| windowed[index]),
        softcap,
        ..Heads::new(rope)
    };
    gemma::plan(source, &heads, logit_softcap)
}
