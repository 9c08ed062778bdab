//! gpt-oss: every other layer, the first among them, sees a sliding window; each head has a score without a value in its
//! softmax; feed-forward layers are mixtures of experts with biases and a clamped SwiGLU; RoPE is stretched by YaRN,
//! whose range is not rounded to whole pairs.
//! Source: OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025, and its reference code.

use sotto_plan::{Gated, Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::{Experts, Heads};
use crate::rope::{YarnRange, rope_with};
use crate::{ModelError, Source};

/// Of so many layers, all but the last see a window.
const WINDOW_PERIOD: usize = 2;

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope_with(&mut source, RopeLayout::Halves, YarnRange::Fractional)?;
    let keys = &source.keys;
    let window = keys.window()?;
    let windowed = keys.pattern("attention.sliding_window_pattern", source.h.n_layers, WINDOW_PERIOD)?;
    let experts = Some(Experts::read(&source, Gated::SwigluClamped)?);
    let heads =
        |index: usize| Heads { window: window.filter(|_| windowed[index]), sinks: true, ..Heads::new(rope) };
    decoder::plan(source, &Variant { ffn_norm: "post_attention_norm", experts, ..Variant::new(&heads) })
}
