//! All weights of a plan: which matrix each lies in, and the rope frequencies that derive from some.

use std::collections::HashMap;
use std::sync::Arc;

use sotto_format::{BlockType, dequantize};
use sotto_plan::{Factors, Op, Plan, Rope, WeightId};

use super::matrix::{Matrix, cuts};
use super::packing::Packing;
use super::upload::{Cursor, Uploader};
use crate::device::buffer_bytes;
use crate::kernel::{Kernels, Slice};
use crate::kernels::position::rope_frequencies;
use crate::lower::MAX_ROTARY_DIM;
use crate::{GpuDevice, GpuError};

/// Where a weight lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub matrix: usize,
    pub first_row: usize,
}

/// The weights of a plan in GPU memory.
#[derive(Debug)]
pub(crate) struct WeightStore {
    matrices: Vec<Matrix>,
    places: Vec<Place>,
    /// Rope settings and the frequencies of each, as a uniform.
    frequencies: Vec<(Rope, Slice)>,
}

/// How the weight `id` lies on the GPU: as a matrix where a projection or embedding reads it, else as f32.
pub(crate) fn packing_of(plan: &Plan, id: WeightId) -> Packing {
    let matrix = plan.ops.iter().any(|op| match *op {
        Op::Linear { weight, .. } | Op::ExpertLinear { weight, .. } => weight == id,
        Op::Embed { table, .. } | Op::AddRow { table, .. } | Op::Table { table, .. } => table == id,
        _ => false,
    });
    if matrix { Packing::of(plan.weight(id).ty) } else { Packing::F32 }
}

/// Which matrices there are, and where in them each weight lies.
pub(crate) struct Arrangement {
    matrices: Vec<Arranged>,
    places: Vec<Place>,
}

/// A matrix before it has memory.
struct Arranged {
    /// Its first weight, which has the others' columns.
    first: WeightId,
    packing: Packing,
    rows: usize,
}

impl Arrangement {
    /// Weights of a group lie in one matrix, one after the other.
    pub fn new(plan: &Plan, groups: &[Vec<WeightId>]) -> Arrangement {
        let mut matrices = Vec::new();
        let mut places: HashMap<WeightId, Place> = HashMap::new();
        let alone = (0..plan.weights.len()).map(|id| vec![WeightId(id as u32)]);
        for group in groups.iter().cloned().chain(alone) {
            if places.contains_key(&group[0]) {
                continue;
            }
            let mut rows = 0;
            for &id in &group {
                places.insert(id, Place { matrix: matrices.len(), first_row: rows });
                rows += plan.weight(id).rows;
            }
            matrices.push(Arranged { first: group[0], packing: packing_of(plan, group[0]), rows });
        }
        let places = (0..plan.weights.len() as u32).map(|id| places[&WeightId(id)]).collect();
        Arrangement { matrices, places }
    }

    /// Whether two weights lie in one matrix.
    pub fn together(&self, a: WeightId, b: WeightId) -> bool {
        self.places[a.0 as usize].matrix == self.places[b.0 as usize].matrix
    }

    /// Bytes of GPU memory that all of it takes on `device`.
    pub fn bytes(&self, device: &GpuDevice, plan: &Plan) -> Result<u64, GpuError> {
        let mut bytes = 0;
        for matrix in &self.matrices {
            let first = plan.weight(matrix.first);
            for cut in cuts(device, &first.name, matrix.packing, matrix.rows, first.cols)? {
                bytes += cut.planes.into_iter().map(buffer_bytes).sum::<u64>();
            }
        }
        Ok(bytes)
    }
}

impl WeightStore {
    /// Allocates room for all weights; those of a group lie in one matrix, one after the other.
    pub fn new(device: &GpuDevice, plan: &Plan, groups: &[Vec<WeightId>]) -> Result<WeightStore, GpuError> {
        let Arrangement { matrices, places } = Arrangement::new(plan, groups);
        let matrix = |m: &Arranged| {
            Matrix::new(device, &plan.weight(m.first).name, m.packing, m.rows, plan.weight(m.first).cols)
        };
        let matrices = matrices.iter().map(matrix).collect::<Result<_, _>>()?;
        let mut store = WeightStore { matrices, places, frequencies: Vec::new() };
        for op in &plan.ops {
            if let Op::Rope { rope, .. } = op
                && store.frequencies(rope).is_none()
            {
                let usage =
                    wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
                let bytes = (rope.rotary_dim.max(MAX_ROTARY_DIM) / 2 * size_of::<f32>()) as u64;
                let buffer = device.buffer("rope frequencies", bytes, usage)?;
                store.frequencies.push((*rope, Slice::whole(&buffer)));
            }
        }
        Ok(store)
    }

    /// The matrix that holds `id`, and its first row there.
    pub fn matrix(&self, id: WeightId) -> (&Matrix, usize) {
        let place = self.places[id.0 as usize];
        (&self.matrices[place.matrix], place.first_row)
    }

