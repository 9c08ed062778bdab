//! Which variant of a kernel a device gets, by what it reports about itself.
//!
//! A [`Tuning`] has a name, so that one that was measured can be remembered: `8/128/64kma` is 8 lanes in workgroups of 128,
//! spread over 65536 invocations at least, by way of the `m`antissa and loading `a`head. What comes after `t` is of tiles.

mod measure;
mod name;
mod table;

pub use name::NotATuning;
#[cfg(target_arch = "wasm32")]
pub(crate) use table::vendor_id;

use crate::DeviceFacts;
use crate::weights::{Matrix, Packing};

/// Shapes of workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Invocations side by side that share rows of a matrix-vector product. 1 where barriers are slow.
    pub lanes: u32,
    /// Invocations of a workgroup of matrix-vector products, about; those that `held` is for have twice as many.
    pub workgroup: u32,
    /// Invocations that a matrix-vector product is spread over at least, where its rows are long enough: as many as
    /// keep the memory busy.
    pub threads: u32,
    /// Quants become floats by way of the mantissa, without a conversion (`lib/weight_dot.wgsl`).
    pub mantissa: bool,
    /// x is whole steps of 15 bits, of which four products are one instruction (`lib/operand.wgsl`). Goes before
    /// `mantissa`.
    pub ints: bool,
    /// Of 7 bits instead: faster, and a hundred times as far off.
    pub coarse: bool,
    /// A group takes eight rows of a weight instead of four.
    pub eight: bool,
    /// The next blocks of a weight are loaded before these are multiplied.
    pub ahead: bool,
    /// An invocation holds its blocks of x in registers and goes through rows of a weight (`lib/matvec_held.wgsl`), where
    /// x is whole steps and the lanes are a subgroup's. `lanes` are of other products then.
    pub held: bool,
    /// Partial sums meet by subgroup shuffles.
    pub subgroups: bool,
    /// Whether many rows go through workgroup memory (`matmul.wgsl`) or four at a time through `matvec.wgsl`.
    pub tiled_matmul: bool,
    /// What they are there.
    pub tiles: Tiles,
}

/// What both operands of a product of many rows are in workgroup memory, where x may be rounded. Where it may not, as with keys
/// and values of 32 bits, they are floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiles {
    /// Signed bytes, four products of which are one instruction (`matmul_int8.wgsl`). Weights that are not quantised are floats.
    Bytes,
    /// Floats of 32 bits (`matmul.wgsl`).
    Floats,
    /// Floats of 16 bits; products and sums have 32. Weights of more bits are `Floats`.
    Halves,
    /// As `Halves`, and sums have 16 bits within a block of 32 columns. Weights that are not quantised are `Halves`.
    HalfSums,
}

/// How a matrix-vector product is spread over invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatvecShape {
    /// Rows of the weight that a workgroup takes.
    pub rows: u32,
    pub flags: Vec<&'static str>,
    /// `TOKENS`, `GROUPS` and what else the flags ask for.
    pub constants: Vec<(&'static str, u32)>,
}

const VEC4_BYTES: u32 = 16;
/// What `lib/matvec_lanes.wgsl` takes for a block of x.
const BLOCK_VEC4S: u32 = 9;
/// Blocks of x that a workgroup holds at most: more would leave room for too few workgroups at once.
const CHUNK: u32 = 128;

/// Lanes of `lib/matvec_held.wgsl` at most.
const HELD_LANES: u32 = 32;
/// What it takes for a block of x.
const HELD_VEC4S: u32 = 5;
/// Workgroups that a product is spread over at least, where it has rows for them.
const HELD_WORKGROUPS: u32 = 256;

/// Rows of a weight from which on groups take eight: of fewer there would be too few groups.
const EIGHT_ROWS: usize = 4096;

impl Tuning {
    /// The same without what a device of these facts has not.
    pub fn within(self, facts: &DeviceFacts) -> Tuning {
        let subgroups = self.subgroups && facts.subgroups && facts.subgroup_min >= self.lanes;
        let halves = matches!(self.tiles, Tiles::Halves | Tiles::HalfSums);
        let tiles = if halves && !facts.f16 { Tiles::Bytes } else { self.tiles };
        Tuning { subgroups, tiles, ..self }
    }

