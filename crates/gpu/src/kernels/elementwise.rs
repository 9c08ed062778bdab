//! Kernels that read and write rows without a weight matrix: `gated.wgsl`, `add.wgsl`, `select_outputs.wgsl`.

use sotto_plan::{Gated, Rows};

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, rows_flag, stride};

/// `out = activation(gate) * up`, rows of `width` elements.
pub(crate) fn gated(
    kernels: &Kernels,
    activation: Gated,
    (kind, width): (Rows, usize),
    [gate, up, out, step]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let gelu = (activation == Gated::GeluTanh).then_some("gelu_tanh");
    let flags: Vec<_> = rows_flag(kind).chain(gelu).collect();
    four_a_thread(kernels, "gated", &flags, (kind, width), &[(3, gate), (4, out), (5, step), (6, up)])
}

/// `out = a + b`, rows of `width` elements.
pub(crate) fn add(
    kernels: &Kernels,
    (kind, width): (Rows, usize),
    [a, b, out, step]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).collect();
    four_a_thread(kernels, "add", &flags, (kind, width), &[(3, a), (4, out), (5, step), (6, b)])
}

/// The rows of `x` whose output is wanted.
pub(crate) fn select_outputs(
    kernels: &Kernels,
    width: usize,
    [x, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    four_a_thread(kernels, "select_outputs", &[], (Rows::Outputs, width), &[(3, x), (4, out), (5, step)])
}

fn four_a_thread(
    kernels: &Kernels,
    shader: &'static str,
    flags: &[&'static str],
    (kind, width): (Rows, usize),
    bindings: &[(u32, &Slice)],
) -> Result<Dispatch, GpuError> {
    let quads = stride(width) / 4;
    let pipeline = kernels.pipeline(shader, flags, &[("STRIDE4", quads as f64)])?;
    let grid = [Count::Fixed((quads as u32).div_ceil(WORKGROUP)), rows_count(kind, 1), Count::Fixed(1)];
    Ok(kernels.dispatch(shader, &pipeline, bindings, grid))
}
