//! A model on the CPU, with what the GPU keeps on its side: the last logits, the sampler, the pending token.

use std::collections::VecDeque;

use sotto_cpu::simd::Level;
use sotto_cpu::{fast, reference};
use sotto_plan::{DECODE_TOKENS, Outputs, Plan, Sampling};
use sotto_text::sampling::{Sampler, TokenCounts, edit};

use crate::EngineError;
use crate::generation::Begun;

/// What to call the CPU.
pub(crate) fn name(level: Level, threads: usize) -> String {
    match threads {
        1 => format!("CPU, {}", level.name()),
        threads => format!("CPU, {}, {threads} threads", level.name()),
    }
}

/// Which of the two engines runs it.
pub(crate) enum CpuModel {
    Fast(Box<fast::Model>),
    Reference(Box<reference::Model>),
}

impl CpuModel {
    /// Appends `ids`; leaves the output rows asked for in `out`.
    fn forward(&mut self, ids: &[u32], outputs: Outputs, out: &mut Vec<f32>) -> Result<(), EngineError> {
        match self {
            CpuModel::Fast(model) => model.forward(ids, outputs, out)?,
            CpuModel::Reference(model) => *out = model.forward(ids, outputs)?,
        }
        Ok(())
    }

    fn plan(&self) -> &Plan {
        match self {
            CpuModel::Fast(model) => model.plan(),
            CpuModel::Reference(model) => model.plan(),
        }
    }

    fn position(&self) -> usize {
        match self {
            CpuModel::Fast(model) => model.position(),
            CpuModel::Reference(model) => model.position(),
        }
    }

    fn context_length(&self) -> usize {
        match self {
            CpuModel::Fast(model) => model.context_length(),
            CpuModel::Reference(model) => model.context_length(),
        }
    }

    fn truncate(&mut self, length: usize) {
        match self {
            CpuModel::Fast(model) => model.truncate(length),
            CpuModel::Reference(model) => model.truncate(length),
        }
    }

    /// Appends `ids`; leaves the output rows of all in `out`, as they are when one token comes after the other.
    fn forward_alone(&mut self, ids: &[u32], out: &mut Vec<f32>) -> Result<(), EngineError> {
        match self {
            CpuModel::Fast(model) => model.forward_alone(ids, out)?,
            // Never in another order.
            CpuModel::Reference(model) => *out = model.forward(ids, Outputs::All)?,
        }
        Ok(())
    }
}

/// The model and the reply in progress.
pub(crate) struct CpuBackend {
    model: CpuModel,
    reason: String,
    logits: Vec<f32>,
    sampler: Sampler,
    reply: Option<Reply>,
    steps: u64,
    drafted: u64,
    accepted: u64,
}

/// Where a reply stands.
struct Reply {
    sampling: Sampling,
    counts: TokenCounts,
    /// Tokens sampled so far.
    step: u32,
    /// The last one, whose keys and values are not in the cache yet.
    last: Option<u32>,
    /// What the model ran on besides the last token, to see whether it is sampled; the logits after each follow those that are
    /// sampled from next.
    drafts: VecDeque<u32>,
    /// Elements of `logits` before those that are sampled from next.
    at: usize,
    /// What is added to the logits of some tokens.
    bias: Vec<(u32, f32)>,
}

impl CpuBackend {
    /// `reason` says why the model runs here.
    pub fn new(model: CpuModel, reason: String) -> Self {
        let sampler = Sampler::default();
        CpuBackend {
            model,
            reason,
            logits: Vec::new(),
            sampler,
            reply: None,
            steps: 0,
            drafted: 0,
            accepted: 0,
        }
    }

    /// What runs it, for a person.
    pub fn name(&self) -> String {
        match &self.model {
            CpuModel::Fast(model) => name(model.level(), model.threads()),
            CpuModel::Reference(_) => "CPU, plain interpreter".to_owned(),
        }
    }

    /// Threads that run it.
    pub fn threads(&self) -> usize {
        match &self.model {
            CpuModel::Fast(model) => model.threads(),
            CpuModel::Reference(_) => 1,
        }
    }

