//! Kernels that read and write rows without a weight matrix: `gated.wgsl`, `add.wgsl`, `map.wgsl`,
//! `group_part.wgsl`, `select_outputs.wgsl`.

use sotto_plan::{Gated, Map, Rows};

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, rows_flag, stride};

/// The flag that selects `kind` in `lib/gated.wgsl`.
pub(crate) fn gated_flag(kind: Gated) -> &'static str {
    match kind {
        Gated::Silu => "gated_silu",
        Gated::Gelu => "gated_gelu",
        Gated::GeluTanh => "gated_gelu_tanh",
        Gated::Product => "gated_product",
        Gated::Sigmoid => "gated_sigmoid",
        Gated::SwigluClamped => "gated_swiglu_clamped",
    }
}

/// `out = gated(gate, up)`, rows of `width` elements.
pub(crate) fn gated(
    kernels: &Kernels,
    gated: Gated,
    (kind, width): (Rows, usize),
    [gate, up, out, step]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).chain([gated_flag(gated)]).collect();
    four_a_thread(kernels, "gated", &flags, &[], (kind, width), &[(3, gate), (4, out), (5, step), (6, up)])
}

/// `out = a + b`, rows of `width` elements.
pub(crate) fn add(
    kernels: &Kernels,
    (kind, width): (Rows, usize),
    [a, b, out, step]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).collect();
    four_a_thread(kernels, "add", &flags, &[], (kind, width), &[(3, a), (4, out), (5, step), (6, b)])
}

/// `out = map(x)`, rows of `width` elements.
pub(crate) fn map(
    kernels: &Kernels,
    map: Map,
    (kind, width): (Rows, usize),
    [x, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let (flag, parameter) = match map {
        Map::Scale(factor) => ("map_scale", factor),
        Map::Softcap(cap) => ("map_softcap", cap),
        Map::Gelu => ("map_gelu", 0.0),
        Map::GeluTanh => ("map_gelu_tanh", 0.0),
        Map::Relu => ("map_relu", 0.0),
        Map::Silu => ("map_silu", 0.0),
    };
    let flags: Vec<_> = rows_flag(kind).chain([flag]).collect();
    let constants = [("PARAMETER", f64::from(parameter))];
    four_a_thread(kernels, "map", &flags, &constants, (kind, width), &[(3, x), (4, out), (5, step)])
}

/// Elements from `first` on of each group of `group`, as many as make rows of `width` of rows of `x_width`.
pub(crate) fn group_part(
    kernels: &Kernels,
    (group, first): (usize, usize),
    (kind, width, x_width): (Rows, usize, usize),
    [x, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let constants = [
        ("WIDTH", width),
        ("STRIDE", stride(x_width)),
        ("OUT_STRIDE", stride(width)),
        ("GROUP", group),
        ("PART", width * group / x_width),
        ("FIRST", first),
    ]
    .map(|(name, value)| (name, value as f64));
    let flags: Vec<_> = rows_flag(kind).collect();
    let pipeline = kernels.pipeline("group_part", &flags, &constants)?;
    let grid = [Count::Fixed((width as u32).div_ceil(WORKGROUP)), rows_count(kind, 1), Count::Fixed(1)];
    Ok(kernels.dispatch("group_part", &pipeline, &[(3, x), (4, out), (5, step)], grid))
}

/// The rows of `x` whose output is wanted.
pub(crate) fn select_outputs(
    kernels: &Kernels,
    width: usize,
    [x, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    four_a_thread(kernels, "select_outputs", &[], &[], (Rows::Outputs, width), &[(3, x), (4, out), (5, step)])
}

fn four_a_thread(
    kernels: &Kernels,
    shader: &'static str,
    flags: &[&'static str],
    constants: &[(&'static str, f64)],
    (kind, width): (Rows, usize),
    bindings: &[(u32, &Slice)],
) -> Result<Dispatch, GpuError> {
    let quads = stride(width) / 4;
    let constants = [&[("STRIDE4", quads as f64)], constants].concat();
    let pipeline = kernels.pipeline(shader, flags, &constants)?;
    let grid = [Count::Fixed((quads as u32).div_ceil(WORKGROUP)), rows_count(kind, 1), Count::Fixed(1)];
    Ok(kernels.dispatch(shader, &pipeline, bindings, grid))
}
