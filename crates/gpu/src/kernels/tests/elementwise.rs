//! Sums, gates, maps, and the selection of rows.

use sotto_cpu::reference::ops;
use sotto_plan::{Gated, Map, Rows};

use super::step;
use crate::kernel::{Step, StepSize};
use crate::kernels::elementwise::{add, gated, map, select_outputs};
use crate::testing::{assert_close, random, variants};

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
            for kind in [
                Gated::Silu,
                Gated::Gelu,
                Gated::GeluTanh,
                Gated::Product,
                Gated::Sigmoid,
                Gated::SwigluClamped,
            ] {
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
