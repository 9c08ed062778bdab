//! Projections, in every weight type and shape.

use std::sync::Arc;

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::{Gated, Rows};

use super::{IN_SOFTWARE, ON_A_GPU, TYPES, Weight, is_rounded, step};
use crate::kernel::{Kernels, Slice};
use crate::kernels::embed::embed;
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, Room, Tile};
use crate::testing::{Variant, assert_close, device, random, variants};
use crate::tuning::{Tiles, Tuning};
use crate::weights::{Matrix, Packing};

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
    let split = Tile { splits: 3, ..Tile::SMALL };
    let room = Room::of_product(split, tokens, cols, rows);
    let scratch = MatmulScratch::new(&variant.device, room).unwrap();
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
            ("matmul", with_bias.matmul(&variant.kernels, split, &scratch), &plain),
            ("matmul_plain", with_bias.matmul_plain(&variant.kernels), &plain),
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

/// Every shape of workgroup that a tuning may choose.
const TILES: [Tile; 10] = [
    Tile::WIDE,
    Tile::SMALL,
    Tile { splits: 3, ..Tile::SMALL },
    Tile { x_threads: 16, splits: 2, ..Tile::WIDE },
    Tile { holds: Tiles::Bytes, ..Tile::SMALL },
    Tile { holds: Tiles::Bytes, splits: 2, ..Tile::SMALL },
    Tile { holds: Tiles::Halves, ..Tile::WIDE },
    Tile { holds: Tiles::Halves, splits: 3, ..Tile::SMALL },
    Tile { holds: Tiles::HalfSums, splits: 2, ..Tile::WIDE },
    Tile { holds: Tiles::HalfSums, ..Tile::SMALL },
];

#[test]
fn every_tile_of_a_product_agrees_with_the_reference() {
    for variant in variants() {
        for tile in TILES.into_iter().filter(|tile| tile.fits(variant.device.facts())) {
            for (ty, rows, cols, tokens) in
                [(BlockType::F32, 33, 33, 4), (BlockType::Q4_0, 257, 96, 129), (BlockType::Q4_K, 31, 256, 65)]
            {
                // Of floats there is no scale that bounds them, and halves are those of F16.
                let ty = match tile.holds {
                    Tiles::Bytes | Tiles::HalfSums if ty == BlockType::F32 => continue,
                    Tiles::Halves if ty == BlockType::F32 => BlockType::F16,
                    _ => ty,
                };
                check_tile(variant, tile, ty, [rows, cols, tokens]);
            }
        }
    }
}

#[test]
fn every_quantised_type_can_be_had_in_bytes_and_in_halves() {
    for ty in TYPES.into_iter().filter(|ty| ty.block_len() > 1 && !is_rounded(*ty)) {
        for (holds, splits) in
            [(Tiles::Bytes, 1), (Tiles::Bytes, 3), (Tiles::Halves, 1), (Tiles::HalfSums, 3)]
        {
            let tile = Tile { holds, splits, ..Tile::SMALL };
            if tile.fits(device().device.facts()) {
                check_tile(device(), tile, ty, [70, 512, 9]);
            }
        }
    }
}

#[test]
fn halves_are_for_devices_that_have_them_and_for_weights_that_they_hold() {
    let full = device().device.facts();
    let without = crate::DeviceFacts { f16: false, ..full.clone() };
    let with = crate::DeviceFacts { f16: true, ..full.clone() };
    for wanted in [Tiles::Halves, Tiles::HalfSums] {
        for (facts, packing, expected) in [
            (&with, Packing::Q4K, wanted),
            (&with, Packing::F16, Tiles::Halves),
            (&with, Packing::Bf16, Tiles::Floats),
            (&with, Packing::F32, Tiles::Floats),
            (&without, Packing::Q4K, Tiles::Floats),
            (&without, Packing::F16, Tiles::Floats),
        ] {
            assert_eq!(Tile::of(facts, packing, (4096, 4096), wanted).holds, expected, "{packing:?}");
            assert_eq!(Tile::of_experts(facts, packing, wanted).holds, expected, "{packing:?}");
        }
        let tuning = Tuning { tiles: wanted, ..Tuning::GPU };
        assert_eq!(tuning.within(&without).tiles, Tiles::Bytes);
        assert_eq!(tuning.within(&with).tiles, wanted);
    }
}

