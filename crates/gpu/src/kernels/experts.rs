//! Mixtures of experts: `route.wgsl` chooses them, `expert_linear.wgsl` projects by them, `expert_sum.wgsl` adds up.

use sotto_plan::Rows;

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_count, rows_flag, stride};
use crate::tuning::Tuning;
use crate::weights::Matrix;

/// The experts of each row and their weights: `[rows, stride(2 * n_used)]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routes<'a> {
    pub slice: &'a Slice,
    pub n_used: usize,
}

/// Chooses `n_used` of `n_experts` by their logits.
pub(crate) fn route(
    kernels: &Kernels,
    kind: Rows,
    n_experts: usize,
    n_used: usize,
    normalise: bool,
    [logits, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).chain(normalise.then_some("normalise")).collect();
    let constants = [
        ("EXPERTS", n_experts as f64),
        ("STRIDE", stride(n_experts) as f64),
        ("USED", n_used as f64),
        ("OUT_STRIDE", stride(2 * n_used) as f64),
    ];
    let pipeline = kernels.pipeline("route", &flags, &constants)?;
    let grid = [rows_count(kind, WORKGROUP), Count::Fixed(1), Count::Fixed(1)];
    Ok(kernels.dispatch("route", &pipeline, &[(3, logits), (4, out), (5, step)], grid))
}

/// `out[t, s] = bias[e] + weight[e] . x[t, s]` with `e = routes[t, s]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpertLinear<'a> {
    /// `[n_experts * rows, cols]`
    pub matrix: &'a Matrix,
    /// Rows of an expert.
    pub rows: usize,
    pub x: &'a Slice,
    /// `cols`, or `n_used * cols` where each slot has an input of its own.
    pub x_width: usize,
    pub out: &'a Slice,
    pub kind: Rows,
    /// `[n_experts, rows]` of f32.
    pub bias: Option<&'a Matrix>,
    pub routes: Routes<'a>,
}

impl ExpertLinear<'_> {
    /// One dispatch for each part of the matrix; each writes the rows that its part holds.
    pub fn dispatches(&self, kernels: &Kernels, tuning: Tuning) -> Result<Vec<Dispatch>, GpuError> {
        let (lanes, groups) = tuning.lanes_and_groups(self.matrix.row_blocks());
        let n_used = self.routes.n_used;
        let own = self.x_width != self.matrix.cols;
        if own && !self.matrix.cols.is_multiple_of(4) {
            return Err(GpuError::Unsupported {
                what: format!("experts over {} elements (a multiple of 4 is)", self.matrix.cols),
            });
        }
        let mut flags = vec![self.matrix.packing.flag()];
        flags.extend((lanes > 1).then_some("reduce"));
        flags.extend(self.bias.map(|_| "bias"));
        let dispatch = |part: &crate::weights::Part| {
            let mut constants = vec![
                ("LANES", f64::from(lanes)),
                ("GROUPS", f64::from(groups)),
                ("COLS", self.matrix.cols as f64),
                ("BLOCKS", self.matrix.row_blocks() as f64),
                ("X_STRIDE4", (stride(self.x_width) / 4) as f64),
                ("SLOT_STRIDE4", if own { (self.matrix.cols / 4) as f64 } else { 0.0 }),
                ("ROWS", self.rows as f64),
                ("PART_FIRST", part.first_row as f64),
                ("PART_ROWS", part.rows as f64),
                ("OUT_STRIDE", stride(n_used * self.rows) as f64),
                ("ROUTES_STRIDE", stride(2 * n_used) as f64),
            ];
            constants.extend((lanes > 1).then_some(("PARTIALS", f64::from(lanes * groups))));
            constants.extend(self.bias.map(|bias| ("BIAS_STRIDE", bias.row_stride() as f64)));
            let pipeline = kernels.pipeline("expert_linear", &flags, &constants)?;
            let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
            bindings.extend([(3, self.x), (4, self.out), (7, self.routes.slice)]);
            bindings.extend(self.bias.map(|bias| (6, &bias.parts[0].planes[0])));
            let workgroups = (self.rows as u32).div_ceil(4 * groups);
            let grid = [Count::Fixed(workgroups), Count::Fixed(n_used as u32), rows_count(self.kind, 1)];
            let mut made = kernels.dispatch("expert_linear", &pipeline, &bindings, grid);
            made.weight_bytes =
                self.matrix.bytes_of_rows(n_used * self.rows) / self.matrix.parts.len() as u64;
            Ok(made)
        };
        self.matrix.parts.iter().map(dispatch).collect()
    }
}

/// `out[t] = sum_s weight(t, s) * x[t, s]`, rows of `width` elements.
pub(crate) fn sum(
    kernels: &Kernels,
    routes: Routes<'_>,
    (kind, width): (Rows, usize),
    [x, out, step]: [&Slice; 3],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).collect();
    let constants = [
        ("WIDTH", width as f64),
        ("USED", routes.n_used as f64),
        ("X_STRIDE", stride(routes.n_used * width) as f64),
        ("OUT_STRIDE", stride(width) as f64),
        ("ROUTES_STRIDE", stride(2 * routes.n_used) as f64),
    ];
    let pipeline = kernels.pipeline("expert_sum", &flags, &constants)?;
    let grid = [Count::Fixed((width as u32).div_ceil(WORKGROUP)), rows_count(kind, 1), Count::Fixed(1)];
    let bindings = [(3, x), (4, out), (5, step), (7, routes.slice)];
    Ok(kernels.dispatch("expert_sum", &pipeline, &bindings, grid))
}
