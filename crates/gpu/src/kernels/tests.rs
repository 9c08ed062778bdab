//! Every kernel of this folder against `sotto_cpu::reference::ops`, on every kind of device, at odd sizes.

use std::sync::Arc;

use sotto_cpu::reference::ops;
use sotto_format::{BlockType, dequantize};
use sotto_plan::{Gated, Growth, Map, Rope, RopeLayout, Rows, State, TableRow};

use super::elementwise::{add, gated, map, select_outputs};
use super::embed::{add_row, embed, table};
use super::experts::{self, ExpertLinear, Routes};
use super::layer_norm::layer_norm;
use super::linear::Linear;
use super::position::{kv_write, rope, rope_frequencies};
use super::rms_norm::rms_norm;
use super::short_conv::{ring_bytes, ring_rows, short_conv};
use crate::KvType;
use crate::kernel::{Kernels, Slice, Step, StepSize};
use crate::testing::{Variant, assert_close, device, random, variants};
use crate::tuning::Tuning;
use crate::weights::{Matrix, Packing, Uploader};

const TYPES: [BlockType; 13] = [
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
];

const ON_A_GPU: Tuning = Tuning { lanes: 32, groups: 4, tiled_matmul: true };
const IN_SOFTWARE: Tuning = Tuning { lanes: 1, groups: 16, tiled_matmul: false };

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
                BlockType::Q4_0 | BlockType::Q5_0 | BlockType::Q8_0 => &[0],
                BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q4_K | BlockType::Q5_K => &[0, 2],
                BlockType::Q2_K => &[80, 82],
                BlockType::Q3_K => &[108],
                BlockType::Q6_K => &[208],
                other => panic!("{other} has no place for its scales here"),
            };
            for (block, noise) in bytes.chunks_exact_mut(ty.block_bytes()).zip(noise) {
                for &at in halves {
                    let d = half::f16::from_f32(0.01 * (noise + 1.5));
                    block[at..at + 2].copy_from_slice(&d.to_le_bytes());
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

#[test]
fn weights_read_back_exactly_through_embed_in_every_type() {
    for variant in variants() {
        for ty in TYPES {
            for (rows, cols) in [(1, 256), (33, 256), (7, 768), (257, 31), (5, 33), (3, 96)] {
                if cols % ty.block_len() != 0 {
                    continue;
                }
                let weight = Weight::random(7, ty, rows, cols);
                check_rows(variant, &weight, &weight.upload(variant, 1 + 7 * rows));
            }
        }
    }
}

/// Every row of `matrix`, read by the embedding kernel, is that of `weight`.
fn check_rows(variant: &Variant, weight: &Weight, matrix: &Matrix) {
    let &Weight { ty, rows, cols, .. } = weight;
    let ids: Vec<u32> = (0..rows as u32).rev().collect();
    let out = variant.empty((rows * cols.next_multiple_of(4) * 4) as u64);
    let (step, size) = step(variant, rows as u32);
    let dispatches = embed(&variant.kernels, matrix, 1.0, [&variant.upload(&ids), &out, &step]).unwrap();
    variant.run(&dispatches, size);
    let mut row = weight.row();
    let expected = ops::embed(&ids, 1.0, cols, |id, out| row(id as usize, out));
    let what = format!("{ty} [{rows}, {cols}] on {}", variant.name);
    // The product of scale and quant may differ from the sum's in the last bit.
    let tolerance = if is_rounded(ty) { 5e-4 } else { 3e-7 };
    assert_close(&what, &variant.read_rows(&out, rows, cols), &expected, tolerance);
}

#[test]
fn tensors_of_one_matrix_leave_each_other_alone() {
    let variant = device();
    for ty in TYPES {
        // Pieces of many units: what a piece writes beyond its end grows with them.
        let weight = Weight::random(11, ty, 96, 512);
        check_rows(variant, &weight, &weight.upload_halves(variant, 64));
    }
}

#[test]
fn linear_agrees_with_the_reference_in_every_type_and_shape() {
    for ty in TYPES {
        for (rows, cols, tokens) in [(257, 256, 1), (64, 512, 70)] {
            check_linear(device(), ty, rows, cols, tokens);
        }
    }
    for (rows, cols, tokens) in [(1, 32, 1), (31, 64, 3), (33, 33, 4), (66, 1, 2), (100, 1024, 5)] {
        for ty in [BlockType::F32, BlockType::F16, BlockType::Q4_1, BlockType::Q8_0] {
            if cols % ty.block_len() == 0 {
                check_linear(device(), ty, rows, cols, tokens);
            }
        }
    }
    // What differs between devices is the workgroup, not how a type is read.
    for variant in &variants()[1..] {
        for (ty, rows, cols, tokens) in
            [(BlockType::F32, 33, 33, 4), (BlockType::Q4_0, 64, 512, 70), (BlockType::Q6_K, 257, 256, 1)]
        {
            check_linear(variant, ty, rows, cols, tokens);
        }
    }
}

fn check_linear(variant: &Variant, ty: BlockType, rows: usize, cols: usize, tokens: usize) {
    let weight = Weight::random(11, ty, rows, cols);
    let matrix = weight.upload(variant, 1 << 16);
    let values = random(12, tokens * cols);
    let (bias, residual) = (random(13, rows), random(14, tokens * rows));
    let (norm, eps) = (random(15, cols), 1e-5);
    let x = variant.upload_rows(&values, cols);
    let (step, size) = step(variant, tokens as u32);
    let mut padded_norm = norm.clone();
    padded_norm.resize(cols.next_multiple_of(32), 0.0);
    let norm_slice = variant.upload(&padded_norm);
    let (bias_slice, residual_slice) = (variant.upload(&bias), variant.upload_rows(&residual, rows));

    let plain = ops::linear(&values, (rows, cols), weight.row(), Some(&bias));
    let plain = ops::add(&plain, &residual);
    let normed = ops::linear(&ops::rms_norm(&values, &norm, eps), (rows, cols), weight.row(), None);
    for tuning in [ON_A_GPU, IN_SOFTWARE] {
        let out = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
        let linear = Linear {
            matrix: &matrix,
            first_row: 0,
            rows,
            x: &x,
            out: &out,
            step: &step,
            kind: Rows::Tokens,
            bias: None,
            residual: None,
            norm: None,
            gated: None,
        };
        let with_bias = Linear { bias: Some(&bias_slice), residual: Some(&residual_slice), ..linear };
        let with_norm = Linear { norm: Some((&norm_slice, eps)), kind: Rows::Outputs, ..linear };
        let tile = (tokens as u32).min(4);
        let cases = [
            ("matvec", with_bias.matvec(&variant.kernels, tuning, tile), &plain),
            ("matmul", with_bias.matmul(&variant.kernels), &plain),
            ("matvec with norm", with_norm.matvec(&variant.kernels, tuning, tile), &normed),
        ];
        for (name, dispatches, expected) in cases {
            variant.run(&dispatches.unwrap(), size);
            let what =
                format!("{name} {ty} [{rows}, {cols}] x {tokens}, {} lanes, {}", tuning.lanes, variant.name);
            let tolerance = if is_rounded(ty) { 5e-4 } else { 2e-5 };
            assert_close(&what, &variant.read_rows(&out, tokens, rows), expected, tolerance);
        }
    }
}

#[test]
fn linear_takes_rows_of_a_larger_matrix_and_gates() {
    for variant in variants() {
        for (rows, cols, tokens) in [(2, 64, 1), (66, 172, 3), (514, 32, 1)] {
            let weight = Weight::random(21, BlockType::F16, rows + 5, cols);
            let matrix = weight.upload(variant, 1000);
            let values = random(22, tokens * cols);
            let x = variant.upload_rows(&values, cols);
            let (step, size) = step(variant, tokens as u32);
            let all = ops::linear(&values, (rows + 5, cols), weight.row(), None);
            let take = |first: usize, n: usize| -> Vec<f32> {
                all.chunks(rows + 5).flat_map(|row| row[first..first + n].to_vec()).collect()
            };
            for tuning in [ON_A_GPU, IN_SOFTWARE] {
                for kind in [Gated::Silu, Gated::Gelu, Gated::GeluTanh, Gated::SwigluClamped]
                    .map(Some)
                    .into_iter()
                    .chain([None])
                {
                    let width = if kind.is_some() { rows / 2 } else { rows };
                    let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
                    let linear = Linear {
                        matrix: &matrix,
                        first_row: 5,
                        rows,
                        x: &x,
                        out: &out,
                        step: &step,
                        kind: Rows::Tokens,
                        bias: None,
                        residual: None,
                        norm: None,
                        gated: kind,
                    };
                    let dispatches = linear.matvec(&variant.kernels, tuning, tokens as u32).unwrap();
                    variant.run(&dispatches, size);
                    let expected = match kind {
                        Some(kind) => ops::gated(kind, &take(5, width), &take(5 + width, width)),
                        None => take(5, rows),
                    };
                    let what = format!("{kind:?} [{rows}, {cols}] x {tokens} on {}", variant.name);
                    assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, 2e-5);
                }
            }
        }
    }
}

#[test]
fn a_matrix_larger_than_a_binding_is_cut_by_rows() {
    let options = crate::DeviceOptions { max_binding_bytes: Some(128 << 10), ..Default::default() };
    let small = pollster::block_on(crate::GpuDevice::request(&options)).unwrap();
    let variant =
        Variant { name: "128 KiB bindings", kernels: Arc::new(Kernels::new(&small)), device: small };
    for ty in [BlockType::F32, BlockType::Q4_0, BlockType::Q6_K] {
        let (rows, cols, tokens) = (1500, 256, 3);
        let weight = Weight::random(31, ty, rows, cols);
        let matrix = weight.upload(&variant, 10_007);
        assert!(matrix.parts.len() > 1, "{ty}: {} parts", matrix.parts.len());
        let values = random(32, tokens * cols);
        let x = variant.upload_rows(&values, cols);
        let (step, size) = step(&variant, tokens as u32);
        let out = variant.empty((tokens * rows * 4) as u64);
        let (first_row, n) = (120, 1300);
        let linear = Linear {
            matrix: &matrix,
            first_row,
            rows: n,
            x: &x,
            out: &out,
            step: &step,
            kind: Rows::Tokens,
            bias: None,
            residual: None,
            norm: None,
            gated: None,
        };
        let all = ops::linear(&values, (rows, cols), weight.row(), None);
        let expected: Vec<f32> =
            all.chunks(rows).flat_map(|row| row[first_row..first_row + n].to_vec()).collect();
        for dispatches in [linear.matvec(&variant.kernels, IN_SOFTWARE, 3), linear.matmul(&variant.kernels)] {
            variant.run(&dispatches.unwrap(), size);
            assert_close(&format!("{ty} in parts"), &variant.read_rows(&out, tokens, n), &expected, 2e-5);
        }
        let ids = [0u32, 700, 1499];
        let dispatches = embed(&variant.kernels, &matrix, 2.0, [&variant.upload(&ids), &out, &step]).unwrap();
        variant.run(&dispatches, size);
        let mut row = weight.row();
        let expected = ops::embed(&ids, 2.0, cols, |id, out| row(id as usize, out));
        assert_close(&format!("{ty} embed"), &variant.read_rows(&out, tokens, cols), &expected, 3e-7);
    }
}

#[test]
fn not_a_number_comes_through_and_padding_does_not() {
    let variant = device();
    for (rows, cols, tokens) in [(5, 64, 2), (5, 33, 2)] {
        for poison in [f32::NAN, f32::INFINITY] {
            let weight = Weight::random(41, BlockType::F32, rows, cols);
            let matrix = weight.upload(variant, 64);
            let mut values = random(42, tokens * cols);
            values[cols + 3] = poison;
            let x = variant.upload_rows(&values, cols);
            let (step, size) = step(variant, tokens as u32);
            let expected = ops::linear(&values, (rows, cols), weight.row(), None);
            for tuning in [ON_A_GPU, IN_SOFTWARE] {
                let out = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
                let linear = Linear {
                    matrix: &matrix,
                    first_row: 0,
                    rows,
                    x: &x,
                    out: &out,
                    step: &step,
                    kind: Rows::Tokens,
                    bias: None,
                    residual: None,
                    norm: None,
                    gated: None,
                };
                for dispatches in
                    [linear.matvec(&variant.kernels, tuning, 2), linear.matmul(&variant.kernels)]
                {
                    variant.run(&dispatches.unwrap(), size);
                    let found = variant.read_rows(&out, tokens, rows);
                    assert_close("poisoned linear", &found, &expected, 2e-5);
                }
            }
        }
    }
}

#[test]
fn rms_norm_agrees_with_the_reference() {
    for variant in variants() {
        for (width, cols, tokens) in
            [(1, 1, 1), (31, 31, 2), (33, 33, 1), (257, 257, 3), (128, 32, 3), (2048, 2048, 2)]
        {
            let (values, weight) = (random(51, tokens * width), random(52, cols));
            let slices = (variant.upload_rows(&values, width), variant.upload(&weight));
            let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
            let (_, size) = step(variant, tokens as u32);
            for tuning in [ON_A_GPU, IN_SOFTWARE] {
                let shape = (Rows::Tokens, width, cols);
                let dispatch = rms_norm(&variant.kernels, tuning, shape, 1e-5, [&slices.0, &slices.1, &out]);
                variant.run(&[dispatch.unwrap()], size);
                let what = format!("rms_norm {width} in {cols}, {} lanes, {}", tuning.lanes, variant.name);
                let expected = ops::rms_norm(&values, &weight, 1e-5);
                assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, 1e-5);
            }
        }
    }
}

