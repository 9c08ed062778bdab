//! Llama 2 and 3, and every model whose file says `llama` (Mistral 7B, SmolLM2, TinyLlama, DeepSeek-R1's Llama
//! distills; Mixtral, whose feed-forward layers are mixtures of experts). llama.cpp's converter permutes queries and
//! keys so that RoPE pairs are adjacent. Llama 3.1's frequency scaling comes as `rope_freqs.weight`.
//! Source: Touvron et al., "Llama 2", 2023; ggml's docs/gguf.md.

use sotto_plan::{Gated, Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::{Experts, Heads};
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Adjacent)?;
    let windows = source.keys.windows(source.h.n_layers)?;
    let mixture = source.keys.has("expert_count");
    let experts = mixture.then(|| Experts::read(&source, Gated::Silu)).transpose()?;
    let heads = |index: usize| Heads { window: windows[index], ..Heads::new(rope) };
    decoder::plan(source, &Variant { experts, ..Variant::new(&heads) })
}
