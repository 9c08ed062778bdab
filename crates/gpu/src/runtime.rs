//! What a loaded model is made of on the GPU: weights, buffers, and the programs over them.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use sotto_plan::{KvCache, Op, Plan, Rows, ValueId, WeightId};

use crate::error::Smaller;
use crate::kernel::{Dispatch, Kernels, Slice, Step};
use crate::kernels::attention::{AttentionShape, scratch_bytes};
use crate::kernels::matmul::{MatmulScratch, Room, Tile};
use crate::kernels::{delta_net, qkv, short_conv};
use crate::kv::{KvBuffers, Segments, add_segment, position_bytes};
use crate::layout::Layout;
use crate::lower::{Assignment, Buffers, Capacity, Fusions, Lowering, Node, Projection, Size, matrix_uses};
use crate::sampler::Sampler;
use crate::tuning::{Tiles, Tuning};
use crate::weights::{WeightStore, fits_one_part, packing_of};
use crate::{GpuDevice, GpuError, KvType, ModelOptions};

/// Logits that a step may compute at most, in bytes; more rows go in several steps.
const OUTPUT_BYTES: usize = 16 << 20;

/// The dispatches of every kind of step.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    /// One token and its output; or a few, each computed as it would be alone, since the same pipelines run for each.
    pub decode: Vec<Dispatch>,
    /// Many tokens, up to the selection of outputs.
    pub prefill: Vec<Dispatch>,
    /// The output of one token.
    pub head_one: Vec<Dispatch>,
    /// The outputs of many tokens.
    pub head_many: Vec<Dispatch>,
}

/// A program's nodes and where their values are.
#[derive(Debug)]
pub(crate) struct Planned {
    pub nodes: Vec<Node>,
    pub slots: Assignment,
}

/// A model's memory and programs.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub plan: Plan,
    pub kernels: Arc<Kernels>,
    pub options: ModelOptions,
    pub weights: WeightStore,
    pub buffers: Buffers,
    pub programs: Programs,
    /// Bytes of weights that a decode step reads.
    pub decode_weight_bytes: u64,
    pub sampler: Sampler,
    pub capacity: Capacity,
    /// How the KV cache grows.
    pub segments: Segments,
    /// Segments that it has.
    n_segments: usize,
    /// The plan's result: logits `[outputs, stride(vocab)]`.
    pub output: ValueId,
    tuning: Tuning,
    decode: Planned,
    prefill: Planned,
}

/// A model's memory, before its programs.
#[derive(Debug)]
pub(crate) struct Allocated {
    plan: Plan,
    layout: Layout,
    weights: WeightStore,
    segments: Segments,
    buffers: Buffers,
}

impl Allocated {
    /// All memory but the sampler's.
    pub fn new(device: &GpuDevice, plan: Plan, options: &ModelOptions) -> Result<Allocated, GpuError> {
        let layout = Layout::new(device, &plan, options)?;
        let Layout { options, output, tuning, decode, prefill, groups, capacity, arena } = &layout;
        let (output, tuning, capacity) = (*output, *tuning, *capacity);
        let weights = WeightStore::new(device, &plan, groups)?;
        let segments = segments(&plan, options);
        let first = add_segment(device, &plan, options, segments, 0)?;
        let caches = first.into_iter().map(|first| KvBuffers { segments: vec![first] }).collect();
        let programs = [&decode.nodes[..], &prefill.nodes];
        let scratch = attention_scratch_bytes(device, programs, &plan, options, capacity);
        let buffers = Buffers {
            step: state(device, "step", size_of::<Step>())?,
            ids: state(device, "token ids", 4 * capacity.tokens)?,
            slots: arena.allocate(device)?,
            pinned: HashMap::from([(
                output,
                state(device, "logits", capacity.bytes(&plan, output) as usize)?,
            )]),
            caches,
            states: states(device, &plan)?,
            attention_scratch: state(device, "attention", scratch)?,
            kv_staging: KvBuffers {
                segments: vec![state(
                    device,
                    "new keys and values",
                    kv_staging_bytes(&plan, options, capacity),
                )?],
            },
            matmul_scratch: {
                let room = matmul_room(device, tuning, &plan, options, &prefill.nodes, capacity);
                MatmulScratch::new(device, room)?
            },
            joined_biases: joined_biases(device, &plan, &decode.nodes, &weights)?,
            tables: tables(device, &plan)?,
        };
        Ok(Allocated { plan, layout, weights, segments, buffers })
    }

