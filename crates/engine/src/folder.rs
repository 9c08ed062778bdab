//! What a folder of safetensors holds beside the weights: settings, tokenizer, chat template.

use serde_json::Value;
use sotto_format::{ModelFile, SafetensorsHeader};
use sotto_model::hf::{HfError, HfFolder, SentenceFiles};
use sotto_text::tokenizer::TokenizerConfig;
use sotto_text::{GgufVocab, Tokenizer, TokenizerError};

use crate::EngineError;

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
        if let Some(template) = chat_template(self)? {
            file.metadata.insert("tokenizer.chat_template", sotto_format::Value::String(template));
        }
        Ok(file)
    }

    /// The tokens that end a reply by the model's settings.
    fn end_ids(&self) -> Result<Vec<u32>, HfError> {
        let mut ids = Vec::new();
        for (file, bytes) in
            [("config.json", Some(self.config)), ("generation_config.json", self.generation_config)]
        {
            let Some(bytes) = bytes else { continue };
            let json: Value =
                serde_json::from_slice(bytes).map_err(|e| HfError::Json { file, message: e.to_string() })?;
            ids.extend(token_ids(&json["eos_token_id"]));
        }
        ids.dedup();
        Ok(ids)
    }

    fn tokenizer_config(&self) -> Result<Option<TokenizerConfig>, TokenizerError> {
        self.tokenizer_config.map(TokenizerConfig::parse).transpose()
    }
}

/// The tokenizer, which ends generations where the model's settings say too.
pub(crate) fn tokenizer(folder: &Folder<'_>) -> Result<Tokenizer, EngineError> {
    let json = folder.tokenizer.ok_or(EngineError::MissingFile { name: "tokenizer.json" })?;
    let mut tokenizer = Tokenizer::from_json(json, folder.tokenizer_config()?.as_ref())?;
    tokenizer.add_eog(&folder.end_ids()?);
    Ok(tokenizer)
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
pub(crate) fn chat_template(folder: &Folder<'_>) -> Result<Option<String>, EngineError> {
    if let Some(template) = folder.chat_template {
        let text = std::str::from_utf8(template)
            .map_err(|e| HfError::Json { file: "chat_template.jinja", message: e.to_string() })?;
        return Ok(Some(text.to_owned()));
    }
    let templates = folder.tokenizer_config()?.map(|config| config.chat_templates).unwrap_or_default();
    Ok(templates.into_iter().find(|(name, _)| name == "default").map(|(_, template)| template))
}
