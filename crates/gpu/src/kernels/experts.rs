//! Mixtures of experts: `route.wgsl` chooses them, `expert_linear.wgsl` projects by them, `expert_sum.wgsl` adds up.
//!
//! In steps of many tokens `expert_order.wgsl` sorts rows by expert, and the products of many rows (`matmul.wgsl` and
//! the like, flag `grouped`) take each expert with all of its rows, so that its weights are read once for a tile of them.

use sotto_plan::Rows;

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::linear::{PLAIN_ROWS, PLAIN_WORKGROUP};
use crate::kernels::matmul::{MatmulScratch, Tile};
use crate::kernels::{WORKGROUP, rows_count, rows_flag, stride};
use crate::tuning::Tuning;
use crate::weights::{Matrix, Part};

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

/// Sorts the rows of a step by expert, into what [`MatmulScratch`] has for it.
pub(crate) fn order(
    kernels: &Kernels,
    kind: Rows,
    routes: Routes<'_>,
    n_experts: usize,
    [order, step]: [&Slice; 2],
) -> Result<Dispatch, GpuError> {
    let flags: Vec<_> = rows_flag(kind).collect();
    let constants = [
        ("EXPERTS", n_experts as f64),
        ("USED", routes.n_used as f64),
        ("ROUTES_STRIDE", stride(2 * routes.n_used) as f64),
    ];
    let pipeline = kernels.pipeline("expert_order", &flags, &constants)?;
    let bindings = [(3, routes.slice), (4, order), (5, step)];
    Ok(kernels.dispatch("expert_order", &pipeline, &bindings, [Count::Fixed(1); 3]))
}

