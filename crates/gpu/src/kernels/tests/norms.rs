//! Norms over rows.

use sotto_cpu::reference::ops;
use sotto_plan::Rows;

use super::{IN_SOFTWARE, ON_A_GPU, step};
use crate::kernels::layer_norm::layer_norm;
use crate::kernels::rms_norm::rms_norm;
use crate::testing::{assert_close, random, variants};

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