    /// A norm, bias or other vector: f32, padded with zeros to whole blocks of 32.
    pub fn vector(&self, id: WeightId) -> &Slice {
        &self.matrix(id).0.parts[0].planes[0]
    }

    /// Radians a position of `rope`, which is one of the plan's.
    pub fn frequencies(&self, rope: &Rope) -> Option<&Slice> {
        self.frequencies
            .iter()
            .find(|(known, _)| Rope { growth: None, ..*known } == Rope { growth: None, ..*rope })
            .map(|(_, slice)| slice)
    }

    /// Bytes of GPU memory.
    pub fn bytes(&self) -> u64 {
        self.matrices.iter().map(Matrix::bytes).sum()
    }
}

/// Fills a [`WeightStore`] from the bytes of a file.
#[derive(Debug)]
pub(crate) struct WeightWriter {
    uploader: Uploader,
    cursors: Vec<Cursor>,
    /// Bytes of the vectors that rope frequencies derive from.
    factors: HashMap<WeightId, Vec<u8>>,
}

impl WeightWriter {
    pub fn new(plan: &Plan, store: &WeightStore, kernels: &Arc<Kernels>) -> Result<WeightWriter, GpuError> {
        let uploader = Uploader::new(Arc::clone(kernels))?;
        let mut cursors = Vec::new();
        for (id, weight) in (0..).zip(&plan.weights) {
            let (matrix, first_row) = store.matrix(WeightId(id));
            cursors.push(uploader.cursor(matrix, weight.ty, first_row, weight.rows)?);
        }
        let factor = |op: &Op| match op {
            Op::Rope { rope: Rope { factors: Some(Factors::Weight(id)), .. }, .. } => Some((*id, Vec::new())),
            _ => None,
        };
        let factors = plan.ops.iter().filter_map(factor).collect();
        Ok(WeightWriter { uploader, cursors, factors })
    }

    /// Has the weights `ids`, of which nothing has come, come as rows of floats of type `ty`, to be quantised on the GPU;
    /// `false`, and all stays as it is, where no kernel makes one of them.
    pub fn take_floats(
        &mut self,
        plan: &Plan,
        store: &WeightStore,
        ids: &[WeightId],
        ty: BlockType,
    ) -> Result<bool, GpuError> {
        if !ids.iter().all(|&id| store.matrix(id).0.packing.quantizing_flags(ty).is_some()) {
            return Ok(false);
        }
        for &id in ids {
            let (matrix, first_row) = store.matrix(id);
            let cursor = self.uploader.cursor(matrix, ty, first_row, plan.weight(id).rows)?;
            self.cursors[id.0 as usize] = cursor;
        }
        Ok(true)
    }

    /// The next bytes of weight `id`.
    pub fn write(
        &mut self,
        plan: &Plan,
        store: &WeightStore,
        id: WeightId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), GpuError> {
        let cursor = &mut self.cursors[id.0 as usize];
        if offset != cursor.written || bytes.len() as u64 > cursor.bytes - cursor.written {
            return Err(GpuError::WriteOrder {
                tensor: plan.weight(id).name.clone(),
                offset,
                expected: cursor.written,
                bytes: cursor.bytes,
            });
        }
        if let Some(kept) = self.factors.get_mut(&id) {
            kept.extend_from_slice(bytes);
        }
        self.uploader.write(store.matrix(id).0, cursor, bytes)
    }

    /// Checks that every byte came, and computes what derives from weights.
    pub fn finish(self, device: &GpuDevice, plan: &Plan, store: &WeightStore) -> Result<(), GpuError> {
        for (weight, cursor) in plan.weights.iter().zip(&self.cursors) {
            if cursor.written != cursor.bytes {
                return Err(GpuError::MissingBytes {
                    tensor: weight.name.clone(),
                    written: cursor.written,
                    bytes: cursor.bytes,
                });
            }
        }
        for (rope, slice) in &store.frequencies {
            let factors = match rope.factors {
                Some(Factors::Weight(id)) => Some(self.factor_values(plan, id)?),
                Some(Factors::Table(id)) => Some(plan.table(id).to_vec()),
                None => None,
            };
            let frequencies = rope_frequencies(rope, factors.as_deref());
            device.queue().write_buffer(&slice.buffer, 0, bytemuck::cast_slice(&frequencies));
        }
        Ok(())
    }

    fn factor_values(&self, plan: &Plan, id: WeightId) -> Result<Vec<f32>, GpuError> {
        let weight = plan.weight(id);
        let mut values = vec![0.0; weight.cols];
        let bytes = self.factors.get(&id).map_or(&[][..], Vec::as_slice);
        dequantize(weight.ty, bytes, &mut values)
            .map_err(|e| GpuError::Unsupported { what: format!("tensor \"{}\": {e}", weight.name) })?;
        Ok(values)
    }
}
