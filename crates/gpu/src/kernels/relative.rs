//! `attention_relative.wgsl`: attention with the distance of query and key in the scores.

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::attention::AttentionShape;

/// Invocations a workgroup: few, as a step may have no more heads than this.
const WORKGROUP: usize = 4;

/// The buffers of one operation, `width` being `n_heads * head_dim`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelativeSlices<'a> {
    /// `[tokens, width]` f32.
    pub q: &'a Slice,
    /// `[positions, 2, width]`, in one segment: an encoder's context is there from the start.
    pub kv: &'a Slice,
    /// `[2 * span, width]` f32.
    pub relative_keys: &'a Slice,
    /// As `relative_keys`.
    pub relative_queries: &'a Slice,
    /// `[positions]` f32, whole numbers.
    pub buckets: &'a Slice,
    /// As `q`.
    pub out: &'a Slice,
    /// The [`Step`](crate::kernel::Step) uniform.
    pub step: &'a Slice,
}

/// Attention of all queries of a step, with `span` buckets of distance to a side.
pub(crate) fn relative_attention(
    kernels: &Kernels,
    shape: &AttentionShape,
    span: u32,
    slices: RelativeSlices<'_>,
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = shape.flags().collect();
    let constants = shape.constants([("WORKGROUP", WORKGROUP as f64), ("SPAN", f64::from(span))])?;
    let pipeline = kernels.pipeline("attention_relative", &flags, &constants)?;
    let RelativeSlices { q, kv, relative_keys, relative_queries, buckets, out, step } = slices;
    let bindings =
        [(0, kv), (3, q), (4, out), (5, step), (7, relative_keys), (8, relative_queries), (9, buckets)];
    let heads = shape.cache.n_kv_heads.div_ceil(WORKGROUP) as u32;
    let grid = [Count::Fixed(heads), Count::Tokens(1), Count::Fixed(1)];
    Ok(kernels.dispatch("attention_relative", &pipeline, &bindings, grid))
}

#[cfg(test)]
mod tests {
    use sotto_cpu::reference::ops;
    use sotto_plan::{Attention, KvCache};

    use super::*;
    use crate::KvType;
    use crate::kernel::{Step, StepSize};
    use crate::kv::Segments;
    use crate::testing::{assert_close, random, variants};

    #[test]
    fn distances_count_as_in_the_reference() {
        for variant in variants() {
            for (i, (tokens, heads, head_dim, span)) in
                [(1, 1, 4, 1), (31, 3, 8, 4), (33, 2, 64, 40), (257, 5, 16, 9)].into_iter().enumerate()
            {
                let kv_type = [KvType::F32, KvType::F16][i % 2];
                let width = heads * head_dim;
                let attention = Attention {
                    n_heads: heads,
                    scale: 1.0 / (3.0 * head_dim as f32).sqrt(),
                    causal: false,
                    window: None,
                    softcap: None,
                    sinks: None,
                };
                let cache = KvCache { n_kv_heads: heads, head_dim };
                let shape = AttentionShape { cache, attention, kv_type, segments: Segments::one(tokens) };
                let half = |v: &f32| half::f16::from_f32(*v);
                // What f16 holds, so that both sides read the same numbers.
                let kv = |seed| random(seed, tokens * width).iter().map(|v| half(v).to_f32()).collect();
                let (keys, values): (Vec<f32>, Vec<f32>) = (kv(91), kv(92));
                let q = random(93, tokens * width);
                let sides = [94, 95].map(|seed| random(seed, 2 * span * width));
                // Distances share buckets by pairs, and the far ones go beyond the span.
                let buckets: Vec<f32> = (0..tokens).map(|d| d.div_ceil(2) as f32).collect();
                let both: Vec<f32> = (keys.chunks(width).zip(values.chunks(width)))
                    .flat_map(|(k, v)| [k, v].concat())
                    .collect();
                let upload = |data: &[f32]| match kv_type {
                    KvType::F32 => variant.upload(data),
                    _ => variant.upload(&data.iter().map(half).collect::<Vec<_>>()),
                };
                let out = variant.upload(&vec![f32::NAN; tokens * width]);
                let step = variant.step(Step { n_tokens: tokens as u32, ..Step::default() });
                let slices = RelativeSlices {
                    q: &variant.upload(&q),
                    kv: &upload(&both),
                    relative_keys: &variant.upload(&sides[0]),
                    relative_queries: &variant.upload(&sides[1]),
                    buckets: &variant.upload(&buckets),
                    out: &out,
                    step: &step,
                };
                let dispatch = relative_attention(&variant.kernels, &shape, span as u32, slices).unwrap();
                variant.run(&[dispatch], StepSize { tokens: tokens as u32, outputs: 0 });
                let sides = [sides[0].as_slice(), &sides[1]];
                let expected =
                    ops::relative_attention(&q, [&keys, &values], cache, 0, &attention, sides, &buckets);
                let what = format!("{tokens} tokens, {heads} x {head_dim}, {kv_type:?} on {}", variant.name);
                assert_close(&what, &variant.read(&out, tokens * width), &expected, 1e-5);
            }
        }
    }
}
