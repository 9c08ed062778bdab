//! Weights quantised on the GPU against `sotto_format::quantize`, bit for bit.

use half::{bf16, f16};
use sotto_format::quantize;

use super::*;
use crate::testing::variants;

/// Rows of floats as a file holds them.
fn stored(ty: BlockType, values: &[f32]) -> Vec<u8> {
    let bytes = |value: &f32| match ty {
        BlockType::F16 => f16::from_f32(*value).to_le_bytes().to_vec(),
        BlockType::BF16 => bf16::from_f32(*value).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

/// Blocks whose quants and scales round in every way: zeros of both signs, ties, the smallest numbers and the largest, scales
/// around the smallest f16, one large element among small ones.
fn awkward(ty: BlockType) -> Vec<f32> {
    let largest = if ty == BlockType::F16 { 65504.0 } else { 520_000.0 };
    let mut blocks: Vec<[f32; 32]> = vec![
        [0.0; 32],
        [-0.0; 32],
        std::array::from_fn(|i| i as f32 - 16.0),
        std::array::from_fn(|i| (i as f32 - 8.0) * 0.5),
        std::array::from_fn(|i| if i == 17 { largest } else { 0.001 * i as f32 }),
        std::array::from_fn(|i| if i == 3 { -largest } else { largest / (i + 1) as f32 }),
        // Equal magnitudes: the first says the sign.
        std::array::from_fn(|i| if i % 2 == 0 { 1.5 } else { -1.5 }),
        std::array::from_fn(|i| if i % 2 == 0 { -1.5 } else { 1.5 }),
        std::array::from_fn(|i| f32::from_bits(1 + 1000 * i as u32)),
        std::array::from_fn(|i| -f32::MIN_POSITIVE * i as f32),
    ];
    // Scales from below half the smallest f16 to the smallest normal one.
    blocks.extend((-34..-8).map(|power| {
        let unit = 2f32.powi(power);
        std::array::from_fn(|i| unit * (1.0 + 0.13 * i as f32) * if i % 3 == 0 { -1.0 } else { 1.0 })
    }));
    // Elements half-way between two quants, and their neighbours, for scales that are powers of two and not.
    for scale in [0.125f32, 1.0, 0.3, 7.7e-5, 1021.0 / 127.0] {
        for to in [8.0, 127.0] {
            blocks.push(std::array::from_fn(|i| match i {
                0 => -to * scale,
                _ => {
                    let tie = scale * (i as f32 - 16.5);
                    f32::from_bits(tie.to_bits() + i as u32 % 3 - 1)
                }
            }));
        }
    }
    blocks.concat()
}

/// A matrix on the GPU, from bytes that come as `ty`, in two tensors where `split` rows are a whole number of units.
fn on_gpu(
    variant: &Variant,
    (packing, rows, cols): (Packing, usize, usize),
    ty: BlockType,
    bytes: &[u8],
    piece: usize,
) -> [Vec<u32>; 2] {
    let uploader = Uploader::new(Arc::clone(&variant.kernels)).unwrap();
    let matrix = Matrix::new(&variant.device, "test", packing, rows, cols).unwrap();
    let split = if packing.whole_units(rows / 2, cols) { rows / 2 } else { 0 };
    let (first, second) = bytes.split_at(bytes.len() / rows * split);
    for (first_row, rows, bytes) in [(split, rows - split, second), (0, split, first)] {
        let mut cursor = uploader.cursor(&matrix, ty, first_row, rows).unwrap();
        for bytes in bytes.chunks(piece) {
            uploader.write(&matrix, &mut cursor, bytes).unwrap();
        }
        assert_eq!(cursor.written, cursor.bytes);
    }
    let planes = &matrix.parts[0].planes;
    std::array::from_fn(|plane| variant.read(&planes[plane], planes[plane].size as usize / 4))
}

/// How many scales are 0 and their quants not those of the encoder.
#[track_caller]
fn check(
    variant: &Variant,
    to: BlockType,
    from: BlockType,
    values: &[f32],
    cols: usize,
    piece: usize,
) -> usize {
    let floats = stored(from, values);
    let mut exact = vec![0.0; values.len()];
    dequantize(from, &floats, &mut exact).unwrap();
    let mut blocks = Vec::new();
    quantize(to, &exact, &mut blocks).unwrap();
    let shape = (Packing::of(to), values.len() / cols, cols);
    let found = on_gpu(variant, shape, from, &floats, piece);
    let want = on_gpu(variant, shape, to, &blocks, piece);
    let what = format!("{from} to {to}, {cols} columns, on {}", variant.name);
    assert_eq!(found[1], want[1], "scales of {what}");
    let words = found[0].len() / (values.len() / 32);
    let mut zeros = 0;
    for (block, (found, want_quants)) in found[0].chunks(words).zip(want[0].chunks(words)).enumerate() {
        let scale = want[1][block / 2] >> (16 * (block % 2)) & 0x7fff;
        if scale == 0 && found != want_quants {
            zeros += 1;
        } else {
            assert_eq!(found, want_quants, "block {block} of {what}");
        }
    }
    zeros
}

const FLOATS: [BlockType; 3] = [BlockType::F32, BlockType::F16, BlockType::BF16];

#[test]
fn awkward_numbers_are_quantised_as_the_encoder_does() {
    for variant in variants() {
        for from in FLOATS {
            for to in [BlockType::Q4_0, BlockType::Q8_0] {
                let values = awkward(from);
                let zeros = check(variant, to, from, &values, 32, 1001);
                // The fewer blocks are of numbers so small that their scale is 0.
                assert!(zeros < values.len() / 32 / 2, "{zeros} of {from} to {to}");
            }
        }
    }
}

#[test]
fn rows_of_any_length_in_pieces_of_any_length() {
    for variant in variants() {
        for (rows, cols) in [(1, 32), (31, 32), (33, 96), (257, 64), (64, 1056)] {
            for (from, piece) in FLOATS.into_iter().zip([7, 4096, 100_003]) {
                for to in [BlockType::Q4_0, BlockType::Q8_0] {
                    let values: Vec<f32> =
                        random(31 + rows as u64, rows * cols).iter().map(|v| v * v * v).collect();
                    assert_eq!(check(variant, to, from, &values, cols, piece), 0);
                }
            }
        }
    }
}

#[test]
fn more_than_the_staging_buffer_holds_at_once() {
    let (rows, cols) = (1025, 1088);
    let values = random(7, rows * cols);
    for to in [BlockType::Q4_0, BlockType::Q8_0] {
        check(crate::testing::device(), to, BlockType::F32, &values, cols, usize::MAX);
    }
}
