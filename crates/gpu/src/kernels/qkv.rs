//! `qkv.wgsl`: queries, keys and values in one product, with RoPE and the write to the KV cache.

use sotto_plan::{KvCache, Rope, RopeLayout, Rows};

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{rows_count, stride};
use crate::kv::{KvBuffers, Segments};
use crate::tuning::Tuning;
use crate::weights::Matrix;
use crate::{GpuError, KvType};

/// Rows `first_row..` of a matrix in one part: those of queries, keys and values, any of which may be none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Qkv<'a> {
    pub matrix: &'a Matrix,
    pub first_row: usize,
    /// Rows of queries, keys and values.
    pub rows: [usize; 3],
    pub rope: &'a Rope,
    pub cache: KvCache,
    pub kv_type: KvType,
    pub x: &'a Slice,
    /// Queries, rotated.
    pub out: &'a Slice,
    pub out_width: usize,
    /// For a Q8_0 cache, rows of f32 `[tokens, 2, n_kv_heads, head_dim]` that `kv_write.wgsl` takes from there.
    pub kv: &'a KvBuffers,
    pub segments: Segments,
    pub step: &'a Slice,
    /// Radians a position, as a uniform.
    pub frequencies: &'a Slice,
    pub norm: Option<(&'a Slice, f32)>,
    /// One element for each of `rows`.
    pub bias: Option<&'a Slice>,
}

/// Storage buffers that the kernel binds at most.
pub(crate) const STORAGE_BUFFERS: u32 = 8;

impl Qkv<'_> {
    /// For steps of few tokens: `tokens` (1 to 4) at once.
    pub fn dispatch(&self, kernels: &Kernels, tuning: Tuning, tokens: u32) -> Result<Dispatch, GpuError> {
        let rows = self.rows.iter().sum();
        let facts = kernels.device().facts();
        let shape = tuning.matvec(facts, self.matrix, rows, tokens, self.norm.is_some());
        let mut flags = self.matrix.packing.flags().to_vec();
        // Scales are of more elements than an invocation has.
        flags.extend_from_slice(if self.kv_type == KvType::Q8_0 {
            &["kv_staged"]
        } else {
            self.kv_type.flags()
        });
        flags.extend((self.rope.layout == RopeLayout::Halves).then_some("halves"));
        flags.extend(&shape.flags);
        flags.extend(self.norm.map(|_| "norm"));
        flags.extend(self.bias.map(|_| "bias"));
        let [q, k, v] = self.rows;
        let mut constants = vec![
            ("COLS", self.matrix.cols as f64),
            ("BLOCKS", self.matrix.row_blocks() as f64),
            ("X_STRIDE4", (stride(self.matrix.cols) / 4) as f64),
            ("OUT_STRIDE", stride(self.out_width) as f64),
            ("FIRST_ROW", self.first_row as f64),
            ("Q_ROWS", q as f64),
            ("K_ROWS", k as f64),
            ("V_ROWS", v as f64),
            ("KV_STRIDE", (self.cache.n_kv_heads * self.cache.head_dim) as f64),
            ("HEAD_DIM", self.rope.head_dim as f64),
            ("ROTARY_DIM", self.rope.rotary_dim as f64),
            ("POSITION_SCALE", f64::from(self.rope.position_scale)),
            ("MAGNITUDE", f64::from(self.rope.magnitude)),
        ];
        constants.extend(shape.constants.iter().map(|&(name, value)| (name, f64::from(value))));
        constants.extend(self.norm.map(|(_, eps)| ("EPS", f64::from(eps))));
        constants.extend(self.segments.constant());
        let pipeline = kernels.pipeline("qkv", &flags, &constants)?;
        let part = &self.matrix.parts[0];
        let mut bindings: Vec<(u32, &Slice)> = (0..).zip(&part.planes).collect();
        bindings.extend([(3, self.x), (4, self.out), (5, self.step)]);
        bindings.extend(self.norm.map(|(weight, _)| (8, weight)));
        bindings.push((9, self.frequencies));
        bindings.extend(self.bias.map(|bias| (10, bias)));
        // Four rows of the weight a group.
        let workgroups = (rows as u32).div_ceil(shape.rows);
        let grid = [rows_count(Rows::Tokens, tokens), Count::Fixed(workgroups), Count::Fixed(1)];
        let cache = (6, &self.kv.segments[..]);
        let mut made = kernels.dispatch_by_segment("qkv", &pipeline, &bindings, cache, grid);
        made.weight_bytes = self.matrix.bytes_of_rows(rows);
        Ok(made)
    }
}

#[cfg(test)]
#[path = "qkv_tests.rs"]
mod tests;
