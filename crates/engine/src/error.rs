//! One error for everything that can go wrong with a model, with a stable code for programs.

use sotto_cpu::CpuError;
use sotto_format::{FormatError, ManifestError, RecipeError, SafetensorsError};
use sotto_gpu::GpuError;
use sotto_model::ModelError;
use sotto_model::hf::HfError;
use sotto_pii::bioes::{CalibrationError, RowError, TagsError};
use sotto_plan::sampling::SamplingError;
use sotto_text::grammar::GrammarError;
use sotto_text::sampling::SampleError;
use sotto_text::{ChatError, TokenizerError, VocabDifference};

/// A stable name for a kind of error; its text is what programs compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// No usable WebGPU adapter.
    NoWebgpu,
    /// The file is damaged or not a model.
    ModelFormat,
    /// The file is a model of a kind that is not supported.
    UnsupportedArch,
    /// The text does not fit the context.
    ContextLength,
    /// The device went away.
    DeviceLost,
    /// The device has no room.
    OutOfMemory,
    /// The caller asked to stop.
    Aborted,
    /// A grammar or a JSON Schema is wrong, or no token can follow it.
    Grammar,
    /// The caller asked for something that cannot be.
    InvalidArgument,
}

impl ErrorCode {
    /// The code as programs see it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::NoWebgpu => "E_NO_WEBGPU",
            ErrorCode::ModelFormat => "E_MODEL_FORMAT",
            ErrorCode::UnsupportedArch => "E_UNSUPPORTED_ARCH",
            ErrorCode::ContextLength => "E_CONTEXT_LENGTH",
            ErrorCode::DeviceLost => "E_DEVICE_LOST",
            ErrorCode::OutOfMemory => "E_OUT_OF_MEMORY",
            ErrorCode::Aborted => "E_ABORTED",
            ErrorCode::Grammar => "E_GRAMMAR",
            ErrorCode::InvalidArgument => "E_INVALID_ARGUMENT",
        }
    }
}

/// Anything that can go wrong with a model. Its message says what to do and never holds a user's text.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file's structure.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A safetensors file's structure.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// A folder of safetensors.
    #[error(transparent)]
    Hf(#[from] HfError),
    /// A file that a folder of safetensors needs.
    #[error("{name} is missing; a model's folder needs it beside the weights")]
    MissingFile {
        /// Which.
        name: &'static str,
    },
    /// A tensor that could not be made from what the files hold.
    #[error("tensor \"{tensor}\": {error}")]
    Recipe {
        /// The tensor's GGUF name.
        tensor: String,
        /// Why.
        error: RecipeError,
    },
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The file's model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The chat template.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Choosing a token.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// What a reply is to follow.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// The GPU backend.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The CPU backend.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// A sampling setting.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// A header that ends before its tensor table does.
    #[error("the header of file {file} is incomplete: {have} bytes given, at least {need} needed")]
    HeaderIncomplete {
        /// Which file of a split, from 0.
        file: usize,
        /// Bytes given.
        have: u64,
        /// Bytes needed.
        need: u64,
    },
    /// The prompt leaves no room for a reply.
    #[error(
        "the prompt is {tokens} tokens, and the context holds {limit}; shorten it or load with a longer context"
    )]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions of the context.
        limit: usize,
    },
    /// A prompt without tokens, for a model that has no beginning-of-text token.
    #[error(
        "the prompt is empty, and this model has no beginning-of-text token to start from; give it some text"
    )]
    EmptyPrompt,
    /// The model has no chat template.
    #[error("this model has no chat template; use generate() with a prompt instead")]
    NoChatTemplate,
    /// A model asked for what it is not made for.
    #[error("this model can {found} and nothing else; to {needed}, load one that does")]
    Task {
        /// What was asked for: `generate`, `classify` or `embed`.
        needed: &'static str,
        /// What the model does.
        found: &'static str,
    },
    /// A classifier's list of labels.
    #[error(transparent)]
    Tags(#[from] TagsError),
    /// A classifier's operating points.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A classifier's logits are not of its labels.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The caller asked to stop.
    #[error("stopped by the caller")]
    Aborted,
    /// A weight holds NaN or infinity.
    #[error("tensor \"{tensor}\" holds values that are not numbers; the file is damaged, download it again")]
    NotANumber {
        /// The tensor.
        tensor: String,
    },
    /// A reply that is begun was to go on on a GPU.
    #[error("a reply that is begun goes on on the processor only")]
    Resume,
    /// A model that is to draft, or to have drafts, keeps a state that each token makes over.
    #[error(
        "\"{model}\" cannot go back over drafts, as its layers keep a state that each token changes; load without a draft model, or take one of another kind"
    )]
    Recurrent {
        /// Which.
        model: String,
    },
    /// A model that is to draft for another does not know its token ids.
    #[error(
        "\"{draft}\" cannot draft for \"{model}\": {difference}; take a smaller model of the same family, with the same tokenizer"
    )]
    DraftVocabulary {
        /// The model that drafts are for.
        model: String,
        /// The one that was to make them.
        draft: String,
        /// What is not the same.
        difference: VocabDifference,
    },
    /// A reply that was stopped, or never started.
    #[error("no reply is in progress; start one with generate()")]
    NoReply,
    /// A chat request that is not an object with a list of messages.
    #[error("a chat request is an object with a non-empty list \"messages\"")]
    ChatRequest,
    /// An option outside its range.
    #[error("{name} is {value}; it must be {range}")]
    Option {
        /// The option.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        range: String,
    },
}

