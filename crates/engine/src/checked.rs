//! Weights on their way to a backend, looked at for what is no number: of a NaN or an infinity any text could come, and what
//! processors and GPUs make of one differs. Floats that a backend quantises are refused here where the encoder would.

use sotto_format::{BlockType, RecipeError, check_rows, is_finite};
use sotto_plan::{Plan, WeightId};

use crate::EngineError;
use crate::backend::{Backend, BackendLoader};

/// A backend's loader, and what its weights hold.
pub(crate) struct CheckedLoader {
    backend: BackendLoader,
    weights: Vec<Seen>,
}

/// What was seen of a weight.
struct Seen {
    name: String,
    ty: BlockType,
    cols: usize,
    /// The type of floats that its rows come in, for the backend to quantise.
    floats: Option<BlockType>,
    /// A block that came in part.
    part: Vec<u8>,
    finite: bool,
}

impl CheckedLoader {
    /// For the weights of `plan`.
    pub fn new(backend: BackendLoader, plan: &Plan) -> Self {
        let seen = |weight: &sotto_plan::Weight| Seen {
            name: weight.name.clone(),
            ty: weight.ty,
            cols: weight.cols,
            floats: None,
            part: Vec::new(),
            finite: true,
        };
        CheckedLoader { backend, weights: plan.weights.iter().map(seen).collect() }
    }

    /// How many threads the model is to run on, where it can have some.
    pub fn set_threads(&mut self, threads: usize) {
        self.backend.set_threads(threads);
    }

    /// Whether the model comes to the CPU's fast engine.
    pub fn is_on_cpu(&self) -> bool {
        self.backend.is_on_cpu()
    }

    /// Has the weights `ids` come as whole rows of floats of type `ty`, for the backend to quantise; `false` where it does
    /// not.
    pub fn take_floats(&mut self, ids: &[WeightId], ty: BlockType) -> Result<bool, EngineError> {
        let taken = self.backend.take_floats(ids, ty)?;
        if taken {
            ids.iter().for_each(|id| self.weights[id.0 as usize].floats = Some(ty));
        }
        Ok(taken)
    }

    /// The next bytes of weight `id`; `offset` counts from its first.
    ///
    /// # Errors
    /// [`EngineError::Recipe`] for floats that cannot be quantised.
    pub fn write(&mut self, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let seen = &mut self.weights[id.0 as usize];
        match seen.floats {
            None => seen.look(bytes),
            Some(floats) => check_rows(seen.ty, floats, seen.cols, bytes).map_err(|error| {
                EngineError::Recipe { tensor: seen.name.clone(), error: RecipeError::Block(error) }
            })?,
        }
        self.backend.write(id, offset, bytes)
    }

    /// The loaded model, and the name of its first weight that holds what is no number.
    pub async fn finish(self) -> Result<(Backend, Option<String>), EngineError> {
        let damaged = self.weights.into_iter().find(|seen| !seen.finite).map(|seen| seen.name);
        Ok((self.backend.finish().await?, damaged))
    }
}

impl Seen {
    fn look(&mut self, mut bytes: &[u8]) {
        let block = self.ty.block_bytes();
        if !self.part.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(block - self.part.len()));
            self.part.extend_from_slice(head);
            bytes = rest;
            if self.part.len() < block {
                return;
            }
            self.finite &= is_finite(self.ty, &self.part);
            self.part.clear();
        }
        let (whole, part) = bytes.split_at(bytes.len() / block * block);
        self.finite &= is_finite(self.ty, whole);
        self.part.extend_from_slice(part);
    }
}
