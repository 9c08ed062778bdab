//! Products of many rows at once: the tiles of `matmul.wgsl` and `matmul_int8.wgsl`, and what goes before and after them.

use sotto_plan::Rows;

use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_constant, rows_count, rows_flag, stride};
use crate::tuning::Tiles;
use crate::weights::Packing;
use crate::{DeviceFacts, GpuDevice, GpuError};

/// How a product is divided: a workgroup of `w_threads * x_threads` invocations takes 8 rows of the weight and 8 or 4 of x
/// for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Invocations along the rows of the weight; a multiple of 8.
    pub w_threads: u32,
    /// Invocations along the rows of x; a multiple of 8 that divides 16.
    pub x_threads: u32,
    /// Rows of x an invocation: 8 or 4.
    pub x_each: u32,
    /// Workgroups that the columns are dealt out to.
    pub splits: u32,
    /// What both operands are. x comes from [`MatmulScratch::round`] before, unless they are floats.
    pub holds: Tiles,
}

/// Rows of the weight times splits at most. A product of 512 tokens then has 512 workgroups of [`Tile::WIDE`]: on an NVIDIA H200
/// 2048 x 8192 weights ran at 15 T operations/s with a fourth of them, and at 22 with all.
const SPLIT_ROWS: usize = 8192;
/// The same for bytes, which want fewer: 512 x 2048 weights ran at 14 T operations/s whole and at 26 in four parts, 2048 x 2048 at 42
/// and 34.
const SPLIT_ROWS_OF_BYTES: usize = 2048;
/// Tokens of a step up to which products are split: of more there are workgroups enough, and partial sums would take room.
pub(crate) const SPLIT_TOKENS: usize = 512;
/// Steps of 128 columns that a split has at least.
const SPLIT_STEPS: usize = 4;

impl Tile {
    /// 128 rows of the weight by 64 of x: least traffic a sum.
    pub const WIDE: Tile = Tile { w_threads: 16, x_threads: 8, x_each: 8, splits: 1, holds: Tiles::Floats };
    /// 64 by 64, on every device.
    pub const SMALL: Tile = Tile { w_threads: 8, x_threads: 16, x_each: 4, splits: 1, holds: Tiles::Floats };

    /// The tile for a weight of `rows` rows of `cols` elements that holds `tiles`, where weight and device suit that.
    pub fn of(facts: &DeviceFacts, packing: Packing, (rows, cols): (usize, usize), tiles: Tiles) -> Tile {
        let splits = |most: usize| {
            let wanted = most / rows.clamp(512, most).next_power_of_two();
            wanted.min(cols / (128 * SPLIT_STEPS)).max(1) as u32
        };
        let holds = held(facts, packing, tiles);
        let bytes = Tile { holds, splits: splits(SPLIT_ROWS_OF_BYTES), ..Tile::SMALL };
        if holds == Tiles::Bytes && bytes.fits(facts) {
            return bytes;
        }
        let holds = if holds == Tiles::Bytes { Tiles::Floats } else { holds };
        let wide = Tile { holds, ..Tile::WIDE };
        let tile = if wide.fits(facts) { wide } else { Tile { holds, ..Tile::SMALL } };
        Tile { splits: splits(SPLIT_ROWS), ..tile }
    }

    /// The tile for experts, which have few rows of x each.
    pub fn of_experts(facts: &DeviceFacts, packing: Packing, tiles: Tiles) -> Tile {
        let holds = held(facts, packing, tiles);
        let wide = Tile { w_threads: 16, x_threads: 8, x_each: 4, splits: 1, holds };
        if wide.fits(facts) { wide } else { Tile { w_threads: 8, ..wide } }
    }

    /// Whether a workgroup of the device can hold it.
    pub fn fits(self, facts: &DeviceFacts) -> bool {
        self.w_threads * self.x_threads <= facts.max_invocations
            && self.workgroup_bytes() <= facts.max_workgroup_bytes
            && can_hold(facts, self.holds)
    }

