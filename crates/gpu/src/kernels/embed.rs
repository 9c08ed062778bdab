//! `embed.wgsl`: rows of the embedding table by token id.

use sotto_plan::Rows;

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, stride};
use crate::weights::Matrix;

/// `out[t] = scale * table[ids[t]]`, one dispatch for each part of the table (its rows from `first_row` on).
pub(crate) fn embed(
    kernels: &Kernels,
    table: &Matrix,
    scale: f32,
    [ids, out, step]: [&Slice; 3],
) -> Result<Vec<Dispatch>, GpuError> {
    let quads = stride(table.cols) / 4;
    let dispatch = |part: &crate::weights::Part| {
        let constants = [
            ("SCALE", f64::from(scale)),
            ("FIRST_ROW", part.first_row as f64),
            ("ROWS", part.rows as f64),
            ("BLOCKS", table.row_blocks() as f64),
            ("STRIDE4", quads as f64),
        ];
        let pipeline = kernels.pipeline("embed", &[table.packing.flag()], &constants)?;
        let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
        bindings.extend([(3, ids), (4, out), (5, step)]);
        let grid =
            [Count::Fixed((quads as u32).div_ceil(WORKGROUP)), rows_count(Rows::Tokens, 1), Count::Fixed(1)];
        let mut made = kernels.dispatch("embed", &pipeline, &bindings, grid);
        made.weight_bytes = table.bytes_of_rows(1);
        Ok(made)
    };
    table.parts.iter().map(dispatch).collect()
}
