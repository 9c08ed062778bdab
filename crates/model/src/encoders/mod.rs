//! Encoders: models that read a text as a whole and say something of each token. One file an architecture.
//!
//! They have no use for the keys and values of an earlier step, so all layers of a plan share one cache: a layer
//! writes its own over those of the layer before.

mod bert;
mod deberta;
mod modern_bert;
mod nomic_bert;
mod parts;
mod privacy_filter;
mod sotto_encoder;

use sotto_plan::Plan;

use crate::{ModelError, Source, Task};

/// Builds the plan of an encoder, and says what its output is for.
pub(crate) type BuildEncoder = fn(Source<'_>) -> Result<(Plan, Task), ModelError>;

/// All encoders, by `general.architecture`.
pub(crate) const ENCODERS: &[(&str, BuildEncoder)] = &[
    ("bert", bert::plan),
    ("deberta-v2", deberta::plan),
    ("modern-bert", modern_bert::plan),
    ("nomic-bert", nomic_bert::plan),
    ("openai-privacy-filter", privacy_filter::plan),
    ("sotto-encoder", sotto_encoder::plan),
];