#[test]
fn layer_norm_agrees_with_the_reference() {
    for variant in variants() {
        for (width, tokens) in [(1, 1), (31, 2), (33, 1), (257, 3), (2048, 2)] {
            // Away from 0, where a variance from two sums would lose digits.
            let values: Vec<f32> = random(53, tokens * width).iter().map(|v| 0.1 * v + 3.0).collect();
            let (weight, bias) = (random(54, width), random(55, width));
            let x = variant.upload_rows(&values, width);
            let (weight_slice, bias_slice) = (variant.upload(&weight), variant.upload(&bias));
            let (_, size) = step(variant, tokens as u32);
            for tuning in [ON_A_GPU, IN_SOFTWARE] {
                for bias in [None, Some(&bias)] {
                    let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
                    let slices = [&x, &weight_slice, &out];
                    let shape = (Rows::Tokens, width);
                    let bound = bias.map(|_| &bias_slice);
                    let dispatch = layer_norm(&variant.kernels, tuning, shape, 1e-5, slices, bound);
                    variant.run(&[dispatch.unwrap()], size);
                    let what = format!("layer_norm {width}, {} lanes, {}", tuning.lanes, variant.name);
                    let expected = ops::layer_norm(&values, &weight, bias.map(Vec::as_slice), 1e-5);
                    assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, 5e-4);
                }
            }
        }
    }
}

