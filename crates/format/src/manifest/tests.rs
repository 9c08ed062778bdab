use super::*;
use serde_json::{Value, json};

const CHUNK: u64 = 64 << 10;
/// SHA-256 of "abc", from FIPS 180-4's examples.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn valid() -> Value {
    json!({
        "name": "m", "version": "1", "license": "MIT", "chunkBytes": CHUNK,
        "files": [{ "path": "dir/m.gguf", "bytes": CHUNK + 1, "sha256": ABC, "chunks": [ABC, ABC] }]
    })
}

/// The valid manifest with one field of its first file, or of itself, replaced.
fn with(pointer: &str, value: Value) -> Result<Manifest, ManifestError> {
    let mut json = valid();
    *json.pointer_mut(pointer).expect("the field exists") = value;
    Manifest::parse(&json.to_string())
}

#[test]
fn a_manifest_survives_json() {
    let manifest = Manifest::parse(&valid().to_string()).unwrap();
    assert_eq!(manifest.files[0].sha256.to_string(), ABC);
    assert_eq!(manifest.files[0].sha256, Sha256::of(b"abc"));
    let json = manifest.to_json().unwrap();
    assert!(json.contains("\"chunkBytes\": 65536"));
    assert_eq!(Manifest::parse(&json).unwrap(), manifest);
    assert_eq!(manifest.total_bytes(), CHUNK + 1);
}

#[test]
fn a_licence_may_be_missing() {
    let mut json = valid();
    json.as_object_mut().unwrap().remove("license");
    assert_eq!(Manifest::parse(&json.to_string()).unwrap().license, None);
}

#[test]
fn hashes_are_made_from_a_reader() {
    let bytes: Vec<u8> = (0..CHUNK * 2 + 5).map(|i| (i % 251) as u8).collect();
    let file = ManifestFile::from_reader("m.gguf", &mut bytes.as_slice(), CHUNK).unwrap();
    assert_eq!(file.bytes, bytes.len() as u64);
    assert_eq!(file.sha256, Sha256::of(&bytes));
    let expected: Vec<_> = bytes.chunks(CHUNK as usize).map(Sha256::of).collect();
    assert_eq!(file.chunks, expected);
    let ranges: Vec<_> = (0..4).map_while(|i| file.chunk_range(i, CHUNK)).collect();
    assert_eq!(ranges, [0..CHUNK, CHUNK..2 * CHUNK, 2 * CHUNK..2 * CHUNK + 5]);
}

#[test]
fn each_fault_has_its_error() {
    use ManifestError::*;
    assert!(matches!(Manifest::parse("<!DOCTYPE html>"), Err(Json(_))));
    assert!(matches!(with("/name", json!(3)), Err(Json(_))));
    for found in [0, CHUNK - 1, (256 << 20) + 1, u64::MAX] {
        assert!(matches!(with("/chunkBytes", json!(found)), Err(ChunkBytes { found: f }) if f == found));
    }
    assert!(matches!(with("/files", json!([])), Err(NoFiles)));
    for bytes in [0, u64::MAX] {
        assert!(matches!(with("/files/0/bytes", json!(bytes)), Err(FileBytes { .. })));
    }
    for bytes in [CHUNK, 2 * CHUNK + 1] {
        assert!(matches!(with("/files/0/bytes", json!(bytes)), Err(ChunkCount { found: 2, .. })));
    }
    for hash in [&ABC[1..], &format!("{ABC}00"), &ABC.replace('b', "g"), &"é".repeat(32)] {
        let error = with("/files/0/chunks/1", json!(hash)).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
    let file = valid()["files"][0].clone();
    assert!(matches!(with("/files", json!([file, file])), Err(DuplicatePath { .. })));
    let empty = ManifestFile::from_reader("m", &mut [].as_slice(), CHUNK);
    assert!(matches!(empty, Err(FileBytes { bytes: 0, .. })));
}

#[test]
fn paths_stay_in_the_folder() {
    let long = "a".repeat(MAX_PATH_BYTES + 1);
    let bad = [
        "",
        "/etc/passwd",
        "..",
        "../m",
        "a/../../m",
        "a//m",
        "./m",
        "a/",
        "C:m",
        "a\\m",
        "https://x.org/m",
        "%2e%2e/m",
        "m?x",
        "m#x",
        "m\n",
        "m\0",
        &long,
    ];
    for path in bad {
        assert!(matches!(with("/files/0/path", json!(path)), Err(ManifestError::Path { .. })), "{path:?}");
    }
    for path in ["m.gguf", "a/b/m-00001-of-00002.gguf", "..m", "m..gguf", "über.gguf"] {
        assert!(with("/files/0/path", json!(path)).is_ok(), "{path:?}");
    }
}
