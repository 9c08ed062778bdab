//! Granite 3: Llama with constants that multiply the embeddings, the attention scores and what each part adds to the
//! state, and one that divides the logits.
//! Source: IBM, "Granite 3.0 Language Models", 2024.

use sotto_plan::{Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Adjacent)?;
    let keys = &source.keys;
    let plain = Heads::new(rope);
    let scale = keys.f32_or("attention.scale", plain.scale)?;
    let heads = |_| Heads { scale, ..plain };
    let variant = Variant {
        embedding_scale: keys.f32_or("embedding_scale", 1.0)?,
        residual_scale: keys.f32_or("residual_scale", 1.0)?,
        logit_scale: 1.0 / if keys.has("logit_scale") { keys.positive("logit_scale")? } else { 1.0 },
        ..Variant::new(&heads)
    };
    decoder::plan(source, &variant)
}
