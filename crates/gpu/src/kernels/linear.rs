//! Projections: `matvec.wgsl` for up to four rows at once, `matmul.wgsl` for many, `matmul_plain.wgsl` for many in software.

use sotto_plan::{Gated, Rows};

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::elementwise::gated_flag;
use crate::kernels::matmul::{MatmulScratch, Tile};
use crate::kernels::{WORKGROUP, rows_constant, rows_count, rows_flag, stride};
use crate::tuning::{Tiles, Tuning};
use crate::weights::Matrix;
use crate::{DeviceFacts, GpuError};

/// Rows of x, and rows of the weight, that an invocation of `matmul_plain.wgsl` takes.
pub(crate) const PLAIN_ROWS: u32 = 8;
/// Invocations of its workgroups.
pub(crate) const PLAIN_WORKGROUP: u32 = 8;

/// `out = residual + bias + weight . x`, where `weight` is rows `first_row..first_row + rows` of `matrix`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear<'a> {
    pub matrix: &'a Matrix,
    pub first_row: usize,
    pub rows: usize,
    pub x: &'a Slice,
    pub out: &'a Slice,
    pub step: &'a Slice,
    pub kind: Rows,
    /// `[rows]`
    pub bias: Option<&'a Slice>,
    /// As `out`.
    pub residual: Option<&'a Slice>,
    /// x is normalised first: weight `[cols]`, and epsilon. Only in [`Linear::matvec`].
    pub norm: Option<(&'a Slice, f32)>,
    /// The rows are those of a gate, then as many of an up projection, and the output is half as wide. Only in
    /// [`Linear::matvec`], and only when the matrix is in one part.
    pub gated: Option<Gated>,
}

