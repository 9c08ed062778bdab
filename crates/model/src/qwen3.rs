//! Qwen3: Qwen2 without biases, with an RMS norm over each query and key head before RoPE; and Qwen3-MoE, whose
//! feed-forward layers are mixtures of experts.
//! Source: "Qwen3 Technical Report", 2025.

use sotto_plan::{Gated, Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::{Experts, Heads, QkNorm};
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let heads = |_| Heads { qk_norm: QkNorm::Head, ..Heads::new(rope) };
    decoder::plan(source, &Variant::new(&heads))
}

pub(crate) fn plan_moe(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    let experts = Some(Experts::read(&source, Gated::Silu)?);
    let heads = |_| Heads { qk_norm: QkNorm::Head, ..Heads::new(rope) };
    decoder::plan(source, &Variant { experts, ..Variant::new(&heads) })
}
