//! Mixture of experts: the choice, the products, the sum.

use std::sync::Arc;

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::Rows;

use super::linear::{in_bytes, tolerance};
use super::{IN_SOFTWARE, ON_A_GPU, Weight, step};
use crate::kernel::Kernels;
use crate::kernels::experts::{self, ExpertLinear, Routes};
use crate::kernels::matmul::{MatmulScratch, Room, Tile};
use crate::testing::{Variant, assert_close, device, random, variants};
use crate::tuning::Tiles;

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
        // More rows of x an expert than a tile has, and experts without any.
        (BlockType::MXFP4, 2, 66, 96, 70),
        (BlockType::IQ4_NL, 90, 9, 32, 33),
    ];
    for variant in variants() {
        for (at, (ty, n_experts, rows, cols, tokens)) in cases.into_iter().enumerate() {
            let (weight, tile) = ([n_experts, rows, cols], TILES[at % TILES.len()]);
            let tiles = [None, Some(tile)];
            // Devices but the first take turns.
            let tiles = if variant.name == device().name { &tiles[..] } else { &tiles[at % 2..][..1] };
            check_experts(variant, ty, weight, tokens, tiles);
        }
    }
}

/// Those that devices get, with all that they may hold.
const TILES: [Tile; 6] = [
    Tile { w_threads: 16, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::Floats },
    Tile { w_threads: 16, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::Bytes },
    Tile { w_threads: 8, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::Floats },
    Tile { w_threads: 8, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::Bytes },
    Tile { w_threads: 16, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::Halves },
    Tile { w_threads: 8, x_threads: 8, x_each: 4, splits: 1, holds: Tiles::HalfSums },
];

#[test]
fn experts_with_all_of_their_rows_agree_with_the_reference_in_every_tile() {
    for (ty, n_experts, rows, cols) in [(BlockType::Q4_1, 5, 130, 160), (BlockType::Q6_K, 2, 70, 256)] {
        check_experts(device(), ty, [n_experts, rows, cols], 75, &TILES.map(Some));
    }
}

/// Experts whose matrix is cut where one of them does not end.
#[test]
fn experts_larger_than_a_binding_are_cut_by_rows() {
    let options = crate::DeviceOptions { max_binding_bytes: Some(128 << 10), ..Default::default() };
    let small = pollster::block_on(crate::GpuDevice::request(&options)).unwrap();
    let variant =
        Variant { name: "128 KiB bindings", kernels: Arc::new(Kernels::new(&small)), device: small };
    check_experts(&variant, BlockType::F32, [7, 100, 256], 5, &[None, Some(TILES[0])]);
}

/// Row by row, and grouped in each of `tiles` that the device has room for.
fn check_experts(
    variant: &Variant,
    ty: BlockType,
    [n_experts, rows, cols]: [usize; 3],
    tokens: usize,
    tiles: &[Option<Tile>],
) {
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

            let fits = |tile: &&Option<Tile>| {
                tile.is_none_or(|t| t.fits(variant.device.facts()) && (!t.is_rounded() || ty.block_len() > 1))
            };
            for &tile in tiles.iter().filter(fits) {
                let x_rows = tokens * x_width / cols;
                let in_tile = tile.map(|tile| Room::of_product(tile, x_rows, cols, rows)).unwrap_or_default();
                let room = Room::of_order(n_experts, tokens * N_USED).max(in_tile);
                let scratch = MatmulScratch::new(&variant.device, room).unwrap();
                let [_, _, _, order] = scratch.slices();
                let sorted =
                    experts::order(&variant.kernels, Rows::Tokens, routes_on_gpu, n_experts, [order, &step]);
                let mut dispatches = vec![sorted.unwrap()];
                let holds = tile.map_or(Tiles::Floats, |tile| tile.holds);
                let shape = (Rows::Tokens, cols, linear.x_slots());
                dispatches.extend(scratch.round(&variant.kernels, holds, shape, [&x_slice, &step]).unwrap());
                let grouped = variant.empty(out.size);
                let linear = ExpertLinear { out: &grouped, ..linear };
                dispatches.extend(linear.grouped(&variant.kernels, tile, &scratch).unwrap());
                variant.run(&dispatches, size);
                let expected = match holds {
                    Tiles::Bytes => {
                        let x = in_bytes(&x, cols);
                        ops::expert_linear(&x, &routes, N_USED, (rows, cols), weight.row(), values)
                    }
                    _ => expected.clone(),
                };
                let what = format!("{what}, {tile:?}");
                assert_close(&what, &variant.read_rows(&grouped, tokens, width), &expected, tolerance(holds));
            }

            let sum = variant.empty((tokens * rows.next_multiple_of(4) * 4) as u64);
            let slices = [&out, &sum, &step];
            let dispatch = experts::sum(&variant.kernels, routes_on_gpu, (Rows::Tokens, rows), slices);
            variant.run(&[dispatch.unwrap()], size);
            let expected = ops::expert_sum(&expected, &routes, N_USED);
            assert_close(&what, &variant.read_rows(&sum, tokens, rows), &expected, 2e-5);
        }
    }
}
