//! The dispatches of one kind of step, from nodes.

use std::cell::Cell;
use std::collections::HashMap;

use sotto_plan::{Attention, CacheId, Plan, Rows, ValueId, WeightId};

use super::arena::Assignment;
use super::node::{Node, Norm, Projection};
use crate::kernel::{Dispatch, Kernels, Slice};
use crate::kernels::attention::{self, AttentionShape, AttentionSlices};
use crate::kernels::linear::Linear;
use crate::kernels::matmul::{MatmulScratch, SPLIT_TOKENS, Tile};
use crate::kernels::qkv::Qkv;
use crate::kernels::{elementwise, embed, layer_norm, position, rms_norm};
use crate::kv::{KvBuffers, Segments};
use crate::tuning::{Tiles, Tuning};
use crate::weights::WeightStore;
use crate::{GpuError, KvType};

/// What programs bind besides weights.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub step: Slice,
    pub ids: Slice,
    /// The arena's slots.
    pub slots: Vec<Slice>,
    /// Values that are in no slot.
    pub pinned: HashMap<ValueId, Slice>,
    pub caches: Vec<KvBuffers>,
    /// The last rows that each state saw, by position modulo their number: `[ring, stride(width)]`.
    pub states: Vec<Slice>,
    pub attention_scratch: Slice,
    /// Keys and values of a step before they are rounded to bytes.
    pub kv_staging: KvBuffers,
    pub matmul_scratch: MatmulScratch,
    /// Biases of Q, K and V one after the other, by the weight of the first.
    pub joined_biases: HashMap<WeightId, Slice>,
    /// The plan's tables.
    pub tables: Vec<Slice>,
}

/// How many rows nodes work on, which decides their kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// One row.
    One,
    /// Many.
    Many,
}

/// What lowering reads.
pub(crate) struct Lowering<'a> {
    pub plan: &'a Plan,
    pub kernels: &'a Kernels,
    pub tuning: Tuning,
    pub weights: &'a WeightStore,
    pub buffers: &'a Buffers,
    pub kv_type: KvType,
    pub segments: Segments,
    pub slots: &'a Assignment,
    /// What products of many rows hold in their tiles.
    pub tiles: Tiles,
    /// The value that is in the scratch memory of products, rounded, at this point of the program.
    pub rounded: Cell<Option<ValueId>>,
    /// The routes by which rows are sorted in the scratch memory of products at this point of the program.
    pub sorted: Cell<Option<ValueId>>,
    /// Tokens of a step at most.
    pub most_tokens: usize,
}

