//! Qwen3 (dense): Qwen2 without biases, with an RMS norm over each query and key head before RoPE.
//! Source: "Qwen3 Technical Report", 2025.

use sotto_plan::{Plan, PlanBuilder, RopeLayout};

use crate::{Hyperparameters, ModelError, decoder};

pub(crate) fn plan(h: &Hyperparameters, b: PlanBuilder<'_>) -> Result<Plan, ModelError> {
    let variant = decoder::Variant { rope_layout: RopeLayout::Halves, qk_norm: true };
    Ok(decoder::plan(h, b, &variant)?)
}