    /// Compiles the programs and binds the memory to them.
    pub fn program(self, kernels: Arc<Kernels>) -> Result<Runtime, GpuError> {
        let Allocated { plan, layout, weights, segments, buffers } = self;
        let Layout { options, output, tuning, decode, prefill, capacity, .. } = layout;
        let sampler = Sampler::new(
            &kernels,
            plan.output_width(),
            [&buffers.pinned[&output], &buffers.step, &buffers.ids],
        )?;
        let mut runtime = Runtime {
            kernels,
            options,
            weights,
            buffers,
            programs: Programs::default(),
            decode_weight_bytes: 0,
            sampler,
            capacity,
            segments,
            n_segments: 1,
            output,
            tuning,
            decode,
            prefill,
            plan,
        };
        runtime.programs = runtime.lower()?;
        runtime.decode_weight_bytes = runtime.programs.decode.iter().map(|d| d.weight_bytes).sum();
        Ok(runtime)
    }
}

impl Runtime {
    fn lower(&self) -> Result<Programs, GpuError> {
        let of = |slots| Lowering {
            plan: &self.plan,
            kernels: &self.kernels,
            tuning: self.tuning,
            weights: &self.weights,
            buffers: &self.buffers,
            kv_type: self.options.kv_type,
            segments: self.segments,
            slots,
            tiles: tiles(self.tuning, &self.plan, &self.options),
            rounded: Cell::new(None),
            sorted: Cell::new(None),
            most_tokens: self.capacity.tokens,
        };
        let (decode, prefill) = (of(&self.decode.slots), of(&self.prefill.slots));
        let rows = |node: &Node| node.out().map_or(Rows::Tokens, |out| self.plan.value(out).rows);
        let body = || self.prefill.nodes.iter().filter(|n| rows(n) != Rows::Outputs);
        let head = || self.prefill.nodes.iter().filter(|n| rows(n) == Rows::Outputs);
        Ok(Programs {
            // An encoder never continues a sequence.
            decode: match self.plan.is_bidirectional() {
                true => Vec::new(),
                false => decode.dispatches(&self.decode.nodes, Size::One)?,
            },
            prefill: prefill.dispatches(body(), Size::Many)?,
            head_one: prefill.dispatches(head(), Size::One)?,
            head_many: prefill.dispatches(head(), Size::Many)?,
        })
    }

    /// Makes room for `positions` positions in the KV cache, up to the context.
    pub async fn grow(&mut self, positions: usize) -> Result<(), GpuError> {
        let limit = self.options.context_length;
        if positions > limit {
            return Err(GpuError::ContextLength { needed: positions, limit });
        }
        let needed = self.segments.of(positions.saturating_sub(1)) + 1;
        if needed <= self.n_segments {
            return Ok(());
        }
        let device = self.kernels.device().clone();
        for segment in self.n_segments..needed {
            let position_bytes = position_bytes(&self.plan, &self.options);
            let bytes = self.segments.positions(segment) as u64 * position_bytes;
            let add = || add_segment(&device, &self.plan, &self.options, self.segments, segment);
            let room = self.segments.end(segment - 1);
            let added = device.allocating("more room for keys and values", bytes, add).await;
            // What is there has room for so many.
            let smaller = Smaller { context: room, bytes: room as u64 * position_bytes };
            let added = added.map_err(|error| error.or_smaller(smaller))?;
            self.buffers.caches.iter_mut().zip(added).for_each(|(cache, slice)| cache.segments.push(slice));
            self.n_segments = segment + 1;
        }
        self.programs = self.lower()?;
        device.check()
    }

    /// Copies the biases of Q, K and V, which have come by now, one after the other.
    pub fn join_biases(&self) {
        let device = self.kernels.device();
        let mut encoder = device.wgpu().create_command_encoder(&Default::default());
        for node in &self.decode.nodes {
            let Node::Qkv { qkv, .. } = node else { continue };
            let mut at = 0;
            let mut target = self.buffers.joined_biases.get(&qkv[0].weight);
            for projection in qkv {
                if let Some(own) = self.buffers.joined_biases.get(&projection.weight)
                    && projection.weight != qkv[0].weight
                {
                    (target, at) = (Some(own), 0);
                }
                if let (Some(bias), Some(target)) = (projection.bias, target) {
                    let bytes = 4 * self.plan.weight(bias).cols as u64;
                    encoder.copy_buffer_to_buffer(
                        &self.weights.vector(bias).buffer,
                        0,
                        &target.buffer,
                        at,
                        bytes,
                    );
                    at += bytes;
                }
            }
        }
        device.queue().submit([encoder.finish()]);
    }
}

