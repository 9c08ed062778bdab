//! A tensor that no file holds as it is, made while its sources arrive.

use sotto_format::{Assembly, BlockType, Recipe};
use sotto_plan::WeightId;

use crate::EngineError;
use crate::checked::CheckedLoader;

/// Bytes that are given at a time: no more than these wait beside their sources.
const PIECE_BYTES: usize = 1 << 20;

/// A tensor in the making, and the weights that are parts of it.
pub(crate) struct Making {
    pub tensor: String,
    /// The tensor's type.
    ty: BlockType,
    assembly: Assembly,
    parts: Vec<Part>,
    /// Bytes of the tensor that were given to the backend.
    given: u64,
}

/// The bytes of the tensor that are a weight.
struct Part {
    start: u64,
    end: u64,
    weight: WeightId,
}

impl Making {
    pub fn new(tensor: &str, recipe: &Recipe, ty: BlockType) -> Making {
        let assembly = Assembly::new(recipe.clone(), ty);
        Making { tensor: tensor.to_owned(), ty, assembly, parts: Vec::new(), given: 0 }
    }

    /// Has `bytes` bytes from `offset` on given to `weight`; whether that is the first part.
    pub fn add_part(&mut self, offset: u64, bytes: u64, weight: WeightId) -> bool {
        self.parts.push(Part { start: offset, end: offset + bytes, weight });
        self.parts.len() == 1
    }

    /// Leaves quantising to the backend where it does that and the sources hold floats. To be asked before anything
    /// is passed on.
    pub fn leave_quantising(&mut self, backend: &mut CheckedLoader) -> Result<(), EngineError> {
        let Some(floats) = self.assembly.recipe().float_type() else { return Ok(()) };
        let weights: Vec<WeightId> = self.parts.iter().map(|part| part.weight).collect();
        if !backend.take_floats(&weights, floats)? {
            return Ok(());
        }
        self.assembly = Assembly::new(self.assembly.recipe().clone(), floats);
        let (block_bytes, block_floats) =
            (self.ty.block_bytes() as u64, (self.ty.block_len() * floats.block_bytes()) as u64);
        for part in &mut self.parts {
            part.start = part.start / block_bytes * block_floats;
            part.end = part.end / block_bytes * block_floats;
        }
        Ok(())
    }

    /// The next bytes of one of the sources.
    pub fn write(
        &mut self,
        matrix: usize,
        place: usize,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        let written = self.assembly.write(matrix, place, offset, bytes);
        written.map_err(|error| EngineError::Recipe { tensor: self.tensor.clone(), error })
    }

    /// Gives the backend what can be made by now.
    pub fn pass_on(&mut self, backend: &mut CheckedLoader) -> Result<(), EngineError> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let taken = self.assembly.take_some(PIECE_BYTES, &mut bytes);
            taken.map_err(|error| EngineError::Recipe { tensor: self.tensor.clone(), error })?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.give(&bytes, backend)?;
        }
    }

    /// Gives each weight what it has of the tensor's next bytes.
    fn give(&mut self, bytes: &[u8], backend: &mut CheckedLoader) -> Result<(), EngineError> {
        let (first, last) = (self.given, self.given + bytes.len() as u64);
        for Part { start, end, weight } in &self.parts {
            let (from, to) = (first.max(*start), last.min(*end));
            if from < to {
                let piece = &bytes[(from - first) as usize..(to - first) as usize];
                backend.write(*weight, from - start, piece)?;
            }
        }
        self.given = last;
        Ok(())
    }
}
