//! Token classification over texts of any length.
//!
//! A text is tokenised once and read in windows that overlap; each token's logits are taken from the window that sees most
//! around it. A Viterbi path over the whole text turns them into spans ([`sotto_pii::bioes`]).

use std::ops::{ControlFlow, Range};

use sotto_model::Task;
use sotto_pii::bioes::{Biases, Calibration, Decoder, Tags};
use sotto_pii::{ClassSpan, TokenClassifier, snap, windows};
use sotto_plan::Outputs;

use crate::{Engine, EngineError, ModelInfo};

/// A loaded token classifier.
pub struct Classifier {
    engine: Engine,
    tags: Tags,
    labels: Vec<String>,
    calibration: Calibration,
    biases: Biases,
}

/// How far a long text has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassifyProgress {
    /// Tokens whose labels are known.
    pub done: usize,
    /// Tokens of the text.
    pub total: usize,
}

/// What takes a token's bytes of the text and its logits.
pub type OnRow<'a> = &'a mut dyn FnMut(&Range<usize>, &[f32]) -> Result<(), EngineError>;

/// What is told how far it is, and says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(ClassifyProgress) -> ControlFlow<()>;

impl Classifier {
    /// Takes a loaded model that classifies tokens.
    ///
    /// # Errors
    /// [`EngineError::Task`] for any other model; [`EngineError::Tags`] where its labels have no `O`;
    /// [`EngineError::Calibration`] where the operating points that it brings cannot be read.
    pub fn new(engine: Engine) -> Result<Self, EngineError> {
        let Task::ClassifyTokens { labels } = engine.task() else {
            return Err(EngineError::Task { needed: "classify", found: engine.task().name() });
        };
        let (labels, tags) = (labels.clone(), Tags::parse(labels)?);
        let calibration = engine.calibration().map(Calibration::parse).transpose()?.unwrap_or_default();
        let biases = calibration.default_biases();
        Ok(Classifier { engine, tags, labels, calibration, biases })
    }

    /// The model's labels, in the order of its logits.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What to show of the model.
    pub fn info(&self) -> &ModelInfo {
        self.engine.info()
    }

    /// The model itself.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Turns the dial between recall and precision to one of the model's operating points
    /// ([`ModelInfo::operating_points`]), or back to the one called "default", where there is one.
    ///
    /// # Errors
    /// [`EngineError::Calibration`] where the model brings no such point; the message lists those that it does.
    pub fn set_operating_point(&mut self, name: Option<&str>) -> Result<(), EngineError> {
        self.biases = match name {
            Some(name) => self.calibration.biases(name)?,
            None => self.calibration.default_biases(),
        };
        Ok(())
    }

    /// The spans of `text`, in order, without overlap, offsets in bytes.
    ///
    /// # Errors
    /// [`EngineError::Aborted`] when `progress` says to stop, and what a device may report.
    pub async fn classify_with(
        &mut self,
        text: &str,
        progress: OnProgress<'_>,
    ) -> Result<Vec<ClassSpan>, EngineError> {
        let mut places: Vec<Range<usize>> = Vec::new();
        let tags = self.tags.clone();
        let mut decoder = Decoder::new(&tags, self.biases);
        let mut row = |place: &Range<usize>, logits: &[f32]| {
            places.push(place.clone());
            Ok(decoder.push(logits)?)
        };
        self.each_token(text, &mut row, progress).await?;
        let mut spans: Vec<ClassSpan> = Vec::new();
        for found in decoder.finish() {
            let (Some(first), Some(last)) =
                (places.get(found.tokens.start), places.get(found.tokens.end - 1))
            else {
                continue;
            };
            let Range { start, end } = snap(text, first.start..last.end);
            if start < end && spans.last().is_none_or(|before| before.end <= start) {
                let class = tags.class(found.class).to_owned();
                spans.push(ClassSpan { start, end, class, score: found.score });
            }
        }
        Ok(spans)
    }

    /// Gives `row` each token's bytes of `text` and its logits `[n_labels]`, in order. Memory does not grow with the
    /// text but for the tokens' ids and places.
    ///
    /// # Errors
    /// As [`Classifier::classify_with`], and what `row` returns.
    pub async fn each_token(
        &mut self,
        text: &str,
        row: OnRow<'_>,
        progress: OnProgress<'_>,
    ) -> Result<(), EngineError> {
        let tokenizer = self.engine.tokenizer();
        let encoding = tokenizer.encode_with_spans(text, false, false)?;
        let (prefix, suffix) = tokenizer.specials_around();
        let (prefix, suffix) = (prefix.to_vec(), suffix.to_vec());
        let total = encoding.ids.len();
        let room = self.engine.context_length().saturating_sub(prefix.len() + suffix.len()).max(1);
        let width = self.labels.len();
        if total == 0 {
            return Ok(());
        }
        for window in windows(total, room, room / OVERLAP_PARTS) {
            let ids = [&prefix[..], &encoding.ids[window.tokens.clone()], &suffix[..]].concat();
            let logits = self.engine.logits(&ids, Outputs::All).await?;
            for token in window.keep.clone() {
                let at = (prefix.len() + token - window.tokens.start) * width;
                row(&encoding.spans[token], &logits[at..at + width])?;
            }
            if progress(ClassifyProgress { done: window.keep.end, total }).is_break() {
                return Err(EngineError::Aborted);
            }
        }
        Ok(())
    }
}

/// Windows share this part of their length, so that a token sees at least an eighth of a window to each side.
const OVERLAP_PARTS: usize = 4;

impl TokenClassifier for Classifier {
    type Error = EngineError;

    fn name(&self) -> &str {
        self.engine.info().name.as_deref().unwrap_or(&self.engine.info().architecture)
    }

    async fn classify(&mut self, text: &str) -> Result<Vec<ClassSpan>, EngineError> {
        self.classify_with(text, &mut |_| ControlFlow::Continue(())).await
    }
}
