//! Attention over the KV cache: `attention_prefill.wgsl`, `attention_decode.wgsl` with `attention_merge.wgsl`, and
//! `attention_plain.wgsl` for software adapters.
//!
//! All compute the same for any number of tokens; they differ in what they are fast at. The cache of a layer is
//! two buffers, keys and values, each `[positions, n_kv_heads, head_dim]`, of f32, or of f16 packed two to
//! a u32 (`shaders/lib/kv.wgsl`). Queries and result are `[tokens, n_heads * head_dim]`, without padding
//! since `head_dim` is a multiple of 4. The step's own keys are in the cache before this runs.

use sotto_plan::{Attention, KvCache};

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::{GpuError, KvType};

/// Largest head that kernels keep in registers.
const MAX_HEAD_DIM: usize = 256;
/// Query heads that a workgroup of `attention_decode.wgsl` takes at most.
const MAX_DECODE_HEADS: usize = 8;
/// Workgroups along the positions in `attention_decode.wgsl`.
const SPLITS: usize = 32;
/// Positions that a split takes at least: two tiles, so that starting a workgroup is worth it.
const MIN_SPLIT: usize = 64;
/// Rows (a head of a token each) a workgroup of `attention_prefill.wgsl`.
const PREFILL_ROWS: usize = 32;
/// Invocations a workgroup of `attention_plain.wgsl`: few, as a step may have no more heads than this.
const PLAIN_WORKGROUP: usize = 4;

/// One attention operation: what is attended to, and how the cache is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AttentionShape {
    pub cache: KvCache,
    pub attention: Attention,
    pub kv_type: KvType,
}

/// The buffers of one attention operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionSlices<'a> {
    /// `[tokens, n_heads * head_dim]` f32.
    pub q: &'a Slice,
    /// `[positions, n_kv_heads, head_dim]`.
    pub keys: &'a Slice,
    /// As `keys`.
    pub values: &'a Slice,
    /// As `q`.
    pub out: &'a Slice,
    /// The [`Step`](crate::kernel::Step) uniform.
    pub step: &'a Slice,
    /// At least [`decode_scratch_bytes`]; what it holds need not survive the operation. Prefill leaves it alone.
    pub scratch: &'a Slice,
    /// `[n_heads]` f32: a score a head that takes part in the softmax and has no value (attention sinks).
    pub sinks: Option<&'a Slice>,
}

/// Bytes of [`AttentionSlices::scratch`] for decode steps of up to `tokens` tokens.
pub(crate) fn decode_scratch_bytes(shape: &AttentionShape, tokens: usize) -> u64 {
    let quads = shape.cache.head_dim / 4 + 1;
    (tokens * shape.attention.n_heads * SPLITS * quads * 16) as u64
}

/// Attention for steps of one token, or few: at most two dispatches. Workgroups: `n_kv_heads` times the splits,
/// a fixed number; splits beyond the context that there is leave at once.
pub(crate) fn decode(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    if kernels.device().facts().software {
        return Ok(vec![plain(kernels, shape, slices)?]);
    }
    split(kernels, shape, slices)
}