impl Lowering<'_> {
    /// The dispatches of `nodes`, which have `size` rows.
    pub fn dispatches<'n>(
        &self,
        nodes: impl IntoIterator<Item = &'n Node>,
        size: Size,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let mut list = Vec::new();
        for node in nodes {
            list.extend(self.node(node, size)?);
        }
        Ok(list)
    }

    fn node(&self, node: &Node, size: Size) -> Result<Vec<Dispatch>, GpuError> {
        let step = &self.buffers.step;
        let one = |dispatch: Result<Dispatch, GpuError>| dispatch.map(|d| vec![d]);
        match *node {
            Node::Embed { table, scale, out } => {
                let (matrix, _) = self.weights.matrix(table);
                let dispatches =
                    embed::embed(self.kernels, matrix, scale, [&self.buffers.ids, self.slice(out)?, step])?;
                Ok(self.labelled(dispatches, table))
            }
            Node::AddRow { x, table, row, out } => {
                let (matrix, _) = self.weights.matrix(table);
                let slices = [self.slice(x)?, self.slice(out)?, step];
                Ok(self.labelled(embed::add_row(self.kernels, matrix, row, slices)?, table))
            }
            Node::LayerNorm { x, norm, bias, out } => {
                let slices = [self.slice(x)?, self.weights.vector(norm.weight), self.slice(out)?];
                let bias = bias.map(|id| self.weights.vector(id));
                one(layer_norm::layer_norm(self.kernels, self.tuning, self.shape(x), norm.eps, slices, bias))
            }
            Node::RmsNorm { x, norm, out } => {
                let value = self.plan.value(x);
                let shape = (value.rows, value.width, self.plan.weight(norm.weight).cols);
                let slices = [self.slice(x)?, self.weights.vector(norm.weight), self.slice(out)?];
                one(rms_norm::rms_norm(self.kernels, self.tuning, shape, norm.eps, slices))
            }
            Node::Linear { x, norm, projection, residual, out } => {
                let linear = Linear {
                    bias: projection.bias.map(|id| self.weights.vector(id)),
                    residual: residual.map(|id| self.slice(id)).transpose()?,
                    norm: self.norm(norm),
                    ..self.linear(x, projection.weight, out)?
                };
                Ok(self.labelled(self.product(x, &linear, size)?, projection.weight))
            }
            Node::GatedLinear { x, norm, gate, up: _, kind, out } => {
                let linear = self.linear(x, gate, out)?;
                let linear =
                    Linear { rows: 2 * linear.rows, norm: self.norm(norm), gated: Some(kind), ..linear };
                Ok(self.labelled(self.product(x, &linear, size)?, gate))
            }
            Node::Qkv { .. } => self.qkv(node, size),
            Node::Rope { x, ref rope, out } => {
                let frequencies = self.frequencies(rope)?;
                let width = self.plan.value(x).width;
                one(position::rope(
                    self.kernels,
                    rope,
                    width,
                    [self.slice(x)?, frequencies, self.slice(out)?, step],
                ))
            }
            Node::KvWrite { k, v, cache } => {
                let target = (self.cache(cache)?, self.segments);
                let slices = [self.slice(k)?, self.slice(v)?, step];
                let kind = (self.kv_type, self.plan.cache(cache));
                one(position::kv_write(self.kernels, kind, false, target, slices))
            }
            Node::Attention { q, cache, attention, out } => {
                let shape = self.attention_shape(cache, attention);
                let slices = AttentionSlices {
                    q: self.slice(q)?,
                    kv: self.cache(cache)?,
                    out: self.slice(out)?,
                    step,
                    scratch: &self.buffers.attention_scratch,
                    sinks: attention.sinks.map(|id| self.weights.vector(id)),
                };
                match size {
                    Size::One => attention::decode(self.kernels, &shape, slices),
                    Size::Many => attention::prefill(self.kernels, &shape, slices),
                }
            }
            Node::Gated { kind, gate, up, out } => {
                let slices = [self.slice(gate)?, self.slice(up)?, self.slice(out)?, step];
                one(elementwise::gated(self.kernels, kind, self.shape(out), slices))
            }
            Node::Add { a, b, out } => {
                let slices = [self.slice(a)?, self.slice(b)?, self.slice(out)?, step];
                one(elementwise::add(self.kernels, self.shape(out), slices))
            }
            Node::SelectOutputs { x, out } => {
                let slices = [self.slice(x)?, self.slice(out)?, step];
                one(elementwise::select_outputs(self.kernels, self.plan.value(x).width, slices))
            }
            Node::Plain(ref op) => self.plain(op, size),
        }
    }

    fn linear<'a>(&'a self, x: ValueId, weight: WeightId, out: ValueId) -> Result<Linear<'a>, GpuError> {
        let (matrix, first_row) = self.weights.matrix(weight);
        Ok(Linear {
            matrix,
            first_row,
            rows: self.plan.weight(weight).rows,
            x: self.slice(x)?,
            out: self.slice(out)?,
            step: &self.buffers.step,
            kind: self.plan.value(out).rows,
            bias: None,
            residual: None,
            norm: None,
            gated: None,
        })
    }

    fn product(&self, x: ValueId, linear: &Linear<'_>, size: Size) -> Result<Vec<Dispatch>, GpuError> {
        match size {
            Size::One => linear.matvec(self.kernels, self.tuning, 1),
            Size::Many if self.tuning.tiled_matmul => self.tiled_product(x, linear),
            Size::Many => linear.matmul_plain(self.kernels),
        }
    }

    fn tiled_product(&self, x: ValueId, linear: &Linear<'_>) -> Result<Vec<Dispatch>, GpuError> {
        let scratch = &self.buffers.matmul_scratch;
        // What gives logits is not rounded.
        let tiles = if linear.kind == Rows::Tokens { self.tiles } else { Tiles::Floats };
        let tile = linear.tile(self.kernels.device().facts(), tiles);
        let mut dispatches = Vec::new();
        dispatches.extend(self.rounded(x, tile, (linear.kind, linear.matrix.cols, 1), linear.x)?);
        let product = |tile| linear.matmul(self.kernels, tile, scratch);
        if tile.splits == 1 || self.most_tokens <= SPLIT_TOKENS {
            dispatches.extend(product(tile)?);
            return Ok(dispatches);
        }
        let few = SPLIT_TOKENS as u32;
        dispatches.extend(product(tile)?.into_iter().map(|dispatch| dispatch.when(0..=few)));
        let whole = product(Tile { splits: 1, ..tile })?;
        dispatches.extend(whole.into_iter().map(|dispatch| dispatch.when(few + 1..=u32::MAX)));
        Ok(dispatches)
    }

    /// Rounds `x` for `tile`, unless it was the last that was. Tiles of one program that want it rounded want it alike. `shape` is
    /// as [`MatmulScratch::round`] takes it.
    pub(super) fn rounded(
        &self,
        x: ValueId,
        tile: Tile,
        shape: (Rows, usize, usize),
        slice: &Slice,
    ) -> Result<Option<Dispatch>, GpuError> {
        if !tile.is_rounded() || self.rounded.replace(Some(x)) == Some(x) {
            return Ok(None);
        }
        let scratch = &self.buffers.matmul_scratch;
        scratch.round(self.kernels, tile.holds, shape, [slice, &self.buffers.step])
    }

    fn qkv(&self, node: &Node, size: Size) -> Result<Vec<Dispatch>, GpuError> {
        let Node::Qkv { x, norm, qkv, ref rope, cache, out } = *node else { return Ok(Vec::new()) };
        let rows = qkv.map(|p: Projection| self.plan.weight(p.weight).rows);
        let (matrix, first_row) = self.weights.matrix(qkv[0].weight);
        let staged = self.kv_type == KvType::Q8_0;
        let whole = Qkv {
            matrix,
            first_row,
            rows,
            rope,
            cache: self.plan.cache(cache),
            kv_type: self.kv_type,
            x: self.slice(x)?,
            out: self.slice(out)?,
            out_width: self.plan.value(out).width,
            kv: if staged { &self.buffers.kv_staging } else { self.cache(cache)? },
            segments: self.segments,
            step: &self.buffers.step,
            frequencies: self.frequencies(rope)?,
            norm: self.norm(norm),
            bias: self.buffers.joined_biases.get(&qkv[0].weight),
        };
        let tokens = if size == Size::One { 1 } else { MATVEC_TOKENS };
        let (v_matrix, v_first_row) = self.weights.matrix(qkv[2].weight);
        let mut dispatches = if std::ptr::eq(v_matrix, matrix) {
            vec![whole.dispatch(self.kernels, self.tuning, tokens)?]
        } else {
            let [q, k, v] = rows;
            let queries = Qkv { rows: [q, k, 0], ..whole };
            let values = Qkv { rows: [0, 0, v], matrix: v_matrix, first_row: v_first_row, ..whole };
            let values = Qkv { bias: self.buffers.joined_biases.get(&qkv[2].weight), ..values };
            vec![
                queries.dispatch(self.kernels, self.tuning, tokens)?,
                values.dispatch(self.kernels, self.tuning, tokens)?,
            ]
        };
        if let ([staging], true) = (&self.buffers.kv_staging.segments[..], staged) {
            let target = (self.cache(cache)?, self.segments);
            let slices = [staging, staging, &self.buffers.step];
            let kind = (self.kv_type, self.plan.cache(cache));
            dispatches.push(position::kv_write(self.kernels, kind, true, target, slices)?);
        }
        Ok(self.labelled(dispatches, qkv[0].weight))
    }

    pub(super) fn labelled(&self, mut dispatches: Vec<Dispatch>, weight: WeightId) -> Vec<Dispatch> {
        for dispatch in &mut dispatches {
            dispatch.label = format!("{} {}", dispatch.label, self.plan.weight(weight).name);
        }
        dispatches
    }

    fn norm(&self, norm: Option<Norm>) -> Option<(&Slice, f32)> {
        norm.map(|n| (self.weights.vector(n.weight), n.eps))
    }

    pub(super) fn shape(&self, value: ValueId) -> (Rows, usize) {
        let value = self.plan.value(value);
        (value.rows, value.width)
    }

    pub(super) fn slice(&self, value: ValueId) -> Result<&Slice, GpuError> {
        let slot = || self.slots.get(&value).and_then(|&slot| self.buffers.slots.get(slot));
        self.buffers.pinned.get(&value).or_else(slot).ok_or(GpuError::State { what: "a value has no memory" })
    }

    pub(super) fn attention_shape(&self, cache: CacheId, attention: Attention) -> AttentionShape {
        AttentionShape {
            cache: self.plan.cache(cache),
            attention,
            kv_type: self.kv_type,
            segments: self.segments,
        }
    }

    pub(super) fn cache(&self, id: CacheId) -> Result<&KvBuffers, GpuError> {
        self.buffers.caches.get(id.0 as usize).ok_or(GpuError::State { what: "a KV cache has no memory" })
    }

    fn frequencies(&self, rope: &sotto_plan::Rope) -> Result<&Slice, GpuError> {
        self.weights.frequencies(rope).ok_or(GpuError::State { what: "a rope has no frequencies" })
    }
}

/// Rows of x that `matvec.wgsl` takes at once in steps of many.
const MATVEC_TOKENS: u32 = 4;
