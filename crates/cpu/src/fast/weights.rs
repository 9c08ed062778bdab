//! The weights of a plan, each in the form that its operations read, filled piece by piece.

use sotto_format::dequantize;
use sotto_plan::{Op, Plan, WeightId};

use super::matrix::{self, Matrix};
use crate::CpuError;

/// A weight.
enum Stored {
    /// A projection's, in panels.
    Matrix(Matrix),
    /// One row, as floats.
    Vector(Vec<f32>),
    /// As the file has it: tables that are only looked up, and what no fast form reads.
    File(Vec<u8>),
}

/// All weights of a plan.
pub struct Weights {
    stored: Vec<Stored>,
}

impl Weights {
    /// Room for the weights of `plan`; with `floats` its projections are held as such.
    pub fn new(plan: &Plan, floats: bool) -> Self {
        let early = &plan.ops[..early(plan)];
        let room = |(index, weight): (u32, &sotto_plan::Weight)| {
            if is_projected(&plan.ops, WeightId(index)) {
                let fine = is_projected(early, WeightId(index));
                Stored::Matrix(Matrix::new(weight, floats, fine))
            } else if weight.rows == 1 {
                Stored::Vector(vec![0.0; weight.cols])
            } else {
                Stored::File(Vec::with_capacity(weight.bytes() as usize))
            }
        };
        Weights { stored: (0..).zip(&plan.weights).map(room).collect() }
    }

    /// The matrix `id`, which an [`Op::Linear`] of the plan reads.
    pub fn matrix(&self, id: WeightId) -> &Matrix {
        match &self.stored[id.0 as usize] {
            Stored::Matrix(matrix) => matrix,
            _ => unreachable!("projections are stored as matrices"),
        }
    }

    /// The one row of `id`, which is no [`Op::Linear`]'s weight.
    pub fn vector(&self, id: WeightId) -> &[f32] {
        match &self.stored[id.0 as usize] {
            Stored::Vector(vector) => vector,
            _ => unreachable!("weights of one row are stored as vectors"),
        }
    }