/// Which fusions decode and prefill take.
pub(crate) fn fusions(device: &GpuDevice, options: &ModelOptions) -> [Fusions; 2] {
    let biased_qkv = device.facts().max_storage_buffers >= qkv::STORAGE_BUFFERS;
    let [decode, prefill] =
        if options.fuse { [Fusions::ONE_ROW, Fusions::MATMUL] } else { [Fusions::NONE; 2] };
    [Fusions { biased_qkv, ..decode }, Fusions { biased_qkv, ..prefill }]
}

/// Whether weights may lie in one matrix: alike, each read by one projection, and small enough for one binding.
pub(crate) fn can_group(device: &GpuDevice, plan: &Plan, ids: &[WeightId]) -> bool {
    let Some(&first) = ids.first() else { return false };
    let (packing, cols) = (packing_of(plan, first), plan.weight(first).cols);
    let alike = |&id: &WeightId| {
        let weight = plan.weight(id);
        // Whole units each, so that every weight begins at a whole word of every plane.
        packing_of(plan, id) == packing
            && weight.cols == cols
            && weight.rows.is_multiple_of(2)
            && packing.whole_units(weight.rows, cols)
            && matrix_uses(plan, id) == 1
    };
    let rows = ids.iter().map(|&id| plan.weight(id).rows).sum();
    ids.iter().all(alike) && fits_one_part(device, packing, rows, cols)
}

pub(crate) fn capacity(plan: &Plan, options: &ModelOptions) -> Capacity {
    if plan.is_bidirectional() {
        // A sequence runs in one step.
        let tokens = options.context_length.max(1);
        return Capacity { tokens, outputs: tokens };
    }
    let tokens = options.max_batch_tokens.clamp(1, options.context_length.max(1));
    let outputs = (OUTPUT_BYTES / (4 * plan.output_width().max(1))).clamp(1, tokens);
    Capacity { tokens, outputs }
}

/// A small buffer that kernels and the CPU both write.
fn state(device: &GpuDevice, label: &str, bytes: usize) -> Result<Slice, GpuError> {
    let usage = wgpu::BufferUsages::STORAGE
        | wgpu::BufferUsages::UNIFORM
        | wgpu::BufferUsages::COPY_DST
        | wgpu::BufferUsages::COPY_SRC;
    Ok(Slice::whole(&device.buffer(label, bytes as u64, usage)?))
}

/// How the KV cache of a plan grows. An encoder's is there from the start: it reads a sequence in one step.
pub(crate) fn segments(plan: &Plan, options: &ModelOptions) -> Segments {
    if plan.is_bidirectional() {
        return Segments::one(options.context_length);
    }
    Segments::new(options.context_length, options.first_positions)
}

fn states(device: &GpuDevice, plan: &Plan) -> Result<Vec<Slice>, GpuError> {
    let memory = |&s: &sotto_plan::State| state(device, "state", state_bytes(s) as usize);
    plan.states.iter().map(memory).collect()
}

/// Bytes of what keeps `state`.
pub(crate) fn state_bytes(state: sotto_plan::State) -> u64 {
    if state.made_over { delta_net::state_bytes(state) } else { short_conv::ring_bytes(state) }
}

/// The plan's tables of numbers, for kernels that read one.
fn tables(device: &GpuDevice, plan: &Plan) -> Result<Vec<Slice>, GpuError> {
    let table = |numbers: &Vec<f32>| {
        let slice = state(device, "table", 4 * numbers.len().max(4))?;
        device.queue().write_buffer(&slice.buffer, 0, bytemuck::cast_slice(numbers));
        Ok(slice)
    };
    plan.tables.iter().map(table).collect()
}

