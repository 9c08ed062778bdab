use proptest::prelude::*;

use super::*;

/// A file of these tensors: name, dtype, shape, offsets.
fn file(entries: &[(&str, &str, &str, [u64; 2])], data: usize) -> Vec<u8> {
    let entry = |(name, dtype, shape, [begin, end]): &(&str, &str, &str, [u64; 2])| {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    with_header(&format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(",")), data)
}

fn with_header(json: &str, data: usize) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes.resize(bytes.len() + data, 7);
    bytes
}

fn parse(bytes: &[u8]) -> Result<SafetensorsHeader, SafetensorsError> {
    match parse_safetensors(bytes, Some(bytes.len() as u64))? {
        Parse::Complete(header) => Ok(header),
        Parse::Incomplete { need } => panic!("a whole file is said to go on to byte {need}"),
    }
}

#[test]
fn tensors_lie_where_the_header_says() {
    let bytes = file(
        &[("b", "BF16", "[2,3]", [4, 16]), ("a", "F32", "[]", [0, 4]), ("z", "I64", "[0]", [16, 16])],
        16,
    );
    let header = parse(&bytes).unwrap();
    let names: Vec<_> =
        header.tensors.iter().map(|t| (t.name.as_str(), t.offset - header.data_offset)).collect();
    assert_eq!(names, [("a", 0), ("b", 4), ("z", 16)]);
    assert_eq!(header.tensors[1].shape, [2, 3]);
    assert_eq!(header.tensors[1].dtype, Dtype::BF16);
    assert_eq!(header.file_bytes, bytes.len() as u64);
    let metadata = parse(&with_header(r#"{"__metadata__":{"format":"pt"}}"#, 0)).unwrap().metadata;
    assert_eq!(metadata, [("format".to_owned(), "pt".to_owned())]);
}

#[test]
fn a_prefix_asks_for_exactly_the_header() {
    let bytes = file(&[("a", "F32", "[4]", [0, 16])], 16);
    let whole = parse(&bytes).unwrap();
    for end in 0..bytes.len() {
        for len in [None, Some(bytes.len() as u64)] {
            match parse_safetensors(&bytes[..end], len).unwrap() {
                Parse::Complete(header) => {
                    assert!(end as u64 >= whole.data_offset);
                    assert_eq!(header, whole);
                }
                Parse::Incomplete { need } => {
                    assert_eq!(need, if end < 8 { 8 } else { whole.data_offset });
                    assert!(need > end as u64);
                }
            }
        }
    }
}

#[test]
fn every_lie_is_named() {
    use SafetensorsError as E;
    let error = |bytes: &[u8]| parse(bytes).unwrap_err();
    assert!(matches!(error(b"GGUF\x03\0\0\0"), E::IsGguf));
    assert!(matches!(error(b"short"), E::TooShort { bytes: 5 }));
    let huge = u64::MAX.to_le_bytes();
    assert!(matches!(error(&huge), E::HeaderTooLong { bytes: u64::MAX, .. }));
    assert!(matches!(error(&100_000_000u64.to_le_bytes()), E::HeaderOutOfRange { file_len: 8, .. }));
    assert!(matches!(error(&with_header("[]", 0)), E::Json { .. }));
    assert!(matches!(
        error(&with_header(r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4)),
        E::Json { .. }
    ));
    let a = ("a", "F32", "[2]", [0, 8]);
    assert!(matches!(error(&file(&[a, a], 8)), E::DuplicateTensor { .. }));
    assert!(
        matches!(error(&file(&[("a", "F7", "[2]", [0, 8])], 8)), E::UnknownDtype { dtype, .. } if dtype == "F7")
    );
    assert!(matches!(error(&file(&[("a", "F4", "[3]", [0, 2])], 2)), E::BadShape { .. }));
    let product = "[4294967296,4294967296]";
    assert!(matches!(error(&file(&[("a", "F32", product, [0, 0])], 0)), E::BadShape { .. }));
    assert!(matches!(error(&file(&[("a", "F32", "[2]", [0, 4])], 4)), E::Length { expected: 8, .. }));
    assert!(matches!(error(&file(&[("a", "F32", "[2]", [8, 0])], 8)), E::Length { .. }));
    assert!(matches!(
        error(&file(&[a, ("b", "F32", "[2]", [4, 12])], 12)),
        E::NotContiguous { begin: 4, expected: 8, .. }
    ));
    assert!(matches!(
        error(&file(&[("b", "F32", "[2]", [4, 12])], 12)),
        E::NotContiguous { begin: 4, expected: 0, .. }
    ));
    assert!(matches!(error(&file(&[a], 7)), E::FileLength { .. }));
    assert!(matches!(error(&file(&[a], 9)), E::FileLength { .. }));
}

#[test]
fn an_index_must_say_what_the_shards_hold() {
    use SafetensorsError as E;
    let index =
        |map: &str| ShardIndex::parse(format!(r#"{{"metadata":{{}},"weight_map":{map}}}"#).as_bytes());
    let good = index(r#"{"a":"x-2.safetensors","b":"x-1.safetensors"}"#).unwrap();
    assert_eq!(good.files, ["x-1.safetensors", "x-2.safetensors"]);
    let shard = |name: &str| parse(&file(&[(name, "F32", "[1]", [0, 4])], 4)).unwrap();
    let both = parse(&file(&[("a", "F32", "[1]", [0, 4]), ("b", "F32", "[1]", [4, 8])], 8)).unwrap();
    let empty = parse(&with_header("{}", 0)).unwrap();
    good.check(&[shard("b"), shard("a")]).unwrap();
    assert!(matches!(good.check(&[shard("a"), shard("b")]), Err(E::NotInIndex { .. })));
    assert!(matches!(good.check(&[shard("b"), empty]), Err(E::NotInShard { tensor, .. }) if tensor == "a"));
    assert!(
        matches!(good.check(&[shard("b"), shard("c")]), Err(E::NotInIndex { tensor, .. }) if tensor == "c")
    );
    assert!(matches!(good.check(&[both.clone(), both]), Err(E::NotInIndex { .. } | E::InTwoShards { .. })));
    for name in [
        "../x.safetensors",
        "/x.safetensors",
        "a\\\\b.safetensors",
        "x.bin",
        ".safetensors",
        "a%2f.safetensors",
    ] {
        let map = format!(r#"{{"a":"{name}"}}"#);
        assert!(matches!(index(&map), Err(E::ShardName { .. })), "{name}");
    }
    assert!(matches!(index("{}"), Err(E::Index { .. })));
    assert!(matches!(ShardIndex::parse(b"{}"), Err(E::Index { .. })));
}

proptest! {
    /// Whatever is done to a file, its header is read or refused, and what is read lies inside the file.
    #[test]
    fn damaged_files_do_no_harm(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = file(&[("a", "F32", "[2,2]", [0, 16]), ("b", "BF16", "[3]", [16, 22])], 22);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let len = bytes.len() as u64;
        if let Ok(Parse::Complete(header)) = parse_safetensors(&bytes, Some(len)) {
            prop_assert!(header.tensors.iter().all(|t| t.offset >= header.data_offset && t.offset + t.bytes <= len));
            let mut end = header.data_offset;
            for tensor in &header.tensors {
                prop_assert_eq!(tensor.offset, end);
                end += tensor.bytes;
            }
            prop_assert_eq!(end, len);
        }
        let _ = ShardIndex::parse(&bytes);
    }
}
