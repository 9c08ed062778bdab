//! `layer_norm.wgsl`: rows to mean 0 and variance 1.

use sotto_plan::Rows;

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{rows_count, stride};
use crate::tuning::Tuning;

/// Normalises rows of `width` elements.
pub(crate) fn layer_norm(
    kernels: &Kernels,
    tuning: Tuning,
    (kind, width): (Rows, usize),
    eps: f32,
    [x, weight, out]: [&Slice; 3],
    bias: Option<&Slice>,
) -> Result<Dispatch, GpuError> {
    // A row has all the lanes that have an element of it, up to a workgroup of 64.
    let lanes = if tuning.lanes == 1 { 1 } else { (width.next_power_of_two() as u32).min(64) };
    let flags: Vec<_> = (lanes > 1).then_some("reduce").into_iter().chain(bias.map(|_| "bias")).collect();
    let constants = [
        ("LANES", f64::from(lanes)),
        ("COLS", width as f64),
        ("STRIDE", stride(width) as f64),
        ("EPS", f64::from(eps)),
    ];
    let pipeline = kernels.pipeline("layer_norm", &flags, &constants)?;
    let bindings: Vec<_> =
        [(3, x), (4, out), (6, weight)].into_iter().chain(bias.map(|bias| (7, bias))).collect();
    let grid = [Count::Fixed(1), rows_count(kind, 1), Count::Fixed(1)];
    Ok(kernels.dispatch("layer_norm", &pipeline, &bindings, grid))
}
