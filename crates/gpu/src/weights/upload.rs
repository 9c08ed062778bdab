//! Brings a tensor's bytes, as they come from a file in arbitrary pieces, into a [`Matrix`].
//!
//! Quantised blocks go to a small staging buffer, from which the repack kernel lays them out; rows of floats that are to be
//! quantised alike, by a kernel of their own. Other rows of floats, and of types that no shader reads, are written by the CPU.

use half::f16;
use sotto_format::{BlockType, dequantize};

use super::matrix::{Matrix, Part};
use super::packing::{BLOCK, Packing};
use crate::kernel::{Count, Dispatch, Kernels, Slice, StepSize};
use crate::{GpuDevice, GpuError};

/// Bytes of the staging buffer where bindings may be so large: large enough that submissions are few, small beside any model.
const STAGING_BYTES: u64 = 4 << 20;
const WORKGROUP: u32 = 64;

/// The staging buffer and the pipelines that empty it.
#[derive(Debug)]
pub(crate) struct Uploader {
    kernels: std::sync::Arc<Kernels>,
    staging: Slice,
    range: Slice,
}

/// Where the next bytes of one tensor go.
#[derive(Debug)]
pub(crate) struct Cursor {
    ty: BlockType,
    first_row: usize,
    rows: usize,
    /// Bytes that came so far.
    pub written: u64,
    /// Bytes of the tensor.
    pub bytes: u64,
    /// The beginning of a unit whose end has not come.
    carry: Vec<u8>,
    unit_bytes: usize,
    /// Units done.
    units: u64,
    repack: Vec<Dispatch>,
}

impl Uploader {
    pub fn new(kernels: std::sync::Arc<Kernels>) -> Result<Uploader, GpuError> {
        let device = kernels.device();
        let size = STAGING_BYTES.min(device.facts().max_binding_bytes);
        let staging =
            device.buffer("staging", size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST)?;
        let range =
            device.buffer("repack range", 16, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST)?;
        Ok(Uploader { staging: Slice::whole(&staging), range: Slice::whole(&range), kernels })
    }

    /// Prepares to write the tensor whose rows are `first_row..first_row + rows` of `matrix` and come as `ty`: the type that
    /// the matrix is laid out for, or floats to be quantised ([`Packing::quantizing_flags`]).
    pub fn cursor(
        &self,
        matrix: &Matrix,
        ty: BlockType,
        first_row: usize,
        rows: usize,
    ) -> Result<Cursor, GpuError> {
        let row_bytes = matrix.cols / ty.block_len() * ty.block_bytes();
        let (unit_bytes, repack) = match matrix.packing.unit_blocks() {
            Some(blocks) => {
                let bytes = blocks as usize * BLOCK / ty.block_len() * ty.block_bytes();
                let parts = matrix.parts.iter().map(|part| self.repack(matrix.packing, ty, part));
                (bytes, parts.collect::<Result<_, _>>()?)
            }
            None => (row_bytes, Vec::new()),
        };
        let bytes = rows as u64 * row_bytes as u64;
        Ok(Cursor { ty, first_row, rows, written: 0, bytes, carry: Vec::new(), unit_bytes, units: 0, repack })
    }

    fn repack(&self, packing: Packing, ty: BlockType, part: &Part) -> Result<Dispatch, GpuError> {
        let (shader, pipeline) = match packing.quantizing_flags(ty) {
            Some(flags) => ("quantize_weights", self.kernels.pipeline("quantize_weights", &flags, &[])?),
            None => ("repack", self.kernels.pipeline("repack", packing.flags(), &[])?),
        };
        let mut bindings = vec![(0, &self.staging), (1, &self.range)];
        bindings.extend((2..).zip(&part.planes));
        // The grid counts units as "tokens".
        Ok(self.kernels.dispatch(
            shader,
            &pipeline,
            &bindings,
            [Count::Tokens(WORKGROUP), Count::Fixed(1), Count::Fixed(1)],
        ))
    }

    /// The next bytes of a tensor; the caller has checked that they are the next and not too many.
    pub fn write(&self, matrix: &Matrix, cursor: &mut Cursor, mut bytes: &[u8]) -> Result<(), GpuError> {
        cursor.written += bytes.len() as u64;
        let last = cursor.written == cursor.bytes;
        if !cursor.carry.is_empty() {
            let missing = cursor.unit_bytes - cursor.carry.len();
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            cursor.carry.extend_from_slice(head);
            bytes = rest;
            if cursor.carry.len() == cursor.unit_bytes || (last && bytes.is_empty()) {
                let unit = std::mem::take(&mut cursor.carry);
                self.write_units(matrix, cursor, &unit)?;
            }
        }
        let whole = if last { bytes.len() } else { bytes.len() - bytes.len() % cursor.unit_bytes };
        let (units, rest) = bytes.split_at(whole);
        self.write_units(matrix, cursor, units)?;
        cursor.carry.extend_from_slice(rest);
        self.kernels.device().check()
    }

