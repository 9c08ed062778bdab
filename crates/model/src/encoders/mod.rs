//! Encoders: models that read a text as a whole and say something of each token. One file an architecture.
//!
//! They have no use for the keys and values of an earlier step, so all layers of a plan share one cache: a layer
//! writes its own over those of the layer before.

mod parts;
mod sotto_encoder;

use sotto_format::ModelFile;
use sotto_plan::{Plan, PlanBuilder};

use crate::{Hyperparameters, ModelError, Task};

/// Builds the plan of an encoder, and says what its output is for.
pub(crate) type BuildEncoder =
    fn(&Hyperparameters, &ModelFile, PlanBuilder<'_>) -> Result<(Plan, Task), ModelError>;

/// All encoders, by `general.architecture`.
pub(crate) const ENCODERS: &[(&str, BuildEncoder)] = &[("sotto-encoder", sotto_encoder::plan)];
