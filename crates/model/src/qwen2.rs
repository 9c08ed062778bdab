//! Qwen2 and Qwen2.5, and DeepSeek-R1's Qwen distills: Llama with biases on queries, keys and values (read
//! wherever the file has them) and RoPE pairs half a head apart.
//! Source: "Qwen2 Technical Report", 2024.

use sotto_plan::{Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source};

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Halves)?;
    decoder::plan(source, &Variant::new(&|_| Heads::new(rope)))
}
