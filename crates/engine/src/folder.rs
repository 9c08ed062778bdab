//! What a folder of safetensors holds beside the weights: settings, tokenizer, chat template.

use std::collections::BTreeMap;

use serde_json::Value;
use sotto_format::{ModelFile, SafetensorsHeader, ShardIndex};
use sotto_model::hf::{HfError, HfFolder, SentenceFiles, pooling_config};
use sotto_text::tokenizer::TokenizerConfig;
use sotto_text::{GgufVocab, Tokenizer, TokenizerError};

use crate::{EngineError, SamplingDefaults};

/// The small files of a folder, as bytes; those that are not there are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Folder<'a> {
    /// `config.json`.
    pub config: &'a [u8],
    /// `model.safetensors.index.json`.
    pub index: Option<&'a [u8]>,
    /// `tokenizer.json`.
    pub tokenizer: Option<&'a [u8]>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<&'a [u8]>,
    /// `generation_config.json`.
    pub generation_config: Option<&'a [u8]>,
    /// What sentence-transformers keeps beside an encoder.
    pub sentence: SentenceFiles<'a>,
    /// `chat_template.jinja`, which goes before the one in `tokenizer_config.json`.
    pub chat_template: Option<&'a [u8]>,
    /// `viterbi_calibration.json` of a classifier of tokens.
    pub calibration: Option<&'a [u8]>,
    /// `README.md`, whose front matter has the licence.
    pub readme: Option<&'a [u8]>,
}

/// The small files of a folder by their names, as they are found.
#[derive(Clone, Debug, Default)]
pub struct FolderFiles(BTreeMap<String, Vec<u8>>);

const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";
const MODULES: &str = "modules.json";
const CALIBRATION: &str = "viterbi_calibration.json";
/// Where GGUF metadata has [`CALIBRATION`].
pub(crate) const CALIBRATION_KEY: &str = "sotto.viterbi_calibration";
/// The one weight file of a model that has no index.
const SINGLE: &str = "model.safetensors";

impl FolderFiles {
    /// The names to look for; only the first must be there.
    pub const NAMES: [&str; 9] = [
        CONFIG,
        INDEX,
        MODULES,
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "sentence_bert_config.json",
        "README.md",
    ];

    /// Adds a file's bytes.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes);
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// A further small file that those found by now name, which may be there.
    pub fn further(&self) -> Result<Option<String>, HfError> {
        if let Some(modules) = self.get(MODULES) {
            return pooling_config(modules);
        }
        let config = self.get(CONFIG).map(|json| parsed(CONFIG, json)).transpose()?;
        let kinds = config.iter().flat_map(|config| config["architectures"].as_array()).flatten();
        let classifies = kinds.filter_map(Value::as_str).any(|kind| kind.ends_with("ForTokenClassification"));
        Ok(classifies.then(|| CALIBRATION.to_owned()))
    }

    /// The files of weights, in the order their headers are wanted.
    pub fn weights(&self) -> Result<Vec<String>, EngineError> {
        match self.get(INDEX) {
            Some(json) => Ok(ShardIndex::parse(json)?.files),
            None => Ok(vec![SINGLE.to_owned()]),
        }
    }

    /// The files as the model's parts read them.
    pub fn folder(&self) -> Result<Folder<'_>, EngineError> {
        let further = self.further()?;
        Ok(Folder {
            config: self.get(CONFIG).ok_or(EngineError::MissingFile { name: CONFIG })?,
            index: self.get(INDEX),
            tokenizer: self.get("tokenizer.json"),
            tokenizer_config: self.get("tokenizer_config.json"),
            generation_config: self.get("generation_config.json"),
            chat_template: self.get("chat_template.jinja"),
            sentence: SentenceFiles {
                modules: self.get(MODULES),
                pooling: further.as_deref().and_then(|name| self.get(name)),
                limits: self.get("sentence_bert_config.json"),
            },
            calibration: self.get(CALIBRATION),
            readme: self.get("README.md"),
        })
    }
}

