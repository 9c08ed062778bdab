use super::*;
use crate::{BlockType, Value};

fn part(tensors: &[&str], entries: &[(&str, Value)]) -> GgufHeader {
    let tensor = |name: &&str| TensorInfo {
        name: name.to_string(),
        shape: vec![1],
        ty: BlockType::F32,
        file: 0,
        offset: 64,
        bytes: 4,
    };
    GgufHeader {
        version: 3,
        metadata: entries.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        tensors: tensors.iter().map(tensor).collect(),
        alignment: 32,
        data_offset: 64,
    }
}

fn split(tensors: &[&str], number: u16, count: u16, total: i32) -> GgufHeader {
    let entries = [
        ("split.no", Value::U16(number)),
        ("split.count", Value::U16(count)),
        ("split.tensors.count", Value::I32(total)),
    ];
    part(tensors, &entries)
}

#[test]
fn parts_merge_in_order() {
    let model = ModelFile::from_parts(vec![split(&["a", "b"], 0, 2, 3), split(&["c"], 1, 2, 3)]).unwrap();
    let places: Vec<_> = model.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.file)).collect();
    assert_eq!(places, [("a", 0), ("b", 0), ("c", 1)]);
    assert_eq!(model.tensor("c").map(|tensor| tensor.file), Some(1));
    assert_eq!(model.tensor("d"), None);
    assert_eq!(model.files, 2);
    assert_eq!(model.metadata.u32("split.no"), Ok(0));
}

#[test]
fn one_file_needs_no_split_keys() {
    let model = ModelFile::from_parts(vec![part(&["a"], &[])]).unwrap();
    assert_eq!((model.files, model.tensors.len()), (1, 1));
}

#[test]
fn each_split_fault_has_its_error() {
    use FormatError::*;
    let merge = |parts| ModelFile::from_parts(parts).unwrap_err();
    assert_eq!(merge(vec![]), NoParts);
    assert_eq!(merge(vec![split(&["a"], 0, 2, 1)]), SplitCount { expected: 2, given: 1 });
    assert_eq!(merge(vec![part(&["a"], &[]), part(&["b"], &[])]), SplitCount { expected: 1, given: 2 });
    let swapped = vec![split(&["b"], 1, 2, 2), split(&["a"], 0, 2, 2)];
    assert_eq!(merge(swapped), SplitOrder { given: 1, found: 2 });
    let short = vec![split(&["a"], 0, 2, 3), split(&["b"], 1, 2, 3)];
    assert_eq!(merge(short), SplitTensorCount { expected: 3, found: 2 });
    let twice = vec![split(&["a"], 0, 2, 2), split(&["a"], 1, 2, 2)];
    assert_eq!(merge(twice), DuplicateTensor { name: "a".into() });
    let stranger = vec![split(&["a"], 0, 2, 2), part(&["b"], &[])];
    assert!(matches!(merge(stranger), InPart { index: 1, error } if matches!(*error, MissingKey { .. })));
    let negative = part(&["a"], &[("split.no", Value::I32(-1))]);
    assert!(
        matches!(merge(vec![negative]), InPart { index: 0, error } if matches!(*error, OutOfRange { value: -1, .. }))
    );
}

#[test]
fn part_names_follow_from_any_of_them() {
    let names = |name: &str| split_part_names(name);
    let three = |base: &str, query: &str| {
        Some((1..=3).map(|i| format!("{base}-0000{i}-of-00003.gguf{query}")).collect::<Vec<_>>())
    };
    assert_eq!(names("m-00001-of-00003.gguf"), three("m", ""));
    assert_eq!(names("dir/m-00002-of-00003.gguf"), three("dir/m", ""));
    let address = "https://x.org/a-b/m-00001-of-00003.gguf?download=true";
    assert_eq!(names(address), three("https://x.org/a-b/m", "?download=true"));
    let others = [
        "",
        "m.gguf",
        "-of-.gguf",
        "m-00001-of-00003.bin",
        "m-0001-of-0003.gguf",
        "m-00000-of-00003.gguf",
        "m-00004-of-00003.gguf",
        "m-+0001-of-00003.gguf",
        "m-0000x-of-00003.gguf",
        "éééééééééééé.gguf",
        "m_00001-of-00003.gguf",
    ];
    for name in others {
        assert_eq!(names(name), None, "{name}");
    }
}
