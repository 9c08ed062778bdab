//! Attention over the KV cache: `attention_prefill.wgsl` for many tokens; for few `attention_lanes.wgsl`, or where subgroups do not
//! fit `attention_decode.wgsl`, and then `attention_merge.wgsl`; `attention_plain.wgsl` for software adapters.
//!
//! All compute the same for any number of tokens; they differ in what they are fast at. The cache of a layer is
//! segments of `[positions, 2, n_kv_heads, head_dim]`, of f32, of f16 packed two to a u32, or of bytes with scales
//! (`shaders/lib/kv.wgsl`).
//! Queries and result are `[tokens, n_heads * head_dim]`, without padding since `head_dim` is a multiple of 4. The
//! step's own keys are in the cache before this runs.

use sotto_plan::{Attention, KvCache};

use crate::kernel::{Count, Dispatch, Kernels, Pipeline, Slice};
use crate::kv::{KvBuffers, MAX_SEGMENTS, Segments};
use crate::{DeviceFacts, GpuError, KvType};

/// Largest head that kernels keep in registers.
const MAX_HEAD_DIM: usize = 256;
/// Query heads that a workgroup takes at most, for few tokens.
const MAX_DECODE_HEADS: usize = 8;
/// Lanes of a head in `attention_lanes.wgsl` at most: its workgroups have 128 invocations and several rows of them.
const MAX_LANES: u32 = 32;
/// Workgroups along the positions, for few tokens.
const SPLITS: usize = 32;
/// Positions that a split takes at least, so that starting a workgroup is worth it.
const MIN_SPLIT: usize = 64;
/// Rows (a head of a token each) a workgroup of `attention_prefill.wgsl`.
const PREFILL_ROWS: usize = 64;
/// Invocations a workgroup of `attention_plain.wgsl`: few, as a step may have no more heads than this.
const PLAIN_WORKGROUP: usize = 4;

/// One attention operation: what is attended to, and how the cache is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AttentionShape {
    pub cache: KvCache,
    pub attention: Attention,
    pub kv_type: KvType,
    pub segments: Segments,
}

/// The buffers of one attention operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionSlices<'a> {
    /// `[tokens, n_heads * head_dim]` f32.
    pub q: &'a Slice,
    pub kv: &'a KvBuffers,
    /// As `q`.
    pub out: &'a Slice,
    /// The [`Step`](crate::kernel::Step) uniform.
    pub step: &'a Slice,
    /// At least [`scratch_bytes`]; what it holds need not survive the operation.
    pub scratch: &'a Slice,
    /// `[n_heads]` f32: a score a head that takes part in the softmax and has no value (attention sinks).
    pub sinks: Option<&'a Slice>,
}

/// Binding numbers of a cache's segments.
const SEGMENT_BINDINGS: [u32; MAX_SEGMENTS] = [0, 1, 2, 7, 8];

/// Bytes of [`AttentionSlices::scratch`] for decode steps of up to `few` tokens and prefill steps of up to `many`.
pub(crate) fn scratch_bytes(facts: &DeviceFacts, shape: &AttentionShape, few: usize, many: usize) -> u64 {
    let partials = match (facts.software, shape.segments.count()) {
        (false, _) => few * SPLITS,
        (true, 1) => 0,
        (true, segments) => many * segments,
    };
    let quads = shape.cache.head_dim / 4 + 1;
    (partials * shape.attention.n_heads * quads * 16) as u64
}

/// Attention for steps of one token, or few: at most two dispatches. Workgroups: `n_kv_heads` times the splits,
/// a fixed number; splits beyond the context that there is leave at once.
pub(crate) fn decode(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    if kernels.device().facts().software {
        return plain(kernels, shape, slices);
    }
    let device = kernels.device();
    split(kernels, shape, slices, device.tuning().subgroups && shape.has_lanes(device.facts()))
}

/// Attention for steps of many tokens: one dispatch, of a workgroup for each 64 query heads of the step.
pub(crate) fn prefill(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    if kernels.device().facts().software {
        return plain(kernels, shape, slices);
    }
    Ok(vec![tiled(kernels, shape, slices)?])
}

/// With `by_lanes` a head's quads are lanes of a subgroup.
fn split(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
    by_lanes: bool,
) -> Result<Vec<Dispatch>, GpuError> {
    let group = shape.group();
    let parts = group.div_ceil(MAX_DECODE_HEADS);
    let heads = group.div_ceil(parts);
    let splits = [("SPLITS", SPLITS as f64), ("MIN_SPLIT", MIN_SPLIT as f64)];
    let constants = shape.constants(splits.into_iter().chain([("HEADS", heads as f64)]))?;
    let eight = (heads > MAX_DECODE_HEADS / 2).then_some("eight_heads");
    let flags = shape.flags().chain(shape.segments_flag()).chain(eight);
    let flags: Vec<_> = flags.chain(by_lanes.then_some("subgroups")).collect();
    let shader = if by_lanes { "attention_lanes" } else { "attention_decode" };
    let pipeline = kernels.pipeline(shader, &flags, &constants)?;
    let AttentionSlices { q, scratch, step, .. } = slices;
    let bindings = shape.with_segments(&[(3, q), (4, scratch), (5, step)], slices.kv);
    let workgroups = (shape.cache.n_kv_heads * parts) as u32;
    let grid = [Count::Fixed(workgroups), Count::Fixed(SPLITS as u32), Count::Tokens(1)];
    let decode = kernels.dispatch(shader, &pipeline, &bindings, grid);
    Ok(vec![decode, merge(kernels, shape, slices, &[], splits)?])
}

