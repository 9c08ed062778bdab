//! Phi-3, Phi-3.5 and Phi-4-mini: Llama with queries, keys and values in one tensor and gate and input in another
//! (layers read either), LongRoPE, RoPE over part of a head, and a sliding window.
//! Source: "Phi-3 Technical Report", 2024.

use sotto_plan::{Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let windows = source.keys.windows(source.h.n_layers)?;
    let heads = |index: usize| Heads { window: windows[index], ..Heads::new(rope) };
    decoder::plan(source, &Variant::new(&heads))
}
