//! A model on the CPU, with what the GPU keeps on its side: the last logits, the sampler, the pending token.

use sotto_cpu::simd::Level;
use sotto_cpu::{fast, reference};
use sotto_plan::{Outputs, Sampling};
use sotto_text::sampling::{TokenCounts, sample};

use crate::EngineError;

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
}

/// The model and the reply in progress.
pub(crate) struct CpuBackend {
    model: CpuModel,
    reason: String,
    logits: Vec<f32>,
    reply: Option<Reply>,
    steps: u64,
}

/// Where a reply stands.
struct Reply {
    sampling: Sampling,
    counts: TokenCounts,
    /// Tokens sampled so far.
    step: u32,
    /// The last one, whose keys and values are not in the cache yet.
    last: Option<u32>,
}

impl CpuBackend {
    /// `reason` says why the model runs here.
    pub fn new(model: CpuModel, reason: String) -> Self {
        CpuBackend { model, reason, logits: Vec::new(), reply: None, steps: 0 }
    }

    /// What runs it, for a person.
    pub fn name(&self) -> String {
        match &self.model {
            CpuModel::Fast(model) => name(model.level(), model.threads()),
            CpuModel::Reference(_) => "CPU, plain interpreter".to_owned(),
        }
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Decode steps run.
    pub fn steps(&self) -> u64 {
        self.steps
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
        match &self.model {
            CpuModel::Fast(model) => model.position(),
            CpuModel::Reference(model) => model.position(),
        }
    }

    /// Forgets all tokens but the first `length`.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.model {
            CpuModel::Fast(model) => model.truncate(length),
            CpuModel::Reference(model) => model.truncate(length),
        }
    }

    /// Appends `ids`; gives the logits of the rows asked for, `[rows, vocab]`.
    pub fn logits(&mut self, ids: &[u32], outputs: Outputs) -> Result<Vec<f32>, EngineError> {
        let mut out = Vec::new();
        self.model.forward(ids, outputs, &mut out)?;
        Ok(out)
    }

    /// Appends `ids`, the rest of the prompt, and sets up sampling for the tokens that follow.
    pub fn start(&mut self, ids: &[u32], prompt: &[u32], sampling: &Sampling) -> Result<(), EngineError> {
        self.model.forward(ids, Outputs::Last, &mut self.logits)?;
        let mut counts = TokenCounts::new(self.logits.len());
        prompt.iter().for_each(|&id| counts.prompt(id));
        self.reply = Some(Reply { sampling: *sampling, counts, step: 0, last: None });
        Ok(())
    }

    /// The next sampled token.
    pub fn next(&mut self) -> Result<u32, EngineError> {
        let Some(reply) = &mut self.reply else { return Err(EngineError::NoReply) };
        if let Some(id) = reply.last {
            self.model.forward(&[id], Outputs::Last, &mut self.logits)?;
            self.steps += 1;
        }
        let id = sample(&mut self.logits, reply.counts.as_slice(), &reply.sampling, reply.step)?;
        reply.counts.generated(id);
        reply.step += 1;
        reply.last = Some(id);
        Ok(id)
    }

    /// Ends the reply.
    pub fn stop(&mut self) {
        self.reply = None;
    }
}
