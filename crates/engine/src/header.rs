//! Everything a model file says before its weights.

use sotto_format::{GgufHeader, ModelFile, Parse, parse_gguf};
use sotto_model::Model;
use sotto_plan::Op;
use sotto_text::{ChatTemplate, GgufVocab, Tokenizer};

use crate::{EngineError, ModelInfo};

/// A model's config, plan, tokenizer and chat template.
pub struct ModelHeader {
    /// Tensor table and the model's numbers.
    pub(crate) file: ModelFile,
    pub(crate) model: Model,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) template: Option<ChatTemplate>,
    pub(crate) info: ModelInfo,
}

impl ModelHeader {
    /// Reads the headers of all files of a model, in order: one prefix a file, each long enough to hold the
    /// metadata and the tensor table.
    pub fn parse<B: AsRef<[u8]>>(prefixes: &[B]) -> Result<Self, EngineError> {
        let mut headers = Vec::with_capacity(prefixes.len());
        for (file, prefix) in prefixes.iter().enumerate() {
            let prefix = prefix.as_ref();
            match parse_gguf(prefix, None)? {
                Parse::Complete(header) => headers.push(header),
                Parse::Incomplete { need } => {
                    return Err(EngineError::HeaderIncomplete { file, have: prefix.len() as u64, need });
                }
            }
        }
        Self::from_headers(headers)
    }

    /// The header of a model whose files' headers are parsed, in order.
    pub fn from_headers(headers: Vec<GgufHeader>) -> Result<Self, EngineError> {
        let header_bytes: Vec<u64> = headers.iter().map(|h| h.data_offset).collect();
        let file = ModelFile::from_parts(headers)?;
        let model = sotto_model::build(&file)?;
        let tokenizer = Tokenizer::from_gguf(&GgufVocab::from_metadata(&file.metadata)?)?;
        let template = match file.metadata.get("tokenizer.chat_template") {
            Some(_) => Some(ChatTemplate::new(file.metadata.str("tokenizer.chat_template")?)?),
            None => None,
        };
        let info =
            ModelInfo::new(&file, &model.hyperparameters, &model.task, template.is_some(), &header_bytes);
        Ok(ModelHeader { file, model, tokenizer, template, info })
    }

    /// Plans the model again for contexts of up to `context_length` positions: some choose their RoPE by it.
    pub(crate) fn plan_for(&mut self, context_length: usize) -> Result<(), EngineError> {
        self.model = sotto_model::build_for(&self.file, Some(context_length))?;
        Ok(())
    }

    /// What to show of the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The computation.
    pub fn plan(&self) -> &sotto_plan::Plan {
        &self.model.plan
    }

    /// Bytes of weights that decoding one token reads: every projection and norm whole, one row of the embedding.
    pub fn weight_bytes_per_token(&self) -> u64 {
        let plan = &self.model.plan;
        let read = |op: &Op| match *op {
            Op::Embed { table, .. } => plan.weight(table).row_bytes() as u64,
            ref op => op.weights().map(|id| plan.weight(id).bytes()).sum(),
        };
        plan.ops.iter().map(read).sum()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Metadata and tensor table.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }
}

/// Where the tensors of one model file lie, to hand out its bytes as they come.
pub(crate) struct Segment {
    pub start: u64,
    pub end: u64,
    pub weight: sotto_plan::WeightId,
}

impl ModelHeader {
    /// The tensors that the plan reads, by file, in the order they lie there.
    pub(crate) fn segments(&self) -> Vec<Vec<Segment>> {
        let mut files: Vec<Vec<Segment>> = (0..self.info.files).map(|_| Vec::new()).collect();
        for (index, weight) in self.model.plan.weights.iter().enumerate() {
            let Some(tensor) = self.file.tensor(&weight.name) else { continue };
            let start = tensor.offset + weight.offset;
            files[tensor.file as usize].push(Segment {
                start,
                end: start + weight.bytes(),
                weight: sotto_plan::WeightId(index as u32),
            });
        }
        files.iter_mut().for_each(|segments| segments.sort_by_key(|s| s.start));
        files
    }
}