pub(crate) fn attention_scratch_bytes(
    device: &GpuDevice,
    programs: [&[Node]; 2],
    plan: &Plan,
    options: &ModelOptions,
    capacity: Capacity,
) -> usize {
    let scratch = |node: &Node| match *node {
        Node::Attention { cache, attention, .. } => {
            let shape = AttentionShape {
                cache: plan.cache(cache),
                attention,
                kv_type: options.kv_type,
                segments: segments(plan, options),
            };
            scratch_bytes(device.facts(), &shape, capacity.few(), capacity.tokens) as usize
        }
        _ => 0,
    };
    programs.into_iter().flatten().map(scratch).max().unwrap_or(0)
}

/// Bytes of a decode step's keys and values as floats, where they become bytes after the fused product that gives them. A
/// prefill has no such product.
pub(crate) fn kv_staging_bytes(plan: &Plan, options: &ModelOptions, capacity: Capacity) -> usize {
    if options.kv_type != KvType::Q8_0 {
        return 0;
    }
    let row = |cache: &KvCache| 2 * cache.n_kv_heads * cache.head_dim;
    4 * capacity.few() * plan.caches.iter().map(row).max().unwrap_or(0)
}

/// What products of many rows hold in their tiles. Activations rounded to eight bits are as exact as an f16 cache; an encoder's
/// answer is too close to its activations.
fn tiles(tuning: Tuning, plan: &Plan, options: &ModelOptions) -> Tiles {
    if options.kv_type == KvType::F32 || plan.is_bidirectional() { Tiles::Floats } else { tuning.tiles }
}

/// The room that products of many rows need besides their results.
pub(crate) fn matmul_room(
    device: &GpuDevice,
    tuning: Tuning,
    plan: &Plan,
    options: &ModelOptions,
    nodes: &[Node],
    capacity: Capacity,
) -> Room {
    let (facts, tokens) = (device.facts(), capacity.tokens);
    let tiles = tiles(tuning, plan, options);
    let shape = |id: WeightId| (plan.weight(id).rows, plan.weight(id).cols);
    let room = |node: &Node| match *node {
        Node::Linear { projection: Projection { weight, .. }, out, .. }
            if tuning.tiled_matmul && plan.value(out).rows == Rows::Tokens =>
        {
            let (rows, cols) = shape(weight);
            let tile = Tile::of(facts, packing_of(plan, weight), (rows, cols), tiles);
            Room::of_product(tile, tokens, cols, rows)
        }
        Node::Plain(Op::ExpertLinear { x, routes, weight, out, .. })
            if plan.value(out).rows == Rows::Tokens =>
        {
            let ((rows, cols), n_used) = (shape(weight), plan.value(routes).width / 2);
            let order = Room::of_order(rows * n_used / plan.value(out).width, tokens * n_used);
            if !tuning.tiled_matmul {
                return order;
            }
            let tile = Tile::of_experts(facts, packing_of(plan, weight), tiles);
            order.max(Room::of_product(tile, tokens * plan.value(x).width / cols, cols, rows))
        }
        _ => Room::default(),
    };
    nodes.iter().map(room).fold(Room::default(), Room::max)
}

fn joined_biases(
    device: &GpuDevice,
    plan: &Plan,
    nodes: &[Node],
    weights: &WeightStore,
) -> Result<HashMap<WeightId, Slice>, GpuError> {
    let together = |a, b| std::ptr::eq(weights.matrix(a).0, weights.matrix(b).0);
    joined_bias_bytes(plan, nodes, together)
        .map(|(weight, bytes)| Ok((weight, state(device, "biases", bytes)?)))
        .collect()
}

/// The biases of Q, K and V that lie one after the other: the first's weight, and their bytes. `together` says whether two
/// weights lie in one matrix.
pub(crate) fn joined_bias_bytes(
    plan: &Plan,
    nodes: &[Node],
    together: impl Fn(WeightId, WeightId) -> bool,
) -> impl Iterator<Item = (WeightId, usize)> {
    nodes.iter().flat_map(move |node| {
        let Node::Qkv { qkv, .. } = node else { return Vec::new() };
        if qkv[0].bias.is_none() {
            return Vec::new();
        }
        let rows = qkv.map(|p| plan.weight(p.weight).rows);
        if together(qkv[0].weight, qkv[2].weight) {
            vec![(qkv[0].weight, 4 * rows.iter().sum::<usize>())]
        } else {
            vec![(qkv[0].weight, 4 * (rows[0] + rows[1])), (qkv[2].weight, 4 * rows[2])]
        }
    })
}
