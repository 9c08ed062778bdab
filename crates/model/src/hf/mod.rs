//! Folders as Hugging Face serves them: `config.json` and safetensors, read as the GGUF file that llama.cpp's converter
//! would make of them.
//!
//! [`model_file`] translates settings to GGUF's keys and tensors to GGUF's names, so that an architecture is planned from
//! one description, whatever its file. Where a tensor has to change (rows reordered, experts stacked, a foreign
//! quantisation repacked) it gets a [`Recipe`](sotto_format::Recipe). To read another kind of model, give it a row in
//! `families`.

mod config;
mod decoders;
mod encoders;
mod error;
mod families;
mod keys;
mod linear_attention;
mod modules;
mod quantization;
mod rope;
mod sentence;
mod tensors;

pub use config::Config;
pub use error::HfError;
pub use sentence::{SentenceFiles, pooling_config};

use families::Family;
use sotto_format::{Metadata, ModelFile, SafetensorsHeader, ShardIndex, Value};

/// A folder's files but for the weights.
#[derive(Clone, Copy, Debug, Default)]
pub struct HfFolder<'a> {
    /// `config.json`.
    pub config: &'a [u8],
    /// `model.safetensors.index.json`, of a model in several files.
    pub index: Option<&'a [u8]>,
    /// What sentence-transformers keeps beside an encoder.
    pub sentence: SentenceFiles<'a>,
}

/// The model that a folder holds, under GGUF's names. `shards` are the headers of the safetensors files in the order
/// that [`ShardIndex::files`] has them, or of the only one.
pub fn model_file(folder: &HfFolder<'_>, shards: &[SafetensorsHeader]) -> Result<ModelFile, HfError> {
    if let Some(index) = folder.index {
        ShardIndex::parse(index)?.check(shards)?;
    }
    let config = Config::parse(folder.config)?;
    let family = Family::of(&config)?;
    let mut metadata = Metadata::new();
    let mut made = Vec::new();
    family.write_keys(&config, &mut metadata, &mut made)?;
    if let Some(name) = config.text_opt("_name_or_path")?.filter(|name| !name.is_empty()) {
        metadata.insert("general.name", Value::String(name.to_owned()));
    }
    if !family.gives_words {
        sentence::write(&folder.sentence, &mut metadata)?;
    }
    made.extend(tensors::tensors(&config, family, shards)?);
    if family.gives_words
        && config.flag_opt("tie_word_embeddings")? == Some(false)
        && made.iter().all(|made| made.info.name != "output.weight")
    {
        let why = "config.json says that it is not tied to the embedding (tie_word_embeddings)".to_owned();
        return Err(HfError::MissingTensor { name: "lm_head.weight".to_owned(), why });
    }
    let file_bytes = shards.iter().map(|shard| shard.file_bytes).collect();
    let tensors = made.into_iter().map(|made| (made.info, made.recipe)).collect();
    let header_bytes = shards.iter().map(|shard| shard.data_offset).sum();
    ModelFile::assembled(metadata, tensors, file_bytes, header_bytes)
        .map_err(|error| HfError::Json { file: "model.safetensors", message: error.to_string() })
}