    /// Bytes of workgroup memory: 128 bytes of each row, and of bytes four scales, in pairs where there are offsets; 64 bytes of
    /// halves, and of the weight's a scale.
    fn workgroup_bytes(self) -> u32 {
        let rows = self.w_rows() + self.x_rows();
        match self.holds {
            Tiles::Bytes => rows * (128 + 32),
            Tiles::Floats => rows * 128,
            Tiles::Halves => rows * 64,
            Tiles::HalfSums => rows * 64 + 4 * self.w_rows(),
        }
    }

    /// Whether x comes from [`MatmulScratch::round`].
    pub fn is_rounded(self) -> bool {
        self.holds != Tiles::Floats
    }

    /// Rows of the weight a workgroup takes.
    pub fn w_rows(self) -> u32 {
        8 * self.w_threads
    }

    /// Rows of x a workgroup takes.
    pub fn x_rows(self) -> u32 {
        self.x_each * self.x_threads
    }

    /// The shader that computes with it.
    pub fn shader(self) -> &'static str {
        if self.holds == Tiles::Bytes { "matmul_int8" } else { "matmul" }
    }

    /// The flags that select it there.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.x_each == 4, "x4"),
            (self.splits > 1, "split"),
            (matches!(self.holds, Tiles::Halves | Tiles::HalfSums), "f16"),
            (self.holds == Tiles::HalfSums, "f16_sums"),
        ];
        flags.into_iter().filter_map(|(holds, flag)| holds.then_some(flag))
    }

    /// Its constants there, for rows of `cols` elements.
    pub fn constants(self, cols: usize) -> impl Iterator<Item = (&'static str, f64)> {
        let operand = match self.holds {
            Tiles::Bytes => ("X_BLOCKS", byte_blocks(cols) as f64),
            Tiles::Floats => ("X_STRIDE4", (stride(cols) / 4) as f64),
            Tiles::Halves | Tiles::HalfSums => ("X_STRIDE4", half_quads(cols) as f64),
        };
        [("W_THREADS", f64::from(self.w_threads)), ("X_THREADS", f64::from(self.x_threads)), operand]
            .into_iter()
    }
}

/// What a product with a weight of `packing` holds on the device where `tiles` are wanted.
fn held(facts: &DeviceFacts, packing: Packing, tiles: Tiles) -> Tiles {
    match tiles {
        _ if !can_hold(facts, tiles) => Tiles::Floats,
        Tiles::Halves | Tiles::HalfSums if packing == Packing::F16 => Tiles::Halves,
        _ if packing.is_quantised() => tiles,
        _ => Tiles::Floats,
    }
}

/// Whether shaders of the device can compute with what `tiles` hold.
fn can_hold(facts: &DeviceFacts, tiles: Tiles) -> bool {
    match tiles {
        Tiles::Bytes => has_dot4(),
        Tiles::Floats => true,
        Tiles::Halves | Tiles::HalfSums => facts.f16,
    }
}

/// Whether shaders know `dot4I8Packed`, which naga does and browsers say.
#[cfg(not(target_arch = "wasm32"))]
fn has_dot4() -> bool {
    true
}

#[cfg(target_arch = "wasm32")]
fn has_dot4() -> bool {
    crate::browser::has_language_feature("packed_4x8_integer_dot_product")
}

/// Blocks of 32 of a row in bytes, whole steps of the product.
fn byte_blocks(cols: usize) -> usize {
    cols.div_ceil(128) * 4
}

/// Quads of a row of halves, whole blocks of 32.
fn half_quads(cols: usize) -> usize {
    cols.div_ceil(32) * 8
}

/// What tiled products of a model keep between kernels.
#[derive(Debug)]
pub(crate) struct MatmulScratch {
    /// x in bytes, `[tokens, byte_blocks, 32]`, or in halves, `[tokens, half_quads, 4]`.
    rounded: Slice,
    /// Of bytes `[tokens, byte_blocks, 2]` f32: scales, and scales times sums. Of halves `[tokens]` f32.
    scales: Slice,
    /// Sums of splits, `[splits, tokens, rows]`.
    partials: Slice,
    /// Rows by expert, as `expert_order.wgsl` sorts them.
    order: Slice,
}