/// The result of what splits left.
fn merge(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
    flags: &[&'static str],
    splits: [(&'static str, f64); 2],
) -> Result<Dispatch, GpuError> {
    let pipeline = merge_pipeline(kernels, shape, &slices, flags, splits)?;
    let bindings = [(3, slices.scratch), (4, slices.out), (5, slices.step)];
    let grid = [Count::Fixed(shape.attention.n_heads as u32), Count::Tokens(1), Count::Fixed(1)];
    Ok(kernels.dispatch("attention_merge", &pipeline, &with_sinks(&bindings, &slices), grid))
}

fn merge_pipeline(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: &AttentionSlices<'_>,
    flags: &[&'static str],
    splits: [(&'static str, f64); 2],
) -> Result<Pipeline, GpuError> {
    let constants = shape.constants(splits)?;
    let flags: Vec<_> =
        shape.mask_flag().chain(sinks_flag(slices).iter().copied()).chain(flags.iter().copied()).collect();
    kernels.pipeline("attention_merge", &flags, &constants)
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
    let flags = shape.flags().chain(shape.segments_flag()).chain(sinks_flag(&slices).iter().copied());
    let flags: Vec<_> = flags.collect();
    let pipeline = kernels.pipeline("attention_prefill", &flags, &shape.constants([])?)?;
    let AttentionSlices { q, out, step, .. } = slices;
    let bindings = shape.with_segments(&[(3, q), (4, out), (5, step)], slices.kv);
    Ok(kernels.dispatch("attention_prefill", &pipeline, &with_sinks(&bindings, &slices), grid))
}

/// One dispatch where the cache has one segment so far, else one a segment and what brings them together. The pipelines of a cache
/// that will have grown are there from the start.
fn plain(
    kernels: &Kernels,
    shape: &AttentionShape,
    slices: AttentionSlices<'_>,
) -> Result<Vec<Dispatch>, GpuError> {
    let heads = shape.attention.n_heads;
    let own = [("HEADS", heads as f64), ("WORKGROUP", PLAIN_WORKGROUP as f64)];
    let grid = [Count::Fixed(heads.div_ceil(PLAIN_WORKGROUP) as u32), Count::Tokens(1), Count::Fixed(1)];
    let AttentionSlices { q, kv, out, step, scratch, .. } = slices;
    let n_segments = shape.segments.count();
    let splits = [("SPLITS", n_segments as f64), ("MIN_SPLIT", 0.0)];
    let flags: Vec<_> = shape.flags().chain(["one_segment"]).collect();
    let mut pipelines = Vec::new();
    if n_segments > 1 {
        for index in 0..n_segments {
            let constants =
                shape.constants(own.into_iter().chain(splits).chain([("INDEX", index as f64)]))?;
            pipelines.push(kernels.pipeline("attention_plain", &flags, &constants)?);
        }
        merge_pipeline(kernels, shape, &slices, &["one_segment"], splits)?;
    }
    if let [segment] = &kv.segments[..] {
        let flags: Vec<_> = shape.flags().chain(sinks_flag(&slices).iter().copied()).collect();
        let pipeline = kernels.pipeline("attention_plain", &flags, &shape.constants(own)?)?;
        let bindings = with_sinks(&[(0, segment), (3, q), (4, out), (5, step)], &slices);
        return Ok(vec![kernels.dispatch("attention_plain", &pipeline, &bindings, grid)]);
    }
    let mut dispatches = Vec::new();
    for (segment, pipeline) in kv.segments.iter().zip(&pipelines) {
        let bindings = [(0, segment), (3, q), (4, scratch), (5, step)];
        dispatches.push(kernels.dispatch("attention_plain", pipeline, &bindings, grid));
    }
    dispatches.push(merge(kernels, shape, slices, &["one_segment"], splits)?);
    Ok(dispatches)
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

    /// Whether a head's quads can be lanes of a subgroup, for `attention_lanes.wgsl`.
    fn has_lanes(&self, facts: &DeviceFacts) -> bool {
        let quads = (self.cache.head_dim / 4) as u32;
        facts.subgroups && quads.is_power_of_two() && quads <= facts.subgroup_min.min(MAX_LANES)
    }

    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.kv_type.flags().iter().copied().chain(self.mask_flag())
    }

    fn segments_flag(&self) -> impl Iterator<Item = &'static str> {
        (self.segments.count() > 1).then_some("kv_segments").into_iter()
    }

    /// Binds the segments of a cache; those that are not there yet are the first.
    fn with_segments<'a>(&self, bindings: &[(u32, &'a Slice)], kv: &'a KvBuffers) -> Vec<(u32, &'a Slice)> {
        let mut all = bindings.to_vec();
        if let Some(first) = kv.segments.first() {
            let bound = if self.segments.count() > 1 { MAX_SEGMENTS } else { 1 };
            let segment = |index: usize| kv.segments.get(index).unwrap_or(first);
            all.extend(SEGMENT_BINDINGS[..bound].iter().enumerate().map(|(i, &at)| (at, segment(i))));
        }
        all
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
        constants.extend(self.segments.constant());
        constants.extend(self.kv_type.constant(head_dim));
        constants.extend(more);
        Ok(constants)
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
