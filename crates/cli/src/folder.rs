//! Reads a folder of safetensors: the small files whole, of the weights the headers.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sotto_engine::format::{SafetensorsHeader, ShardIndex, read_safetensors};
use sotto_engine::{Folder, SentenceFiles, pooling_config};

/// The one weight file of a model that has no index.
const SINGLE: &str = "model.safetensors";
/// The largest published tokenizers take about 35 MB.
const MAX_SMALL_FILE_BYTES: u64 = 256 << 20;

/// The files of a folder.
pub struct FolderFiles {
    config: Vec<u8>,
    index: Option<Vec<u8>>,
    tokenizer: Option<Vec<u8>>,
    tokenizer_config: Option<Vec<u8>>,
    generation_config: Option<Vec<u8>>,
    chat_template: Option<Vec<u8>>,
    modules: Option<Vec<u8>>,
    pooling: Option<Vec<u8>>,
    limits: Option<Vec<u8>>,
    /// The weight files.
    pub paths: Vec<PathBuf>,
    /// Their headers.
    pub shards: Vec<SafetensorsHeader>,
}

impl FolderFiles {
    /// Reads what there is in `folder`.
    pub fn read(folder: &Path) -> Result<FolderFiles> {
        let small = |name: &str| read_small(&folder.join(name));
        let Some(config) = small("config.json")? else {
            bail!(
                "{}: holds no config.json; name a .gguf file, a manifest.json, or a folder of safetensors",
                folder.display()
            );
        };
        let index = small("model.safetensors.index.json")?;
        let names = match &index {
            Some(json) => ShardIndex::parse(json).with_context(|| folder.display().to_string())?.files,
            None => vec![SINGLE.to_owned()],
        };
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        let header = |path: &PathBuf| {
            let name = || path.display().to_string();
            read_safetensors(&mut File::open(path).with_context(name)?).with_context(name)
        };
        let shards = paths.iter().map(header).collect::<Result<Vec<_>>>()?;
        let modules = small("modules.json")?;
        let pooling = match &modules {
            Some(json) => pooling_config(json).with_context(|| folder.display().to_string())?,
            None => None,
        };
        Ok(FolderFiles {
            config,
            index,
            tokenizer: small("tokenizer.json")?,
            tokenizer_config: small("tokenizer_config.json")?,
            generation_config: small("generation_config.json")?,
            chat_template: small("chat_template.jinja")?,
            modules,
            pooling: pooling.map(|name| small(&name)).transpose()?.flatten(),
            limits: small("sentence_bert_config.json")?,
            paths,
            shards,
        })
    }

    /// The small files.
    pub fn folder(&self) -> Folder<'_> {
        Folder {
            config: &self.config,
            index: self.index.as_deref(),
            tokenizer: self.tokenizer.as_deref(),
            tokenizer_config: self.tokenizer_config.as_deref(),
            generation_config: self.generation_config.as_deref(),
            chat_template: self.chat_template.as_deref(),
            sentence: SentenceFiles {
                modules: self.modules.as_deref(),
                pooling: self.pooling.as_deref(),
                limits: self.limits.as_deref(),
            },
        }
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
