//! Qwen2 and Qwen2.5, and DeepSeek-R1's Qwen distills: Llama with biases on queries, keys and values (read
//! wherever the file has them) and RoPE pairs half a head apart.
//! Source: "Qwen2 Technical Report", 2024.

use sotto_plan::{Plan, PlanBuilder, RopeLayout};

use crate::{Hyperparameters, ModelError, decoder};

pub(crate) fn plan(h: &Hyperparameters, b: PlanBuilder<'_>) -> Result<Plan, ModelError> {
    let variant = decoder::Variant { rope_layout: RopeLayout::Halves, qk_norm: false };
    Ok(decoder::plan(h, b, &variant)?)
}
