//! Headers from real tools, and headers with one fault each.

mod fuzz;

use super::*;
use crate::{Array, BlockType, Value};
use std::io::Cursor as IoCursor;
use std::path::PathBuf;

fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn types() -> Vec<u8> {
    read("tests/fixtures/types.gguf")
}

fn real_models() -> Vec<Vec<u8>> {
    let names = [
        "stories260K/stories260K-f32",
        "stories260K/stories260K-f16",
        "tok105/tok105-f32",
        "tok105/tok105-q4_0",
        "tok105/tok105-q4_1",
        "tok105/tok105-q8_0",
    ];
    names.iter().map(|name| read(&format!("../../tests/fixtures/models/{name}.gguf"))).collect()
}

fn complete(bytes: &[u8]) -> GgufHeader {
    match parse_gguf(bytes, Some(bytes.len() as u64)) {
        Ok(Parse::Complete(header)) => header,
        other => panic!("{other:?}"),
    }
}

fn fault(bytes: &[u8]) -> FormatError {
    match parse_gguf(bytes, Some(bytes.len() as u64)) {
        Err(error) => error,
        Ok(parse) => panic!("{parse:?}"),
    }
}

#[test]
fn every_metadata_type_reads_as_the_gguf_package_wrote_it() {
    let header = complete(&types());
    let expected = [
        ("general.architecture", Value::String("llama".into())),
        ("general.alignment", Value::U32(64)),
        ("t.u8", Value::U8(250)),
        ("t.i8", Value::I8(-100)),
        ("t.u16", Value::U16(65000)),
        ("t.i16", Value::I16(-30000)),
        ("t.u32", Value::U32(4_000_000_000)),
        ("t.i32", Value::I32(-2_000_000_000)),
        ("t.f32", Value::F32(0.1)),
        ("t.bool", Value::Bool(true)),
        ("t.string", Value::String("grüße 🦀".into())),
        ("t.u64", Value::U64(u64::MAX)),
        ("t.i64", Value::I64(i64::MIN)),
        ("t.f64", Value::F64(0.1)),
        ("a.i32", Value::Array(Array::I32(vec![1, -2, 3]))),
        ("a.f32", Value::Array(Array::F32(vec![0.5, -1.5]))),
        ("a.bool", Value::Array(Array::Bool(vec![true, false]))),
        ("a.string", Value::Array(Array::String(vec!["".into(), "a".into(), "é".into()]))),
        ("a.nested", Value::Array(Array::Array(vec![Array::I32(vec![1, 2]), Array::I32(vec![3])]))),
        ("a.UINT8", Value::Array(Array::U8(vec![1, 2]))),
        ("a.INT8", Value::Array(Array::I8(vec![1, 2]))),
        ("a.UINT16", Value::Array(Array::U16(vec![1, 2]))),
        ("a.INT16", Value::Array(Array::I16(vec![1, 2]))),
        ("a.UINT32", Value::Array(Array::U32(vec![1, 2]))),
        ("a.UINT64", Value::Array(Array::U64(vec![1, 2]))),
        ("a.INT64", Value::Array(Array::I64(vec![1, 2]))),
        ("a.FLOAT64", Value::Array(Array::F64(vec![0.1]))),
    ];
    let got: Vec<_> = header.metadata.iter().collect();
    let expected: Vec<_> = expected.iter().map(|(key, value)| (*key, value)).collect();
    assert_eq!(got, expected);
    assert_eq!((header.version, header.alignment), (3, 64));
}

#[test]
fn tensors_lie_where_the_gguf_package_put_them() {
    let header = complete(&types());
    let tensor = |name: &str, shape: &[u64], ty, offset, bytes| TensorInfo {
        name: name.into(),
        shape: shape.into(),
        ty,
        file: 0,
        offset,
        bytes,
    };
    assert_eq!(
        header.tensors,
        [
            tensor("cube", &[2, 3, 4], BlockType::F32, 1088, 96),
            tensor("half", &[3], BlockType::F16, 1216, 6),
            tensor("quantised", &[2, 64], BlockType::Q4_0, 1280, 72),
        ]
    );
    assert_eq!(header.data_offset, 1088);
    assert_eq!((header.tensors[0].elements(), header.tensors[0].row_len()), (24, 4));
}

