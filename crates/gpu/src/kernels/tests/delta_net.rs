//! Linear attention by the gated delta rule, whose state survives a step, and parts of groups.

use sotto_cpu::reference::ops;
use sotto_plan::{DeltaNet, Rows};

use super::step;
use crate::kernel::{Step, StepSize};
use crate::kernels::delta_net::{DeltaSlices, SLOTS, delta_net};
use crate::kernels::elementwise::group_part;
use crate::testing::{assert_close, random, variants};

#[test]
fn the_state_is_made_over_token_by_token() {
    for variant in variants() {
        for (n_k_heads, n_v_heads, k_dim, v_dim) in
            [(1, 1, 1, 1), (2, 2, 31, 33), (2, 4, 16, 64), (3, 6, 8, 5)]
        {
            let net = DeltaNet { n_k_heads, n_v_heads, k_dim, v_dim };
            let (width, inner) = (net.width(), n_v_heads * v_dim);
            let scaled = |seed, n, by: f32| random(seed, n).iter().map(|v| v * by).collect::<Vec<_>>();
            let x = scaled(5, 40 * width, 2.0);
            // Beyond where softplus is the identity, too.
            let (a, b) = (scaled(6, 40 * n_v_heads, 25.0), scaled(7, 40 * n_v_heads, 6.0));
            let decay: Vec<f32> = random(8, n_v_heads).iter().map(|v| -0.1 - v.abs()).collect();
            let bias = random(9, n_v_heads);
            // What it holds before position 0 is not read.
            let state = variant.upload(&vec![f32::NAN; SLOTS * net.state()]);
            let mut expected_state = vec![0.0; net.state()];
            let mut position = 0;
            for tokens in [1, 2, 30, 1, 6] {
                let rows = |all: &[f32], width: usize| all[position * width..][..tokens * width].to_vec();
                let (x, a, b) = (rows(&x, width), rows(&a, n_v_heads), rows(&b, n_v_heads));
                let out = variant.empty((tokens * inner.next_multiple_of(4) * 4) as u64);
                let at = Step { position: position as u32, n_tokens: tokens as u32, ..Step::default() };
                let slices = DeltaSlices {
                    x: &variant.upload_rows(&x, width),
                    a: &variant.upload_rows(&a, n_v_heads),
                    b: &variant.upload_rows(&b, n_v_heads),
                    decay: &variant.upload(&decay),
                    bias: &variant.upload(&bias),
                    state: &state,
                    out: &out,
                    step: &variant.step(at),
                };
                let dispatch = delta_net(&variant.kernels, net, &slices).unwrap();
                variant.run(&[dispatch], StepSize { tokens: tokens as u32, outputs: 0 });
                let expected = ops::delta_net([&x, &a, &b], &decay, &bias, net, &mut expected_state);
                let what = format!("{net:?} at {position} on {}", variant.name);
                assert_close(&what, &variant.read_rows(&out, tokens, inner), &expected, 1e-5);
                position += tokens;
            }
            let slots: Vec<f32> = variant.read(&state, SLOTS * net.state());
            let last = &slots[position % SLOTS * net.state()..][..net.state()];
            assert_close("state", last, &expected_state, 1e-5);
        }
    }
}

#[test]
fn parts_of_groups_are_taken_out() {
    for variant in variants() {
        for (groups, group, first, part) in [(1, 1, 0, 1), (3, 10, 3, 7), (4, 64, 32, 32), (257, 2, 1, 1)] {
            let x = random(3, 33 * groups * group);
            let out = variant.empty((33 * (groups * part).next_multiple_of(4) * 4) as u64);
            let (step, size) = step(variant, 33);
            let slices = [&variant.upload_rows(&x, groups * group), &out, &step];
            let shape = (Rows::Tokens, groups * part, groups * group);
            let dispatch = group_part(&variant.kernels, (group, first), shape, slices).unwrap();
            variant.run(&[dispatch], size);
            let expected: Vec<f32> = x.chunks(group).flat_map(|x| x[first..first + part].to_vec()).collect();
            assert_eq!(variant.read_rows(&out, 33, groups * part), expected, "{}", variant.name);
        }
    }
}
