//! The manifest: a model's files with a SHA-256 for every chunk, so that a download can be checked piece by
//! piece, and two versions of a model share the chunks that did not change.
//!
//! As JSON, with hashes in lower-case hex and every chunk but a file's last `chunkBytes` long:
//!
//! ```json
//! { "name": "stories260K", "version": "1", "license": "MIT", "chunkBytes": 1048576,
//!   "files": [{ "path": "model.gguf", "bytes": 1054432, "sha256": "…", "chunks": ["…", "…"] }] }
//! ```

use crate::sha256::{Hasher, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::{Range, RangeInclusive};

/// Chunk sizes that a manifest may have: smaller ones drown in requests, larger ones in memory.
pub const CHUNK_BYTES: RangeInclusive<u64> = (64 << 10)..=(256 << 20);
/// JavaScript counts exactly up to here.
const MAX_FILE_BYTES: u64 = (1 << 53) - 1;
const MAX_PATH_BYTES: usize = 1024;

/// A model's files and their hashes. [`Manifest::parse`] gives only valid ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// The version of these files; any string.
    pub version: String,
    /// SPDX expression or name of the model's licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Length of every chunk in bytes, but the last of each file.
    pub chunk_bytes: u64,
    /// The files, in the order of a split.
    pub files: Vec<ManifestFile>,
}

/// One file of a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestFile {
    /// Path relative to the manifest, with `/` between its parts.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash of the whole file.
    pub sha256: Sha256,
    /// Hash of each chunk, in order.
    pub chunks: Vec<Sha256>,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum ManifestError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Chunks too small or too large.
    #[error("chunkBytes is {found}; it must be from {min} to {max}", min = CHUNK_BYTES.start(), max = CHUNK_BYTES.end())]
    ChunkBytes { found: u64 },
    /// No file at all.
    #[error("the manifest lists no files; it needs at least one")]
    NoFiles,
    /// A path that could lead out of the manifest's folder, or mean different things to different systems.
    #[error("path {path:?} is not allowed: {reason}. Use a relative path with \"/\" between its parts")]
    Path { path: String, reason: &'static str },
    /// Two files of one path.
    #[error("path {path:?} comes twice; list each file once")]
    DuplicatePath { path: String },
    /// An empty or impossibly long file.
    #[error("file {path:?} has {bytes} bytes; it must have from 1 to {max}", max = MAX_FILE_BYTES)]
    FileBytes { path: String, bytes: u64 },
    /// Hashes that do not cover the file.
    #[error(
        "file {path:?} lists {found} chunks, but {bytes} bytes in chunks of {chunk_bytes} are {expected}"
    )]
    ChunkCount { path: String, bytes: u64, chunk_bytes: u64, expected: u64, found: usize },
    /// The reader failed while hashes were made.
    #[error("reading {path:?} failed: {error}")]
    Io { path: String, error: io::Error },
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(json: &str) -> Result<Self, ManifestError> {
        let manifest: Manifest = serde_json::from_str(json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks what [`Manifest::parse`] checks, for a manifest made by hand.
    pub fn check(&self) -> Result<(), ManifestError> {
        check_chunk_bytes(self.chunk_bytes)?;
        if self.files.is_empty() {
            return Err(ManifestError::NoFiles);
        }
        let mut paths = HashSet::new();
        for file in &self.files {
            file.check(self.chunk_bytes)?;
            if !paths.insert(&file.path) {
                return Err(ManifestError::DuplicatePath { path: file.path.clone() });
            }
        }
        Ok(())
    }

    /// The manifest as indented JSON, with a newline at the end.
    pub fn to_json(&self) -> Result<String, ManifestError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Bytes of all files.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}

impl ManifestFile {
    /// Hashes all of `reader` as the file at `path`, holding one chunk of it at a time.
    pub fn from_reader(path: &str, reader: &mut impl Read, chunk_bytes: u64) -> Result<Self, ManifestError> {
        check_chunk_bytes(chunk_bytes)?;
        let (mut whole, mut bytes, mut chunks) = (Hasher::new(), 0u64, Vec::new());
        let mut chunk = Vec::new();
        loop {
            chunk.clear();
            let read = reader.by_ref().take(chunk_bytes).read_to_end(&mut chunk);
            let read = read.map_err(|error| ManifestError::Io { path: path.into(), error })?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            whole.update(&chunk);
            chunks.push(Sha256::of(&chunk));
        }
        let file = ManifestFile { path: path.into(), bytes, sha256: whole.finish(), chunks };
        file.check(chunk_bytes)?;
        Ok(file)
    }

    /// The bytes of chunk `index` in the file; `None` past the last chunk.
    pub fn chunk_range(&self, index: usize, chunk_bytes: u64) -> Option<Range<u64>> {
        let start = (index as u64).checked_mul(chunk_bytes).filter(|start| *start < self.bytes)?;
        Some(start..start.saturating_add(chunk_bytes).min(self.bytes))
    }

    fn check(&self, chunk_bytes: u64) -> Result<(), ManifestError> {
        let path = || self.path.clone();
        if let Some(reason) = path_fault(&self.path) {
            return Err(ManifestError::Path { path: path(), reason });
        }
        let bytes = self.bytes;
        if !(1..=MAX_FILE_BYTES).contains(&bytes) {
            return Err(ManifestError::FileBytes { path: path(), bytes });
        }
        let (expected, found) = (bytes.div_ceil(chunk_bytes), self.chunks.len());
        if expected != found as u64 {
            return Err(ManifestError::ChunkCount { path: path(), bytes, chunk_bytes, expected, found });
        }
        Ok(())
    }
}

fn check_chunk_bytes(found: u64) -> Result<(), ManifestError> {
    if CHUNK_BYTES.contains(&found) { Ok(()) } else { Err(ManifestError::ChunkBytes { found }) }
}

/// Why `path` may not stand in a manifest: it is resolved both against folders and against addresses.
fn path_fault(path: &str) -> Option<&'static str> {
    if path.len() > MAX_PATH_BYTES {
        return Some("it is longer than 1024 bytes");
    }
    if path.chars().any(char::is_control) {
        return Some("it holds a control character");
    }
    if path.contains(['\\', ':', '%', '?', '#']) {
        return Some("it holds one of \\ : % ? #");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("one of its parts is empty, \".\" or \"..\"");
    }
    None
}

#[cfg(test)]
mod tests;