    /// The shape for `rows` rows of `matrix` and `tokens` rows of x, normalised on the way or not.
    pub(crate) fn matvec(
        self,
        facts: &DeviceFacts,
        matrix: &Matrix,
        rows: usize,
        tokens: u32,
        norm: bool,
    ) -> MatvecShape {
        let this = self.within(facts);
        let blocks = matrix.row_blocks() as u32;
        // No more lanes than have work.
        let lanes = this.lanes.min(blocks.next_power_of_two());
        if lanes == 1 {
            let groups = this.workgroup;
            return MatvecShape {
                rows: 4 * groups,
                flags: Vec::new(),
                constants: vec![("TOKENS", tokens), ("GROUPS", groups)],
            };
        }
        let floats = !matrix.packing.is_quantised();
        if let Some(shape) = this.held(facts, matrix, rows, tokens, norm) {
            return shape;
        }
        let eight = this.eight && tokens == 1 && rows >= EIGHT_ROWS;
        let sums = if eight { 2 } else { tokens };
        let workgroup = this.workgroup.min(facts.max_invocations).max(lanes);
        // Workgroup memory holds a chunk of x and the partial sums, at most one vec4 an invocation, sum and square.
        let left = facts.max_workgroup_bytes.saturating_sub(VEC4_BYTES * workgroup * (sums + 1));
        let most = (left / (VEC4_BYTES * BLOCK_VEC4S * tokens)).clamp(lanes, CHUNK);
        let wanted = (this.threads / lanes).div_ceil(rows.div_ceil(4).max(1) as u32);
        let most_splits = (workgroup / lanes).min(blocks.next_power_of_two() / lanes).min(most / lanes);
        let splits = wanted.max(1).next_power_of_two().min(1 << most_splits.max(1).ilog2());
        let groups = (workgroup / (lanes * splits)).max(1);
        let chunk = if blocks <= most { blocks } else { most - most % (lanes * splits) };
        let invocations = lanes * groups * splits;
        let clusters = if this.subgroups { invocations / lanes } else { invocations };
        // Eight invocations along x: llvmpipe lets a subgroup begin anew with each y.
        let together = this.subgroups && lanes >= 8;
        let flags = [
            (true, "lanes"),
            (this.ints && !floats, "ints"),
            (this.coarse && !floats, "coarse"),
            (this.mantissa && !floats, "mantissa"),
            (!floats && !together, "sums_of_x"),
            (!floats && together, "together"),
            (eight, "eight"),
            // Floats take four loads a block and more, and are under way long enough.
            (this.ahead && !floats && matrix.packing != Packing::Q8_0, "ahead"),
            (this.subgroups, "subgroups"),
        ];
        let mut constants = vec![
            ("TOKENS", tokens),
            ("LANES", lanes),
            ("GROUPS", groups),
            ("SPLITS", splits),
            ("CHUNK", chunk),
            ("STAGED", BLOCK_VEC4S * tokens * chunk),
            ("SUMS", sums),
            ("PARTIALS", sums * clusters),
        ];
        constants.extend(norm.then_some(("SQUARES", clusters)));
        MatvecShape {
            rows: groups * if eight { 8 } else { 4 },
            flags: flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect(),
            constants,
        }
    }

    /// The shape of `lib/matvec_held.wgsl`, where a device and a product suit it.
    fn held(
        self,
        facts: &DeviceFacts,
        matrix: &Matrix,
        rows: usize,
        tokens: u32,
        norm: bool,
    ) -> Option<MatvecShape> {
        let lanes = facts.subgroup_min.min(HELD_LANES);
        let blocks = matrix.row_blocks() as u32;
        let suits = self.held && self.ints && self.subgroups && matrix.packing.is_quantised() && tokens == 1;
        if !suits || lanes < 8 || blocks < lanes {
            return None;
        }
        let slots = (rows as u32).div_ceil(4);
        let workgroup = (2 * self.workgroup).min(facts.max_invocations);
        // One round where twice `threads` are enough for it: two waves of workgroups are no slower than two rounds of one. Two
        // blocks an invocation, one where there would be too few invocations.
        let mut splits = blocks.div_ceil(2 * lanes).next_power_of_two();
        if slots * lanes * splits <= self.threads && blocks > lanes * splits {
            splits *= 2;
        }
        let two = blocks > lanes * splits;
        let held = lanes * splits * if two { 2 } else { 1 };
        let groups =
            (workgroup / (lanes * splits)).clamp(1, slots.div_ceil(HELD_WORKGROUPS).next_power_of_two());
        let rounds = match slots * lanes * splits {
            invocations if invocations <= 2 * self.threads => 1,
            _ => slots.div_ceil((self.threads / (lanes * splits)).max(1)),
        };
        let partials = groups * splits * rounds;
        let bytes = VEC4_BYTES * (HELD_VEC4S * held + partials + groups * splits);
        if lanes * splits > workgroup || bytes > facts.max_workgroup_bytes {
            return None;
        }
        let flags =
            [(true, "held"), (true, "ints"), (self.coarse, "coarse"), (two, "two"), (true, "subgroups")];
        let mut constants = vec![
            ("LANES", lanes),
            ("GROUPS", groups),
            ("SPLITS", splits),
            ("ROUNDS", rounds),
            ("HELD", held),
            ("STAGED", HELD_VEC4S * held),
            ("PARTIALS", partials),
        ];
        constants.extend(norm.then_some(("SQUARES", groups * splits)));
        Some(MatvecShape {
            rows: 4 * groups * rounds,
            flags: flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect(),
            constants,
        })
    }

    /// Lanes and groups of a workgroup for rows of `blocks` blocks, where nothing else is shared.
    pub(crate) fn lanes_and_groups(self, blocks: usize) -> (u32, u32) {
        if self.lanes == 1 {
            return (1, self.workgroup);
        }
        let lanes = 32.min(blocks.next_power_of_two() as u32);
        (lanes, 128 / lanes)
    }
}
