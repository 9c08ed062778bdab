//! Every kernel of this folder against `sotto_cpu::reference::ops`, on every kind of device, at odd sizes.

mod delta_net;
mod elementwise;
mod embed;
mod experts;
mod linear;
mod norms;
mod position;
mod quantize_weights;
mod short_conv;

use std::sync::Arc;

use sotto_format::{BlockType, dequantize};

use crate::kernel::{Slice, Step, StepSize};
use crate::testing::{Variant, random};
use crate::tuning::Tuning;
use crate::weights::{Matrix, Packing, Uploader};

const TYPES: [BlockType; 16] = [
    BlockType::F32,
    BlockType::F16,
    BlockType::BF16,
    BlockType::Q4_0,
    BlockType::Q4_1,
    BlockType::Q5_0,
    BlockType::Q5_1,
    BlockType::Q8_0,
    BlockType::Q2_K,
    BlockType::Q3_K,
    BlockType::Q4_K,
    BlockType::Q5_K,
    BlockType::Q6_K,
    BlockType::IQ4_NL,
    BlockType::IQ4_XS,
    BlockType::MXFP4,
];

/// Whole steps have a test of their own, and a tolerance.
const ON_A_GPU: Tuning = Tuning { ints: false, ..Tuning::GPU };
const IN_SOFTWARE: Tuning = Tuning::SOFTWARE;

/// A weight as a file holds it, and its values.
struct Weight {
    ty: BlockType,
    rows: usize,
    cols: usize,
    bytes: Vec<u8>,
    values: Vec<f32>,
}

impl Weight {
    /// Random bits in every field but the f16 ones, which are small numbers.
    fn random(seed: u64, ty: BlockType, rows: usize, cols: usize) -> Weight {
        let n = rows * cols;
        let mut bytes = Vec::new();
        for value in random(seed, n) {
            match ty {
                BlockType::F32 => bytes.extend_from_slice(&value.to_le_bytes()),
                BlockType::F16 => bytes.extend_from_slice(&half::f16::from_f32(value).to_le_bytes()),
                BlockType::BF16 => bytes.extend_from_slice(&half::bf16::from_f32(value).to_le_bytes()),
                _ => {}
            }
        }
        if bytes.is_empty() {
            let blocks = n / ty.block_len();
            let noise = random(seed, blocks * ty.block_bytes());
            bytes = noise.iter().map(|v| ((v + 1.0) * 128.0) as u8).collect();
            let halves: &[usize] = match ty {
                BlockType::Q4_0
                | BlockType::Q5_0
                | BlockType::Q8_0
                | BlockType::IQ4_NL
                | BlockType::IQ4_XS => &[0],
                BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q4_K | BlockType::Q5_K => &[0, 2],
                BlockType::Q2_K => &[80, 82],
                BlockType::Q3_K => &[108],
                BlockType::Q6_K => &[208],
                BlockType::MXFP4 => &[],
                other => panic!("{other} has no place for its scales here"),
            };
            for (block, noise) in bytes.chunks_exact_mut(ty.block_bytes()).zip(noise) {
                for &at in halves {
                    let d = half::f16::from_f32(0.01 * (noise + 1.5));
                    block[at..at + 2].copy_from_slice(&d.to_le_bytes());
                }
                if ty == BlockType::MXFP4 {
                    block[0] = 120 + block[0] % 8;
                }
            }
        }
        let mut values = vec![0.0; n];
        dequantize(ty, &bytes, &mut values).unwrap();
        Weight { ty, rows, cols, bytes, values }
    }

    /// On the GPU, written in pieces of `piece` bytes.
    fn upload(&self, variant: &Variant, piece: usize) -> Matrix {
        let uploader = Uploader::new(Arc::clone(&variant.kernels)).unwrap();
        let packing = Packing::of(self.ty);
        let matrix = Matrix::new(&variant.device, "test", packing, self.rows, self.cols).unwrap();
        let mut cursor = uploader.cursor(&matrix, self.ty, 0, self.rows).unwrap();
        for bytes in self.bytes.chunks(piece) {
            uploader.write(&matrix, &mut cursor, bytes).unwrap();
        }
        assert_eq!(cursor.written, cursor.bytes);
        matrix
    }

    /// On the GPU in two tensors of one matrix, the rows from `split` on first, each in one piece.
    fn upload_halves(&self, variant: &Variant, split: usize) -> Matrix {
        let uploader = Uploader::new(Arc::clone(&variant.kernels)).unwrap();
        let packing = Packing::of(self.ty);
        let matrix = Matrix::new(&variant.device, "test", packing, self.rows, self.cols).unwrap();
        let (first, second) =
            self.bytes.split_at(split * self.cols / self.ty.block_len() * self.ty.block_bytes());
        for (first_row, rows, bytes) in [(split, self.rows - split, second), (0, split, first)] {
            let mut cursor = uploader.cursor(&matrix, self.ty, first_row, rows).unwrap();
            uploader.write(&matrix, &mut cursor, bytes).unwrap();
        }
        matrix
    }

    fn row(&self) -> impl FnMut(usize, &mut [f32]) + '_ {
        |o, out| out.copy_from_slice(&self.values[o * self.cols..][..self.cols])
    }
}

/// Types that no shader reads are kept as f16.
fn is_rounded(ty: BlockType) -> bool {
    matches!(ty, BlockType::Q2_K | BlockType::Q3_K)
}

fn step(variant: &Variant, tokens: u32) -> (Slice, StepSize) {
    let step = Step { position: 3, n_tokens: tokens, n_outputs: tokens, first_output: 0, ..Step::default() };
    (variant.step(step), StepSize { tokens, outputs: tokens })
}