/// What f16 does not hold: activations beyond it, and those that it would lose.
#[test]
fn halves_neither_overflow_nor_vanish() {
    let variant = device();
    for (scale, ty) in [
        (1e6, BlockType::Q4_0),
        (1e30, BlockType::Q8_0),
        (1e34, BlockType::Q4_K),
        (1e-9, BlockType::Q6_K),
        (1e-30, BlockType::MXFP4),
        (65504.0, BlockType::F16),
    ] {
        for holds in [Tiles::Halves, Tiles::HalfSums] {
            let tile = Tile { holds, ..Tile::SMALL };
            if tile.fits(variant.device.facts()) && (ty != BlockType::F16 || holds == Tiles::Halves) {
                let rows = random(20, 3 * 256);
                // A row of each kind beside one of ordinary size.
                let at = |i: usize| if i / 256 == 1 { 1.0 } else { scale };
                let values: Vec<f32> = rows.iter().enumerate().map(|(i, v)| v * at(i)).collect();
                let (what, found, expected) = tiled(variant, tile, ty, [70, 256, 3], &values);
                for (found, expected) in found.chunks(70).zip(expected.chunks(70)) {
                    // By the row's largest, however small.
                    let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
                    assert!(largest > 0.0, "{what}");
                    let shares = |row: &[f32]| row.iter().map(|v| v / largest).collect::<Vec<_>>();
                    let what = format!("{what} at {scale:e}");
                    assert_close(&what, &shares(found), &shares(expected), tolerance(holds));
                }
            }
        }
    }
}

#[test]
fn not_a_number_survives_the_rounding() {
    let variant = device();
    let weight = Weight::random(18, BlockType::Q4_0, 5, 64);
    let matrix = weight.upload(variant, 64);
    let (step, size) = step(variant, 2);
    let tiles = [Tiles::Bytes, Tiles::Halves, Tiles::HalfSums].map(|holds| Tile { holds, ..Tile::SMALL });
    for tile in tiles.into_iter().filter(|tile| tile.fits(variant.device.facts())) {
        for poison in [f32::NAN, f32::INFINITY] {
            let mut values = random(19, 2 * 64);
            values[64 + 3] = poison;
            let x = variant.upload_rows(&values, 64);
            let out = variant.empty(2 * 8 * 4);
            let linear = plain_linear(&matrix, 5, &x, &out, &step);
            let scratch = MatmulScratch::new(&variant.device, Room::of_product(tile, 2, 64, 5)).unwrap();
            variant.run(&linear.rounded_matmul(&variant.kernels, tile, &scratch).unwrap(), size);
            let found = variant.read_rows(&out, 2, 5);
            assert!(
                found[..5].iter().all(|v| v.is_finite()) && found[5..].iter().all(|v| !v.is_finite()),
                "{tile:?}: {found:?}"
            );
        }
    }
}

fn plain_linear<'a>(
    matrix: &'a Matrix,
    rows: usize,
    x: &'a Slice,
    out: &'a Slice,
    step: &'a Slice,
) -> Linear<'a> {
    Linear {
        matrix,
        first_row: 0,
        rows,
        x,
        out,
        step,
        kind: Rows::Tokens,
        bias: None,
        residual: None,
        norm: None,
        gated: None,
    }
}

/// The reference's activations as quantize_rows.wgsl rounds them.
pub(super) fn in_bytes(values: &[f32], cols: usize) -> Vec<f32> {
    let block = |block: &[f32]| -> Vec<f32> {
        let scale = block.iter().fold(0f32, |m, v| m.max(v.abs())) / 127.0;
        block.iter().map(|v| if scale == 0.0 { 0.0 } else { scale * (v / scale).round_ties_even() }).collect()
    };
    values.chunks(cols).flat_map(|row| row.chunks(32).flat_map(block).collect::<Vec<_>>()).collect()
}

/// By how much of the largest result one in a tile may be off.
pub(super) fn tolerance(holds: Tiles) -> f32 {
    match holds {
        Tiles::Floats => 2e-5,
        // Where two roundings of x differ it is by one of 254 steps of one element.
        Tiles::Bytes => 2e-3,
        // Both operands are off by 2^-12 of themselves at most, and with them each product by 2^-11.
        Tiles::Halves => 5e-4,
        // Each of a block's 32 additions is off by 2^-12 of the sum so far.
        Tiles::HalfSums => 2e-3,
    }
}

fn check_tile(variant: &Variant, tile: Tile, ty: BlockType, [rows, cols, tokens]: [usize; 3]) {
    let values = random(17, tokens * cols);
    let (what, found, expected) = tiled(variant, tile, ty, [rows, cols, tokens], &values);
    assert_close(&what, &found, &expected, tolerance(tile.holds));
}