impl<'a> Folder<'a> {
    pub(crate) fn model(&self) -> HfFolder<'a> {
        HfFolder { config: self.config, index: self.index, sentence: self.sentence }
    }

    /// The model as one GGUF file has it, tokenizer and chat template included: what to convert.
    pub fn gguf(&self, shards: &[SafetensorsHeader]) -> Result<ModelFile, EngineError> {
        let mut file = sotto_model::hf::model_file(&self.model(), shards)?;
        let json = self.tokenizer.ok_or(EngineError::MissingFile { name: "tokenizer.json" })?;
        let rows = file.tensor("token_embd.weight").map_or(0, |tensor| tensor.elements() / tensor.row_len());
        let mut vocab = GgufVocab::from_json(json, self.tokenizer_config()?.as_ref(), rows as usize)?;
        // GGUF has names for three tokens that end a reply; others are known by their text.
        let mut ends = self.end_ids()?;
        let eos = vocab.eos.or(ends.first().copied());
        ends.retain(|id| Some(*id) != eos);
        let mut ends = ends.into_iter();
        vocab.eos = eos;
        (vocab.eot, vocab.eom) = (ends.next(), ends.next());
        vocab.write(&mut file.metadata);
        self.describe(&mut file)?;
        Ok(file)
    }

    /// Writes what the folder says of the model beside its numbers, under GGUF's names.
    pub(crate) fn describe(&self, file: &mut ModelFile) -> Result<(), EngineError> {
        let template = chat_template(self)?;
        let licence = self.readme.and_then(licence);
        let calibration = self.calibration.map(|json| text(CALIBRATION, json)).transpose()?;
        let texts = [
            ("tokenizer.chat_template", template),
            ("general.license", licence),
            (CALIBRATION_KEY, calibration),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                file.metadata.insert(key, sotto_format::Value::String(text));
            }
        }
        if let Some(json) = self.generation_config {
            SamplingDefaults::write(&parsed("generation_config.json", json)?, &mut file.metadata);
        }
        Ok(())
    }

    /// The tokenizer, which ends generations where the model's settings say too.
    ///
    /// # Errors
    /// [`EngineError::MissingFile`] without a `tokenizer.json`, and what is wrong with the files.
    pub fn tokenizer(&self) -> Result<Tokenizer, EngineError> {
        let json = self.tokenizer.ok_or(EngineError::MissingFile { name: "tokenizer.json" })?;
        let mut tokenizer = Tokenizer::from_json(json, self.tokenizer_config()?.as_ref())?;
        tokenizer.add_eog(&self.end_ids()?);
        Ok(tokenizer)
    }

    /// The tokens that end a reply by the model's settings.
    fn end_ids(&self) -> Result<Vec<u32>, HfError> {
        let mut ids = Vec::new();
        for (file, bytes) in
            [("config.json", Some(self.config)), ("generation_config.json", self.generation_config)]
        {
            let Some(bytes) = bytes else { continue };
            ids.extend(token_ids(&parsed(file, bytes)?["eos_token_id"]));
        }
        ids.dedup();
        Ok(ids)
    }

    fn tokenizer_config(&self) -> Result<Option<TokenizerConfig>, TokenizerError> {
        self.tokenizer_config.map(TokenizerConfig::parse).transpose()
    }
}

/// `license` of a model card's front matter: YAML between two lines of dashes, in which it is a word on one line.
fn licence(readme: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(readme).ok()?;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let value = lines
        .take_while(|line| line.trim_end() != "---")
        .find_map(|line| line.strip_prefix("license:"))?
        .trim()
        .trim_matches(['"', '\'']);
    (!value.is_empty() && value != "other").then(|| value.to_owned())
}

fn parsed(file: &'static str, bytes: &[u8]) -> Result<Value, HfError> {
    serde_json::from_slice(bytes).map_err(|e| HfError::Json { file, message: e.to_string() })
}

fn text(file: &'static str, bytes: &[u8]) -> Result<String, HfError> {
    let text = std::str::from_utf8(bytes).map_err(|e| HfError::Json { file, message: e.to_string() })?;
    Ok(text.to_owned())
}

/// One id or a list of them.
fn token_ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Value::Array(ids) => ids.iter().filter_map(id).collect(),
        one => id(one).into_iter().collect(),
    }
}

/// The chat template that stands in a file of its own, else the one called "default" in the tokenizer's settings.
fn chat_template(folder: &Folder<'_>) -> Result<Option<String>, EngineError> {
    if let Some(template) = folder.chat_template {
        return Ok(Some(text("chat_template.jinja", template)?));
    }
    let templates = folder.tokenizer_config()?.map(|config| config.chat_templates).unwrap_or_default();
    Ok(templates.into_iter().find(|(name, _)| name == "default").map(|(_, template)| template))
}
