//! Gemma 3 (text): five layers with a sliding window, then one that sees all; the two kinds have a RoPE each, and
//! only that of the second is stretched. Queries and keys are normed head by head.
//! Source: "Gemma 3 Technical Report", 2025.

use sotto_plan::{Plan, Rope, RopeLayout};

use crate::layer::{Heads, QkNorm};
use crate::rope::{rope, unscaled};
use crate::{ModelError, Source, gemma};

/// Layers of Gemma 3 27B.
const LAYERS_OF_27B: usize = 62;
/// Of so many layers, all but the last see a window.
const WINDOW_PERIOD: usize = 6;

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let far = rope(&mut source, RopeLayout::Halves)?;
    let near = unscaled(&mut source, RopeLayout::Halves)?;
    let keys = &source.keys;
    let near = Rope { base: keys.f32_or("rope.freq_base_swa", 10_000.0)?, ..near };
    let window = keys.window()?;
    let windowed = keys.pattern("attention.sliding_window_pattern", source.h.n_layers, WINDOW_PERIOD)?;
    let logit_softcap = keys.f32_opt("final_logit_softcapping")?;
    let scale = gemma::attention_scale(&source, LAYERS_OF_27B)?;
    let heads = |index: usize| Heads {
        scale,
        window: window.filter(|_| windowed[index]),
        qk_norm: QkNorm::Head,
        ..Heads::new(if windowed[index] { near } else { far })
    };
    gemma::plan(source, &heads, logit_softcap)
}
