//! The fused kernel against the operations it stands for, one after the other.

use std::sync::Arc;

use sotto_cpu::reference::ops;
use sotto_format::BlockType;
use sotto_plan::{KvCache, Rope, RopeLayout};

use super::*;
use crate::kernel::{Step, StepSize};
use crate::kernels::position::rope_frequencies;
use crate::testing::{assert_close, random, variants};
use crate::weights::{Packing, Uploader};

struct Case {
    layout: RopeLayout,
    /// Query heads, key and value heads, elements a head, elements that rotate.
    heads: [usize; 4],
    cols: usize,
    tokens: usize,
    kv_type: KvType,
    bias: bool,
    norm: bool,
}

#[test]
fn qkv_agrees_with_the_reference() {
    use RopeLayout::{Adjacent, Halves};
    let case = |layout, heads, cols, tokens, kv_type, bias, norm| Case {
        layout,
        heads,
        cols,
        tokens,
        kv_type,
        bias,
        norm,
    };
    let cases = [
        case(Adjacent, [2, 1, 4, 4], 32, 1, KvType::F32, false, false),
        case(Adjacent, [8, 4, 8, 8], 64, 3, KvType::F16, false, true),
        case(Halves, [4, 2, 16, 16], 33, 4, KvType::F16, true, true),
        case(Halves, [3, 3, 20, 12], 172, 2, KvType::F32, true, false),
        case(Adjacent, [2, 2, 12, 8], 96, 2, KvType::F16, true, true),
        case(Halves, [6, 2, 64, 64], 1024, 1, KvType::F16, false, true),
    ];
    let floats = Tuning { ints: false, ..Tuning::GPU };
    let many_rounds = Tuning { threads: 0, workgroup: 64, ..Tuning::GPU };
    for variant in variants() {
        for (at, case) in cases.iter().enumerate() {
            let quantised = case.tokens == 1 && case.cols == 1024;
            let tunings = [floats, Tuning::SOFTWARE, many_rounds];
            for (ty, tuning) in [BlockType::F32, BlockType::F32, BlockType::Q8_0].into_iter().zip(tunings) {
                if ty == BlockType::F32 || quantised {
                    check(variant, case, (ty, tuning), &format!("case {at}, {tuning}, {}", variant.name));
                }
            }
        }
    }
}

fn check(variant: &crate::testing::Variant, case: &Case, (ty, tuning): (BlockType, Tuning), what: &str) {
    let &Case { layout, heads: [n_heads, n_kv_heads, head_dim, rotary_dim], cols, tokens, kv_type, .. } =
        case;
    const POSITION: usize = 7;
    let (eps, q, kv) = (1e-5, n_heads * head_dim, n_kv_heads * head_dim);
    let rows = q + 2 * kv;
    let rope = Rope {
        head_dim,
        rotary_dim,
        layout,
        base: 500.0,
        position_scale: 1.0,
        magnitude: 1.0,
        growth: None,
        factors: None,
    };
    let (x, mut weight) = (random(1, tokens * cols), random(2, rows * cols));
    let mut bytes = Vec::new();
    sotto_format::quantize(ty, &weight, &mut bytes).unwrap();
    sotto_format::dequantize(ty, &bytes, &mut weight).unwrap();
    // Half a step of x (lib/operand.wgsl).
    let exactly = if ty == BlockType::F32 { 2e-5 } else { 1e-4 };
    let (norm, bias) = (random(3, cols), random(4, rows));

    let input = if case.norm { ops::rms_norm(&x, &norm, eps) } else { x.clone() };
    let row = |o: usize, out: &mut [f32]| out.copy_from_slice(&weight[o * cols..][..cols]);
    let all = ops::linear(&input, (rows, cols), row, case.bias.then_some(&bias[..]));
    let take = |first: usize, n: usize| -> Vec<f32> {
        all.chunks(rows).flat_map(|row| row[first..first + n].to_vec()).collect()
    };
    let queries = ops::rope(&take(0, q), q, POSITION, &rope, None);
    let keys = ops::rope(&take(q, kv), kv, POSITION, &rope, None);

    let uploader = Uploader::new(Arc::clone(&variant.kernels)).unwrap();
    let matrix = Matrix::new(&variant.device, "qkv", Packing::of(ty), rows, cols).unwrap();
    let mut cursor = uploader.cursor(&matrix, ty, 0, rows).unwrap();
    uploader.write(&matrix, &mut cursor, &bytes).unwrap();
    let mut padded_norm = norm;
    padded_norm.resize(cols.next_multiple_of(32), 0.0);
    let (norm, bias) = (variant.upload(&padded_norm), variant.upload(&bias));
    let mut frequencies = rope_frequencies(&rope, None);
    frequencies.resize(256, 0.0);
    let shape = KvCache { n_kv_heads, head_dim };
    let cache = variant.empty((POSITION + tokens + 1) as u64 * kv_type.position_bytes(shape));
    let buffers = KvBuffers { segments: vec![cache.clone()] };
    let out = variant.empty((4 * tokens * q) as u64);
    let step = variant.step(Step { position: POSITION as u32, n_tokens: tokens as u32, ..Step::default() });
    let qkv = Qkv {
        matrix: &matrix,
        first_row: 0,
        rows: [q, kv, kv],
        rope: &rope,
        cache: shape,
        kv_type,
        x: &variant.upload_rows(&x, cols),
        out: &out,
        out_width: q,
        kv: &buffers,
        segments: Segments::one(64),
        step: &step,
        frequencies: &variant.upload(&frequencies),
        norm: case.norm.then_some((&norm, eps)),
        bias: case.bias.then_some(&bias),
    };
    let values_bias = variant.upload(&variant.read::<f32>(&bias, rows)[q + kv..]);
    let values_only =
        Qkv { rows: [0, 0, kv], first_row: q + kv, bias: case.bias.then_some(&values_bias), ..qkv };
    // In one dispatch, and with the values in one of their own.
    let tile = tokens as u32;
    let together = vec![qkv.dispatch(&variant.kernels, tuning, tile).unwrap()];
    let apart = vec![
        Qkv { rows: [q, kv, 0], ..qkv }.dispatch(&variant.kernels, tuning, tile).unwrap(),
        values_only.dispatch(&variant.kernels, tuning, tile).unwrap(),
    ];
    for dispatches in [together, apart] {
        for slice in [&out, &cache] {
            let zeros = vec![0u8; slice.size as usize];
            variant.device.queue().write_buffer(&slice.buffer, 0, &zeros);
        }
        variant.run(&dispatches, StepSize { tokens: tile, outputs: 0 });
        assert_close(&format!("queries, {what}"), &variant.read(&out, tokens * q), &queries, exactly);
        let tolerance = if kv_type == KvType::F16 { 1e-3 } else { exactly };
        let n = (POSITION + tokens) * 2 * kv;
        let found: Vec<f32> = match kv_type {
            KvType::F32 => variant.read(&cache, n),
            _ => variant.read::<half::f16>(&cache, n).iter().map(|h| h.to_f32()).collect(),
        };
        let (before, written) = found.split_at(POSITION * 2 * kv);
        assert!(before.iter().all(|&v| v == 0.0), "before, {what}");
        for (name, half, expected) in [("keys", 0, &keys), ("values", 1, &take(q + kv, kv))] {
            let found: Vec<f32> =
                written.chunks(kv).skip(half).step_by(2).flat_map(<[f32]>::to_vec).collect();
            assert_close(&format!("{name}, {what}"), &found, expected, tolerance);
        }
    }
}
