//! Ministral 3 and the Mistrals whose files say `mistral3`: Llama, with YaRN, and queries that grow with the logarithm of
//! their position beyond the context of the first training.
//! Source: Mistral AI, Ministral 3, 2025 (transformers' `modeling_ministral3.py`).

use sotto_plan::{Growth, Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Adjacent)?;
    let keys = &source.keys;
    let beta = keys.f32_or("attention.temperature_scale", 0.0)?;
    let growth = match beta {
        0.0 => None,
        _ => {
            let interval = keys.size("rope.scaling.original_context_length")? as u32;
            Some(Growth { beta, interval })
        }
    };
    let windows = keys.windows(source.h.n_layers)?;
    let heads = |index: usize| Heads { window: windows[index], query_growth: growth, ..Heads::new(rope) };
    decoder::plan(source, &Variant::new(&heads))
}
