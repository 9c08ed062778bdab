//! One reply, token by token.

use serde::{Deserialize, Serialize};
use sotto_model::Task;
use sotto_plan::Sampling;
use sotto_text::grammar::GrammarError;
use sotto_text::{StopOutput, StopStrings, StreamDecoder};

use crate::constraint::Constraint;
use crate::drafting::Drafting;
use crate::{Engine, EngineError};

/// What a reply continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Text, with the special tokens that the model wants around it.
    Text(String),
    /// Text as a chat template writes it: special tokens stand in it by name, and none are added.
    Template(String),
    /// Token ids, as they are.
    Ids(Vec<u32>),
}

/// How to generate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GenerateOptions {
    /// Tokens at most; none means up to the end of the context.
    pub max_tokens: Option<usize>,
    /// See [`Sampling::temperature`].
    pub temperature: f32,
    /// See [`Sampling::top_k`].
    pub top_k: u32,
    /// See [`Sampling::top_p`].
    pub top_p: f32,
    /// See [`Sampling::min_p`].
    pub min_p: f32,
    /// See [`Sampling::repetition_penalty`].
    pub repetition_penalty: f32,
    /// See [`Sampling::presence_penalty`].
    pub presence_penalty: f32,
    /// See [`Sampling::frequency_penalty`].
    pub frequency_penalty: f32,
    /// See [`Sampling::seed`].
    pub seed: u64,
    /// The reply ends before the first of these that it would hold.
    pub stop: Vec<String>,
    /// Goes on after the model's end-of-text token.
    pub ignore_eos: bool,
    /// Whether drafts are tried, several tokens a step: those of the model given to [`Engine::set_draft`], else what the text
    /// itself suggests. The reply is the same, to the last bit; where drafts are right it comes faster, elsewhere a little slower.
    pub speculate: bool,
    /// The reply is a text of this grammar, in GBNF as llama.cpp writes it. It may end in the middle, by `max_tokens`, a stop string or
    /// the end of the context.
    pub grammar: Option<String>,
    /// The reply is JSON that the JSON Schema of this text is true of, as with `grammar`. Not both.
    pub json_schema: Option<String>,
    /// Added to the logits of these tokens, from -100 to 100, before all else.
    pub logit_bias: Vec<(u32, f32)>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let s = Sampling::default();
        GenerateOptions {
            max_tokens: None,
            temperature: s.temperature,
            top_k: s.top_k,
            top_p: s.top_p,
            min_p: s.min_p,
            repetition_penalty: s.repetition_penalty,
            presence_penalty: s.presence_penalty,
            frequency_penalty: s.frequency_penalty,
            seed: s.seed,
            stop: Vec::new(),
            ignore_eos: false,
            speculate: false,
            grammar: None,
            json_schema: None,
            logit_bias: Vec::new(),
        }
    }
}

impl GenerateOptions {
    /// The sampling settings among these.
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed,
        }
    }
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model's end-of-text token or a stop string.
    Stop,
    /// `max_tokens` or the end of the context.
    Length,
}

/// A prompt, and as much of its reply as is written.
pub(crate) struct Begun<'a> {
    pub ids: &'a [u32],
    /// How many of them are the prompt.
    pub prompt: usize,
    /// Where the reply's logits are changed before they are sampled from: what is added to some of them.
    pub bias: Option<&'a [(u32, f32)]>,
}

/// A piece of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Text that is final: never half a character, never the beginning of a stop string.
    pub text: String,
    /// Ids sampled for this piece; its text may come with a later one.
    pub ids: Vec<u32>,
    /// Whether the reply is over.
    pub done: bool,
    /// Why, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
}

/// A reply in progress. [`Engine::next`] continues it; [`Engine::stop`] ends it early.
pub struct Generation {
    pub(crate) prompt_tokens: usize,
    pub(crate) reused_tokens: usize,
    pub(crate) generated: usize,
    pub(crate) limit: usize,
    pub(crate) ignore_eos: bool,
    pub(crate) finished: bool,
    pub(crate) decoder: StreamDecoder,
    pub(crate) stops: StopStrings,
    pub(crate) drafting: Option<Drafting>,
    /// Whether it follows a grammar.
    constrained: bool,
    /// What it follows; none while a step is in progress, so that after one that was dropped in its midst no other begins.
    constraint: Option<Constraint>,
}

impl Generation {
    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// Tokens of the prompt whose keys and values were still there from the prompt before.
    pub fn reused_tokens(&self) -> usize {
        self.reused_tokens
    }

    /// Tokens generated so far.
    pub fn generated_tokens(&self) -> usize {
        self.generated
    }
}

impl Engine {
    /// Reads the prompt and sets up a reply.
    pub async fn generate(
        &mut self,
        prompt: &Prompt,
        options: &GenerateOptions,
    ) -> Result<Generation, EngineError> {
        self.resume(prompt, options, &[]).await
    }

