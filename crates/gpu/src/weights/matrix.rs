//! A weight matrix in GPU memory, cut by rows where a binding cannot hold it whole.

use super::packing::{BLOCK, Packing};
use crate::kernel::Slice;
use crate::{GpuDevice, GpuError};

/// Rows of `cols` elements. One-row matrices in F32 are the norms and biases.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub packing: Packing,
    pub cols: usize,
    pub parts: Vec<Part>,
}

/// Consecutive rows of a matrix: what one dispatch binds.
#[derive(Debug)]
pub(crate) struct Part {
    pub first_row: usize,
    pub rows: usize,
    /// `quants`, `scales`, `highs` of `shaders/lib/weights.wgsl`, as many as the packing has.
    pub planes: Vec<Slice>,
}

impl Matrix {
    /// Allocates zeros. `name` is for messages.
    pub fn new(
        device: &GpuDevice,
        name: &str,
        packing: Packing,
        rows: usize,
        cols: usize,
    ) -> Result<Matrix, GpuError> {
        let part = |cut: Cut| {
            let planes = cut.planes.iter().map(|&bytes| plane(device, name, bytes));
            Ok(Part { first_row: cut.first_row, rows: cut.rows, planes: planes.collect::<Result<_, _>>()? })
        };
        let parts = cuts(device, name, packing, rows, cols)?.into_iter().map(part);
        Ok(Matrix { packing, cols, parts: parts.collect::<Result<_, GpuError>>()? })
    }

    /// Blocks of a row.
    pub fn row_blocks(&self) -> usize {
        self.cols.div_ceil(BLOCK)
    }

    /// Elements from one row to the next of an F32 matrix.
    pub fn row_stride(&self) -> usize {
        self.row_blocks() * BLOCK
    }

    /// Bytes of GPU memory.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().flat_map(|part| &part.planes).map(|plane| plane.size).sum()
    }

    /// Bytes that reading `rows` rows takes.
    pub fn bytes_of_rows(&self, rows: usize) -> u64 {
        self.packing.plane_bytes((rows * self.row_blocks()) as u64).iter().sum()
    }
}

/// A part before it has memory: its rows, and the bytes of its planes.
pub(crate) struct Cut {
    first_row: usize,
    rows: usize,
    pub planes: Vec<u64>,
}

/// The parts of a matrix on `device`. `name` is for messages.
pub(crate) fn cuts(
    device: &GpuDevice,
    name: &str,
    packing: Packing,
    rows: usize,
    cols: usize,
) -> Result<Vec<Cut>, GpuError> {
    let limit = device.facts().max_binding_bytes.min(device.facts().max_buffer_bytes);
    let most = rows_within(packing, cols, limit).min(rows.max(1));
    if most == 0 {
        let bytes = packing.plane_bytes(blocks_per_row(cols))[0];
        return Err(GpuError::TooLarge { what: format!("one row of tensor \"{name}\""), bytes, limit });
    }
    let cut = |first_row| {
        let rows = most.min(rows - first_row);
        let bytes = packing.plane_bytes(rows as u64 * blocks_per_row(cols));
        Cut { first_row, rows, planes: bytes[..packing.planes()].to_vec() }
    };
    Ok((0..rows).step_by(most).map(cut).collect())
}

/// Whether `rows` rows of `cols` elements fit one binding.
pub(crate) fn fits_one_part(device: &GpuDevice, packing: Packing, rows: usize, cols: usize) -> bool {
    rows <= rows_within(packing, cols, device.facts().max_binding_bytes.min(device.facts().max_buffer_bytes))
}

fn blocks_per_row(cols: usize) -> u64 {
    cols.div_ceil(BLOCK) as u64
}

/// Rows of which each plane is at most `limit` bytes; a multiple of 64 where there are as many, so that
/// parts begin at a whole word of every plane.
fn rows_within(packing: Packing, cols: usize, limit: u64) -> usize {
    const TILE: u64 = 64;
    let tile_bytes = packing.plane_bytes(TILE * blocks_per_row(cols)).into_iter().max().unwrap_or(0);
    let tiles = limit / tile_bytes.max(1);
    usize::try_from(tiles * TILE).unwrap_or(usize::MAX)
}

fn plane(device: &GpuDevice, name: &str, bytes: u64) -> Result<Slice, GpuError> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    Ok(Slice::whole(&device.buffer(name, bytes, usage)?))
}