#[test]
fn real_models_parse() {
    for bytes in real_models() {
        let header = complete(&bytes);
        assert_eq!(header.metadata.str("general.architecture"), Ok("llama"));
        assert_eq!(header.tensors.len(), 47);
        let last = header.tensors.iter().map(|tensor| tensor.offset + tensor.bytes).max().unwrap();
        assert!(bytes.len() as u64 - last < 32, "the last tensor ends the file");
        assert_eq!(read_gguf(&mut IoCursor::new(&bytes)).unwrap(), header);
    }
}

#[test]
fn version_2_has_the_same_layout() {
    let mut bytes = types();
    bytes[4] = 2;
    assert_eq!(complete(&bytes).version, 2);
}

#[test]
fn a_short_prefix_says_how_much_more_is_worth_trying() {
    for bytes in real_models().into_iter().chain([types()]) {
        let whole = bytes.len() as u64;
        let header = complete(&bytes);
        for len in (0..header.data_offset as usize).step_by(7) {
            for file_len in [None, Some(whole)] {
                match parse_gguf(&bytes[..len], file_len) {
                    Ok(Parse::Incomplete { need }) => {
                        assert!(need > len as u64);
                        assert!(need >= (2 * len as u64).max(FIRST_READ).min(file_len.unwrap_or(u64::MAX)));
                        assert!(need <= file_len.unwrap_or(u64::MAX));
                    }
                    // The padding before the data need not be there.
                    Ok(Parse::Complete(short)) => assert_eq!(short, header),
                    Err(error) => panic!("{len} bytes of {whole}: {error}"),
                }
            }
            // The same bytes as a whole file are a file cut off.
            match parse_gguf(&bytes[..len], Some(len as u64)) {
                Err(FormatError::Truncated { .. } | FormatError::TensorOutOfRange { .. }) => {}
                other => panic!("{len} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn an_exact_need_is_asked_for_at_once() {
    let bytes =
        Bytes::header(0, 1).key("k").u32(value::type_id::ARRAY).u32(value::type_id::U8).u64(100 << 20).0;
    let need = bytes.len() as u64 + (100 << 20);
    assert_eq!(parse_gguf(&bytes, None), Ok(Parse::Incomplete { need }));
}

/// Builds damaged headers.
struct Bytes(Vec<u8>);

impl Bytes {
    fn header(tensors: u64, entries: u64) -> Self {
        Bytes(MAGIC.to_vec()).u32(3).u64(tensors).u64(entries)
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    fn u32(self, v: u32) -> Self {
        self.raw(&v.to_le_bytes())
    }
    fn u64(self, v: u64) -> Self {
        self.raw(&v.to_le_bytes())
    }
    fn key(self, key: &str) -> Self {
        self.u64(key.len() as u64).raw(key.as_bytes())
    }
    /// A tensor entry; `dims` innermost first, as in the file.
    fn tensor(self, name: &str, dims: &[u64], ty: u32, offset: u64) -> Self {
        let entry = self.key(name).u32(dims.len() as u32);
        dims.iter().fold(entry, |bytes, dim| bytes.u64(*dim)).u32(ty).u64(offset)
    }
    /// Tensor data after padding, and a whole file.
    fn data(mut self, len: usize) -> Vec<u8> {
        let start = self.0.len().next_multiple_of(32);
        self.0.resize(start + len, 0);
        self.0
    }
}

#[test]
fn other_formats_are_named() {
    let cases: [(&[u8], &str); 5] = [
        (b"<!DOCTYPE html>", "an HTML page"),
        (b"PK\x03\x04....", "a zip archive or a PyTorch checkpoint"),
        (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
        (b"\x40\x01\0\0\0\0\0\0{}", "a safetensors file or another binary format"),
        (b"FUGG....", "another format"),
    ];
    for (bytes, name) in cases {
        assert!(matches!(fault(bytes), FormatError::NotGguf { looks_like, .. } if looks_like == name));
        assert!(parse_gguf(bytes, None).is_err(), "known without the file's length too");
    }
}

#[test]
fn each_header_fault_has_its_error() {
    use FormatError::*;
    let truncated =
        |bytes: &[u8]| matches!(fault(bytes), Truncated { file_len, .. } if file_len == bytes.len() as u64);
    assert!(truncated(b""));
    assert!(truncated(b"GGU"));
    assert!(truncated(b"GGUF\x03\0\0\0"));
    for version in [0, 1, 4, u32::MAX] {
        let bytes = Bytes(MAGIC.to_vec()).u32(version).0;
        assert_eq!(fault(&bytes), UnsupportedVersion { version });
    }
    let bytes = Bytes(MAGIC.to_vec()).u32(3 << 24).0;
    assert_eq!(fault(&bytes), BigEndian { raw: 3 << 24 });

    let long = "k".repeat(65536);
    let bytes = Bytes::header(0, 1).key(&long).u32(0).raw(&[0]).0;
    assert!(matches!(fault(&bytes), NameTooLong { len: 65536, limit: 65535, at: 24, .. }));
    let bytes = Bytes::header(0, 1).u64(2).raw(b"\xff\xfe").u32(0).raw(&[0]).0;
    assert!(matches!(fault(&bytes), InvalidUtf8 { at: 32, .. }));
    let bytes = Bytes::header(0, 1).key("k").u32(8).u64(1).raw(b"\xff").0;
    assert!(matches!(fault(&bytes), InvalidUtf8 { at: 45, .. }));
    let bytes = Bytes::header(0, 1).key("k").u32(13).u64(0).0;
    assert_eq!(fault(&bytes), UnknownValueType { id: 13, at: 33 });
    let bytes = Bytes::header(0, 1).key("k").u32(9).u32(77).u64(0).0;
    assert_eq!(fault(&bytes), UnknownValueType { id: 77, at: 37 });
    let bytes = Bytes::header(0, 1).key("k").u32(7).raw(&[2]).0;
    assert_eq!(fault(&bytes), InvalidBool { value: 2, at: 37 });
    let bytes = Bytes::header(0, 2).key("k").u32(0).raw(&[0]).key("k").u32(0).raw(&[0]).0;
    assert_eq!(fault(&bytes), DuplicateKey { key: "k".into(), at: 38 });
    let nested =
        (0..9).fold(Bytes::header(0, 1).key("k").u32(9), |bytes, _| bytes.u32(9).u64(1)).u32(0).u64(0).0;
    assert!(matches!(fault(&nested), ArrayTooDeep { limit: 8, .. }));
    for alignment in [0, 3, 33] {
        let bytes = Bytes::header(0, 1).key("general.alignment").u32(4).u32(alignment).0;
        assert_eq!(fault(&bytes), BadAlignment { alignment: u64::from(alignment) });
    }
    let bytes = Bytes::header(0, 1).key("general.alignment").u32(8).key("32").0;
    assert!(matches!(fault(&bytes), WrongType { .. }));
}

#[test]
fn each_tensor_fault_has_its_error() {
    use FormatError::*;
    let one =
        |name: &str, dims: &[u64], ty, offset| Bytes::header(1, 0).tensor(name, dims, ty, offset).data(64);
    assert_eq!(complete(&one("t", &[16], 0, 0)).tensors[0].bytes, 64);
    assert_eq!(complete(&one("t", &[], 0, 0)).tensors[0].elements(), 1);

    let name = || "t".to_string();
    assert!(matches!(fault(&one(&"t".repeat(256), &[1], 0, 0)), NameTooLong { limit: 255, .. }));
    assert_eq!(fault(&one("t", &[1; 5], 0, 0)), TooManyDims { name: name(), at: 24, dims: 5, limit: 4 });
    assert_eq!(fault(&one("t", &[4, 0], 0, 0)), EmptyDim { name: name(), at: 24, shape: vec![0, 4] });
    for dims in [&[1 << 32, 1 << 32][..], &[1 << 63], &[u64::MAX, 2]] {
        assert!(matches!(fault(&one("t", dims, 0, 0)), TensorTooLarge { .. }), "{dims:?}");
    }
    let unsupported = |id, type_name| UnsupportedBlockType { name: name(), id, type_name };
    assert_eq!(fault(&one("t", &[32], 16, 0)), unsupported(16, "IQ2_XXS"));
    assert_eq!(fault(&one("t", &[32], 999, 0)), unsupported(999, "unknown"));
    assert!(unsupported(16, "IQ2_XXS").to_string().contains("Q4_K"), "says what can be used instead");
    assert_eq!(fault(&one("t", &[33], 2, 0)), PartialRow { name: name(), row: 33, ty: BlockType::Q4_0 });
    // 64 elements are two blocks, but each row of 16 is half a one.
    assert_eq!(fault(&one("t", &[16, 4], 2, 0)), PartialRow { name: name(), row: 16, ty: BlockType::Q4_0 });
    assert_eq!(fault(&one("t", &[1], 0, 4)), MisalignedTensor { name: name(), offset: 4, alignment: 32 });
    for offset in [32, 96, 1 << 63, u64::MAX - 31] {
        assert!(matches!(fault(&one("t", &[16], 0, offset)), TensorOutOfRange { .. }), "{offset}");
    }
    let two = |a, b, offset| Bytes::header(2, 0).tensor(a, &[16], 0, 0).tensor(b, &[8], 0, offset).data(128);
    assert_eq!(complete(&two("a", "b", 64)).tensors.len(), 2);
    assert_eq!(fault(&two("a", "a", 64)), DuplicateTensor { name: "a".into() });
    let (first, second) = ("a".to_string(), "b".to_string());
    assert!(
        matches!(fault(&two("a", "b", 32)), OverlappingTensors { first: f, second: s, .. } if f == first && s == second)
    );
    assert!(matches!(fault(&two("a", "b", 0)), OverlappingTensors { .. }));
}

#[test]
fn counts_without_bytes_are_refused_before_anything_is_allocated() {
    let many = 1u64 << 40;
    let claims = [
        Bytes::header(many, 0).0,
        Bytes::header(0, many).0,
        Bytes::header(u64::MAX, u64::MAX).0,
        Bytes::header(0, 1).u64(u64::MAX).u64(0).0,
        Bytes::header(0, 1).key("k").u32(8).u64(many).0,
        Bytes::header(0, 1).key("k").u32(9).u32(4).u64(many).0,
        Bytes::header(0, 1).key("k").u32(9).u32(8).u64(many).0,
        Bytes::header(0, 1).key("k").u32(9).u32(9).u64(u64::MAX).0,
        Bytes::header(0, 1).key("k").u32(9).u32(7).u64(u64::MAX).0,
    ];
    for bytes in claims {
        use FormatError::*;
        let unknown_len = parse_gguf(&bytes, None);
        assert!(matches!(unknown_len, Err(HeaderTooLarge { .. } | NameTooLong { .. })), "{unknown_len:?}");
        assert!(matches!(fault(&bytes), Truncated { .. } | NameTooLong { .. }));
    }
    // Just within the header's limit: more bytes are asked for, nothing is reserved.
    let bytes = Bytes::header(0, (MAX_HEADER_BYTES - 24) / 13).0;
    assert!(matches!(parse_gguf(&bytes, None), Ok(Parse::Incomplete { need }) if need <= MAX_HEADER_BYTES));
}

#[test]
fn every_message_names_what_to_do_or_where() {
    let error = fault(&Bytes::header(0, 1).key("k").u32(13).u64(0).0).to_string();
    assert_eq!(error, "metadata type 13 at byte 33 is unknown; GGUF defines 0 to 12");
    let error = fault(b"GGUF\x03\0\0\0").to_string();
    assert!(
        error.starts_with("the file ends at byte 8, but the tensor count at byte 8 needs 8 bytes"),
        "{error}"
    );
    let error = fault(b"<!DOCTYPE html>").to_string();
    assert!(error.contains("[3c, 21, 44, 4f]") && error.contains("an HTML page"), "{error}");
}
