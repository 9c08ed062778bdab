//! Short convolutions, whose state survives a step.

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::State;

use super::Weight;
use crate::kernel::{Step, StepSize};
use crate::kernels::short_conv::{ring_bytes, ring_rows, short_conv};
use crate::testing::{assert_close, random, variants};

#[test]
fn short_conv_remembers_what_came_before() {
    for variant in variants() {
        for (width, taps) in [(1, 1), (31, 3), (64, 4), (33, 2)] {
            let weight = Weight::random(95, BlockType::F32, width, taps);
            let matrix = weight.upload(variant, 1000);
            let state = State { rows: taps - 1, width, made_over: false };
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
