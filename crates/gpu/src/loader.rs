//! Loading: memory first, then the weights' bytes as they come, while pipelines compile.

use std::fmt;
use std::sync::Arc;

use sotto_format::BlockType;
use sotto_plan::{Plan, WeightId};

use crate::device::Done;
use crate::error::Smaller;
use crate::kernel::Kernels;
use crate::layout::memory_at_load;
use crate::model::GpuModel;
use crate::runtime::{Allocated, Runtime};
use crate::weights::WeightWriter;
use crate::{GpuDevice, GpuError, ModelOptions};

/// A model whose weights are on their way to the GPU.
///
/// All memory is allocated from the start, so a model that does not fit is refused before its weights are downloaded. All
/// pipelines, too, are asked for then, and a browser compiles them while the weights come: nothing waits for that before
/// [`Loader::finish`], and nothing compiles after it.
pub struct Loader {
    runtime: Runtime,
    writer: WeightWriter,
    compiled: Done,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

impl Loader {
    /// Allocates a model's memory and prepares its programs.
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`] or [`GpuError::TooLarge`] when it does not fit, [`GpuError::Unsupported`] when the
    /// plan asks for what no kernel does.
    pub async fn new(device: &GpuDevice, plan: Plan, options: &ModelOptions) -> Result<Loader, GpuError> {
        let kernels = Arc::new(Kernels::new(&device.counting()));
        let needed = memory_at_load(device, &plan, options)?.total();
        let half = ModelOptions { context_length: options.context_length / 2, ..options.clone() };
        let smaller =
            Smaller { context: half.context_length, bytes: memory_at_load(device, &plan, &half)?.total() };
        let allocate = || Allocated::new(kernels.device(), plan, options);
        let allocated = device.allocating("the model", needed, allocate).await;
        let allocated = allocated
            .map_err(|error| if smaller.bytes < needed { error.or_smaller(smaller) } else { error })?;
        let program = || {
            let runtime = allocated.program(Arc::clone(&kernels))?;
            let writer = WeightWriter::new(&runtime.plan, &runtime.weights, &kernels)?;
            Ok((runtime, writer))
        };
        let (programmed, compiled) = device.begin("the model's programs", 0, program);
        let (runtime, writer) = programmed?;
        Ok(Loader { runtime, writer, compiled })
    }

    /// Pipelines that were asked for.
    #[cfg(test)]
    pub(crate) fn pipelines(&self) -> usize {
        self.runtime.kernels.pipelines()
    }

    /// Has the weights `ids`, of which nothing was written, come as whole rows of F32, F16 or BF16 (`ty`) and be quantised on
    /// the GPU, to the bits that [`sotto_format::quantize`] gives (`shaders/quantize_weights.wgsl` names an exception). The
    /// floats must be such that it does not refuse them. `false`, and nothing changes, where no kernel makes one of the
    /// weights' types.
    pub fn take_floats(&mut self, ids: &[WeightId], ty: BlockType) -> Result<bool, GpuError> {
        self.writer.take_floats(&self.runtime.plan, &self.runtime.weights, ids, ty)
    }

    /// The next bytes of weight `id`, as stored in the file. `offset` counts from the tensor's first byte; each
    /// tensor's bytes come in order, in pieces of any length; tensors come in any order.
    ///
    /// # Errors
    /// [`GpuError::WriteOrder`] when these are not the next bytes.
    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), GpuError> {
        self.writer.write(&self.runtime.plan, &self.runtime.weights, id, offset, bytes)
    }

    /// The loaded model.
    ///
    /// # Errors
    /// [`GpuError::MissingBytes`] for the first tensor that is not complete.
    pub async fn finish(self) -> Result<GpuModel, GpuError> {
        let Loader { runtime, writer, compiled } = self;
        compiled.await?;
        let kernels = Arc::clone(&runtime.kernels);
        let device = kernels.device();
        let build = || {
            writer.finish(device, &runtime.plan, &runtime.weights)?;
            runtime.join_biases();
            GpuModel::new(runtime)
        };
        device.allocating("the model", 0, build).await
    }
}