    /// Reads a prompt and the ids that are `written` of its reply, which goes on from there as it would have where it was
    /// begun: the reply's text has come as far as those ids make it final.
    ///
    /// # Errors
    /// As [`Engine::generate`]; and [`EngineError::Resume`] on a GPU, unless nothing is written.
    pub async fn resume(
        &mut self,
        prompt: &Prompt,
        options: &GenerateOptions,
        written: &[u32],
    ) -> Result<Generation, EngineError> {
        if *self.task() != Task::Generate {
            return Err(EngineError::Task { needed: "generate", found: self.task().name() });
        }
        let sampling = options.sampling();
        sampling.check()?;
        if options.max_tokens == Some(0) {
            return Err(EngineError::Option {
                name: "maxTokens",
                value: "0".to_owned(),
                range: "at least 1".to_owned(),
            });
        }
        if options.stop.iter().any(String::is_empty) {
            return Err(EngineError::Option {
                name: "stop",
                value: "an empty string".to_owned(),
                range: "strings of at least one character".to_owned(),
            });
        }
        self.check_bias(&options.logit_bias)?;
        let mut constraint = self.constraint(options)?;
        let mut ids = self.prompt_ids(prompt)?;
        let prompt_tokens = ids.len();
        let room = self.room_for_reply(prompt_tokens)?;
        let mut decoder = self.decoder_after(&ids);
        if constraint.is_some() {
            // What is shown is what the grammar has seen.
            decoder = decoder.with_leading_space();
        }
        let mut stops = StopStrings::new(options.stop.clone());
        for &id in written {
            stops.push(&decoder.push(self.tokenizer(), id));
            if let Some(constraint) = &mut constraint {
                constraint.accept(self.tokenizer(), id)?;
            }
        }
        ids.extend_from_slice(written);
        let edited = constraint.is_some() || !options.logit_bias.is_empty();
        let bias = edited.then_some(&options.logit_bias[..]);
        let reused_tokens =
            self.prefill(&Begun { ids: &ids, prompt: prompt_tokens, bias }, &sampling).await?;
        Ok(Generation {
            prompt_tokens,
            reused_tokens,
            generated: written.len(),
            limit: options.max_tokens.unwrap_or(room).min(room).max(written.len() + 1),
            ignore_eos: options.ignore_eos,
            finished: false,
            decoder,
            stops,
            drafting: (options.speculate && constraint.is_none()).then(|| self.drafting(&sampling)),
            constrained: constraint.is_some(),
            constraint,
        })
    }

    /// The next piece of a reply; the last one says `done`, and after it every piece is empty and done.
    ///
    /// # Errors
    /// What the backend may meet; [`EngineError::Grammar`] where the vocabulary has no token that the reply's grammar allows, and
    /// [`EngineError::NoReply`] where a step of such a reply was dropped before it was done.
    pub async fn next(&mut self, generation: &mut Generation) -> Result<Part, EngineError> {
        if generation.finished {
            return Ok(Part { done: true, ..Part::default() });
        }
        if generation.constrained {
            return self.next_constrained(generation, None).await;
        }
        let room = generation.limit - generation.generated - 1;
        let id = self.next_id(generation.drafting.as_mut(), room).await?;
        self.part(generation, id).await
    }

    /// The logits that the next token of a reply is sampled from, `[vocab]`: for a caller that changes them and hands them to
    /// [`Engine::next_from`]. A reply whose tokens come so takes all of them so.
    ///
    /// # Errors
    /// What the backend may meet; [`EngineError::NoReply`] where the reply is over.
    pub async fn next_logits(&mut self, generation: &mut Generation) -> Result<Vec<f32>, EngineError> {
        if generation.finished {
            return Err(EngineError::NoReply);
        }
        self.backend_logits().await
    }

    /// As [`Engine::next`], from logits that the caller made of those of [`Engine::next_logits`]. What the reply's options say of logits
    /// and sampling comes after.
    ///
    /// # Errors
    /// As [`Engine::next`]; and [`EngineError::Option`] for logits that are not of this vocabulary, or that no token can be sampled from.
    pub async fn next_from(
        &mut self,
        generation: &mut Generation,
        logits: Vec<f32>,
    ) -> Result<Part, EngineError> {
        if generation.finished {
            return Ok(Part { done: true, ..Part::default() });
        }
        let vocab = self.info().vocab_size;
        let possible = logits.iter().any(|&logit| logit > f32::NEG_INFINITY);
        if logits.len() != vocab || !possible || logits.iter().any(|logit| logit.is_nan()) {
            return Err(EngineError::Option {
                name: "logits",
                value: format!("{} numbers, or none that a token can be sampled from", logits.len()),
                range: format!("{vocab} numbers, none NaN, not all minus infinity"),
            });
        }
        if generation.constrained {
            return self.next_constrained(generation, Some(&logits)).await;
        }
        let id = self.sample_among(Some(&logits), None).await?;
        self.part(generation, id).await
    }

