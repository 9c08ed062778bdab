//! Rows of tables: `embed.wgsl` by token id, `add_row.wgsl` by position or always the same.

use sotto_plan::{Rows, TableRow};

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_constant, rows_count, rows_flag, stride};
use crate::weights::{Matrix, Part};

/// `out[t] = scale * table[ids[t]]`, one dispatch for each part of the table (its rows from `first_row` on).
pub(crate) fn embed(
    kernels: &Kernels,
    table: &Matrix,
    scale: f32,
    [ids, out, step]: [&Slice; 3],
) -> Result<Vec<Dispatch>, GpuError> {
    let flags = table.packing.flags();
    rows_of(kernels, "embed", flags, ("SCALE", f64::from(scale)), table, [ids, out, step])
}

/// `out[t] = x[t] + table[row of t]`, one dispatch for each part of the table.
pub(crate) fn add_row(
    kernels: &Kernels,
    table: &Matrix,
    row: TableRow,
    slices: [&Slice; 3],
) -> Result<Vec<Dispatch>, GpuError> {
    let (row, position) = match row {
        TableRow::Position(first) => (first, Some("position")),
        TableRow::Always(row) => (row, None),
    };
    let flags: Vec<_> = table.packing.flags().iter().copied().chain(position).collect();
    rows_of(kernels, "add_row", &flags, ("ROW", row as f64), table, slices)
}

/// `out[r] = table[r]`, all rows of the table, one dispatch for each part of it.
pub(crate) fn table(
    kernels: &Kernels,
    table: &Matrix,
    [out, step]: [&Slice; 2],
) -> Result<Vec<Dispatch>, GpuError> {
    let quads = stride(table.cols) / 4;
    let rows: usize = table.parts.iter().map(|part| part.rows).sum();
    let kind = Rows::Fixed(rows as u32);
    let dispatch = |part: &Part| {
        let constants = [
            ("FIRST_ROW", part.first_row as f64),
            ("ROWS", part.rows as f64),
            ("BLOCKS", table.row_blocks() as f64),
            ("STRIDE4", quads as f64),
        ];
        let constants: Vec<_> = constants.into_iter().chain(rows_constant(kind)).collect();
        let flags: Vec<_> =
            table.packing.flags().iter().copied().chain(["in_order"]).chain(rows_flag(kind)).collect();
        let pipeline = kernels.pipeline("embed", &flags, &constants)?;
        let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
        bindings.extend([(4, out), (5, step)]);
        let grid = [Count::Fixed((quads as u32).div_ceil(WORKGROUP)), rows_count(kind, 1), Count::Fixed(1)];
        Ok(kernels.dispatch("embed", &pipeline, &bindings, grid))
    };
    table.parts.iter().map(dispatch).collect()
}

fn rows_of(
    kernels: &Kernels,
    shader: &'static str,
    flags: &[&'static str],
    constant: (&'static str, f64),
    table: &Matrix,
    [x, out, step]: [&Slice; 3],
) -> Result<Vec<Dispatch>, GpuError> {
    let quads = stride(table.cols) / 4;
    let dispatch = |part: &Part| {
        let constants = [
            constant,
            ("FIRST_ROW", part.first_row as f64),
            ("ROWS", part.rows as f64),
            ("BLOCKS", table.row_blocks() as f64),
            ("STRIDE4", quads as f64),
        ];
        let pipeline = kernels.pipeline(shader, flags, &constants)?;
        let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
        bindings.extend([(3, x), (4, out), (5, step)]);
        let grid =
            [Count::Fixed((quads as u32).div_ceil(WORKGROUP)), rows_count(Rows::Tokens, 1), Count::Fixed(1)];
        let mut made = kernels.dispatch(shader, &pipeline, &bindings, grid);
        made.weight_bytes = table.bytes_of_rows(1);
        Ok(made)
    };
    table.parts.iter().map(dispatch).collect()
}
