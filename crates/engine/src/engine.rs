//! A loaded model.

use sotto_model::Task;
use sotto_plan::{Outputs, Sampling};
use sotto_text::{ChatTemplate, StreamDecoder, Tokenizer};

use crate::backend::{Backend, Counters, DeviceInfo};
use crate::constraint::Constraints;
use crate::drafting::Drafting;
use crate::folder::CALIBRATION_KEY;
use crate::generation::Begun;
use crate::{EngineError, GenerateOptions, LoadOptions, ModelHeader, ModelInfo, Prompt};

/// A model on its device, with the keys and values of the last prompt and reply.
pub struct Engine {
    backend: Backend,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    info: ModelInfo,
    task: Task,
    /// A classifier's operating points, as JSON.
    calibration: Option<String>,
    context_length: usize,
    /// Ids whose keys and values are in the cache, or will be once steps in flight are over.
    cached: Vec<u32>,
    /// The first weight that holds what is no number.
    damaged: Option<String>,
    /// Whether it has a state that each token makes over, and that drafts would leave their trace in.
    recurrent: bool,
    /// A smaller model that drafts for this one.
    draft: Option<Box<Engine>>,
    constraints: Constraints,
}

impl Engine {
    pub(crate) fn new(
        backend: Backend,
        header: ModelHeader,
        context_length: usize,
        damaged: Option<String>,
    ) -> Self {
        let ModelHeader { file, tokenizer, template, info, model } = header;
        let calibration = file.metadata.str(CALIBRATION_KEY).ok().map(str::to_owned);
        let recurrent = model.plan.is_recurrent();
        Engine {
            backend,
            tokenizer,
            template,
            info,
            task: model.task,
            calibration,
            context_length,
            cached: Vec::new(),
            damaged,
            recurrent,
            draft: None,
            constraints: Constraints::default(),
        }
    }

    /// How to load the model of `header` so that it drafts for this one: as `options` say, and with no longer a context.
    ///
    /// # Errors
    /// [`EngineError::DraftVocabulary`] where its token ids mean something else; [`EngineError::Recurrent`] where one of the
    /// two cannot go back by a few tokens, and [`EngineError::Task`] where one writes no text.
    pub fn draft_options(
        &self,
        header: &ModelHeader,
        options: &LoadOptions,
    ) -> Result<LoadOptions, EngineError> {
        self.check_draft(
            &header.model.task,
            header.model.plan.is_recurrent(),
            &header.tokenizer,
            &header.info,
        )?;
        let context = self.context_length.min(header.info.context_length);
        Ok(LoadOptions { context_length: Some(context), ..*options })
    }

    /// Has a smaller model with the same vocabulary draft what this one writes, wherever
    /// [`GenerateOptions::speculate`] is set, as it then is in [`Engine::defaults`]. Replies stay as they are, to the last bit.
    ///
    /// # Errors
    /// As [`Engine::draft_options`]; and [`EngineError::NotANumber`] where its weights are damaged.
    pub fn set_draft(&mut self, draft: Engine) -> Result<(), EngineError> {
        self.check_draft(&draft.task, draft.recurrent, &draft.tokenizer, &draft.info)?;
        draft.require_numbers()?;
        self.draft = Some(Box::new(draft));
        Ok(())
    }

    fn check_draft(
        &self,
        task: &Task,
        recurrent: bool,
        tokenizer: &Tokenizer,
        info: &ModelInfo,
    ) -> Result<(), EngineError> {
        for task in [&self.task, task] {
            if *task != Task::Generate {
                return Err(EngineError::Task { needed: "generate", found: task.name() });
            }
        }
        let name = |info: &ModelInfo| info.name.as_ref().unwrap_or(&info.architecture).clone();
        for (recurrent, info) in [(self.recurrent, &self.info), (recurrent, info)] {
            if recurrent {
                return Err(EngineError::Recurrent { model: name(info) });
            }
        }
        self.tokenizer.require_same_ids(tokenizer).map_err(|difference| EngineError::DraftVocabulary {
            model: name(&self.info),
            draft: name(info),
            difference,
        })
    }

    /// A classifier's operating points, as its `viterbi_calibration.json` has them.
    pub(crate) fn calibration(&self) -> Option<&str> {
        self.calibration.as_deref()
    }

    /// Refuses to compute with weights that are no numbers, of which any text could come.
    fn require_numbers(&self) -> Result<(), EngineError> {
        match &self.damaged {
            Some(tensor) => Err(EngineError::NotANumber { tensor: tensor.clone() }),
            None => Ok(()),
        }
    }

    /// What to show of the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The options of a reply for which a caller asks nothing: the model's own sampling, where it states one, and drafts, where
    /// there is a model that makes them.
    pub fn defaults(&self) -> GenerateOptions {
        GenerateOptions { speculate: self.draft.is_some(), ..self.info.sampling.options() }
    }

    /// What the model's output is for.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The device it runs on.
    pub fn device(&self) -> DeviceInfo {
        self.backend.device()
    }

    /// What the device did since the model was loaded, for a model that drafts for it too.
    pub fn counters(&self) -> Counters {
        let counters = self.backend.counters();
        match &self.draft {
            Some(draft) => counters.with_draft(draft.backend.counters()),
            None => counters,
        }
    }

    /// Positions the model holds at most.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template; an error when the model brings none.
    pub fn template(&self) -> Result<&ChatTemplate, EngineError> {
        self.template.as_ref().ok_or(EngineError::NoChatTemplate)
    }

    /// Forgets the last prompt and reply.
    pub fn reset(&mut self) {
        self.cached.clear();
        self.backend.truncate(0);
        if let Some(draft) = &mut self.draft {
            draft.reset();
        }
    }