/// As many rows as the table has, whatever the step's are.
#[test]
fn a_table_is_an_activation_that_can_be_projected() {
    for variant in variants() {
        for (ty, table_rows, cols, rows) in [(BlockType::F32, 9, 33, 5), (BlockType::Q8_0, 130, 64, 66)] {
            let (weight, projection) =
                (Weight::random(58, ty, table_rows, cols), Weight::random(59, ty, rows, cols));
            let (matrix, projection_matrix) =
                (weight.upload(variant, 1000), projection.upload(variant, 1000));
            let (step, size) = step(variant, 2);
            let values = variant.empty((table_rows * cols.next_multiple_of(4) * 4) as u64);
            let dispatches = table(&variant.kernels, &matrix, [&values, &step]).unwrap();
            variant.run(&dispatches, size);
            let what = format!("table {ty} on {}", variant.name);
            assert_close(&what, &variant.read_rows(&values, table_rows, cols), &weight.values, 1e-6);
            let expected = ops::linear(&weight.values, (rows, cols), projection.row(), None);
            for tuning in [ON_A_GPU, IN_SOFTWARE] {
                let out = variant.empty((table_rows * rows.next_multiple_of(4) * 4) as u64);
                let linear = Linear {
                    matrix: &projection_matrix,
                    first_row: 0,
                    rows,
                    x: &values,
                    out: &out,
                    step: &step,
                    kind: Rows::Fixed(table_rows as u32),
                    bias: None,
                    residual: None,
                    norm: None,
                    gated: None,
                };
                let matvec = linear.matvec(&variant.kernels, tuning, 4).unwrap();
                for dispatches in [matvec, linear.matmul(&variant.kernels).unwrap()] {
                    variant.run(&dispatches, size);
                    assert_close(&what, &variant.read_rows(&out, table_rows, rows), &expected, 2e-5);
                }
            }
        }
    }
}

