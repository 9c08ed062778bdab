//! Mixture of experts: the choice, the products, the sum.

use std::sync::Arc;

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::Rows;

use super::{IN_SOFTWARE, ON_A_GPU, Weight, step};
use crate::kernel::Kernels;
use crate::kernels::experts::{self, ExpertLinear, Routes};
use crate::testing::{Variant, assert_close, device, random, variants};

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
