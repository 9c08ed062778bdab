//! What a page shows of a model before and after it is loaded.

use std::collections::BTreeMap;

use serde::Serialize;
use sotto_format::{BlockType, ModelFile};
use sotto_model::{Hyperparameters, Task};
use sotto_pii::bioes::Calibration;

use crate::SamplingDefaults;
use crate::folder::CALIBRATION_KEY;

/// Facts of a model that its header states.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// `general.architecture`.
    pub architecture: String,
    /// `general.name`.
    pub name: Option<String>,
    /// `general.license`.
    pub licence: Option<String>,
    /// Elements of all tensors.
    pub parameters: u64,
    /// What its output is for: `generate`, `classify` or `embed`.
    pub task: &'static str,
    /// The labels of a classifier of tokens, in the order of its logits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The operating points that a classifier of tokens brings: its dial between recall and precision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operating_points: Vec<String>,
    /// Longest context the model was trained for, in tokens.
    pub context_length: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// The block type that holds most of the weights.
    pub quantization: String,
    /// Bytes of all tensors.
    pub weight_bytes: u64,
    /// Whether the file brings a chat template.
    pub chat_template: bool,
    /// How its authors would have it sampled, as far as it says.
    pub sampling: SamplingDefaults,
    /// Files of a split model; 1 otherwise.
    pub files: usize,
    /// Bytes before the first tensor, over all files.
    pub header_bytes: u64,
    /// Total bytes of each file as its header implies.
    pub data_bytes: Vec<u64>,
}

impl ModelInfo {
    pub(crate) fn new(file: &ModelFile, h: &Hyperparameters, task: &Task, chat_template: bool) -> Self {
        let mut bytes_by_type: BTreeMap<&str, u64> = BTreeMap::new();
        for tensor in &file.tensors {
            *bytes_by_type.entry(tensor.ty.name()).or_default() += tensor.bytes;
        }
        let text = |key| file.metadata.str(key).ok().map(str::to_owned);
        ModelInfo {
            architecture: h.architecture.clone(),
            name: text("general.name"),
            licence: text("general.license"),
            parameters: file.tensors.iter().map(|t| t.shape.iter().product::<u64>()).sum(),
            task: task.name(),
            labels: match task {
                Task::ClassifyTokens { labels } => labels.clone(),
                _ => Vec::new(),
            },
            // One that cannot be read is refused where it would be used.
            operating_points: file
                .metadata
                .str(CALIBRATION_KEY)
                .ok()
                .and_then(|json| Calibration::parse(json).ok())
                .map(|calibration| calibration.names().map(str::to_owned).collect())
                .unwrap_or_default(),
            context_length: h.context_length,
            vocab_size: h.vocab_size,
            layers: h.n_layers,
            quantization: bytes_by_type
                .into_iter()
                .max_by_key(|&(_, bytes)| bytes)
                .map_or(BlockType::F32.name(), |(name, _)| name)
                .to_owned(),
            weight_bytes: file.tensors.iter().map(|t| t.bytes).sum(),
            chat_template,
            sampling: SamplingDefaults::read(&file.metadata),
            files: file.files,
            header_bytes: file.header_bytes,
            data_bytes: file.file_bytes.clone(),
        }
    }
}
