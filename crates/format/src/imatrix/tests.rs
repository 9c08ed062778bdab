//! Files as llama.cpp writes them, made here byte by byte from its source, and what is wrong with others.

use super::*;
use crate::write::{GgufWriter, TensorSpec};
use crate::{Metadata, Value};

fn gguf(general_type: &str, tensors: &[(&str, Vec<u64>, Vec<f32>)]) -> Vec<u8> {
    let mut metadata = Metadata::new();
    metadata.insert("general.type", Value::String(general_type.to_owned()));
    let spec = |(name, shape, _): &(&str, Vec<u64>, Vec<f32>)| TensorSpec {
        name: (*name).to_owned(),
        shape: shape.clone(),
        ty: BlockType::F32,
    };
    let specs: Vec<TensorSpec> = tensors.iter().map(spec).collect();
    let mut writer = GgufWriter::new(Vec::new(), &metadata, &specs).unwrap();
    for (.., values) in tensors {
        writer.write(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    }
    writer.finish().unwrap()
}

fn legacy(name: &str, calls: i32, values: &[f32]) -> Vec<u8> {
    let mut file = Vec::new();
    let int = |file: &mut Vec<u8>, n: i32| file.extend(n.to_le_bytes());
    int(&mut file, 1);
    int(&mut file, name.len() as i32);
    file.extend(name.as_bytes());
    int(&mut file, calls);
    int(&mut file, values.len() as i32);
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    int(&mut file, 7); // the last call, and the length of the data set's name
    int(&mut file, 0);
    file
}

#[test]
fn sums_are_divided_by_their_counts() {
    let experts = vec![2.0, 4.0, 9.0, 0.0, 0.0, 0.0];
    let file = gguf(
        "imatrix",
        &[
            ("blk.0.ffn_up_exps.weight.in_sum2", vec![2, 3], experts),
            ("blk.0.ffn_up_exps.weight.counts", vec![2, 1], vec![2.0, 0.0]),
            ("blk.0.attn_q.weight.in_sum2", vec![1, 2], vec![3.0, 1.5]),
            ("blk.0.attn_q.weight.counts", vec![1, 1], vec![3.0]),
        ],
    );
    let matrix = ImportanceMatrix::parse(&file).unwrap();
    assert_eq!(matrix.len(), 2);
    let of = |name: &str, columns, matrices| matrix.of(name, columns, matrices).unwrap().map(<[f32]>::to_vec);
    assert_eq!(of("blk.0.attn_q.weight", 2, 1), Some(vec![1.0, 0.5]));
    // An expert that no token chose: all its columns matter alike.
    assert_eq!(of("blk.0.ffn_up_exps.weight", 3, 2), Some(vec![1.0, 2.0, 4.5, 1.0, 1.0, 1.0]));
    assert_eq!(of("output.weight", 3, 1), None);
    let error = matrix.of("blk.0.attn_q.weight", 4, 1).unwrap_err().to_string();
    assert!(
        error.contains("attn_q") && error.contains("2 importances") && error.contains("4 columns"),
        "{error}"
    );
}

#[test]
fn the_older_format_has_means_by_calls() {
    let file = legacy("output.weight", 4, &[8.0, 2.0]);
    let matrix = ImportanceMatrix::parse(&file).unwrap();
    assert_eq!(matrix.of("output.weight", 2, 1).unwrap(), Some(&[2.0, 0.5][..]));
    for length in 0..file.len() - 8 {
        let error = ImportanceMatrix::parse(&file[..length]).unwrap_err();
        assert!(matches!(error, ImatrixError::Damaged { .. }), "{length}: {error}");
    }
    let mut negative = file;
    negative[4..8].copy_from_slice(&(-1i32).to_le_bytes());
    assert!(matches!(ImportanceMatrix::parse(&negative), Err(ImatrixError::Damaged { .. })));
}

#[test]
fn what_is_no_importance_matrix_is_named() {
    let says = |file: &[u8], what: &str| {
        let error = ImportanceMatrix::parse(file).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    says(&gguf("model", &[]), "general.type is \"model\"");
    says(b"GGUF", "ends at byte 4");
    says(&gguf("imatrix", &[("a.in_sum2", vec![1, 2], vec![1.0; 2])]), "\"a\" has 2 sums and 0 counts");
    let pair = |sum: f32| {
        gguf("imatrix", &[("a.in_sum2", vec![1, 1], vec![sum]), ("a.counts", vec![1, 1], vec![1.0])])
    };
    says(&pair(f32::NAN), "NaN");
    says(&pair(-1.0), "\"a\" is -1");
    says(&legacy("b", 1, &[f32::INFINITY]), "\"b\" is inf");
}
