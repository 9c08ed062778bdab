//! `short_conv.wgsl`, and `state_write.wgsl` that keeps the rows which the next step's convolution reads.
//!
//! A state is a ring of rows by position. It is longer than what the convolution reads, so that the last positions
//! can be gone back to: steps submitted ahead, and the end of a reply that is tried again.

use sotto_plan::{Rows, State};

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, stride};
use crate::weights::Matrix;

/// Positions that a state can be taken back by, besides the rows it reads.
pub(crate) const REWIND: usize = 64;

/// Rows of the ring that keeps `state`.
pub(crate) fn ring_rows(state: State) -> usize {
    state.rows + REWIND
}

/// Bytes of the ring that keeps `state`.
pub(crate) fn ring_bytes(state: State) -> u64 {
    (ring_rows(state) * stride(state.width) * size_of::<f32>()) as u64
}

/// Convolves rows of `width` elements with `taps` taps each, then takes them into the ring.
pub(crate) fn short_conv(
    kernels: &Kernels,
    weight: &Matrix,
    (width, taps): (usize, usize),
    [x, ring, out, step]: [&Slice; 4],
) -> Result<Vec<Dispatch>, GpuError> {
    let ring_rows = ring_rows(State { rows: taps.saturating_sub(1), width, made_over: false });
    let common = [("WIDTH", width as f64), ("STRIDE", stride(width) as f64), ("RING", ring_rows as f64)];
    let grid =
        [Count::Fixed((width as u32).div_ceil(WORKGROUP)), rows_count(Rows::Tokens, 1), Count::Fixed(1)];
    let mut constants = common.to_vec();
    constants.extend([("TAPS", taps as f64), ("WEIGHT_STRIDE", weight.row_stride() as f64)]);
    let pipeline = kernels.pipeline("short_conv", &[], &constants)?;
    let bindings = [(3, x), (4, out), (5, step), (6, &weight.parts[0].planes[0]), (7, ring)];
    let conv = kernels.dispatch("short_conv", &pipeline, &bindings, grid);
    let pipeline = kernels.pipeline("state_write", &[], &common)?;
    let write = kernels.dispatch("state_write", &pipeline, &[(3, x), (4, ring), (5, step)], grid);
    Ok(vec![conv, write])
}