#[test]
fn rows_of_a_table_are_added_by_position_or_always_the_same() {
    for variant in variants() {
        for (ty, cols) in [(BlockType::F32, 31), (BlockType::F16, 257), (BlockType::Q8_0, 64)] {
            let weight = Weight::random(56, ty, 40, cols);
            let matrix = weight.upload(variant, 1000);
            let tokens = 33;
            let values = random(57, tokens * cols);
            let x = variant.upload_rows(&values, cols);
            // Position 3.
            let (step, size) = step(variant, tokens as u32);
            for row in [TableRow::Position(2), TableRow::Position(4), TableRow::Always(39)] {
                let out = variant.empty((tokens * cols.next_multiple_of(4) * 4) as u64);
                let dispatches = add_row(&variant.kernels, &matrix, row, [&x, &out, &step]).unwrap();
                variant.run(&dispatches, size);
                let expected = ops::add_row(&values, cols, 3, row, weight.row());
                let what = format!("{row:?} {ty} {cols} on {}", variant.name);
                assert_close(&what, &variant.read_rows(&out, tokens, cols), &expected, 1e-6);
            }
        }
    }
}

#[test]
fn rope_agrees_with_the_reference_near_and_far() {
    for variant in variants() {
        for layout in [RopeLayout::Adjacent, RopeLayout::Halves] {
            for (heads, head_dim, rotary_dim, position) in
                [(1, 2, 2, 0), (3, 64, 64, 5), (2, 10, 6, 300), (1, 5, 4, 1000), (2, 128, 128, 130_000)]
            {
                let shape = Rope {
                    head_dim,
                    rotary_dim,
                    layout,
                    base: 10_000.0,
                    position_scale: 0.5,
                    magnitude: 1.25,
                    growth: Some(Growth { beta: 0.1, interval: 7 }),
                    factors: None,
                };
                let (width, tokens) = (heads * head_dim, 3);
                let values = random(61, tokens * width);
                let factors: Vec<f32> = random(62, rotary_dim / 2).iter().map(|v| v + 1.5).collect();
                let frequencies = variant.upload(&rope_frequencies(&shape, Some(&factors)));
                let x = variant.upload_rows(&values, width);
                let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
                let at = Step { position, n_tokens: tokens as u32, ..Step::default() };
                let size = StepSize { tokens: tokens as u32, outputs: 0 };
                let dispatch =
                    rope(&variant.kernels, &shape, width, [&x, &frequencies, &out, &variant.step(at)]);
                variant.run(&[dispatch.unwrap()], size);
                let expected = ops::rope(&values, width, position as usize, &shape, Some(&factors));
                let what = format!("rope {layout:?} {heads} x {head_dim} at {position} on {}", variant.name);
                // Far out, an angle of f32 has an error of its own; both sides compute the same one but for
                // the order of two multiplications.
                let tolerance = if position > 100_000 { 1e-2 } else { 2e-4 };
                assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, tolerance);
            }
        }
    }
}