    /// Writes row `row` of `id`.
    pub fn row(&self, plan: &Plan, id: WeightId, row: usize, out: &mut [f32]) {
        match &self.stored[id.0 as usize] {
            Stored::Matrix(matrix) => matrix.row(row, out),
            Stored::Vector(vector) => out.copy_from_slice(vector),
            Stored::File(bytes) => {
                let weight = plan.weight(id);
                let bytes = &bytes[row * weight.row_bytes()..][..weight.row_bytes()];
                dequantize(weight.ty, bytes, out).expect("rows are whole blocks");
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        let bytes = |stored: &Stored| match stored {
            Stored::Matrix(matrix) => matrix.bytes(),
            Stored::Vector(vector) => size_of_val(&vector[..]) as u64,
            Stored::File(bytes) => bytes.len() as u64,
        };
        self.stored.iter().map(bytes).sum()
    }

    /// The first matrix whose scales are not numbers.
    pub fn damaged(&self) -> Option<WeightId> {
        let damaged = |stored: &Stored| matches!(stored, Stored::Matrix(Matrix { damaged: true, .. }));
        self.stored.iter().position(damaged).map(|index| WeightId(index as u32))
    }
}

/// Bytes of all weights of `plan`, once they have come.
pub fn bytes_needed(plan: &Plan) -> u64 {
    let floats = holds_floats(plan);
    let bytes = |(index, weight): (u32, &sotto_plan::Weight)| {
        if is_projected(&plan.ops, WeightId(index)) {
            matrix::bytes_needed(weight, floats)
        } else if weight.rows == 1 {
            (weight.cols * size_of::<f32>()) as u64
        } else {
            weight.bytes()
        }
    };
    (0..).zip(&plan.weights).map(bytes).sum()
}

fn is_projected(ops: &[Op], id: WeightId) -> bool {
    ops.iter().any(|op| matches!(*op, Op::Linear { weight, .. } if weight == id))
}

/// How many operations `plan` begins with whose projections want activations in sixteen bits: the first eighth of its layers, and
/// the first layer at least.
///
/// What a layer adds to a token's state is there for all that follow. The embedding it begins with is small, so what the first
/// layers add is most of it, and an error there moves everything: of random weights, with the first of 8 to 24 layers as it is,
/// half of the logits' error is gone (`docs/performance.md`).
fn early(plan: &Plan) -> usize {
    /// A layer adds what its attention gives, and what its feed-forward part does.
    const SUMS_OF_LAYER: usize = 2;
    const PART: usize = 8;
    let mut sums = (0..).zip(&plan.ops).filter(|(_, op)| matches!(op, Op::Add { .. }));
    let wanted = (sums.clone().count() / PART).max(SUMS_OF_LAYER);
    sums.nth(wanted - 1).map_or(plan.ops.len(), |(index, _)| index)
}

/// Whether the projections of `plan` are held as floats, whatever the file's type: a small model can afford not to round its
/// activations at all, and is then as close to its reference as where all is f32. An encoder's answer is read off small
/// differences of its outputs.
pub fn holds_floats(plan: &Plan) -> bool {
    /// 128 MiB of f32.
    const MOST_OF_ENCODER: usize = 32 << 20;
    /// 16 MiB of f32.
    const MOST_OF_DECODER: usize = 4 << 20;
    let elements = |(index, weight): (u32, &sotto_plan::Weight)| {
        if is_projected(&plan.ops, WeightId(index)) { weight.rows * weight.cols } else { 0 }
    };
    let most = if plan.is_bidirectional() { MOST_OF_ENCODER } else { MOST_OF_DECODER };
    (0..).zip(&plan.weights).map(elements).sum::<usize>() <= most
}

/// Weights that are arriving. A row that came in part waits for its rest; nothing else is held twice.
pub struct Filling {
    weights: Weights,
    /// For each weight, bytes that came, and those of its last row if that is not whole.
    progress: Vec<(u64, Vec<u8>)>,
}

impl Filling {
    /// Room for the weights of `plan`; with `floats` its projections are held as such.
    pub fn new(plan: &Plan, floats: bool) -> Self {
        Filling { weights: Weights::new(plan, floats), progress: vec![(0, Vec::new()); plan.weights.len()] }
    }

    /// The next bytes of weight `id` as stored in the file; `offset` counts from the tensor's first byte.
    pub fn write(&mut self, plan: &Plan, id: WeightId, offset: u64, bytes: &[u8]) -> Result<(), CpuError> {
        let weight = plan.weight(id);
        let (came, part) = &mut self.progress[id.0 as usize];
        if offset != *came || bytes.len() as u64 > weight.bytes() - *came {
            return Err(CpuError::WriteOutOfOrder {
                name: weight.name.clone(),
                offset,
                expected: *came,
                total: weight.bytes(),
            });
        }
        let row_bytes = weight.row_bytes();
        let mut row = (*came / row_bytes.max(1) as u64) as usize;
        *came += bytes.len() as u64;
        let stored = &mut self.weights.stored[id.0 as usize];
        let mut put = |bytes: &[u8]| {
            match stored {
                Stored::Matrix(matrix) => matrix.put_row(row, bytes),
                Stored::Vector(vector) => {
                    dequantize(weight.ty, bytes, vector).expect("a row is whole blocks");
                }
                Stored::File(all) => all.extend_from_slice(bytes),
            }
            row += 1;
        };
        let mut rest = bytes;
        if !part.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(row_bytes - part.len()));
            part.extend_from_slice(head);
            rest = tail;
            if part.len() < row_bytes {
                return Ok(());
            }
            put(part);
            part.clear();
        }
        let rows = rest.chunks_exact(row_bytes);
        part.extend_from_slice(rows.remainder());
        rows.for_each(put);
        Ok(())
    }

    /// The weights, when all bytes came.
    pub fn finish(self, plan: &Plan) -> Result<Weights, CpuError> {
        for (weight, (came, _)) in plan.weights.iter().zip(&self.progress) {
            if *came != weight.bytes() {
                return Err(CpuError::MissingBytes {
                    name: weight.name.clone(),
                    got: *came,
                    total: weight.bytes(),
                });
            }
        }
        Ok(self.weights)
    }
}