    /// Pieces of work that other threads than the caller's have done.
    pub fn helped(&self) -> u64 {
        match &self.model {
            CpuModel::Fast(model) => model.helped().into(),
            CpuModel::Reference(_) => 0,
        }
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the next token takes a step of the model, which drafts may join.
    pub fn takes_drafts(&self) -> bool {
        // A draft that is not taken leaves its trace in a state that is made over.
        !self.model.plan().is_recurrent() && self.reply.as_ref().is_some_and(|reply| reply.last.is_some())
    }

    /// Decode steps run.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Drafts that steps ran the model on, and those that were sampled.
    pub fn drafts(&self) -> (u64, u64) {
        (self.drafted, self.accepted)
    }

    /// Bytes of weights and caches.
    pub fn bytes(&self) -> u64 {
        let (weights, caches) = match &self.model {
            CpuModel::Fast(model) => model.memory(),
            CpuModel::Reference(model) => model.memory(),
        };
        weights + caches
    }

    /// Tokens in the cache.
    pub fn position(&self) -> usize {
        self.model.position()
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        self.model.truncate(length);
    }

    /// Appends `ids`; gives the logits of the rows asked for, `[rows, vocab]`.
    pub fn logits(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        let mut out = Vec::new();
        self.model.forward(ids, outputs, &mut out)?;
        Ok(out)
    }

    /// Appends `ids`, the rest of `text`, and sets up sampling for the tokens that follow.
    pub fn start(&mut self, ids: &[u32], text: &Begun<'_>, sampling: &Sampling) -> Result<(), EngineError> {
        self.model.forward(ids, Outputs::Last, &mut self.logits)?;
        let mut counts = TokenCounts::new(self.logits.len());
        let (prompt, written) = text.ids.split_at(text.prompt);
        prompt.iter().for_each(|&id| counts.prompt(id));
        written.iter().for_each(|&id| counts.generated(id));
        self.reply = Some(Reply {
            sampling: *sampling,
            counts,
            step: written.len() as u32,
            last: None,
            drafts: VecDeque::new(),
            at: 0,
            bias: text.bias.unwrap_or_default().to_vec(),
        });
        Ok(())
    }

    /// The next sampled token. `drafts` are what may follow the last one: the model runs on both together, and tokens
    /// are the same as without.
    pub fn next(&mut self, drafts: &[u32]) -> Result<u32, EngineError> {
        self.forward(drafts)?;
        self.sample(None)
    }

    /// The next sampled token, among those that have a bit in `allowed`, `[vocab / 32]`.
    pub fn next_among(&mut self, allowed: &[u32]) -> Result<u32, EngineError> {
        self.forward(&[])?;
        self.sample(Some(allowed))
    }

    /// The logits that the next token is sampled from, `[vocab]`.
    pub fn next_logits(&mut self) -> Result<Vec<f32>, EngineError> {
        self.forward(&[])?;
        let Some(reply) = &self.reply else { return Err(EngineError::NoReply) };
        Ok(self.logits[reply.at..][..reply.counts.as_slice().len()].to_vec())
    }

    /// The next token, sampled from `logits` in place of those that [`CpuBackend::next_logits`] gave.
    pub fn next_from(&mut self, logits: &[f32], allowed: Option<&[u32]>) -> Result<u32, EngineError> {
        self.forward(&[])?;
        let Some(reply) = &self.reply else { return Err(EngineError::NoReply) };
        self.logits[reply.at..][..logits.len()].copy_from_slice(logits);
        self.sample(allowed)
    }

    /// Runs the model on the last token, if that has not been done, and on `drafts` of what follows it.
    fn forward(&mut self, drafts: &[u32]) -> Result<(), EngineError> {
        let Some(reply) = &mut self.reply else { return Err(EngineError::NoReply) };
        if let Some(id) = reply.last {
            let room = self.model.context_length().saturating_sub(self.model.position() + 1);
            let drafts = &drafts[..drafts.len().min(DECODE_TOKENS - 1).min(room)];
            if drafts.is_empty() {
                self.model.forward(&[id], Outputs::Last, &mut self.logits)?;
            } else {
                let ids: Vec<u32> = [id].iter().chain(drafts).copied().collect();
                self.model.forward_alone(&ids, &mut self.logits)?;
            }
            reply.last = None;
            reply.drafts = drafts.iter().copied().collect();
            reply.at = 0;
            self.drafted += drafts.len() as u64;
            self.steps += 1;
        }
        Ok(())
    }

    fn sample(&mut self, allowed: Option<&[u32]>) -> Result<u32, EngineError> {
        let Some(reply) = &mut self.reply else { return Err(EngineError::NoReply) };
        let counts = reply.counts.as_slice();
        let logits = &mut self.logits[reply.at..reply.at + counts.len()];
        edit(logits, &reply.bias, allowed);
        let id = self.sampler.sample(logits, counts, &reply.sampling, reply.step)?;
        reply.counts.generated(id);
        reply.step += 1;
        reply.at += reply.counts.as_slice().len();
        match reply.drafts.pop_front() {
            Some(draft) if draft == id => self.accepted += 1,
            None => reply.last = Some(id),
            Some(_) => {
                let beyond = 1 + reply.drafts.len();
                self.model.truncate(self.model.position() - beyond);
                reply.drafts.clear();
                reply.last = Some(id);
            }
        }
        Ok(id)
    }

    /// Ends the reply.
    pub fn stop(&mut self) {
        self.reply = None;
    }
}

#[cfg(test)]
mod tests {
    use sotto_format::{ModelFile, Parse, parse_gguf};
    use sotto_plan::WeightId;

    use super::*;

    #[test]
    fn a_full_context_is_an_error_each_time() {
        const CONTEXT: usize = 3;
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/models/stories260K/stories260K-f32.gguf"
        );
        let bytes = std::fs::read(path).unwrap();
        let Parse::Complete(header) = parse_gguf(&bytes, Some(bytes.len() as u64)).unwrap() else {
            panic!("the header is cut");
        };
        let file = ModelFile::from_parts(vec![header]).unwrap();
        let plan = sotto_model::build(&file).unwrap().plan;
        let mut loader = reference::Loader::new(plan.clone(), CONTEXT);
        for (id, weight) in plan.weights.iter().enumerate() {
            let begin = (file.tensor(&weight.name).unwrap().offset + weight.offset) as usize;
            loader.write(WeightId(id as u32), 0, &bytes[begin..][..weight.bytes() as usize]).unwrap();
        }
        let model = CpuModel::Reference(Box::new(loader.finish().unwrap()));
        let mut backend = CpuBackend::new(model, String::new());
        backend.start(&[1], &Begun { ids: &[1], prompt: 1, bias: None }, &Sampling::greedy()).unwrap();
        for _ in 0..CONTEXT {
            backend.next(&[]).unwrap();
        }
        for drafts in [&[][..], &[], &[5]] {
            backend.next(drafts).unwrap_err();
        }
    }
}
