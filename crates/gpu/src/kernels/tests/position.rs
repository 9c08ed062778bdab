//! RoPE, and the write to the KV cache.

use sotto_cpu::reference::ops;
use sotto_plan::{Growth, KvCache, Rope, RopeLayout};

use super::step;
use crate::KvType;
use crate::kernel::{Step, StepSize};
use crate::kernels::position::{kv_write, rope, rope_frequencies};
use crate::kv::{KvBuffers, Segments};
use crate::testing::{assert_close, device, from_q8, q8_block, random, variants};

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
        // Heads of so many elements.
        for (kv_type, width, head_dim) in [
            (KvType::F32, 33, 33),
            (KvType::F32, 64, 16),
            (KvType::F16, 2, 2),
            (KvType::F16, 66, 66),
            (KvType::Q8_0, 192, 96),
            (KvType::Q8_0, 48, 16),
            (KvType::Q8_0, 48, 24),
            (KvType::Q8_0, 12, 12),
        ] {
            let tokens = 3;
            let shape = KvCache { n_kv_heads: width / head_dim, head_dim };
            let (keys, values) = (random(71, tokens * width), random(72, tokens * width));
            let x = [&keys, &values].map(|rows| variant.upload_rows(rows, width));
            let cache = variant.empty(10 * kv_type.position_bytes(shape));
            let (step, size) = step(variant, tokens as u32);
            let buffers = KvBuffers { segments: vec![cache.clone()] };
            let target = (&buffers, Segments::one(10));
            let slices = [&x[0], &x[1], &step];
            let dispatch = kv_write(&variant.kernels, (kv_type, shape), false, target, slices).unwrap();
            variant.run(&[dispatch], size);
            let n = 10 * 2 * width;
            let found: Vec<f32> = match kv_type {
                KvType::F32 => variant.read(&cache, n),
                KvType::F16 => variant.read::<half::f16>(&cache, n).iter().map(|h| h.to_f32()).collect(),
                KvType::Q8_0 => {
                    let block = q8_block(head_dim);
                    from_q8(&variant.read(&cache, n / 4 + n / block), block)
                }
            };
            let mut expected = vec![0.0; n];
            for (t, row) in expected.chunks_mut(2 * width).skip(3).take(tokens).enumerate() {
                row[..width].copy_from_slice(&keys[t * width..][..width]);
                row[width..].copy_from_slice(&values[t * width..][..width]);
            }
            assert_close(
                &format!("kv_write {kv_type:?} {width}"),
                &found,
                &expected,
                if kv_type == KvType::Q8_0 { 5e-3 } else { 5e-4 },
            );
        }
    }
}

#[test]
fn not_a_number_is_that_of_its_block_of_bytes_alone() {
    let variant = device();
    let shape = KvCache { n_kv_heads: 1, head_dim: 64 };
    for poison in [f32::NAN, f32::INFINITY] {
        let mut keys = random(73, 64);
        keys[35] = poison;
        let [k, v] = [keys, random(74, 64)].map(|row| variant.upload_rows(&row, 64));
        let buffers = KvBuffers { segments: vec![variant.empty(4 * KvType::Q8_0.position_bytes(shape))] };
        let (step, size) = step(variant, 1);
        let target = (&buffers, Segments::one(4));
        let dispatch =
            kv_write(&variant.kernels, (KvType::Q8_0, shape), false, target, [&k, &v, &step]).unwrap();
        variant.run(&[dispatch], size);
        // Position 3: two blocks of keys, then two of values.
        let words: Vec<u32> = variant.read(&buffers.segments[0], 4 * 36);
        let scales = [8, 17, 26, 35].map(|at| f32::from_bits(words[3 * 36 + at]));
        assert_eq!(scales.map(f32::is_finite), [true, false, true, true], "{scales:?}");
    }
}