/// A product in a tile, and what it should be.
fn tiled(
    variant: &Variant,
    tile: Tile,
    ty: BlockType,
    [rows, cols, tokens]: [usize; 3],
    values: &[f32],
) -> (String, Vec<f32>, Vec<f32>) {
    let weight = Weight::random(16, ty, rows, cols);
    let matrix = weight.upload(variant, 1 << 16);
    let x = variant.upload_rows(values, cols);
    let (step, size) = step(variant, tokens as u32);
    let out = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
    let linear = plain_linear(&matrix, rows, &x, &out, &step);
    let room = Room::of_product(tile, tokens, cols, rows);
    let scratch = MatmulScratch::new(&variant.device, room).unwrap();
    variant.run(&linear.rounded_matmul(&variant.kernels, tile, &scratch).unwrap(), size);
    let bytes = (tile.holds == Tiles::Bytes).then(|| in_bytes(values, cols));
    let values = bytes.as_deref().unwrap_or(values);
    let expected = ops::linear(values, (rows, cols), weight.row(), None);
    let what = format!("{tile:?} {ty} [{rows}, {cols}] x {tokens} on {}", variant.name);
    (what, variant.read_rows(&out, tokens, rows), expected)
}

#[test]
fn every_variant_of_the_matvec_agrees_with_the_reference() {
    const NAMES: [&str; 5] =
        ["8/128/64kmagt", "4/64/64kiegt", "32/128/1kmet", "2/256/128kiat", "8/256/1kicgt"];
    for variant in variants() {
        let small = variant.name != device().name;
        let types = if small { &[BlockType::Q4_0, BlockType::Q6_K][..] } else { &TYPES[..] };
        for (at, &ty) in types.iter().enumerate() {
            // Each type takes another way than its neighbour; each device all of them.
            let weights = [(37, 512, 1), (5, 1280, 3)];
            for (name, (rows, cols, tokens)) in NAMES.iter().cycle().skip(at).step_by(2).zip(weights) {
                let tuning: Tuning = name.parse().unwrap();
                check_matvec(variant, &Weight::random(61, ty, rows, cols), tokens, tuning);
            }
        }
        for name in NAMES {
            let weight = Weight::random(64, BlockType::Q4_K, 37, 512);
            check_matvec(variant, &weight, 1, name.parse().unwrap());
        }
    }
}

#[test]
fn rows_go_past_a_held_x_as_in_the_reference() {
    // Many rounds and one; an invocation has one block or two, of which some are beyond the row.
    const NAMES: [&str; 3] = ["8/64/0kihgt", "8/256/64kihgt", "8/64/1kihcgt"];
    for variant in variants() {
        let small = variant.name != device().name;
        let types = if small { &[BlockType::Q4_0, BlockType::Q6_K][..] } else { &TYPES[..] };
        for (at, &ty) in types.iter().filter(|&&ty| !is_rounded(ty)).enumerate() {
            for i in if small { at..at + 1 } else { at..at + 2 } {
                let (rows, cols) = [(37, 512), (10, 1280), (6, 2304)][i % 3];
                let tuning: Tuning = NAMES[i % NAMES.len()].parse().unwrap();
                let facts = variant.device.facts();
                let matrix = Matrix::new(&variant.device, "shape", Packing::of(ty), rows, cols).unwrap();
                let shape = tuning.matvec(facts, &matrix, rows, 1, false);
                let fits = facts.subgroups
                    && matrix.packing.is_quantised()
                    && (8..=cols as u32 / 32).contains(&facts.subgroup_min);
                assert!(shape.flags.contains(&"held") || !fits, "{tuning}, {cols} columns, {}", variant.name);
                check_matvec(variant, &Weight::random(61, ty, rows, cols), 1, tuning);
            }
        }
    }
}