    /// The model's output in a fresh context over `ids`, `[rows, width]` for the rows that `outputs` names: logits of the
    /// vocabulary or of labels, or states, by [`Engine::task`].
    pub async fn logits(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        if ids.len() > self.context_length {
            return Err(EngineError::PromptTooLong { tokens: ids.len(), limit: self.context_length });
        }
        self.reset();
        self.append(ids, outputs).await
    }

    /// The backend, for what has nothing to do with prompts.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn backend_mut(&mut self) -> &mut Backend {
        &mut self.backend
    }

    /// Appends `ids` to what the backend holds, outside of any prompt.
    pub(crate) async fn append(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        self.require_numbers()?;
        self.backend.logits(ids, outputs).await
    }

    pub(crate) fn prompt_ids(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let ids = match prompt {
            Prompt::Text(text) => self.tokenizer.encode(text, true, false)?,
            Prompt::Template(text) => self.tokenizer.encode(text, false, true)?,
            Prompt::Ids(ids) => {
                let vocab = self.info.vocab_size;
                if let Some(id) = ids.iter().find(|&&id| id as usize >= vocab) {
                    return Err(EngineError::Option {
                        name: "token id",
                        value: id.to_string(),
                        range: format!("below {vocab}, the vocabulary size"),
                    });
                }
                ids.clone()
            }
        };
        if !ids.is_empty() {
            return Ok(ids);
        }
        self.tokenizer.bos().map(|bos| vec![bos]).ok_or(EngineError::EmptyPrompt)
    }

    /// Tokens that a reply to a prompt of `prompt_tokens` can have. The last one needs no position: its keys
    /// and values are never read.
    pub(crate) fn room_for_reply(&self, prompt_tokens: usize) -> Result<usize, EngineError> {
        if prompt_tokens > self.context_length {
            return Err(EngineError::PromptTooLong { tokens: prompt_tokens, limit: self.context_length });
        }
        Ok(self.context_length - prompt_tokens + 1)
    }

    /// Prefills what the cache does not hold of `text`, and returns how many tokens it held.
    pub(crate) async fn prefill(
        &mut self,
        text: &Begun<'_>,
        sampling: &Sampling,
    ) -> Result<usize, EngineError> {
        self.require_numbers()?;
        self.stop_backend().await?;
        let shared = self.cached.iter().zip(text.ids).take_while(|(a, b)| a == b).count();
        // The last token is always run: its logits are what the reply goes on from.
        let shared = shared.min(text.ids.len() - 1);
        let shared = self.truncate(shared);
        let started = self.backend.start(&text.ids[shared..], text, sampling).await;
        if started.is_err() {
            self.truncate(shared);
        }
        started?;
        self.cached = text.ids.to_vec();
        Ok(shared)
    }

    /// Decodes a reply to the prompt `ids`. A prompt of special tokens alone shows no text, so the reply begins one:
    /// its leading space, where the tokenizer adds one, is not part of it.
    pub(crate) fn decoder_after(&self, ids: &[u32]) -> StreamDecoder {
        StreamDecoder::after(&self.tokenizer, ids, true)
    }

    /// What a reply that is sampled with `sampling` drafts.
    pub(crate) fn drafting(&self, sampling: &Sampling) -> Drafting {
        Drafting::new(sampling, self.backend.drafts())
    }

    /// The next token of a reply to which `room` more may follow.
    pub(crate) async fn next_id(
        &mut self,
        drafting: Option<&mut Drafting>,
        room: usize,
    ) -> Result<u32, EngineError> {
        let drafts = match drafting {
            Some(drafting) if self.backend.takes_drafts() => {
                let (model, vocab) = (self.draft.as_deref_mut(), self.info.vocab_size);
                drafting.drafts(&self.cached, room, self.backend.drafts(), model, vocab).await?
            }
            _ => &[],
        };
        self.sample(drafts).await
    }

    /// The next token of a reply. `drafts` are what may follow the last one.
    pub(crate) async fn sample(&mut self, drafts: &[u32]) -> Result<u32, EngineError> {
        let id = self.backend.next(drafts).await?;
        self.cached.push(id);
        Ok(id)
    }

    /// The next token of a reply, among those that have a bit in `allowed` where it is there; of `logits`, where they are given in place of
    /// the model's own.
    pub(crate) async fn sample_among(
        &mut self,
        logits: Option<&[f32]>,
        allowed: Option<&[u32]>,
    ) -> Result<u32, EngineError> {
        let id = match (logits, allowed) {
            (None, None) => self.backend.next(&[]).await?,
            (None, Some(allowed)) => self.backend.next_among(allowed).await?,
            (Some(logits), allowed) => self.backend.next_from(logits, allowed).await?,
        };
        self.cached.push(id);
        Ok(id)
    }

    /// The logits that the next token of the reply in progress is sampled from.
    pub(crate) async fn backend_logits(&mut self) -> Result<Vec<f32>, EngineError> {
        self.backend.next_logits().await
    }

    pub(crate) fn constraints(&mut self) -> &mut Constraints {
        &mut self.constraints
    }

    /// Ends the reply in progress: the cache keeps what was both sampled and fed back.
    pub(crate) async fn stop_backend(&mut self) -> Result<(), EngineError> {
        self.backend.stop().await?;
        self.truncate(self.cached.len().min(self.backend.position()));
        Ok(())
    }

    /// Forgets all tokens but the first `length`, or all where the backend cannot go back that far: it then computes
    /// them anew. Returns how many are kept.
    fn truncate(&mut self, length: usize) -> usize {
        self.backend.truncate(length);
        let kept = self.backend.position();
        self.cached.truncate(kept);
        kept
    }
}
