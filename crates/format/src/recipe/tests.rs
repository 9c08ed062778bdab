use proptest::prelude::*;

use super::*;
use crate::{dequantize, quantize};

fn span(bytes: usize) -> Span {
    Span { file: 0, offset: 0, bytes: bytes as u64 }
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn f16s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn matrix(rows: u64, cols: u64, storage: Storage, sources: &[Vec<u8>]) -> Matrix {
    let spans = sources.iter().map(|source| span(source.len())).collect();
    Matrix { rows, cols, storage, spans, order: RowOrder::AsStored, columns: None, map: ElementMap::Same }
}

/// The tensor, its sources written side tensors first, in pieces of `piece` bytes.
fn assemble(
    recipe: Recipe,
    ty: BlockType,
    sources: &[Vec<Vec<u8>>],
    piece: usize,
) -> Result<Vec<u8>, RecipeError> {
    let mut assembly = Assembly::new(recipe, ty);
    let mut out = Vec::new();
    assembly.take(&mut out)?;
    for (matrix, sources) in sources.iter().enumerate() {
        for place in (1..sources.len()).chain([0]) {
            for (index, bytes) in sources[place].chunks(piece).enumerate() {
                assembly.write(matrix, place, (index * piece) as u64, bytes)?;
                assembly.take(&mut out)?;
            }
        }
    }
    Ok(out)
}

fn values(recipe: Recipe, sources: Vec<Vec<u8>>, elements: usize) -> (BlockType, Vec<f32>) {
    let ty = recipe.natural_type();
    let sources = [sources];
    let bytes = assemble(recipe.clone(), ty, &sources, 5).unwrap();
    assert_eq!(bytes, assemble(recipe, ty, &sources, 1 << 20).unwrap());
    let mut values = vec![0.0; elements];
    dequantize(ty, &bytes, &mut values).unwrap();
    (ty, values)
}

#[test]
fn rows_of_rope_pairs_become_neighbours() {
    let stored: Vec<f32> = (0..16).map(|v| v as f32).collect();
    let source = f32s(&stored);
    let mut made = matrix(8, 2, Storage::Plain(BlockType::F32), std::slice::from_ref(&source));
    made.order = RowOrder::RopePairs { head_dim: 4 };
    let (_, got) = values(Recipe::Stack(vec![made]), vec![source], 16);
    // llama.cpp: reshape(heads, 2, head_dim / 2, cols).swapaxes(1, 2).
    assert_eq!(got, [0., 1., 4., 5., 2., 3., 6., 7., 8., 9., 12., 13., 10., 11., 14., 15.]);
}

#[test]
fn one_is_added_and_rows_are_picked() {
    let source = f16s(&[0.5, -0.25, 1.0, 2.0]);
    let mut norm = matrix(1, 4, Storage::Plain(BlockType::F16), std::slice::from_ref(&source));
    norm.map = ElementMap::AddOne;
    assert_eq!(
        values(Recipe::Stack(vec![norm]), vec![source], 4),
        (BlockType::F32, vec![1.5, 0.75, 2.0, 3.0])
    );

    let source = f32s(&(0..12).map(|v| v as f32).collect::<Vec<_>>());
    let mut odd = matrix(4, 1, Storage::Plain(BlockType::F32), std::slice::from_ref(&source));
    odd.order = RowOrder::Pick { period: 6, first: 1, step: 3, count: 2 };
    assert_eq!(values(Recipe::Stack(vec![odd]), vec![source], 4).1, [1.0, 4.0, 7.0, 10.0]);

    // Two experts of [cols 2, rows 3], stored transposed.
    let source = f32s(&[0., 1., 2., 10., 11., 12., 100., 101., 102., 110., 111., 112.]);
    let storage = Storage::Transposed { ty: BlockType::F32, rows: 3 };
    let recipe = Recipe::Stack(vec![matrix(6, 2, storage, std::slice::from_ref(&source))]);
    let (_, got) = values(recipe, vec![source], 12);
    assert_eq!(got, [0., 10., 1., 11., 2., 12., 100., 110., 101., 111., 102., 112.]);
}

#[test]
fn stacked_matrices_come_in_their_order_whatever_comes_first() {
    let (first, second) = (f32s(&[1.0, 2.0]), f32s(&[3.0, 4.0]));
    let plain = |source: &Vec<u8>| matrix(1, 2, Storage::Plain(BlockType::F32), std::slice::from_ref(source));
    let mut assembly = Assembly::new(Recipe::Stack(vec![plain(&first), plain(&second)]), BlockType::F32);
    let mut out = Vec::new();
    assembly.write(1, 0, 0, &second).unwrap();
    assembly.take(&mut out).unwrap();
    assert!(out.is_empty());
    assembly.write(0, 0, 0, &first).unwrap();
    assembly.take(&mut out).unwrap();
    assert_eq!(out, [first, second].concat());
}

#[test]
fn rows_are_quantised_as_they_arrive() {
    let stored: Vec<f32> = (0..128).map(|v| (v as f32 * 0.37).sin()).collect();
    let source = f32s(&stored);
    let recipe =
        Recipe::Stack(vec![matrix(4, 32, Storage::Plain(BlockType::F32), std::slice::from_ref(&source))]);
    let mut want = Vec::new();
    quantize(BlockType::Q4_0, &stored, &mut want).unwrap();
    assert_eq!(assemble(recipe.clone(), BlockType::Q4_0, &[vec![source.clone()]], 7).unwrap(), want);
    // Rows wait where fewer bytes are asked for.
    let mut waiting = Assembly::new(recipe.clone(), BlockType::Q4_0);
    waiting.write(0, 0, 0, &source).unwrap();
    let mut pieces = Vec::new();
    for rows in [2, 1, 1, 0] {
        let mut piece = Vec::new();
        waiting.take_some(if rows == 2 { 19 } else { 1 }, &mut piece).unwrap();
        assert_eq!(piece.len(), rows * 18);
        pieces.extend(piece);
    }
    assert_eq!(pieces, want);
    // One row's bytes give one row.
    let mut assembly = Assembly::new(recipe, BlockType::Q4_0);
    let mut out = Vec::new();
    assembly.write(0, 0, 0, &source[..130]).unwrap();
    assembly.take(&mut out).unwrap();
    assert_eq!(out, want[..18]);
}

#[test]
fn mlx_is_q4_1() {
    let packed: Vec<u32> = (0..8).map(|i| 0x7654_3210u32.rotate_left(4 * i)).collect();
    let (scales, biases) = ([0.5, -0.25], [-1.0, 3.0]);
    let sources = vec![words(&packed), f16s(&scales), f16s(&biases)];
    let storage = Storage::Affine { bits: 4, group: 32, scales: BlockType::F16 };
    let (ty, got) = values(Recipe::Stack(vec![matrix(1, 64, storage, &sources)]), sources, 64);
    assert_eq!(ty, BlockType::Q4_1);
    for (i, value) in got.iter().enumerate() {
        let q = packed[i / 8] >> (4 * (i % 8)) & 15;
        assert_eq!(*value, scales[i / 32] * q as f32 + biases[i / 32], "{i}");
    }
}

#[test]
fn gptq_says_when_it_is_not_what_the_config_says() {
    let storage = |symmetric, act_order| Storage::Gptq {
        group: 32,
        scales: BlockType::F16,
        zero_bias: 1,
        symmetric,
        act_order,
    };
    // 8 outputs of 32 inputs; stored zero points of 6 mean 7.
    let mut sources = vec![words(&[0x1234_5678; 32]), words(&[0x6666_6666]), f16s(&[1.0; 8])];
    let run = |storage: Storage, sources: &[Vec<u8>]| {
        let recipe = Recipe::Stack(vec![matrix(8, 32, storage, sources)]);
        let ty = recipe.natural_type();
        assemble(recipe, ty, &[sources.to_vec()], 64).map(|bytes| (ty, bytes))
    };
    assert!(matches!(run(storage(true, false), &sources), Err(RecipeError::Asymmetric { zero: 7, .. })));
    let (ty, bytes) = run(storage(false, false), &sources).unwrap();
    let mut got = vec![0.0; 256];
    dequantize(ty, &bytes, &mut got).unwrap();
    assert_eq!((ty, &got[..8]), (BlockType::Q5_0, &[1.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0][..]));
    sources.push(words(&[5; 32]));
    assert!(matches!(
        run(storage(false, true), &sources),
        Err(RecipeError::Group { group: 5, groups: 1, .. })
    ));
    sources[2] = f16s(&[f32::INFINITY; 8]);
    assert!(matches!(run(storage(false, false), &sources), Err(RecipeError::Scale { .. })));
}

#[test]
fn sources_come_in_order() {
    let source = f32s(&[1.0; 4]);
    let recipe =
        Recipe::Stack(vec![matrix(2, 2, Storage::Plain(BlockType::F32), std::slice::from_ref(&source))]);
    let mut assembly = Assembly::new(recipe, BlockType::F32);
    assert!(matches!(assembly.write(0, 0, 4, &source[..4]), Err(RecipeError::Order { expected: 0, .. })));
    assert!(matches!(assembly.write(0, 1, 0, &source), Err(RecipeError::Order { .. })));
    assembly.write(0, 0, 0, &source).unwrap();
    assert!(matches!(assembly.write(0, 0, 16, &[0]), Err(RecipeError::Order { offset: 16, .. })));
}

proptest! {
    /// Bytes that mean nothing make a tensor or an error, never a panic.
    #[test]
    fn any_bytes_do_no_harm(
        which in 0..5usize,
        seed in any::<u64>(),
        piece in 1..200usize,
    ) {
        let mut state = seed;
        let mut bytes = |n: usize| -> Vec<u8> {
            (0..n).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            }).collect()
        };
        let (storage, sources) = match which {
            0 => (Storage::Affine { bits: 4, group: 64, scales: BlockType::BF16 }, vec![bytes(256), bytes(16), bytes(16)]),
            1 => (
                Storage::Gptq { group: 32, scales: BlockType::F16, zero_bias: 1, symmetric: false, act_order: true },
                vec![bytes(256), bytes(8), bytes(32), bytes(256)],
            ),
            2 => (Storage::Awq { group: 32, scales: BlockType::F16 }, vec![bytes(256), bytes(8), bytes(32)]),
            3 => (
                Storage::Nf4 { block: 64, nested: true },
                vec![bytes(256), bytes(8), bytes(64), bytes(4), bytes(1024), bytes(40)],
            ),
            _ => (Storage::Mxfp4, vec![bytes(256), bytes(16)]),
        };
        let recipe = Recipe::Stack(vec![matrix(8, 64, storage, &sources)]);
        let ty = recipe.natural_type();
        if let Ok(out) = assemble(recipe, ty, &[sources], piece) {
            prop_assert_eq!(Some(out.len() as u64), ty.byte_len(512));
        }
    }
}