#[test]
fn kv_write_appends_at_the_position() {
    for variant in variants() {
        for (kv_type, width) in [(KvType::F32, 33), (KvType::F32, 64), (KvType::F16, 2), (KvType::F16, 66)] {
            let tokens = 3;
            let values = random(71, tokens * width);
            let x = variant.upload_rows(&values, width);
            let cache = variant.empty((10 * width * kv_type.bytes()) as u64);
            let (step, size) = step(variant, tokens as u32);
            let dispatch = kv_write(&variant.kernels, kv_type, width, [&x, &cache, &step]).unwrap();
            variant.run(&[dispatch], size);
            let found: Vec<f32> = match kv_type {
                KvType::F32 => variant.read(&cache, 10 * width),
                KvType::F16 => {
                    variant.read::<half::f16>(&cache, 10 * width).iter().map(|h| h.to_f32()).collect()
                }
            };
            let mut expected = vec![0.0; 10 * width];
            expected[3 * width..6 * width].copy_from_slice(&values);
            assert_close(&format!("kv_write {kv_type:?} {width}"), &found, &expected, 5e-4);
        }
    }
}

#[test]
fn elementwise_kernels_agree_with_the_reference() {
    for variant in variants() {
        for (width, tokens) in [(1, 1), (31, 2), (257, 3), (1024, 1)] {
            let (a, b) = (random(81, tokens * width), random(82, tokens * width));
            let big: Vec<f32> = a.iter().map(|v| v * 100.0).collect();
            let (a_slice, b_slice) = (variant.upload_rows(&big, width), variant.upload_rows(&b, width));
            let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
            let (step, size) = step(variant, tokens as u32);
            let slices = [&a_slice, &b_slice, &out, &step];
            let shape = (Rows::Tokens, width);
            for kind in [Gated::Silu, Gated::Gelu, Gated::GeluTanh, Gated::Product, Gated::SwigluClamped] {
                variant.run(&[gated(&variant.kernels, kind, shape, slices).unwrap()], size);
                let what = format!("{kind:?} {width} on {}", variant.name);
                assert_close(
                    &what,
                    &variant.read_rows(&out, tokens, width),
                    &ops::gated(kind, &big, &b),
                    1e-5,
                );
            }
            let shapes = [Map::Gelu, Map::GeluTanh, Map::Relu, Map::Silu];
            for kind in [Map::Scale(-0.75), Map::Softcap(30.0)].into_iter().chain(shapes) {
                let dispatch = map(&variant.kernels, kind, shape, [&a_slice, &out, &step]);
                variant.run(&[dispatch.unwrap()], size);
                let what = format!("{kind:?} {width} on {}", variant.name);
                let found = variant.read_rows(&out, tokens, width);
                assert_close(&what, &found, &ops::map(kind, &big), 1e-5);
            }
            variant.run(&[add(&variant.kernels, shape, slices).unwrap()], size);
            assert_close("add", &variant.read_rows(&out, tokens, width), &ops::add(&big, &b), 1e-6);
            let last = Step {
                n_tokens: tokens as u32,
                n_outputs: 1,
                first_output: tokens as u32 - 1,
                ..Step::default()
            };
            let dispatch = select_outputs(&variant.kernels, width, [&a_slice, &out, &variant.step(last)]);
            variant.run(&[dispatch.unwrap()], StepSize { outputs: 1, ..size });
            let expected = &big[(tokens - 1) * width..];
            assert_close("select_outputs", &variant.read_rows(&out, 1, width), expected, 0.0);
        }
    }
}