/// How much room products need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of x as it is rounded.
    rounded: usize,
    /// Numbers of its scales.
    scales: usize,
    /// Sums of splits.
    partials: usize,
    /// Numbers that the rows sorted by expert take.
    order: usize,
}

impl Room {
    /// For `rows` rows of `cols` elements of x, with a weight of `weight_rows`.
    pub fn of_product(tile: Tile, rows: usize, cols: usize, weight_rows: usize) -> Room {
        let (rounded, scales) = match tile.holds {
            Tiles::Bytes => (rows * byte_blocks(cols) * 32, rows * byte_blocks(cols) * 2),
            Tiles::Floats => (0, 0),
            Tiles::Halves | Tiles::HalfSums => (rows * half_quads(cols) * 8, rows),
        };
        let split = if tile.splits > 1 { tile.splits as usize } else { 0 };
        Room { rounded, scales, partials: split * rows.min(SPLIT_TOKENS) * weight_rows, order: 0 }
    }

    /// For `pairs` pairs of a row and an expert.
    pub fn of_order(n_experts: usize, pairs: usize) -> Room {
        Room { order: n_experts + 1 + pairs, ..Room::default() }
    }

    /// What is enough for both, one after the other.
    pub fn max(self, other: Room) -> Room {
        Room {
            rounded: self.rounded.max(other.rounded),
            scales: self.scales.max(other.scales),
            partials: self.partials.max(other.partials),
            order: self.order.max(other.order),
        }
    }

    /// Bytes of the buffers.
    pub fn sizes(self) -> [usize; 4] {
        [self.rounded, 4 * self.scales, 4 * self.partials, 4 * self.order]
    }
}

impl MatmulScratch {
    pub fn new(device: &GpuDevice, room: Room) -> Result<MatmulScratch, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let slice = |bytes: usize| Ok(Slice::whole(&device.buffer("matmul", bytes as u64, usage)?));
        let [rounded, scales, partials, order] = room.sizes();
        Ok(MatmulScratch {
            rounded: slice(rounded)?,
            scales: slice(scales)?,
            partials: slice(partials)?,
            order: slice(order)?,
        })
    }

    /// The buffers: x as it is rounded, its scales, partial sums, rows by expert.
    pub fn slices(&self) -> [&Slice; 4] {
        [&self.rounded, &self.scales, &self.partials, &self.order]
    }

    /// x of the products that follow, as their tiles hold it: rows of `cols` elements, `slots` for each of the step's. None where
    /// it is taken as it is.
    pub fn round(
        &self,
        kernels: &Kernels,
        holds: Tiles,
        (kind, cols, slots): (Rows, usize, usize),
        [x, step]: [&Slice; 2],
    ) -> Result<Option<Dispatch>, GpuError> {
        let (shader, own, workgroups) = match holds {
            Tiles::Floats => return Ok(None),
            Tiles::Bytes => {
                let blocks = byte_blocks(cols) as u32;
                ("quantize_rows", ("X_BLOCKS", f64::from(blocks)), blocks.div_ceil(WORKGROUP))
            }
            Tiles::Halves | Tiles::HalfSums => ("halve_rows", ("X_QUADS", half_quads(cols) as f64), 1),
        };
        let mut constants = vec![
            ("COLS", cols as f64),
            ("X_STRIDE4", (stride(cols) / 4) as f64),
            own,
            ("SLOTS", slots as f64),
        ];
        constants.extend(rows_constant(kind));
        let flags: Vec<_> = rows_flag(kind).collect();
        let pipeline = kernels.pipeline(shader, &flags, &constants)?;
        let grid = [Count::Fixed(workgroups), rows_count(kind, 1), Count::Fixed(slots as u32)];
        let bindings = [(3, x), (4, &self.rounded), (5, step), (6, &self.scales)];
        Ok(Some(kernels.dispatch(shader, &pipeline, &bindings, grid)))
    }
}