impl Linear<'_> {
    /// For steps of few rows: `tokens` (1 to 4) at once.
    pub fn matvec(&self, kernels: &Kernels, tuning: Tuning, tokens: u32) -> Result<Vec<Dispatch>, GpuError> {
        let facts = kernels.device().facts();
        let shape = tuning.matvec(facts, self.matrix, self.rows, tokens, self.norm.is_some());
        let mut flags = self.flags();
        flags.extend(&shape.flags);
        if self.norm.is_some() {
            flags.push("norm");
        }
        flags.extend(self.gated.map(|kind| ["gated", gated_flag(kind)]).into_iter().flatten());
        let most = facts.max_workgroups;
        self.parts(|part| {
            let mut constants = part.constants.clone();
            constants.extend(shape.constants.iter().map(|&(name, value)| (name, f64::from(value))));
            if let Some((_, eps)) = self.norm {
                constants.push(("EPS", f64::from(eps)));
            }
            let pipeline = kernels.pipeline("matvec", &flags, &constants)?;
            let mut bindings = part.bindings.clone();
            bindings.extend(self.norm.map(|(weight, _)| (8, weight)));
            // Four rows of the weight a group.
            let workgroups = (part.rows as u32).div_ceil(shape.rows);
            let y = workgroups.min(most);
            let grid = [rows_count(self.kind, tokens), Count::Fixed(y), Count::Fixed(workgroups.div_ceil(y))];
            Ok(kernels.dispatch("matvec", &pipeline, &bindings, grid))
        })
    }

    /// The tile of [`Linear::matmul`] that holds `tiles`, if it can.
    pub fn tile(&self, facts: &DeviceFacts, tiles: Tiles) -> Tile {
        let tile = Tile::of(facts, self.matrix.packing, (self.rows, self.matrix.cols), tiles);
        // Partial sums have room for the tokens of a step, and for one matrix.
        let splits = if self.kind == Rows::Tokens && self.matrix.parts.len() == 1 { tile.splits } else { 1 };
        Tile { splits, ..tile }
    }

    /// For steps of many rows. With [`Tile::is_rounded`], `scratch` holds x.
    pub fn matmul(
        &self,
        kernels: &Kernels,
        tile: Tile,
        scratch: &MatmulScratch,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let [x, scales, partials, _] = scratch.slices();
        let rounded = tile.is_rounded();
        let split = tile.splits > 1;
        let mut flags = match split {
            true => Linear { bias: None, residual: None, ..*self }.flags(),
            false => self.flags(),
        };
        flags.extend(tile.flags());
        let mut products = self.parts(|part| {
            let mut constants = part.constants.clone();
            constants.retain(|&(name, _)| name != "X_STRIDE4");
            constants.extend(tile.constants(self.matrix.cols));
            let pipeline = kernels.pipeline(tile.shader(), &flags, &constants)?;
            let replaced = [(rounded, 3, x), (split, 4, partials)];
            let mut bindings: Vec<_> =
                part.bindings.iter().copied().filter(|&(at, _)| !split || at < 6).collect();
            for (holds, at, slice) in replaced {
                bindings.iter_mut().filter(|(b, _)| holds && *b == at).for_each(|b| b.1 = slice);
            }
            bindings.extend(rounded.then_some((8, scales)));
            let grid = [
                Count::Fixed((part.rows as u32).div_ceil(tile.w_rows())),
                rows_count(self.kind, tile.x_rows()),
                Count::Fixed(tile.splits),
            ];
            Ok(kernels.dispatch(tile.shader(), &pipeline, &bindings, grid))
        })?;
        if split {
            products.push(self.sum_of_splits(kernels, tile.splits, partials)?);
        }
        Ok(products)
    }

    /// The same, with what rounds x before.
    pub fn rounded_matmul(
        &self,
        kernels: &Kernels,
        tile: Tile,
        scratch: &MatmulScratch,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let shape = (self.kind, self.matrix.cols, 1);
        let rounding = scratch.round(kernels, tile.holds, shape, [self.x, self.step])?;
        Ok(rounding.into_iter().chain(self.matmul(kernels, tile, scratch)?).collect())
    }

    fn sum_of_splits(&self, kernels: &Kernels, splits: u32, partials: &Slice) -> Result<Dispatch, GpuError> {
        let mut constants = vec![
            ("SPLITS", f64::from(splits)),
            ("ROWS", self.rows as f64),
            ("OUT_STRIDE", stride(self.rows) as f64),
        ];
        constants.extend(rows_constant(self.kind));
        let flags: Vec<_> =
            self.flags().into_iter().filter(|flag| !self.matrix.packing.flags().contains(flag)).collect();
        let pipeline = kernels.pipeline("matmul_sum", &flags, &constants)?;
        let mut bindings = vec![(3, partials), (4, self.out), (5, self.step)];
        bindings.extend(self.bias.map(|bias| (6, bias)));
        bindings.extend(self.residual.map(|residual| (7, residual)));
        let grid =
            [Count::Fixed((self.rows as u32).div_ceil(WORKGROUP)), rows_count(self.kind, 1), Count::Fixed(1)];
        Ok(kernels.dispatch("matmul_sum", &pipeline, &bindings, grid))
    }

    /// For steps of many rows on a software adapter.
    pub fn matmul_plain(&self, kernels: &Kernels) -> Result<Vec<Dispatch>, GpuError> {
        self.parts(|part| {
            let mut constants = part.constants.clone();
            constants.push(("WORKGROUP", f64::from(PLAIN_WORKGROUP)));
            let pipeline = kernels.pipeline("matmul_plain", &self.flags(), &constants)?;
            let workgroups = (part.rows as u32).div_ceil(PLAIN_ROWS * PLAIN_WORKGROUP);
            let grid = [Count::Fixed(workgroups), rows_count(self.kind, PLAIN_ROWS), Count::Fixed(1)];
            Ok(kernels.dispatch("matmul_plain", &pipeline, &part.bindings, grid))
        })
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = self.matrix.packing.flags().to_vec();
        flags.extend(rows_flag(self.kind));
        flags.extend(self.bias.map(|_| "bias"));
        flags.extend(self.residual.map(|_| "residual"));
        flags
    }

    /// One dispatch for each part of the matrix that holds some of the rows.
    fn parts(
        &self,
        mut dispatch: impl FnMut(PartOfLinear<'_>) -> Result<Dispatch, GpuError>,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let (begin, end) = (self.first_row, self.first_row + self.rows);
        let out_rows = if self.gated.is_some() { self.rows / 2 } else { self.rows };
        let mut dispatches = Vec::new();
        for part in &self.matrix.parts {
            let first = begin.max(part.first_row);
            let last = end.min(part.first_row + part.rows);
            if first >= last {
                continue;
            }
            let rows = last - first;
            let written = if self.gated.is_some() { rows / 2 } else { rows };
            let mut constants = vec![
                ("COLS", self.matrix.cols as f64),
                ("BLOCKS", self.matrix.row_blocks() as f64),
                ("X_STRIDE4", (stride(self.matrix.cols) / 4) as f64),
                ("OUT_STRIDE", stride(out_rows) as f64),
                ("FIRST_ROW", (first - part.first_row) as f64),
                ("ROWS", written as f64),
                ("OUT_FIRST", (first - begin) as f64),
            ];
            constants.extend(rows_constant(self.kind));
            let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
            bindings.extend([(3, self.x), (4, self.out), (5, self.step)]);
            bindings.extend(self.bias.map(|bias| (6, bias)));
            bindings.extend(self.residual.map(|residual| (7, residual)));
            let mut made = dispatch(PartOfLinear { rows, constants, bindings })?;
            made.weight_bytes = self.matrix.bytes_of_rows(rows);
            dispatches.push(made);
        }
        Ok(dispatches)
    }
}

struct PartOfLinear<'a> {
    rows: usize,
    constants: Vec<(&'static str, f64)>,
    bindings: Vec<(u32, &'a Slice)>,
}