    /// The next piece of a reply that follows a grammar.
    async fn next_constrained(
        &mut self,
        generation: &mut Generation,
        logits: Option<&[f32]>,
    ) -> Result<Part, EngineError> {
        let Some(mut constraint) = generation.constraint.take() else { return Err(EngineError::NoReply) };
        let result = self.constrained_id(&mut constraint, generation.ignore_eos, logits).await;
        let over = constraint.matcher.must_end();
        generation.constraint = Some(constraint);
        match result? {
            Some(id) if !over || self.tokenizer().is_eog(id) => self.part(generation, id).await,
            // Nothing but the end of the reply can follow: it needs no step of the model.
            Some(id) => self.last_part(generation, Some(id)).await,
            None => self.last_part(generation, None).await,
        }
    }

    /// The next token under a grammar; none where the reply can only end.
    async fn constrained_id(
        &mut self,
        constraint: &mut Constraint,
        ignore_eos: bool,
        logits: Option<&[f32]>,
    ) -> Result<Option<u32>, EngineError> {
        if constraint.matcher.must_end() {
            return Ok(None);
        }
        let allowed = constraint.matcher.allowed(!ignore_eos)?;
        if allowed.iter().all(|&word| word == 0) {
            return Ok(None);
        }
        if let Some(logits) = &logits {
            let id_allowed = |id: usize| allowed.get(id / 32).is_some_and(|word| word >> (id % 32) & 1 == 1);
            if !(0..logits.len()).any(|id| id_allowed(id) && logits[id] > f32::NEG_INFINITY) {
                return Err(GrammarError::NoToken.into());
            }
        }
        let id = self.sample_among(logits, Some(allowed)).await?;
        constraint.accept(self.tokenizer(), id)?;
        Ok(Some(id))
    }

    /// The piece that `id` makes.
    async fn part(&mut self, generation: &mut Generation, id: u32) -> Result<Part, EngineError> {
        generation.generated += 1;
        let end_of_text = !generation.ignore_eos && self.tokenizer().is_eog(id);
        let text = if end_of_text { String::new() } else { generation.decoder.push(self.tokenizer(), id) };
        let passed = generation.stops.push(&text);
        let reason = if end_of_text || passed.matched.is_some() {
            Some(FinishReason::Stop)
        } else if generation.generated >= generation.limit {
            Some(FinishReason::Length)
        } else {
            None
        };
        self.finish(generation, passed, vec![id], reason).await
    }

    /// The piece that `id`, or nothing, makes of a reply that cannot go on.
    async fn last_part(&mut self, generation: &mut Generation, id: Option<u32>) -> Result<Part, EngineError> {
        generation.generated += usize::from(id.is_some());
        let text = id.map_or_else(String::new, |id| generation.decoder.push(self.tokenizer(), id));
        let passed = generation.stops.push(&text);
        self.finish(generation, passed, id.into_iter().collect(), Some(FinishReason::Stop)).await
    }

    async fn finish(
        &mut self,
        generation: &mut Generation,
        passed: StopOutput,
        ids: Vec<u32>,
        reason: Option<FinishReason>,
    ) -> Result<Part, EngineError> {
        let mut out = passed.text;
        if reason.is_some() {
            if passed.matched.is_none() {
                let rest = generation.stops.push(&generation.decoder.finish());
                out.push_str(&rest.text);
                if rest.matched.is_none() {
                    out.push_str(&generation.stops.finish());
                }
            }
            self.stop(generation).await?;
        }
        Ok(Part { text: out, ids, done: reason.is_some(), finish_reason: reason })
    }

    /// Ends a reply before its end.
    pub async fn stop(&mut self, generation: &mut Generation) -> Result<(), EngineError> {
        if !generation.finished {
            generation.finished = true;
            if let Some(constraint) = generation.constraint.take() {
                self.keep(constraint);
            }
            self.stop_backend().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceChoice, LoadOptions, Loader, ModelHeader};

    #[test]
    fn a_reply_whose_step_was_dropped_does_not_go_on_without_its_grammar() {
        let model = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/models/stories260K/stories260K-f32.gguf"
        );
        let bytes = std::fs::read(model).unwrap();
        let options = LoadOptions { device: DeviceChoice::Cpu, ..LoadOptions::default() };
        pollster::block_on(async {
            let mut loader = Loader::open(ModelHeader::parse(&[&bytes]).unwrap(), &options).await.unwrap();
            loader.write(0, 0, &bytes).unwrap();
            let mut engine = loader.finish().await.unwrap();
            let prompt = Prompt::Text("Once".to_owned());
            let options = GenerateOptions {
                grammar: Some("root ::= [a-z]{9}".to_owned()),
                ..GenerateOptions::default()
            };
            let mut generation = engine.generate(&prompt, &options).await.unwrap();
            engine.next(&mut generation).await.unwrap();
            // A step takes the constraint with it. Natively none waits, so that it could be dropped; in a page all on a GPU do.
            drop(generation.constraint.take());
            let logits = engine.next_logits(&mut generation).await.unwrap();
            assert!(matches!(engine.next(&mut generation).await, Err(EngineError::NoReply)));
            assert!(matches!(engine.next_from(&mut generation, logits).await, Err(EngineError::NoReply)));
            engine.stop(&mut generation).await.unwrap();
            let mut again = engine.generate(&prompt, &options).await.unwrap();
            assert!(!engine.next(&mut again).await.unwrap().ids.is_empty());
        });
    }
}
