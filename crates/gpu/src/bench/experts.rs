//! Mixtures of experts in a prefill: rows one by one, and grouped by expert.

use sotto_plan::Rows;

use super::{Bench, Work};
use crate::GpuError;
use crate::kernels::experts::{self, ExpertLinear, Routes};
use crate::kernels::linear::PLAIN_ROWS;
use crate::kernels::matmul::{MatmulScratch, Room, Tile};
use crate::kernels::stride;
use crate::weights::{Matrix, Packing};

/// Experts, and those of them that a row takes, as gpt-oss-20b has them.
const EXPERTS: usize = 32;
const USED: usize = 4;

impl Bench<'_> {
    /// Bytes are those of weights that are read: of an expert once for every tile of rows.
    pub(super) async fn experts(&mut self) -> Result<(), GpuError> {
        let device = self.device().clone();
        let (facts, tuning) = (device.facts(), self.tuning());
        for ty in self.options.types.clone() {
            let name = format!("experts {ty}");
            if !self.wanted(&name) {
                continue;
            }
            for (rows, cols) in self.options.shapes.clone() {
                let packing = Packing::of(ty);
                if cols % ty.block_len() != 0 || rows * EXPERTS > 1 << 17 {
                    continue;
                }
                let matrix = Matrix::new(&device, "benchmark", packing, EXPERTS * rows, cols)?;
                let planes = || matrix.parts.iter().flat_map(|part| &part.planes);
                planes().for_each(|plane| self.fill.slice(&device, plane));
                for tokens in self.options.tokens.clone() {
                    let (step, size) = self.step(0, tokens)?;
                    let mut routes = vec![1.0 / USED as f32; tokens * stride(2 * USED)];
                    let mut counts = [0usize; EXPERTS];
                    for (t, row) in routes.chunks_mut(stride(2 * USED)).enumerate() {
                        for (slot, expert) in row[..USED].iter_mut().enumerate() {
                            // Any that differ within a row.
                            let e = (t * t * 7 + t + slot * (EXPERTS / USED)) % EXPERTS;
                            counts[e] += 1;
                            *expert = e as f32;
                        }
                    }
                    let routes_slice = self.fill.small(&device, 4 * routes.len() as u64)?;
                    device.queue().write_buffer(&routes_slice.buffer, 0, bytemuck::cast_slice(&routes));
                    let x = self.fill.buffer(&device, (4 * tokens * stride(cols)) as u64)?;
                    let out = self.fill.small(&device, (4 * tokens * stride(USED * rows)) as u64)?;
                    let routes = Routes { slice: &routes_slice, n_used: USED };
                    let linear = ExpertLinear {
                        matrix: &matrix,
                        rows,
                        x: &x,
                        x_width: cols,
                        out: &out,
                        kind: Rows::Tokens,
                        bias: None,
                        routes,
                    };
                    let tile = tuning.tiled_matmul.then(|| Tile::of_experts(facts, packing, tuning.tiles));
                    let room =
                        tile.map(|tile| Room::of_product(tile, tokens, cols, rows)).unwrap_or_default();
                    let room = room.max(Room::of_order(EXPERTS, tokens * USED));
                    let scratch = MatmulScratch::new(&device, room)?;
                    let [_, _, _, order] = scratch.slices();
                    let mut grouped =
                        vec![experts::order(&self.kernels, Rows::Tokens, routes, EXPERTS, [order, &step])?];
                    if let Some(tile) = tile {
                        let shape = (Rows::Tokens, cols, 1);
                        grouped.extend(scratch.round(&self.kernels, tile.holds, shape, [&x, &step])?);
                    }
                    grouped.extend(linear.grouped(&self.kernels, tile, &scratch)?);
                    let x_rows = tile.map_or(PLAIN_ROWS, Tile::x_rows) as usize;
                    let tiles = counts.iter().map(|n| n.div_ceil(x_rows)).sum();
                    let one_by_one = linear.dispatches(&self.kernels, tuning)?;
                    for (how, dispatches, reads) in
                        [("one by one", one_by_one, tokens * USED), ("grouped", grouped, tiles)]
                    {
                        let work = Work {
                            kernel: format!("{name} {how}"),
                            shape: format!("{rows} x {cols} x {tokens}"),
                            bytes: reads as u64 * matrix.bytes_of_rows(rows),
                            flops: 2 * (rows * cols * tokens * USED) as u64,
                            chain: dispatches.len(),
                        };
                        self.time(work, &dispatches, size).await?;
                    }
                    let slices = [&routes_slice, &x, &out].into_iter().chain(scratch.slices());
                    slices.for_each(|slice| slice.buffer.destroy());
                }
                planes().for_each(|plane| plane.buffer.destroy());
            }
        }
        Ok(())
    }
}
