//! Collects a recipe's sources and gives the tensor's bytes.

use super::storage::Sources;
use super::{ElementMap, Matrix, Recipe, RecipeError};
use crate::{BlockError, BlockType, quantize, quantize_weighted};

/// A tensor in the making.
#[derive(Debug)]
pub struct Assembly {
    recipe: Recipe,
    ty: BlockType,
    /// A matrix each: its sources' bytes, as far as they are needed still.
    arriving: Vec<Arriving>,
    /// The matrix whose rows come next, and which of them.
    matrix: usize,
    row: u64,
    /// A row's elements.
    values: Vec<f32>,
    importance: Option<Importance>,
}

/// Appends the blocks of a row, given its elements and how much each of them matters.
type QuantizeRow = fn(BlockType, &[f32], &[f32], &mut Vec<u8>) -> Result<(), BlockError>;

/// How much each column matters.
#[derive(Debug)]
struct Importance {
    /// `[matrices, columns]`, or of all matrices the same.
    values: Vec<f32>,
    /// Rows of each of the tensor's matrices.
    matrix_rows: u64,
    /// A pointer, so that what never weighs (a page that loads a model) does not carry the encoders that do.
    quantize: QuantizeRow,
}

impl Importance {
    /// The importances of row `row` of the tensor.
    fn of(&self, row: u64, columns: usize) -> &[f32] {
        let start = (row / self.matrix_rows.max(1)) as usize * columns;
        self.values.get(start..start + columns).unwrap_or(&self.values[..columns])
    }
}

#[derive(Debug)]
struct Arriving {
    /// What has come of each source, less what rows were made of.
    bytes: Vec<Vec<u8>>,
    /// How many bytes have come of each.
    received: Vec<u64>,
    /// Bytes of the first source that were taken away.
    taken: u64,
}

impl Assembly {
    /// Nothing has come yet. The result is to be of type `ty`.
    pub fn new(recipe: Recipe, ty: BlockType) -> Assembly {
        let arriving = match &recipe {
            Recipe::Constant(_) => Vec::new(),
            Recipe::Stack(matrices) => matrices.iter().map(|m| Arriving::new(m.spans.len())).collect(),
        };
        Assembly { recipe, ty, arriving, matrix: 0, row: 0, values: Vec::new(), importance: None }
    }

    /// Has the rows quantised by how much each column matters: `importance` has a number for each column, or for those of
    /// each of the tensor's matrices, which have `matrix_rows` rows.
    pub fn weighted(mut self, importance: Vec<f32>, matrix_rows: u64) -> Assembly {
        self.importance = Some(Importance { values: importance, matrix_rows, quantize: quantize_weighted });
        self
    }

    /// The next bytes of source `place` of matrix `matrix`; `offset` counts from the source's first byte.
    pub fn write(
        &mut self,
        matrix: usize,
        place: usize,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), RecipeError> {
        let spans = match &self.recipe {
            Recipe::Constant(_) => &[][..],
            Recipe::Stack(matrices) => matrices.get(matrix).map_or(&[][..], |m| &m.spans),
        };
        let (Some(span), Some(arriving)) = (spans.get(place), self.arriving.get_mut(matrix)) else {
            return Err(RecipeError::Order { offset, expected: 0, bytes: 0 });
        };
        let received = &mut arriving.received[place];
        if offset != *received || bytes.len() as u64 > span.bytes - *received {
            return Err(RecipeError::Order { offset, expected: *received, bytes: span.bytes });
        }
        *received += bytes.len() as u64;
        arriving.bytes[place].extend_from_slice(bytes);
        Ok(())
    }

    /// What is made.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Appends to `out` the bytes of the tensor that can be made now and have not been given.
    pub fn take(&mut self, out: &mut Vec<u8>) -> Result<(), RecipeError> {
        self.take_some(usize::MAX, out)
    }

    /// As [`Assembly::take`], but begins no row once `out` has `most` bytes.
    pub fn take_some(&mut self, most: usize, out: &mut Vec<u8>) -> Result<(), RecipeError> {
        let matrices = match &mut self.recipe {
            Recipe::Constant(bytes) => {
                out.append(bytes);
                return Ok(());
            }
            Recipe::Stack(matrices) => matrices,
        };
        while let (Some(matrix), Some(arriving)) =
            (matrices.get(self.matrix), self.arriving.get_mut(self.matrix))
        {
            let ready = arriving.rows_ready(matrix);
            if self.row < ready {
                self.values.resize(matrix.cols as usize, 0.0);
                let sources = Sources::new(matrix, &arriving.bytes, arriving.taken)?;
                let before: u64 = matrices[..self.matrix].iter().map(|matrix| matrix.rows).sum();
                while self.row < ready {
                    if out.len() >= most {
                        return Ok(());
                    }
                    let row = self.row;
                    let importance = self.importance.as_ref().map(|importance| (importance, before + row));
                    push_row(matrix, &sources, row, self.ty, &mut self.values, importance, out)?;
                    self.row += 1;
                }
            }
            if self.row < matrix.rows {
                arriving.forget_rows(matrix, self.row);
                return Ok(());
            }
            *arriving = Arriving::new(0);
            self.matrix += 1;
            self.row = 0;
        }
        Ok(())
    }
}

impl Arriving {
    fn new(sources: usize) -> Arriving {
        Arriving { bytes: vec![Vec::new(); sources], received: vec![0; sources], taken: 0 }
    }

    /// Rows from the first on that can be made.
    fn rows_ready(&self, matrix: &Matrix) -> u64 {
        let whole = |at: usize| matrix.spans.get(at).is_some_and(|span| self.received[at] == span.bytes);
        let sides = (1..matrix.spans.len()).all(whole);
        match matrix.storage.row_bytes(matrix.cols).filter(|_| matrix.streams()) {
            Some(row_bytes) if sides => self.received[0] / row_bytes.max(1),
            _ if sides && whole(0) => matrix.rows,
            _ => 0,
        }
    }

    /// Lets the bytes of the rows before `row` go, where no later row needs them.
    fn forget_rows(&mut self, matrix: &Matrix, row: u64) {
        if let Some(row_bytes) = matrix.storage.row_bytes(matrix.cols).filter(|_| matrix.streams()) {
            let done = row * row_bytes;
            self.bytes[0].drain(..(done - self.taken) as usize);
            self.taken = done;
        }
    }
}

fn push_row(
    matrix: &Matrix,
    sources: &Sources<'_>,
    row: u64,
    ty: BlockType,
    values: &mut [f32],
    importance: Option<(&Importance, u64)>,
    out: &mut Vec<u8>,
) -> Result<(), RecipeError> {
    let stored = matrix.order.stored(row);
    if ty == matrix.natural_type() && matrix.columns.is_none() && sources.push_exact(stored, ty, out)? {
        return Ok(());
    }
    sources.decode(stored, values)?;
    if let Some(columns) = matrix.columns {
        let stored = values.to_vec();
        for (at, value) in (0..).zip(values.iter_mut()) {
            *value = stored[columns.stored(at) as usize];
        }
    }
    if matrix.map != ElementMap::Same {
        values.iter_mut().for_each(|value| *value = matrix.map.apply(*value));
    }
    match importance {
        Some((importance, row)) => (importance.quantize)(ty, values, importance.of(row, values.len()), out)?,
        None => quantize(ty, values, out)?,
    }
    Ok(())
}
