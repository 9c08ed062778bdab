//! Every type against the fixtures of `tests/fixtures/make_*.py`, and the encoders' own promises.

use super::*;
use std::path::PathBuf;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (chunks, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

fn decode(ty: BlockType, bytes: &[u8]) -> Vec<f32> {
    let mut out = vec![0.0; bytes.len() / ty.block_bytes() * ty.block_len()];
    dequantize(ty, bytes, &mut out).unwrap();
    out
}

fn encode(ty: BlockType, values: &[f32]) -> Vec<u8> {
    let mut out = Vec::new();
    quantize(ty, values, &mut out).unwrap();
    out
}

/// Root of the mean squared error of storing `values` as `ty`.
fn rmse(ty: BlockType, values: &[f32]) -> f64 {
    let decoded = decode(ty, &encode(ty, values));
    let sum: f64 = decoded.iter().zip(values).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / values.len() as f64).sqrt()
}

/// Values that look like weights: the F32 matrices of a real model.
fn weights() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/models/tok105/tok105-f32.gguf");
    let bytes = std::fs::read(path).unwrap();
    let header = crate::read_gguf(&mut std::io::Cursor::new(&bytes)).unwrap();
    let matrices = header.tensors.iter().filter(|tensor| tensor.shape.len() == 2);
    let mut values: Vec<f32> = matrices
        .flat_map(|tensor| floats(&bytes[tensor.offset as usize..][..tensor.bytes as usize]))
        .collect();
    values.truncate(values.len() / QK_K * QK_K);
    assert!(values.len() > 500_000);
    values
}

#[test]
fn every_type_decodes_bit_for_bit_as_gguf_does() {
    for &ty in BlockType::ALL {
        let bytes = fixture(&format!("decode_{ty}.bin"));
        let block_total = ty.block_bytes() + 4 * ty.block_len();
        let blocks = bytes.len() / block_total;
        assert_eq!(bytes.len() % block_total, 0, "{ty}");
        assert!(blocks >= 8, "{ty}");
        let (encoded, expected) = bytes.split_at(blocks * ty.block_bytes());
        for (i, (got, want)) in decode(ty, encoded).iter().zip(floats(expected)).enumerate() {
            assert_eq!(got.to_bits(), want.to_bits(), "{ty}, element {i}: {got} is not {want}");
        }
    }
}

#[test]
fn simple_types_encode_byte_for_byte_as_gguf_does() {
    use BlockType::*;
    let values = floats(&fixture("values.f32"));
    for ty in [F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0] {
        let want = fixture(&format!("encode_{ty}.bin"));
        let got = encode(ty, &values);
        assert_eq!(got.len(), want.len(), "{ty}");
        for (i, (got, want)) in got.chunks(ty.block_bytes()).zip(want.chunks(ty.block_bytes())).enumerate() {
            assert_eq!(got, want, "{ty}, block {i}");
        }
    }
}

#[test]
fn k_types_encode_byte_for_byte_as_llama_cpp_does() {
    use BlockType::*;
    let values = floats(&fixture("values_k.f32"));
    for ty in [Q2_K, Q3_K, Q4_K, Q5_K, Q6_K] {
        let want = fixture(&format!("encode_{ty}.bin"));
        let got = encode(ty, &values);
        assert_eq!(got.len(), want.len(), "{ty}");
        assert_eq!(decode(ty, &got), decode(ty, &want), "{ty}");
        // In the last row the scale of some groups rounds to 0. Their quants mean nothing: llama.cpp leaves there
        // what its search left.
        let rows = got.chunks(ty.block_bytes()).zip(want.chunks(ty.block_bytes()));
        for (i, (got, want)) in rows.enumerate().take(values.len() / QK_K - 1) {
            assert_eq!(got, want, "{ty}, block {i}");
        }
    }
}

