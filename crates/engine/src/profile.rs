//! Where the time of a step goes on a GPU.

use sotto_gpu::{GpuError, Profile};

use crate::backend::Backend;
use crate::{Engine, EngineError};

/// A step to take apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfiledStep {
    /// Of a prefill: the first one, with as many of the ids as a step takes.
    Prefill,
    /// Of decoding, behind the ids.
    Decode,
}

impl Engine {
    /// Seconds of each kind of kernel in real steps, the medians of `runs`. Forgets all tokens.
    ///
    /// # Errors
    /// [`GpuError::State`] on the CPU, and on a GPU without timestamps.
    pub async fn profile(
        &mut self,
        step: ProfiledStep,
        ids: &[u32],
        runs: usize,
    ) -> Result<Profile, EngineError> {
        self.reset();
        let Backend::Gpu(model, ..) = self.backend_mut() else {
            return Err(
                GpuError::State { what: "a profile is of a GPU, and this model runs on the CPU" }.into()
            );
        };
        Ok(match step {
            ProfiledStep::Prefill => model.profile_prefill(ids, runs).await?,
            ProfiledStep::Decode => model.profile_decode(ids, runs).await?,
        })
    }
}
