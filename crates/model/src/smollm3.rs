//! SmolLM3: Llama, but every fourth layer does not turn queries and keys by position (NoPE). Files do not state the
//! interval; llama.cpp has it as a constant too.
//! Source: Hugging Face, "SmolLM3", 2025; Yang et al., "Rope to Nope and Back Again", 2025.

use sotto_plan::{Plan, RopeLayout};

use crate::decoder::{self, Variant};
use crate::layer::Heads;
use crate::rope::rope;
use crate::{ModelError, Source};

/// The last of so many layers has no RoPE.
const NO_ROPE_INTERVAL: usize = 4;

pub(crate) fn plan(mut source: Source<'_>) -> Result<Plan, ModelError> {
    let rope = rope(&mut source, RopeLayout::Adjacent)?;
    let heads = |index: usize| {
        let turns = !(index + 1).is_multiple_of(NO_ROPE_INTERVAL);
        Heads { rope: turns.then_some(rope), ..Heads::new(rope) }
    };
    decoder::plan(source, &Variant::new(&heads))
}
