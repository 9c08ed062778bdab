//! What depends on a token's position: `rope.wgsl` and `kv_write.wgsl`.

use sotto_plan::{KvCache, Rope, RopeLayout, Rows};

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, stride};
use crate::kv::{KvBuffers, Segments};
use crate::{GpuError, KvType};

/// The angle a position by which each pair of a head turns: `[rotary_dim / 2]` radians.
pub(crate) fn rope_frequencies(rope: &Rope, factors: Option<&[f32]>) -> Vec<f32> {
    let frequency = |j: usize| {
        let exponent = -2.0 * j as f32 / rope.rotary_dim as f32;
        rope.base.powf(exponent) / factors.map_or(1.0, |f| f[j])
    };
    (0..rope.rotary_dim / 2).map(frequency).collect()
}

/// Turns the heads of rows of `width` elements.
pub(crate) fn rope(
    kernels: &Kernels,
    rope: &Rope,
    width: usize,
    [x, frequencies, out, step]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let flags: &[_] = match rope.layout {
        RopeLayout::Adjacent => &[],
        RopeLayout::Halves => &["halves"],
    };
    let heads = width / rope.head_dim.max(1);
    let constants = [
        ("HEADS", heads as f64),
        ("HEAD_DIM", rope.head_dim as f64),
        ("ROTARY_DIM", rope.rotary_dim as f64),
        ("STRIDE", stride(width) as f64),
        ("POSITION_SCALE", f64::from(rope.position_scale)),
        ("MAGNITUDE", f64::from(rope.magnitude)),
    ];
    let growth = rope.growth.map(|g| [("BETA", f64::from(g.beta)), ("INTERVAL", f64::from(g.interval))]);
    let constants: Vec<_> = constants.into_iter().chain(growth.into_iter().flatten()).collect();
    let pipeline = kernels.pipeline("rope", flags, &constants)?;
    let pairs = (heads * rope.head_dim.div_ceil(2)) as u32;
    let grid = [Count::Fixed(pairs.div_ceil(WORKGROUP)), rows_count(Rows::Tokens, 1), Count::Fixed(1)];
    Ok(kernels.dispatch("rope", &pipeline, &[(3, x), (4, out), (5, step), (6, frequencies)], grid))
}

/// Appends rows of `width` elements of keys and of values to a cache. `joined`: they are rows of one slice, each row keys and
/// then values.
pub(crate) fn kv_write(
    kernels: &Kernels,
    (kv_type, shape): (KvType, KvCache),
    joined: bool,
    (cache, segments): (&KvBuffers, Segments),
    [k, v, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let width = shape.n_kv_heads * shape.head_dim;
    let block = kv_type.constant(shape.head_dim);
    let mut constants = vec![
        ("WIDTH", width as f64),
        ("STRIDE", if joined { 2 * width } else { stride(width) } as f64),
        ("V_FIRST", if joined { width as f64 } else { 0.0 }),
    ];
    constants.extend(segments.constant().into_iter().chain(block));
    let pipeline = kernels.pipeline("kv_write", kv_type.flags(), &constants)?;
    let each = block.map_or(2, |(_, quads)| 4 * quads as u32);
    let invocations = (width as u32).div_ceil(each);
    let grid = [Count::Fixed(invocations.div_ceil(WORKGROUP)), rows_count(Rows::Tokens, 1), Count::Fixed(1)];
    let bindings = [(3, k), (6, v), (5, step)];
    Ok(kernels.dispatch_by_segment("kv_write", &pipeline, &bindings, (4, &cache.segments), grid))
}
