use super::*;
use crate::read_gguf;
use std::io::Cursor;

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Writes what `bytes` holds again, tensor data in pieces of `piece` bytes.
fn rewrite(bytes: &[u8], piece: usize) -> Vec<u8> {
    let header = read_gguf(&mut Cursor::new(bytes)).unwrap();
    let spec = |t: &crate::TensorInfo| TensorSpec { name: t.name.clone(), shape: t.shape.clone(), ty: t.ty };
    let specs: Vec<_> = header.tensors.iter().map(spec).collect();
    let mut writer = GgufWriter::new(Vec::new(), &header.metadata, &specs).unwrap();
    let mut data = Vec::new();
    for tensor in &header.tensors {
        data.extend(&bytes[tensor.offset as usize..][..tensor.bytes as usize]);
    }
    data.chunks(piece).for_each(|piece| writer.write(piece).unwrap());
    writer.finish().unwrap()
}

#[test]
fn files_of_other_tools_are_written_again_byte_for_byte() {
    // Tools differ in whether the last tensor is padded; all else must be equal.
    for path in ["tests/fixtures/types.gguf", "../../tests/fixtures/models/tok105/tok105-q4_0.gguf"] {
        let original = fixture(path);
        for piece in [1, 7, 4096, usize::MAX] {
            let written = rewrite(&original, piece);
            let common = original.len().min(written.len());
            assert!(written[..common] == original[..common], "{path} in pieces of {piece}");
            assert!(written.len().abs_diff(original.len()) < 64);
            assert_eq!(written.len() % 32, 0);
        }
    }
}

#[test]
fn empty_arrays_and_models_survive() {
    let metadata = Metadata::from_iter([
        ("a".to_string(), Value::Array(Array::U32(vec![]))),
        ("b".to_string(), Value::Array(Array::Array(vec![Array::String(vec![])]))),
    ]);
    let bytes = GgufWriter::new(Vec::new(), &metadata, &[]).unwrap().finish().unwrap();
    let header = read_gguf(&mut Cursor::new(bytes)).unwrap();
    assert_eq!(header.metadata, metadata);
    assert!(header.tensors.is_empty());
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let spec = |name: &str, shape: &[u64], ty| TensorSpec { name: name.into(), shape: shape.into(), ty };
    let none = Metadata::new();
    let new = |specs: &[TensorSpec]| GgufWriter::new(Vec::new(), &none, specs).map(|_| ());
    for shape in [&[16, 4][..], &[0], &[1, 1, 1, 1, 32], &[u64::MAX, 32]] {
        let error = new(&[spec("t", shape, BlockType::Q4_0)]);
        assert!(matches!(error, Err(WriteError::BadShape { .. })), "{shape:?}");
    }
    let twice = [spec("t", &[1], BlockType::F32), spec("t", &[1], BlockType::F32)];
    assert!(matches!(new(&twice), Err(WriteError::DuplicateTensor { .. })));
    let metadata = Metadata::from_iter([("general.alignment".to_string(), Value::U32(48))]);
    let error = GgufWriter::new(Vec::new(), &metadata, &[]).map(|_| ());
    assert!(matches!(error, Err(WriteError::Metadata(FormatError::BadAlignment { alignment: 48 }))));

    let mut writer = GgufWriter::new(Vec::new(), &none, &[spec("t", &[2], BlockType::F32)]).unwrap();
    writer.write(&[0; 5]).unwrap();
    assert!(matches!(writer.write(&[0; 5]), Err(WriteError::TooManyBytes { extra: 2 })));
    let mut writer = GgufWriter::new(Vec::new(), &none, &[spec("t", &[2], BlockType::F32)]).unwrap();
    writer.write(&[0; 5]).unwrap();
    assert!(matches!(writer.finish(), Err(WriteError::MissingBytes { missing: 3, .. })));
}