    /// Writes whole units, but for the tensor's last, which may be one block short.
    fn write_units(&self, matrix: &Matrix, cursor: &mut Cursor, mut bytes: &[u8]) -> Result<(), GpuError> {
        // The kernel may read a word beyond the last unit.
        let per_staging = ((self.staging.size as usize - 4) / cursor.unit_bytes).max(1);
        while !bytes.is_empty() {
            let at = self.unit_place(matrix, cursor);
            let units = per_staging.min(at.units_left as usize);
            let (piece, rest) = bytes.split_at((units * cursor.unit_bytes).min(bytes.len()));
            match matrix.packing.unit_blocks() {
                Some(unit_blocks) => {
                    // A unit's bytes need not be a multiple of its blocks: Q6_K has 210 for 8.
                    let blocks = piece.len() as u64 * unit_blocks / cursor.unit_bytes as u64;
                    self.repack_piece(&cursor.repack[at.part], at.block, piece, blocks, unit_blocks);
                }
                None => self.write_rows(matrix, cursor.ty, &matrix.parts[at.part], at.block, piece)?,
            }
            cursor.units += piece.len().div_ceil(cursor.unit_bytes) as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Which part the next unit belongs to, its first block there, and the units before the part's end.
    fn unit_place(&self, matrix: &Matrix, cursor: &Cursor) -> Place {
        let row_blocks = matrix.row_blocks() as u64;
        let unit_blocks = matrix.packing.unit_blocks().unwrap_or(row_blocks);
        let block = cursor.first_row as u64 * row_blocks + cursor.units * unit_blocks;
        let mut part = 0;
        while part + 1 < matrix.parts.len() && block >= matrix.parts[part + 1].first_row as u64 * row_blocks {
            part += 1;
        }
        let first = matrix.parts[part].first_row as u64 * row_blocks;
        let end = first + matrix.parts[part].rows as u64 * row_blocks;
        let tensor_end = (cursor.first_row + cursor.rows) as u64 * row_blocks;
        Place { part, block: block - first, units_left: (end.min(tensor_end) - block).div_ceil(unit_blocks) }
    }

    fn repack_piece(&self, repack: &Dispatch, block: u64, piece: &[u8], blocks: u64, unit_blocks: u64) {
        let device = self.kernels.device();
        write_padded(device, &self.staging.buffer, 0, piece);
        let range = [block as u32, blocks as u32, 0, 0];
        device.queue().write_buffer(&self.range.buffer, 0, bytemuck::cast_slice(&range));
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let units = blocks.div_ceil(unit_blocks) as u32;
        repack.encode(&mut pass, StepSize { tokens: units, outputs: 0 });
        drop(pass);
        device.queue().submit([encoder.finish()]);
        device.collect();
    }

    /// Writes whole rows: as they are where the GPU's rows are the file's, else element by element.
    fn write_rows(
        &self,
        matrix: &Matrix,
        ty: BlockType,
        part: &Part,
        block: u64,
        piece: &[u8],
    ) -> Result<(), GpuError> {
        let device = self.kernels.device();
        let as_in_file = matches!(
            (matrix.packing, ty),
            (Packing::F32, BlockType::F32)
                | (Packing::F16, BlockType::F16)
                | (Packing::Bf16, BlockType::BF16)
        );
        let offset = matrix.packing.plane_bytes(block)[0];
        let target = &part.planes[0].buffer;
        if as_in_file && matrix.cols.is_multiple_of(BLOCK) {
            write_padded(device, target, offset, piece);
            device.collect();
            return Ok(());
        }
        let row_bytes = matrix.cols / ty.block_len() * ty.block_bytes();
        let padded = matrix.packing.plane_bytes(matrix.row_blocks() as u64)[0] as usize;
        let mut out = Vec::with_capacity(piece.len() / row_bytes * padded);
        let mut values = vec![0.0; matrix.cols];
        for row in piece.chunks_exact(row_bytes) {
            let end = out.len() + padded;
            if as_in_file {
                out.extend_from_slice(row);
            } else {
                dequantize(ty, row, &mut values)
                    .map_err(|e| GpuError::Unsupported { what: e.to_string() })?;
                for &value in &values {
                    match matrix.packing {
                        Packing::F32 => out.extend_from_slice(&value.to_le_bytes()),
                        _ => out.extend_from_slice(&f16::from_f32(value).to_le_bytes()),
                    }
                }
            }
            out.resize(end, 0);
        }
        device.queue().write_buffer(target, offset, &out);
        device.collect();
        Ok(())
    }
}

struct Place {
    part: usize,
    block: u64,
    units_left: u64,
}

/// Writes `bytes`, and zeros up to a whole word.
fn write_padded(device: &GpuDevice, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
    let (words, tail) = bytes.split_at(bytes.len() & !3);
    device.queue().write_buffer(buffer, offset, words);
    if !tail.is_empty() {
        let mut word = [0; 4];
        word[..tail.len()].copy_from_slice(tail);
        device.queue().write_buffer(buffer, offset + words.len() as u64, &word);
    }
}
