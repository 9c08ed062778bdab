//! Projections: `matvec.wgsl` for one token, `matmul.wgsl` for many.

use sotto_plan::Rows;

use super::{Bench, Work};
use crate::GpuError;
use crate::kernel::Slice;
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, Room};
use crate::tuning::Tiles;
use crate::weights::{Matrix, Packing};

/// What tiles of products may hold, and how a measurement says so.
const TILES: [(Tiles, &str); 4] = [
    (Tiles::Floats, ""),
    (Tiles::Bytes, " in bytes"),
    (Tiles::Halves, " in halves"),
    (Tiles::HalfSums, " in half sums"),
];

impl Bench<'_> {
    pub(super) async fn matvecs(&mut self) -> Result<(), GpuError> {
        for ty in self.options.types.clone() {
            let variants = self.options.variants.iter().map(|&tuning| (tuning.to_string(), tuning));
            let tunings: Vec<_> = [(String::new(), self.tuning())].into_iter().chain(variants).collect();
            let name = format!("matvec {ty}");
            if !self.wanted(&name) && !self.options.only.starts_with(&name) {
                continue;
            }
            for (rows, cols) in self.options.shapes.clone() {
                if cols % ty.block_len() != 0 {
                    continue;
                }
                let operands = Operands::new(self, Packing::of(ty), (rows, cols), 1)?;
                let (step, size) = self.step(0, 1)?;
                let normed =
                    [false, true].into_iter().flat_map(|norm| tunings.iter().map(move |t| (norm, t)));
                for (norm, (variant, tuning)) in normed {
                    let name = if norm { format!("{name} after norm") } else { name.clone() };
                    if !self.wanted(&name) {
                        continue;
                    }
                    let mut dispatches = Vec::new();
                    for matrix in &operands.matrices {
                        let linear = operands.linear(matrix, &step);
                        let linear = Linear { norm: norm.then_some((&operands.norm, 1e-5)), ..linear };
                        dispatches.extend(linear.matvec(&self.kernels, *tuning, 1)?);
                    }
                    let kernel = [name.as_str(), variant];
                    let work = Work {
                        kernel: kernel.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" "),
                        shape: format!("{rows} x {cols}"),
                        bytes: operands.matrices[0].bytes_of_rows(rows) + 4 * (rows + cols) as u64,
                        flops: 2 * (rows * cols) as u64,
                        chain: operands.matrices[0].parts.len(),
                    };
                    self.time(work, &dispatches, size).await?;
                }
                operands.destroy();
            }
        }
        Ok(())
    }

    pub(super) async fn matmuls(&mut self) -> Result<(), GpuError> {
        for ty in self.options.types.clone() {
            let name = format!("matmul {ty}");
            if !self.wanted(&name) {
                continue;
            }
            for (rows, cols) in self.options.shapes.clone() {
                // The projection to logits runs for one token.
                if cols % ty.block_len() != 0 || rows > 1 << 16 {
                    continue;
                }
                for tokens in self.options.tokens.clone() {
                    let operands = Operands::new(self, Packing::of(ty), (rows, cols), tokens)?;
                    let (step, size) = self.step(0, tokens)?;
                    // The work outlasts what a cache could save.
                    let matrix = &operands.matrices[0];
                    let linear = operands.linear(matrix, &step);
                    for (holds, what) in TILES {
                        let tile = linear.tile(self.device().facts(), holds);
                        if tile.holds != holds {
                            continue;
                        }
                        let scratch =
                            MatmulScratch::new(self.device(), Room::of_product(tile, tokens, cols, rows))?;
                        let dispatches = linear.rounded_matmul(&self.kernels, tile, &scratch)?;
                        let work = Work {
                            kernel: format!("{name}{what}"),
                            shape: format!("{rows} x {cols} x {tokens}"),
                            bytes: matrix.bytes_of_rows(rows) + (4 * tokens * (rows + cols)) as u64,
                            flops: 2 * (rows * cols * tokens) as u64,
                            chain: dispatches.len(),
                        };
                        self.time(work, &dispatches, size).await?;
                        scratch.slices().into_iter().for_each(|slice| slice.buffer.destroy());
                    }
                    operands.destroy();
                }
            }
        }
        Ok(())
    }
}

/// Copies of a weight, and what they are multiplied with.
struct Operands {
    matrices: Vec<Matrix>,
    rows: usize,
    x: Slice,
    norm: Slice,
    out: Slice,
}

impl Operands {
    fn new(
        bench: &Bench<'_>,
        packing: Packing,
        (rows, cols): (usize, usize),
        tokens: usize,
    ) -> Result<Operands, GpuError> {
        let device = bench.device();
        let matrix = || {
            let matrix = Matrix::new(device, "benchmark", packing, rows, cols)?;
            matrix.parts.iter().flat_map(|part| &part.planes).for_each(|p| bench.fill.slice(device, p));
            Ok(matrix)
        };
        let first = matrix()?;
        let copies = if tokens == 1 { bench.copies(first.bytes()) } else { 1 };
        let mut matrices = vec![first];
        for _ in 1..copies {
            matrices.push(matrix()?);
        }
        let x = bench.fill.buffer(device, (4 * tokens * cols.next_multiple_of(4)) as u64)?;
        let out = bench.fill.small(device, (4 * tokens * rows.next_multiple_of(4)) as u64)?;
        let norm = bench.fill.buffer(device, 4 * cols.next_multiple_of(32) as u64)?;
        Ok(Operands { matrices, rows, x, norm, out })
    }

    fn linear<'a>(&'a self, matrix: &'a Matrix, step: &'a Slice) -> Linear<'a> {
        Linear {
            matrix,
            first_row: 0,
            rows: self.rows,
            x: &self.x,
            out: &self.out,
            step,
            kind: Rows::Tokens,
            bias: None,
            residual: None,
            norm: None,
            gated: None,
        }
    }

    fn destroy(&self) {
        let planes = self.matrices.iter().flat_map(|m| &m.parts).flat_map(|part| &part.planes);
        planes.chain([&self.x, &self.norm, &self.out]).for_each(|slice| slice.buffer.destroy());
    }
}