/// Logits with ties among them.
fn router_logits(rows: usize, n_experts: usize) -> Vec<f32> {
    random(91, rows * n_experts).into_iter().map(|v| (v * 8.0).round() / 2.0).collect()
}

#[test]
fn route_chooses_as_the_reference_does() {
    for variant in variants() {
        for (n_experts, n_used, rows) in
            [(1, 1, 1usize), (4, 4usize, 3), (31, 2, 33), (128, 8, 65), (257, 7, 2)]
        {
            let logits = router_logits(rows, n_experts);
            let x = variant.upload_rows(&logits, n_experts);
            let out = variant.empty((rows * (2 * n_used).next_multiple_of(4) * 4) as u64);
            let (step, size) = step(variant, rows as u32);
            for normalise in [false, true] {
                let slices = [&x, &out, &step];
                let dispatch =
                    experts::route(&variant.kernels, Rows::Tokens, n_experts, n_used, normalise, slices);
                variant.run(&[dispatch.unwrap()], size);
                let expected = ops::route(&logits, n_experts, n_used, normalise);
                let found = variant.read_rows(&out, rows, 2 * n_used);
                for (found, expected) in found.chunks(2 * n_used).zip(expected.chunks(2 * n_used)) {
                    let what = format!("{n_used} of {n_experts} on {}", variant.name);
                    assert_eq!(found[..n_used], expected[..n_used], "{what}");
                    assert_close(&what, &found[n_used..], &expected[n_used..], 1e-5);
                }
            }
        }
    }
    // A logit that is not a number makes every weight of its row one that is not, and every index one that there is.
    let variant = device();
    let x = variant.upload_rows(&[1.0, f32::NAN, 0.5], 3);
    let out = variant.empty(16);
    let (step, size) = step(variant, 1);
    let dispatch = experts::route(&variant.kernels, Rows::Tokens, 3, 2, true, [&x, &out, &step]);
    variant.run(&[dispatch.unwrap()], size);
    let found = variant.read_rows(&out, 1, 4);
    assert!(found[..2].iter().all(|&e| (0.0..3.0).contains(&e)) && found[2..].iter().all(|w| w.is_nan()));
}

#[test]
fn experts_agree_with_the_reference_in_every_shape() {
    let cases = [
        (BlockType::F32, 3, 31, 33, 1),
        (BlockType::F16, 4, 6, 36, 3),
        (BlockType::Q8_0, 5, 33, 96, 2),
        (BlockType::Q4_0, 2, 257, 64, 2),
        (BlockType::Q6_K, 3, 40, 256, 1),
    ];
    for variant in variants() {
        for (ty, n_experts, rows, cols, tokens) in cases {
            check_experts(variant, ty, [n_experts, rows, cols], tokens);
        }
    }
}

