//! `rms_norm.wgsl`, where the norm is not part of the projection that follows it.

use sotto_plan::Rows;

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{rows_count, stride};
use crate::tuning::Tuning;

/// Normalises groups of `cols` elements of rows of `width`.
pub(crate) fn rms_norm(
    kernels: &Kernels,
    tuning: Tuning,
    (kind, width, cols): (Rows, usize, usize),
    eps: f32,
    [x, weight, out]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let per_row = (width / cols.max(1)) as u32;
    // A group of its own has all the lanes that a workgroup may have.
    let lanes = if tuning.lanes == 1 { 1 } else { (cols.next_power_of_two() as u32).min(64) };
    let groups = if lanes < 64 { per_row.min(64 / lanes) } else { 1 };
    let flags: &[_] = if lanes > 1 { &["reduce"] } else { &[] };
    let mut constants = vec![
        ("LANES", f64::from(lanes)),
        ("GROUPS", f64::from(groups)),
        ("COLS", cols as f64),
        ("PER_ROW", f64::from(per_row)),
        ("STRIDE", stride(width) as f64),
        ("EPS", f64::from(eps)),
    ];
    constants.extend((lanes > 1).then_some(("PARTIALS", f64::from(lanes * groups))));
    let pipeline = kernels.pipeline("rms_norm", flags, &constants)?;
    let grid = [Count::Fixed(per_row.div_ceil(groups)), rows_count(kind, 1), Count::Fixed(1)];
    Ok(kernels.dispatch("rms_norm", &pipeline, &[(3, x), (4, out), (6, weight)], grid))
}
