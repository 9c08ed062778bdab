//! Llama 2 and 3, and every model whose file says `llama` (Mistral 7B v0.2 and later, SmolLM2, TinyLlama,
//! DeepSeek-R1's Llama distills). llama.cpp's converter permutes queries and keys so that RoPE pairs are
//! adjacent. Llama 3.1's frequency scaling comes as `rope_freqs.weight`.
//! Source: Touvron et al., "Llama 2", 2023; ggml's docs/gguf.md.

use sotto_plan::{Plan, PlanBuilder, RopeLayout};

use crate::{Hyperparameters, ModelError, decoder};

pub(crate) fn plan(h: &Hyperparameters, b: PlanBuilder<'_>) -> Result<Plan, ModelError> {
    let variant = decoder::Variant { rope_layout: RopeLayout::Adjacent, qk_norm: false };
    Ok(decoder::plan(h, b, &variant)?)
}