/// Attention for steps of many tokens: one dispatch, of a workgroup for each 32 query heads of the step.
pub(crate) fn prefill(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Dispatch, GpuError> {
    if kernels.device().facts().software {
        return plain(kernels, shape, slices);
    }
    tiled(kernels, shape, slices)
}

fn split(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    let group = shape.group();
    let parts = group.div_ceil(MAX_DECODE_HEADS);
    let splits = [("SPLITS", SPLITS as f64), ("MIN_SPLIT", MIN_SPLIT as f64)];
    let heads = [("HEADS", group.div_ceil(parts) as f64)];

    let constants = shape.constants(splits.into_iter().chain(heads))?;
    let flags: Vec<_> = shape.flags().collect();
    let pipeline = kernels.pipeline("attention_decode", &flags, &constants)?;
    let AttentionSlices { q, keys, values, out, step, scratch, .. } = slices;
    let bindings = [(0, keys), (1, values), (3, q), (4, scratch), (5, step)];
    let workgroups = (shape.cache.n_kv_heads * parts) as u32;
    let grid = [Count::Fixed(workgroups), Count::Fixed(SPLITS as u32), Count::Tokens(1)];
    let decode = kernels.dispatch("attention_decode", &pipeline, &bindings, grid);

    let constants = shape.constants(splits)?;
    let flags: Vec<_> = shape.mask_flag().chain(sinks_flag(&slices).iter().copied()).collect();
    let pipeline = kernels.pipeline("attention_merge", &flags, &constants)?;
    let bindings = [(3, scratch), (4, out), (5, step)];
    let quads = (shape.attention.n_heads * shape.cache.head_dim / 4) as u32;
    let grid = [Count::Fixed(quads.div_ceil(64)), Count::Tokens(1), Count::Fixed(1)];
    let merge = kernels.dispatch("attention_merge", &pipeline, &with_sinks(&bindings, &slices), grid);
    Ok(vec![decode, merge])
}

fn tiled(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Dispatch, GpuError> {
    // A row is a head of the group, of one token, and grids count tokens: where groups do not divide the tile,
    // there are more workgroups than rows to take, and those leave at once.
    let group = shape.group();
    let tokens = Count::Tokens((PREFILL_ROWS / group).max(1) as u32);
    let tiles_a_token = Count::Fixed(group.div_ceil(PREFILL_ROWS) as u32);
    let grid = [Count::Fixed(shape.cache.n_kv_heads as u32), tokens, tiles_a_token];
    whole(kernels, "attention_prefill", shape, &[], slices, grid)
}

fn plain(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Dispatch, GpuError> {
    let heads = shape.attention.n_heads;
    let constants = [("HEADS", heads as f64), ("WORKGROUP", PLAIN_WORKGROUP as f64)];
    let grid = [Count::Fixed(heads.div_ceil(PLAIN_WORKGROUP) as u32), Count::Tokens(1), Count::Fixed(1)];
    whole(kernels, "attention_plain", shape, &constants, slices, grid)
}

/// A kernel that goes from queries to the result at once.
fn whole(
    kernels: &Kernels,
    shader: &'static str,
    shape: &AttentionShape,
    constants: &[(&'static str, f64)],
    slices: AttentionSlices<'_>,
    grid: [Count; 3],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = shape.flags().chain(sinks_flag(&slices).iter().copied()).collect();
    let pipeline = kernels.pipeline(shader, &flags, &shape.constants(constants.iter().copied())?)?;
    let AttentionSlices { q, keys, values, out, step, .. } = slices;
    let bindings = [(0, keys), (1, values), (3, q), (4, out), (5, step)];
    Ok(kernels.dispatch(shader, &pipeline, &with_sinks(&bindings, &slices), grid))
}

fn sinks_flag(slices: &AttentionSlices<'_>) -> &'static [&'static str] {
    if slices.sinks.is_some() { &["sinks"] } else { &[] }
}

fn with_sinks<'a>(bindings: &[(u32, &'a Slice)], slices: &AttentionSlices<'a>) -> Vec<(u32, &'a Slice)> {
    bindings.iter().copied().chain(slices.sinks.map(|sinks| (6, sinks))).collect()
}

impl AttentionShape {
    /// Query heads a key/value head.
    fn group(&self) -> usize {
        self.attention.n_heads / self.cache.n_kv_heads.max(1)
    }

    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.kv_type.flags().iter().copied().chain(self.mask_flag())
    }

    fn mask_flag(&self) -> impl Iterator<Item = &'static str> {
        (!self.attention.causal).then_some("bidirectional").into_iter()
    }

    pub(super) fn constants(
        &self,
        more: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> Result<Vec<(&'static str, f64)>, GpuError> {
        let KvCache { n_kv_heads, head_dim } = self.cache;
        if head_dim == 0 || head_dim % 4 != 0 || head_dim > MAX_HEAD_DIM {
            return Err(GpuError::Unsupported {
                what: format!(
                    "attention with heads of {head_dim} elements (a multiple of 4 up to {MAX_HEAD_DIM} is)"
                ),
            });
        }
        let mut constants = vec![
            ("KV_HEADS", n_kv_heads as f64),
            ("HEAD_DIM", head_dim as f64),
            ("GROUP", self.group() as f64),
            ("SCALE", f64::from(self.attention.scale)),
        ];
        constants.extend(self.attention.window.map(|window| ("WINDOW", f64::from(window))));
        constants.extend(self.attention.softcap.map(|cap| ("SOFTCAP", f64::from(cap))));
        constants.extend(more);
        Ok(constants)
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