impl EngineError {
    /// The stable code of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            EngineError::Format(error) => format_code(error),
            EngineError::HeaderIncomplete { .. }
            | EngineError::NotANumber { .. }
            | EngineError::Manifest(_)
            | EngineError::Safetensors(_)
            | EngineError::MissingFile { .. }
            | EngineError::Recipe { .. } => ErrorCode::ModelFormat,
            EngineError::Hf(error) => match error {
                HfError::UnsupportedModelType { .. }
                | HfError::UnsupportedQuantization { .. }
                | HfError::Setting { .. } => ErrorCode::UnsupportedArch,
                _ => ErrorCode::ModelFormat,
            },
            EngineError::Model(error) => model_code(error),
            EngineError::Tokenizer(error) => tokenizer_code(error),
            EngineError::Chat(error) => match error {
                ChatError::Syntax { .. } => ErrorCode::ModelFormat,
                _ => ErrorCode::InvalidArgument,
            },
            EngineError::Sample(error) => match error {
                SampleError::Settings(_) => ErrorCode::InvalidArgument,
                _ => ErrorCode::ModelFormat,
            },
            EngineError::Gpu(error) => gpu_code(error),
            EngineError::Cpu(error) => match error {
                CpuError::ContextLength { .. } => ErrorCode::ContextLength,
                CpuError::TokenId { .. } | CpuError::WholeSequence => ErrorCode::InvalidArgument,
                CpuError::OutOfMemory { .. } => ErrorCode::OutOfMemory,
                CpuError::WriteOutOfOrder { .. }
                | CpuError::MissingBytes { .. }
                | CpuError::DamagedWeight { .. } => ErrorCode::ModelFormat,
            },
            EngineError::Calibration(CalibrationError::NoSuchPoint { .. }) => ErrorCode::InvalidArgument,
            EngineError::Tags(_) | EngineError::Calibration(_) | EngineError::Row(_) => {
                ErrorCode::ModelFormat
            }
            EngineError::Aborted => ErrorCode::Aborted,
            EngineError::Grammar(_) => ErrorCode::Grammar,
            EngineError::PromptTooLong { .. } => ErrorCode::ContextLength,
            EngineError::Sampling(_)
            | EngineError::EmptyPrompt
            | EngineError::NoChatTemplate
            | EngineError::Task { .. }
            | EngineError::ChatRequest
            | EngineError::NoReply
            | EngineError::Resume
            | EngineError::Recurrent { .. }
            | EngineError::DraftVocabulary { .. }
            | EngineError::Option { .. } => ErrorCode::InvalidArgument,
        }
    }
}

fn format_code(error: &FormatError) -> ErrorCode {
    match error {
        FormatError::UnsupportedBlockType { .. } => ErrorCode::UnsupportedArch,
        FormatError::InPart { error, .. } => format_code(error),
        _ => ErrorCode::ModelFormat,
    }
}

fn model_code(error: &ModelError) -> ErrorCode {
    match error {
        ModelError::UnsupportedArchitecture { .. } | ModelError::UnsupportedSetting { .. } => {
            ErrorCode::UnsupportedArch
        }
        ModelError::Plan(_) | ModelError::Hyperparameter { .. } | ModelError::LayerCount { .. } => {
            ErrorCode::ModelFormat
        }
        ModelError::Metadata(error) => format_code(error),
    }
}

fn tokenizer_code(error: &TokenizerError) -> ErrorCode {
    match error {
        TokenizerError::UnknownModel { .. }
        | TokenizerError::UnknownPreTokenizer { .. }
        | TokenizerError::UnsupportedPart { .. } => ErrorCode::UnsupportedArch,
        _ => ErrorCode::ModelFormat,
    }
}

fn gpu_code(error: &GpuError) -> ErrorCode {
    match error {
        GpuError::NoAdapter { .. } => ErrorCode::NoWebgpu,
        GpuError::OutOfMemory { .. } | GpuError::TooLarge { .. } => ErrorCode::OutOfMemory,
        GpuError::ContextLength { .. } => ErrorCode::ContextLength,
        GpuError::TokenId { .. } | GpuError::State { .. } | GpuError::WholeSequence => {
            ErrorCode::InvalidArgument
        }
        GpuError::NotANumber | GpuError::WriteOrder { .. } | GpuError::MissingBytes { .. } => {
            ErrorCode::ModelFormat
        }
        GpuError::Unsupported { .. } => ErrorCode::UnsupportedArch,
        // The rest is a device that does not do as it must; loading again on a new one is all there is to do.
        _ => ErrorCode::DeviceLost,
    }
}