/// Plain and after a norm.
fn check_matvec(variant: &Variant, weight: &Weight, tokens: usize, tuning: Tuning) {
    let &Weight { ty, rows, cols, .. } = weight;
    let matrix = weight.upload(variant, 1 << 16);
    let values = random(62, tokens * cols);
    let (norm, eps) = (random(63, cols), 1e-5);
    let (x, norm_slice) = (variant.upload_rows(&values, cols), variant.upload(&norm));
    let (step, size) = step(variant, tokens as u32);
    let out = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
    for norm in [None, Some((&norm_slice, eps))] {
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
            norm,
            gated: None,
        };
        variant.run(&linear.matvec(&variant.kernels, tuning, tokens as u32).unwrap(), size);
        let normed = norm.map(|_| ops::rms_norm(&values, &random(63, cols), eps));
        let expected = ops::linear(normed.as_ref().unwrap_or(&values), (rows, cols), weight.row(), None);
        let what = format!(
            "matvec {tuning} {ty} [{rows}, {cols}] x {tokens}, norm {}, {}",
            normed.is_some(),
            variant.name
        );
        // Half a step of x (lib/operand.wgsl), which f16 and wider weights do not take.
        let step = if tuning.coarse { 2e-2 } else { 1e-4 };
        let tolerance = if is_rounded(ty) {
            5e-4
        } else if tuning.ints {
            step
        } else {
            2e-5
        };
        assert_close(&what, &variant.read_rows(&out, tokens, rows), &expected, tolerance);
    }
}

#[test]
fn linear_takes_rows_of_a_larger_matrix_and_gates() {
    for variant in variants() {
        let held: Tuning = "8/64/0kihgt".parse().unwrap();
        let floats = (BlockType::F16, [ON_A_GPU, IN_SOFTWARE], 2e-5);
        let cases = [
            (floats, (2, 64, 1)),
            (floats, (66, 172, 3)),
            (floats, (514, 32, 1)),
            ((BlockType::Q8_0, [held, IN_SOFTWARE], 1e-4), (66, 1024, 1)),
        ];
        for ((ty, tunings, tolerance), (rows, cols, tokens)) in cases {
            let weight = Weight::random(21, ty, rows + 5, cols);
            let matrix = weight.upload(variant, 1000);
            let values = random(22, tokens * cols);
            let x = variant.upload_rows(&values, cols);
            let (step, size) = step(variant, tokens as u32);
            let all = ops::linear(&values, (rows + 5, cols), weight.row(), None);
            let take = |first: usize, n: usize| -> Vec<f32> {
                all.chunks(rows + 5).flat_map(|row| row[first..first + n].to_vec()).collect()
            };
            for tuning in tunings {
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
                    let what = format!("{kind:?} {ty} [{rows}, {cols}] x {tokens} on {}", variant.name);
                    assert_close(&what, &variant.read_rows(&out, tokens, width), &expected, tolerance);
                }
            }
        }
    }
}

#[test]
fn a_matrix_larger_than_a_binding_is_cut_by_rows() {
    let options = crate::DeviceOptions { max_binding_bytes: Some(512 << 10), ..Default::default() };
    let small = pollster::block_on(crate::GpuDevice::request(&options)).unwrap();
    let variant =
        Variant { name: "512 KiB bindings", kernels: Arc::new(Kernels::new(&small)), device: small };
    for ty in [BlockType::F32, BlockType::Q4_0, BlockType::Q6_K] {
        let (rows, cols, tokens) = (1500, 1024, 3);
        let weight = Weight::random(31, ty, rows, cols);
        let matrix = weight.upload(&variant, 10_007);
        assert!(matrix.parts.len() > 1, "{ty}: {} parts", matrix.parts.len());
        let values = random(32, tokens * cols);
        let x = variant.upload_rows(&values, cols);
        let (step, size) = step(&variant, tokens as u32);
        let out = variant.empty((tokens * rows * 4) as u64);
        let (first_row, n) = (120, 1300);
        let scratch = MatmulScratch::new(&variant.device, Room::default()).unwrap();
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
        let held = Tuning { threads: 0, workgroup: 64, ..Tuning::GPU };
        for (dispatches, tolerance) in [
            (linear.matvec(&variant.kernels, IN_SOFTWARE, 3), 2e-5),
            (linear.matvec(&variant.kernels, held, 1), 1e-4),
            (linear.matmul(&variant.kernels, Tile::SMALL, &scratch), 2e-5),
        ] {
            let poison = vec![0xffu8; out.size as usize];
            variant.device.queue().write_buffer(&out.buffer, 0, &poison);
            variant.run(&dispatches.unwrap(), size);
            let found = variant.read_rows(&out, tokens, n);
            assert_close(&format!("{ty} in parts"), &found, &expected, tolerance);
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
            let scratch = MatmulScratch::new(&variant.device, Room::default()).unwrap();
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
                for dispatches in [
                    linear.matvec(&variant.kernels, tuning, 2),
                    linear.matmul(&variant.kernels, Tile::SMALL, &scratch),
                ] {
                    variant.run(&dispatches.unwrap(), size);
                    let found = variant.read_rows(&out, tokens, rows);
                    assert_close("poisoned linear", &found, &expected, 2e-5);
                }
            }
        }
    }
}
