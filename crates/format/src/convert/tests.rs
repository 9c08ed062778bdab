//! Conversions of a real model against the files that llama.cpp made of it.

use super::*;
use crate::{GgufHeader, Metadata};
use std::io::Cursor;

fn model(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../tests/fixtures/models/{name}.gguf", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn header(bytes: &[u8]) -> GgufHeader {
    read_gguf(&mut Cursor::new(bytes)).unwrap()
}

fn run(inputs: &[&[u8]], options: Options<'_>) -> Result<Vec<u8>, ConvertError> {
    let mut files: Vec<_> = inputs.iter().map(Cursor::new).collect();
    convert(&mut files, Vec::new(), &options, |_| {})
}

fn data<'a>(bytes: &'a [u8], tensor: &TensorInfo) -> &'a [u8] {
    &bytes[tensor.offset as usize..][..tensor.bytes as usize]
}

#[test]
fn quantising_gives_llama_cpps_tensors() {
    let original = model("tok105/tok105-f32");
    for ty in [BlockType::Q4_0, BlockType::Q4_1, BlockType::Q8_0] {
        let expected = model(&format!("tok105/tok105-{}", ty.name().to_lowercase()));
        let got =
            run(&[&original], Options { ty: Some(ty), head: Some(BlockType::Q8_0), ..Options::default() })
                .unwrap();
        let (got_header, expected_header) = (header(&got), header(&expected));
        assert_eq!(got_header.tensors.len(), expected_header.tensors.len());
        for want in &expected_header.tensors {
            let tensor = got_header.tensors.iter().find(|tensor| tensor.name == want.name).unwrap();
            assert_eq!((tensor.ty, &tensor.shape), (want.ty, &want.shape), "{}", want.name);
            assert!(data(&got, tensor) == data(&expected, want), "{ty}: {}", want.name);
        }
        for key in ["general.file_type", "general.quantization_version"] {
            assert_eq!(got_header.metadata.u32(key), expected_header.metadata.u32(key), "{ty}: {key}");
        }
    }
}

#[test]
fn every_tensor_is_reported_and_rows_that_do_not_fit_get_what_fits() {
    // Rows of 64 and 172: no K block fits either, 32 fits the first, nothing but floats the second.
    let original = model("stories260K/stories260K-f32");
    let mut done = Vec::new();
    let mut files = [Cursor::new(&original)];
    let options = Options { ty: Some(BlockType::Q4_K), head: None, ..Options::default() };
    let out = convert(&mut files, Vec::new(), &options, |tensor| done.push(tensor)).unwrap();
    let ty = |name: &str| done.iter().find(|tensor| tensor.name == name).unwrap().to;
    assert_eq!(ty("token_embd.weight"), BlockType::Q5_0);
    assert_eq!(ty("blk.0.attn_q.weight"), BlockType::Q5_0);
    assert_eq!(ty("blk.0.ffn_down.weight"), BlockType::F16);
    assert_eq!(ty("blk.0.attn_norm.weight"), BlockType::F32);
    let tensors = header(&out).tensors;
    assert_eq!(done.len(), tensors.len());
    for (report, tensor) in done.iter().zip(&tensors) {
        let reported = (&report.name, report.from, report.to, report.bytes);
        assert_eq!(reported, (&tensor.name, BlockType::F32, tensor.ty, tensor.bytes));
    }
}

#[test]
fn f16_and_back_keeps_f16_values() {
    let half = model("stories260K/stories260K-f16");
    let float =
        run(&[&half], Options { ty: Some(BlockType::F32), head: None, ..Options::default() }).unwrap();
    let again =
        run(&[&float], Options { ty: Some(BlockType::F16), head: None, ..Options::default() }).unwrap();
    let header = header(&half);
    assert_eq!(self::header(&again).tensors, header.tensors);
    for tensor in &header.tensors {
        assert!(data(&half, tensor) == data(&again, tensor), "{}", tensor.name);
    }
    assert_eq!(self::header(&float).metadata.u32("general.file_type"), Ok(0));
}

/// Splits a model of one file into `count` files, as llama.cpp's `gguf-split` does.
fn split(bytes: &[u8], count: usize) -> Vec<Vec<u8>> {
    let GgufHeader { metadata, tensors, .. } = header(bytes);
    let each = tensors.len().div_ceil(count);
    let part = |(index, tensors_here): (usize, &[TensorInfo])| {
        let mut part = if index == 0 { metadata.clone() } else { Metadata::new() };
        part.insert("split.no", Value::U16(index as u16));
        part.insert("split.count", Value::U16(count as u16));
        part.insert("split.tensors.count", Value::I32(tensors.len() as i32));
        let spec = |t: &TensorInfo| TensorSpec { name: t.name.clone(), shape: t.shape.clone(), ty: t.ty };
        let specs: Vec<_> = tensors_here.iter().map(spec).collect();
        let mut writer = GgufWriter::new(Vec::new(), &part, &specs).unwrap();
        tensors_here.iter().for_each(|tensor| writer.write(data(bytes, tensor)).unwrap());
        writer.finish().unwrap()
    };
    tensors.chunks(each).enumerate().map(part).collect()
}