/// llama.cpp's own result on the same values and importances.
#[test]
fn importances_weigh_as_llama_cpp_has_them() {
    use BlockType::*;
    let (values, importance) = (floats(&fixture("values_k.f32")), floats(&fixture("importance_k.f32")));
    let rows = || values.chunks(QK_K).zip(importance.chunks(QK_K));
    let error = |decoded: &[f32]| -> f64 {
        let each = decoded.iter().zip(&values).zip(&importance);
        each.map(|((d, x), w)| f64::from(*w) * f64::from(d - x).powi(2)).sum()
    };
    for ty in [Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K] {
        assert!(takes_importance(ty));
        let want = fixture(&format!("weighted_{ty}.bin"));
        let mut got = Vec::new();
        rows().for_each(|(row, importance)| quantize_weighted(ty, row, importance, &mut got).unwrap());
        assert_eq!(got.len(), want.len(), "{ty}");
        let ours = decode(ty, &got);
        // In bytes, too, but for the quants of groups whose scale rounds to 0, which mean nothing.
        assert_eq!(ours, decode(ty, &want), "{ty}");
        let plain = decode(ty, &encode(ty, &values));
        assert!(error(&ours) < 0.97 * error(&plain), "{ty}: {} {}", error(&ours), error(&plain));
    }
}

#[test]
fn importances_change_nothing_where_a_type_has_no_use_for_them() {
    let values: Vec<f32> = (0..QK_K).map(|i| (i as f32 * 0.37).sin()).collect();
    for &ty in BlockType::ALL.iter().filter(|ty| ty.can_quantize() && !takes_importance(**ty)) {
        let mut weighted = Vec::new();
        quantize_weighted(ty, &values, &[2.0; QK_K], &mut weighted).unwrap();
        assert!(weighted == encode(ty, &values), "{ty}");
    }
    let mut out = vec![7];
    let result = quantize_weighted(BlockType::Q4_K, &[f32::NAN; QK_K], &[1.0; QK_K], &mut out);
    assert_eq!(result, Err(BlockError::NotFinite { ty: BlockType::Q4_K, index: 0 }));
    assert_eq!(out, [7], "a failure leaves the output as it was");
}

#[test]
fn more_bits_err_less() {
    use BlockType::*;
    let values = weights();
    let errors = [Q2_K, Q3_K, Q4_0, Q4_K, Q5_K, Q6_K, Q8_0, F16].map(|ty| (ty, rmse(ty, &values)));
    for pair in errors.windows(2) {
        assert!(pair[1].1 < pair[0].1, "{errors:?}");
    }
    // A uniform quantiser's error halves with each bit; K types may not stray far from that.
    let error = |ty| errors.iter().find(|(other, _)| *other == ty).unwrap().1;
    assert!(error(Q5_K) < 0.6 * error(Q4_K) && error(Q6_K) < 0.6 * error(Q5_K), "{errors:?}");
    assert!(rmse(Q4_1, &values) < error(Q4_0) && rmse(Q5_1, &values) < rmse(Q5_0, &values));
}

#[test]
fn zeros_and_constants_survive_every_encoder() {
    for &ty in BlockType::ALL.iter().filter(|ty| ty.can_quantize()) {
        let zeros = decode(ty, &encode(ty, &[0.0; QK_K]));
        assert!(zeros.iter().all(|v| *v == 0.0), "{ty}");
        for constant in [1.0f32, -1.0] {
            let decoded = decode(ty, &encode(ty, &[constant; QK_K]));
            assert!(decoded.iter().all(|v| (v - constant).abs() < 0.02), "{ty}: {:?}", &decoded[..4]);
        }
    }
}

