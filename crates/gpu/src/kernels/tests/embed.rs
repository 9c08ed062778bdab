//! Tables: what a matrix holds, read back exactly; rows by id and by position.

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::{Rows, TableRow};

use super::{IN_SOFTWARE, ON_A_GPU, TYPES, Weight, is_rounded, step};
use crate::kernels::embed::{add_row, embed, table};
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, Room, Tile};
use crate::testing::{Variant, assert_close, device, random, variants};
use crate::weights::Matrix;

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
                let scratch = MatmulScratch::new(&variant.device, Room::default()).unwrap();
                let matvec = linear.matvec(&variant.kernels, tuning, 4).unwrap();
                for dispatches in [matvec, linear.matmul(&variant.kernels, Tile::SMALL, &scratch).unwrap()] {
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
