//! Reads a folder of safetensors: the small files whole, of the weights the headers.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sotto_engine::FolderFiles;
use sotto_engine::format::{SafetensorsHeader, read_safetensors};
use sotto_engine::text::Tokenizer;

/// The largest published tokenizers take about 35 MB.
const MAX_SMALL_FILE_BYTES: u64 = 256 << 20;

/// A folder's files as far as they are read before the weights.
pub struct ModelFolder {
    /// The small files.
    pub files: FolderFiles,
    /// The weight files.
    pub paths: Vec<PathBuf>,
    /// Their headers.
    pub shards: Vec<SafetensorsHeader>,
}

impl ModelFolder {
    /// Reads what there is in `folder`.
    pub fn read(folder: &Path) -> Result<ModelFolder> {
        let here = || folder.display().to_string();
        let mut files = FolderFiles::default();
        let read = |name: &str, files: &mut FolderFiles| -> Result<bool> {
            let bytes = read_small(&folder.join(name))?;
            let found = bytes.is_some();
            bytes.into_iter().for_each(|bytes| files.insert(name, bytes));
            Ok(found)
        };
        for (index, name) in FolderFiles::NAMES.into_iter().enumerate() {
            if !read(name, &mut files)? && index == 0 {
                bail!(
                    "{}: holds no {name}; name a .gguf file, a manifest.json, or a folder of safetensors",
                    here()
                );
            }
        }
        if let Some(name) = files.further().with_context(here)? {
            read(&name, &mut files)?;
        }
        ModelFolder::with_headers(folder, files)
    }

    /// The tokenizer of the model in `folder`, whose weights need not be there.
    pub fn tokenizer(folder: &Path) -> Result<Tokenizer> {
        let mut files = FolderFiles::default();
        for name in FolderFiles::NAMES {
            read_small(&folder.join(name))?.into_iter().for_each(|bytes| files.insert(name, bytes));
        }
        files.folder().and_then(|files| files.tokenizer()).with_context(|| folder.display().to_string())
    }

    fn with_headers(folder: &Path, files: FolderFiles) -> Result<ModelFolder> {
        let here = || folder.display().to_string();
        let paths: Vec<PathBuf> =
            files.weights().with_context(here)?.iter().map(|name| folder.join(name)).collect();
        let header = |path: &PathBuf| {
            let name = || path.display().to_string();
            read_safetensors(&mut File::open(path).with_context(name)?).with_context(name)
        };
        let shards = paths.iter().map(header).collect::<Result<Vec<_>>>()?;
        Ok(ModelFolder { files, paths, shards })
    }
}

/// The bytes of a file, if it is there.
fn read_small(path: &Path) -> Result<Option<Vec<u8>>> {
    let name = || path.display().to_string();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(name),
        Ok(metadata) if metadata.len() > MAX_SMALL_FILE_BYTES => {
            bail!("{}: has {} bytes; the limit is {MAX_SMALL_FILE_BYTES}", path.display(), metadata.len());
        }
        Ok(_) => {}
    }
    std::fs::read(path).map(Some).with_context(name)
}