/// What one kernel wants and another not: flags, constants, bindings.
type Own<'a> = (&'a [&'static str], &'a [(&'static str, f64)], &'a [(u32, &'a Slice)]);

impl ExpertLinear<'_> {
    pub fn n_experts(&self) -> usize {
        self.matrix.parts.iter().map(|part| part.rows).sum::<usize>() / self.rows
    }

    /// Tokens of a step up to which there are no more pairs of a row and an expert than experts, so that grouping saves little.
    pub fn few_tokens(&self) -> u32 {
        (self.n_experts() / self.routes.n_used) as u32
    }

    /// Rows of x for each of the step's: one, or where each slot has an input of its own as many as slots.
    pub fn x_slots(&self) -> usize {
        if self.x_width == self.matrix.cols { 1 } else { self.routes.n_used }
    }

    fn check(&self) -> Result<(), GpuError> {
        if self.x_slots() > 1 && !self.matrix.cols.is_multiple_of(4) {
            return Err(GpuError::Unsupported {
                what: format!("experts over {} elements (a multiple of 4 is)", self.matrix.cols),
            });
        }
        Ok(())
    }

    fn flags(&self) -> Vec<&'static str> {
        self.matrix.packing.flags().iter().copied().chain(self.bias.map(|_| "bias")).collect()
    }

    /// One dispatch for each part of the matrix; each writes the rows that its part holds. An expert's weights are read for
    /// every row of x that goes there.
    pub fn dispatches(&self, kernels: &Kernels, tuning: Tuning) -> Result<Vec<Dispatch>, GpuError> {
        self.check()?;
        let (lanes, groups) = tuning.lanes_and_groups(self.matrix.row_blocks());
        let n_used = self.routes.n_used;
        let own = self.x_slots() > 1;
        let mut flags = self.flags();
        flags.extend((lanes > 1).then_some("reduce"));
        let mut constants = vec![
            ("LANES", f64::from(lanes)),
            ("GROUPS", f64::from(groups)),
            ("X_STRIDE4", (stride(self.x_width) / 4) as f64),
            ("SLOT_STRIDE4", if own { (self.matrix.cols / 4) as f64 } else { 0.0 }),
            ("ROUTES_STRIDE", stride(2 * n_used) as f64),
        ];
        constants.extend((lanes > 1).then_some(("PARTIALS", f64::from(lanes * groups))));
        let workgroups = (self.rows as u32).div_ceil(4 * groups);
        let grid = [Count::Fixed(workgroups), Count::Fixed(n_used as u32), rows_count(self.kind, 1)];
        let bindings = [(3, self.x), (7, self.routes.slice)];
        let mut made = self.parts(kernels, "expert_linear", (&flags, &constants, &bindings), grid)?;
        let bytes = self.matrix.bytes_of_rows(n_used * self.rows) / self.matrix.parts.len() as u64;
        made.iter_mut().for_each(|dispatch| dispatch.weight_bytes = bytes);
        Ok(made)
    }

    /// The same after [`order`], each expert with all of its rows: by tiles, or without one as software likes it. With
    /// [`Tile::is_rounded`], `scratch` holds x.
    pub fn grouped(
        &self,
        kernels: &Kernels,
        tile: Option<Tile>,
        scratch: &MatmulScratch,
    ) -> Result<Vec<Dispatch>, GpuError> {
        self.check()?;
        let [x, scales, _, order] = scratch.slices();
        let mut flags = self.flags();
        flags.push("grouped");
        flags.extend(tile.into_iter().flat_map(Tile::flags));
        let n_experts = self.n_experts();
        let mut constants = vec![
            ("EXPERTS", n_experts as f64),
            ("USED", self.routes.n_used as f64),
            ("X_USED", (self.routes.n_used / self.x_slots()) as f64),
        ];
        let (shader, [w_rows, x_rows]) = match tile {
            Some(tile) => {
                constants.extend(tile.constants(self.matrix.cols));
                (tile.shader(), [tile.w_rows(), tile.x_rows()])
            }
            None => {
                constants.push(("WORKGROUP", f64::from(PLAIN_WORKGROUP)));
                constants.push(("X_STRIDE4", (stride(self.matrix.cols) / 4) as f64));
                ("matmul_plain", [PLAIN_ROWS * PLAIN_WORKGROUP, PLAIN_ROWS])
            }
        };
        let rounded = tile.is_some_and(Tile::is_rounded);
        let mut bindings = vec![(3, if rounded { x } else { self.x }), (7, order)];
        bindings.extend(rounded.then_some((8, scales)));
        // A row of x goes to an expert once at most.
        let grid = [
            Count::Fixed((self.rows as u32).div_ceil(w_rows)),
            rows_count(self.kind, x_rows),
            Count::Fixed(n_experts as u32),
        ];
        self.parts(kernels, shader, (&flags, &constants, &bindings), grid)
    }

    /// A dispatch of `shader` for each part of the matrix, with what all kernels want besides `flags`, `constants` and `bindings`.
    fn parts(
        &self,
        kernels: &Kernels,
        shader: &'static str,
        (flags, constants, bindings): Own<'_>,
        grid: [Count; 3],
    ) -> Result<Vec<Dispatch>, GpuError> {
        let dispatch = |part: &Part| {
            let mut constants = constants.to_vec();
            constants.extend([
                ("COLS", self.matrix.cols as f64),
                ("BLOCKS", self.matrix.row_blocks() as f64),
                ("ROWS", self.rows as f64),
                ("PART_FIRST", part.first_row as f64),
                ("PART_ROWS", part.rows as f64),
                ("OUT_STRIDE", stride(self.routes.n_used * self.rows) as f64),
            ]);
            constants.extend(self.bias.map(|bias| ("BIAS_STRIDE", bias.row_stride() as f64)));
            let pipeline = kernels.pipeline(shader, flags, &constants)?;
            let mut all: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
            all.extend(bindings);
            all.push((4, self.out));
            all.extend(self.bias.map(|bias| (6, &bias.parts[0].planes[0])));
            Ok(kernels.dispatch(shader, &pipeline, &all, grid))
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
