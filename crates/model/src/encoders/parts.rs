//! What encoders share: named projections and norms of a layer, attention that looks both ways, and the head.

use sotto_format::ModelFile;
use sotto_plan::{Attention, CacheId, Plan, PlanBuilder, PlanError, ValueId};

use crate::{Hyperparameters, ModelError, Pooling, Task};

/// A layer's tensors share a prefix.
pub(super) struct Layer<'a, 't> {
    pub b: &'a mut PlanBuilder<'t>,
    pub prefix: String,
}

impl Layer<'_, '_> {
    /// `<name>.weight [rows, cols]`, and `<name>.bias [rows]` where the file has it.
    pub fn linear(&mut self, name: &str, x: ValueId, rows: usize, cols: usize) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[rows, cols])?;
        let bias = self.b.weight_if_present(&self.name(name, "bias"), &[rows])?;
        self.b.linear(x, weight, bias)
    }

    /// RMS norm by `<name>.weight [dim]`.
    pub fn rms_norm(&mut self, name: &str, x: ValueId, h: &Hyperparameters) -> Result<ValueId, PlanError> {
        let weight = self.b.weight(&self.name(name, "weight"), &[h.dim])?;
        self.b.rms_norm(x, weight, h.norm_eps)
    }

    fn name(&self, name: &str, part: &str) -> String {
        format!("{}{name}.{part}", self.prefix)
    }

    /// Attention of every token to every other, or with a window to those less than `window` positions away.
    pub fn attention(
        &mut self,
        h: &Hyperparameters,
        [q, k, v]: [ValueId; 3],
        cache: CacheId,
        window: Option<u32>,
    ) -> Result<ValueId, PlanError> {
        self.b.kv_write(k, v, cache)?;
        let attention = Attention {
            n_heads: h.n_heads,
            scale: 1.0 / (h.head_dim as f32).sqrt(),
            causal: false,
            window,
            softcap: None,
            sinks: None,
        };
        self.b.attention(q, cache, attention)
    }
}

/// The labels that the file lists for its classifier: `<architecture>.classifier.output_labels`.
fn labels(h: &Hyperparameters, file: &ModelFile) -> Option<Vec<String>> {
    let key = format!("{}.classifier.output_labels", h.architecture);
    file.metadata.strings(&key).map(<[String]>::to_vec).filter(|labels| !labels.is_empty())
}

/// Ends a plan: a classifier of tokens where the file has one (`cls.output` and labels), else the
/// states themselves.
pub(super) fn finish(
    h: &Hyperparameters,
    file: &ModelFile,
    mut b: PlanBuilder<'_>,
    states: ValueId,
) -> Result<(Plan, Task), ModelError> {
    let Some(labels) = labels(h, file) else {
        let pooling = Pooling::from_gguf(&h.architecture, &file.metadata)?;
        let key = format!("{}.pooling_normalise", h.architecture);
        let normalise = file.metadata.bool_or(&key, true)?;
        return Ok((b.finish(states), Task::Embed { pooling, normalise }));
    };
    let mut head = Layer { b: &mut b, prefix: String::new() };
    let logits = head.linear("cls.output", states, labels.len(), h.dim)?;
    Ok((b.finish(logits), Task::ClassifyTokens { labels }))
}
