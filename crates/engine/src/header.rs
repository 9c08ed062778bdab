//! Everything a model file says before its weights.

use sotto_format::order::sort_by;
use sotto_format::{BlockType, GgufHeader, ModelFile, Parse, Recipe, SafetensorsHeader, convert, parse_gguf};
use sotto_model::Model;
use sotto_plan::{Op, WeightId};
use sotto_text::{ChatTemplate, GgufVocab, Tokenizer};

use crate::folder::Folder;
use crate::making::Making;
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
        let file = ModelFile::from_parts(headers)?;
        let tokenizer = Tokenizer::from_gguf(&GgufVocab::from_metadata(&file.metadata)?)?;
        Self::new(file, tokenizer)
    }

    /// The header of a folder of safetensors, given the headers of its weight files in the order that
    /// [`sotto_format::ShardIndex::files`] has them, or that of the only one.
    pub fn from_folder(folder: &Folder<'_>, shards: &[SafetensorsHeader]) -> Result<Self, EngineError> {
        let mut file = sotto_model::hf::model_file(&folder.model(), shards)?;
        let tokenizer = folder.tokenizer()?;
        folder.describe(&mut file)?;
        Self::new(file, tokenizer)
    }

    fn new(file: ModelFile, tokenizer: Tokenizer) -> Result<Self, EngineError> {
        let model = sotto_model::build(&file)?;
        let template = match file.metadata.get("tokenizer.chat_template") {
            Some(_) => Some(ChatTemplate::new(file.metadata.str("tokenizer.chat_template")?)?),
            None => None,
        };
        let info = ModelInfo::new(&file, &model.hyperparameters, &model.task, template.is_some());
        Ok(ModelHeader { file, model, tokenizer, template, info })
    }

    /// Plans the model again for contexts of up to `context_length` positions: some choose their RoPE by it.
    pub(crate) fn plan_for(&mut self, context_length: usize) -> Result<(), EngineError> {
        self.model = sotto_model::build_for(&self.file, Some(context_length))?;
        Ok(())
    }

    /// The same model with its weight matrices that are F32, F16 or BF16 stored as `ty`; the one that gives the logits
    /// suffers most from few bits, and gets six where `ty` has fewer.
    pub fn quantized(mut self, ty: BlockType) -> Result<Self, EngineError> {
        if !ty.can_quantize() {
            let known = BlockType::ALL.iter().filter(|ty| ty.can_quantize()).map(|ty| ty.name());
            let range = format!("one of {}", known.collect::<Vec<_>>().join(", "));
            return Err(EngineError::Option { name: "quantize", value: ty.to_string(), range });
        }
        let options = convert::Options { ty: Some(ty), head: convert::head_type(ty), ..Default::default() };
        let float = |ty| matches!(ty, BlockType::F32 | BlockType::F16 | BlockType::BF16);
        convert::retype(&mut self.file, &options, float);
        self.model = sotto_model::build(&self.file)?;
        let template = self.template.is_some();
        self.info = ModelInfo::new(&self.file, &self.model.hyperparameters, &self.model.task, template);
        Ok(self)
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

/// A run of one model file, to hand out its bytes as they come.
pub(crate) struct Segment {
    pub start: u64,
    pub end: u64,
    pub target: Target,
}

/// Whose bytes a segment is.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A weight's, as it is stored.
    Weight(WeightId),
    /// Those of a source of a tensor that is made: which of the loader's, and which of its sources.
    Source { making: usize, matrix: usize, place: usize },
}

impl ModelHeader {
    /// The tensors that the plan reads, by file, in the order they lie there; and those that are to be made.
    pub(crate) fn segments(&self) -> (Vec<Vec<Segment>>, Vec<Making>) {
        let mut files: Vec<Vec<Segment>> = (0..self.info.files).map(|_| Vec::new()).collect();
        let mut makings = self.makings();
        for (index, weight) in self.model.plan.weights.iter().enumerate() {
            let Some(tensor) = self.file.tensor(&weight.name) else { continue };
            let Some(making) = makings.iter().position(|making| making.tensor == tensor.name) else {
                let start = tensor.offset + weight.offset;
                let target = Target::Weight(WeightId(index as u32));
                files[tensor.file as usize].push(Segment { start, end: start + weight.bytes(), target });
                continue;
            };
            let id = WeightId(index as u32);
            if makings[making].add_part(weight.offset, weight.bytes(), id) {
                for (matrix, place, span) in
                    self.file.recipe(&tensor.name).into_iter().flat_map(Recipe::spans)
                {
                    let (start, end) = (span.offset, span.offset + span.bytes);
                    let target = Target::Source { making, matrix, place };
                    files[span.file as usize].push(Segment { start, end, target });
                }
            }
        }
        files.iter_mut().for_each(|segments| sort_by(segments, &|a, b| a.start.cmp(&b.start)));
        (files, makings)
    }

    /// The tensors that the plan reads and no file holds as they are.
    fn makings(&self) -> Vec<Making> {
        let mut makings: Vec<Making> = Vec::new();
        for weight in &self.model.plan.weights {
            if makings.iter().all(|making| making.tensor != weight.name)
                && let (Some(tensor), Some(recipe)) =
                    (self.file.tensor(&weight.name), self.file.recipe(&weight.name))
            {
                makings.push(Making::new(&tensor.name, recipe, tensor.ty));
            }
        }
        makings
    }
}