#[test]
fn a_split_merges_to_the_model_it_was() {
    let original = model("tok105/tok105-q4_0");
    let parts = split(&original, 3);
    assert_eq!(parts.len(), 3);
    let inputs: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let merged = run(&inputs, Options::default()).unwrap();
    assert_eq!(header(&merged), header(&original));
    for tensor in &header(&original).tensors {
        assert!(data(&merged, tensor) == data(&original, tensor), "{}", tensor.name);
    }
}

#[test]
fn faults_name_the_tensor_or_file() {
    let original = model("tok105/tok105-q4_0");
    let error = run(&[&original], Options { ty: Some(BlockType::IQ4_NL), head: None, ..Options::default() })
        .unwrap_err();
    assert!(matches!(error, ConvertError::Target(BlockError::NoEncoder { .. })));
    let error = run(&[&original[..1000]], Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("file 1 of the input: the file ends at byte 1000"), "{error}");
    assert!(matches!(run(&[], Options::default()), Err(ConvertError::Format(FormatError::NoParts))));

    let mut poisoned = model("tok105/tok105-f32");
    let tensor =
        header(&poisoned).tensors.into_iter().find(|tensor| tensor.name == "blk.1.attn_q.weight").unwrap();
    poisoned[tensor.offset as usize..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = run(&[&poisoned], Options { ty: Some(BlockType::Q4_0), head: None, ..Options::default() })
        .unwrap_err()
        .to_string();
    assert!(error.contains("blk.1.attn_q.weight") && error.contains("NaN"), "{error}");
}

#[test]
fn importances_go_to_the_columns_of_their_own_expert() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/architectures/qwen3moe.gguf");
    let original = std::fs::read(path).unwrap();
    let name = "blk.1.ffn_up_exps.weight";
    let shape = header(&original).tensors.iter().find(|tensor| tensor.name == name).unwrap().shape.clone();
    let [experts, rows, columns] = shape[..] else { panic!("{shape:?}") };
    let values: Vec<f32> = (0..experts * columns).map(|i| 0.01 + (i as f32 * 0.7).sin().powi(2)).collect();
    let entry = |name: &str, values: &[f32]| {
        let head = [1, name.len() as i32].map(i32::to_le_bytes).concat();
        let counts = [1, values.len() as i32].map(i32::to_le_bytes).concat();
        let floats = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        ImportanceMatrix::parse(&[head, name.as_bytes().to_vec(), counts, floats].concat()).unwrap()
    };
    let importance = entry(name, &values);
    let options = Options { ty: Some(BlockType::Q4_0), importance: Some(&importance), ..Options::default() };
    let weighted = run(&[&original], options).unwrap();
    let plain = run(&[&original], Options { importance: None, ..options }).unwrap();

    let floats = run(&[&original], Options { ty: Some(BlockType::F32), ..Options::default() }).unwrap();
    let (floats_header, weighted_header) = (header(&floats), header(&weighted));
    let tensor = |header: &GgufHeader, name: &str| {
        header.tensors.iter().find(|tensor| tensor.name == name).unwrap().clone()
    };
    let mut elements = vec![0.0; (experts * rows * columns) as usize];
    crate::dequantize(BlockType::F32, data(&floats, &tensor(&floats_header, name)), &mut elements).unwrap();
    let mut expected = Vec::new();
    for (index, row) in elements.chunks(columns as usize).enumerate() {
        let expert = index / rows as usize * columns as usize;
        let own = &values[expert..expert + columns as usize];
        crate::quantize_weighted(BlockType::Q4_0, row, own, &mut expected).unwrap();
    }
    assert!(data(&weighted, &tensor(&weighted_header, name)) == expected);
    for want in header(&plain).tensors.iter().filter(|tensor| tensor.name != name) {
        assert!(
            data(&weighted, &tensor(&weighted_header, &want.name)) == data(&plain, want),
            "{}",
            want.name
        );
    }
    assert_eq!(weighted_header.metadata.u32("quantize.imatrix.entries_count"), Ok(1));

    let wrong = entry(name, &values[1..]);
    let error = run(&[&original], Options { importance: Some(&wrong), ..options }).unwrap_err().to_string();
    assert!(error.contains(name) && error.contains("64 columns in 6 matrices"), "{error}");
    let other = entry("blk.9.nothing.weight", &values);
    let error = run(&[&original], Options { importance: Some(&other), ..options }).unwrap_err().to_string();
    assert!(error.contains("none of its 1 tensors"), "{error}");
}