#[test]
fn values_at_the_edge_of_f32_never_panic() {
    let tiny = [f32::MIN_POSITIVE, 1e-45, -1e-45, 1e-38, -1e-30, 0.0];
    let huge = [f32::MAX, f32::MIN, 1e38, -1e30, 1.0, 0.0];
    for &ty in BlockType::ALL.iter().filter(|ty| ty.can_quantize()) {
        let tiny: Vec<f32> = tiny.iter().copied().cycle().take(QK_K).collect();
        let decoded = decode(ty, &encode(ty, &tiny));
        assert!(decoded.iter().all(|v| v.abs() < 1e-6), "{ty}");
        let huge: Vec<f32> = huge.iter().copied().cycle().take(QK_K).collect();
        let mut out = vec![7];
        let result = quantize(ty, &huge, &mut out);
        if ty.block_len() == 1 {
            assert_eq!(result, Ok(()), "{ty}");
        } else {
            assert_eq!(result, Err(BlockError::ScaleOverflow { ty, block: 0 }));
            assert_eq!(out, [7], "{ty}: a failure leaves the output as it was");
        }
    }
}

#[test]
fn wrong_lengths_and_values_are_refused() {
    let ty = BlockType::Q4_K;
    let mut out = [0.0; 300];
    assert_eq!(dequantize(ty, &[0; 144], &mut out), Err(BlockError::PartialBlock { ty, elements: 300 }));
    let expected = BlockError::ByteLength { ty, elements: 256, expected: 144, actual: 145 };
    assert_eq!(dequantize(ty, &[0; 145], &mut out[..256]), Err(expected));
    let partial = quantize(ty, &[0.0; 32], &mut Vec::new());
    assert_eq!(partial, Err(BlockError::PartialBlock { ty, elements: 32 }));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = [0.0; QK_K];
        values[100] = bad;
        assert_eq!(quantize(ty, &values, &mut Vec::new()), Err(BlockError::NotFinite { ty, index: 100 }));
        assert_eq!(quantize(BlockType::F16, &values, &mut Vec::new()), Ok(()));
    }
    let ty = BlockType::MXFP4;
    assert_eq!(quantize(ty, &[0.0; 32], &mut Vec::new()), Err(BlockError::NoEncoder { ty }));
}

#[test]
fn byte_lengths_are_whole_blocks() {
    assert_eq!(BlockType::Q4_0.byte_len(64), Some(36));
    assert_eq!(BlockType::Q4_0.byte_len(65), None);
    assert_eq!(BlockType::F32.byte_len(u64::MAX), None);
    assert_eq!(BlockType::Q6_K.byte_len(0), Some(0));
    assert_eq!(format!("{:>6}|{}", BlockType::Q4_0, BlockType::Q6_K), "  Q4_0|Q6_K");
    assert_eq!(BlockType::from_name("q9_9"), None);
}

#[test]
fn what_decodes_to_no_number_is_told_from_what_does() {
    for &ty in BlockType::ALL {
        let fixture = fixture(&format!("decode_{ty}.bin"));
        let blocks = fixture.len() / (ty.block_bytes() + 4 * ty.block_len());
        for block in fixture[..blocks * ty.block_bytes()].chunks_exact(ty.block_bytes()) {
            // Every pair of bytes in turn becomes a NaN or an infinity of either float type.
            for at in 0..ty.block_bytes() - 1 {
                for bad in [[0x00, 0x7e], [0x00, 0x7c], [0xc0, 0x7f], [0x80, 0xff]] {
                    let mut block = block.to_vec();
                    block[at..at + 2].copy_from_slice(&bad);
                    let decoded = decode(ty, &block).iter().all(|v| v.is_finite());
                    // Of a scale that is no number all weights are none, unless it is multiplied by 0 as an integer.
                    assert!(decoded || !is_finite(ty, &block), "{ty}, {bad:x?} at {at}");
                    if ty.block_len() == 1 {
                        assert_eq!(decoded, is_finite(ty, &block), "{ty}, {bad:x?} at {at}");
                    }
                }
            }
            assert!(is_finite(ty, block) || decode(ty, block).iter().any(|v| !v.is_finite()), "{ty}");
        }
    }
}