/// Experts whose matrix is cut where one of them does not end.
#[test]
fn experts_larger_than_a_binding_are_cut_by_rows() {
    let options = crate::DeviceOptions { max_binding_bytes: Some(128 << 10), ..Default::default() };
    let small = pollster::block_on(crate::GpuDevice::request(&options)).unwrap();
    let variant =
        Variant { name: "128 KiB bindings", kernels: Arc::new(Kernels::new(&small)), device: small };
    check_experts(&variant, BlockType::F32, [7, 100, 256], 5);
}

fn check_experts(variant: &Variant, ty: BlockType, [n_experts, rows, cols]: [usize; 3], tokens: usize) {
    const N_USED: usize = 2;
    let weight = Weight::random(92, ty, n_experts * rows, cols);
    let matrix = weight.upload(variant, 10_007);
    let bias = Weight::random(93, BlockType::F32, n_experts, rows);
    let bias_matrix = bias.upload(variant, 1000);
    let routes = ops::route(&router_logits(tokens, n_experts), n_experts, N_USED, true);
    let routes_slice = variant.upload_rows(&routes, 2 * N_USED);
    let (step, size) = step(variant, tokens as u32);
    for own in [false, true] {
        if own && cols % 4 != 0 {
            continue;
        }
        let x_width = if own { N_USED * cols } else { cols };
        let x = random(94, tokens * x_width);
        let x_slice = variant.upload_rows(&x, x_width);
        for (tuning, bias_there) in [(ON_A_GPU, true), (IN_SOFTWARE, false), (IN_SOFTWARE, true)] {
            let width = N_USED * rows;
            let out = variant.empty((tokens * width.next_multiple_of(4) * 4) as u64);
            let routes_on_gpu = Routes { slice: &routes_slice, n_used: N_USED };
            let linear = ExpertLinear {
                matrix: &matrix,
                rows,
                x: &x_slice,
                x_width,
                out: &out,
                kind: Rows::Tokens,
                bias: bias_there.then_some(&bias_matrix),
                routes: routes_on_gpu,
            };
            variant.run(&linear.dispatches(&variant.kernels, tuning).unwrap(), size);
            let values = bias_there.then_some(&bias.values[..]);
            let expected = ops::expert_linear(&x, &routes, N_USED, (rows, cols), weight.row(), values);
            let what = format!("{ty} [{n_experts}, {rows}, {cols}] x {tokens}, own {own}, {}", variant.name);
            assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, 2e-5);

            let sum = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
            let slices = [&out, &sum, &step];
            let dispatch = experts::sum(&variant.kernels, routes_on_gpu, (Rows::Tokens, rows), slices);
            variant.run(&[dispatch.unwrap()], size);
            let expected = ops::expert_sum(&expected, &routes, N_USED);
            assert_close(&what, &variant.read_rows(&sum, tokens, rows), &expected, 2e-5);
        }
    }
}

#[test]
fn short_conv_remembers_what_came_before() {
    for variant in variants() {
        for (width, taps) in [(1, 1), (31, 3), (64, 4), (33, 2)] {
            let weight = Weight::random(95, BlockType::F32, width, taps);
            let matrix = weight.upload(variant, 1000);
            let state = State { rows: taps - 1, width };
            // What a ring holds before its first position is not read.
            let stride = width.next_multiple_of(4);
            let ring = variant.upload(&vec![f32::NAN; ring_rows(state) * stride]);
            assert_eq!(ring.size, ring_bytes(state).next_multiple_of(16));
            let x = random(96, 190 * width);
            let mut position = 0;
            for tokens in [1, 2, 1, 5, 1, 150, 30] {
                let rows = &x[position * width..][..tokens * width];
                let out = variant.empty((tokens * stride * 4) as u64);
                let at = Step { position: position as u32, n_tokens: tokens as u32, ..Step::default() };
                let slices = [&variant.upload_rows(rows, width), &ring, &out, &variant.step(at)];
                let dispatches = short_conv(&variant.kernels, &matrix, (width, taps), slices).unwrap();
                variant.run(&dispatches, StepSize { tokens: tokens as u32, outputs: 0 });
                let expected = ops::short_conv(rows, &x[..position * width], &weight.values, width);
                let what = format!("{width} x {taps} taps at {position} on {}", variant.name);
                assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, 1e-5);
                position += tokens;
            }
        }
    }
}
