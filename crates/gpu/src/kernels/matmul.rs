//! The tiles of `matmul.wgsl` and `matmul_int8.wgsl`: products of many rows at once.

use crate::DeviceFacts;

/// How a workgroup divides its part of a product: `w_threads * x_threads` invocations, each with 8 rows of the weight
/// and 8 or 4 of x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Invocations along the rows of the weight; a multiple of 8.
    pub w_threads: u32,
    /// Invocations along the rows of x; a multiple of 8 that divides 16.
    pub x_threads: u32,
    /// Rows of x an invocation: 8 or 4.
    pub x_each: u32,
    /// Whether the next block is read while one is computed with.
    pub prefetch: bool,
    /// Whether workgroup memory holds f16.
    pub f16: bool,
}

impl Tile {
    /// 128 rows of the weight by 64 of x: least traffic a sum.
    pub const WIDE: Tile = Tile { w_threads: 16, x_threads: 8, x_each: 8, prefetch: true, f16: false };
    /// 64 by 64: for small devices, and where wide tiles would be too few to go round.
    pub const SMALL: Tile = Tile { w_threads: 8, x_threads: 16, x_each: 4, prefetch: true, f16: false };

    /// The tile for a weight of `rows` rows.
    pub fn of(facts: &DeviceFacts, rows: usize) -> Tile {
        // A product has as many workgroups as it has tiles, and a large GPU wants hundreds.
        const ROWS_OF_WIDE_TILES: usize = 4096;
        if rows >= ROWS_OF_WIDE_TILES && Tile::WIDE.fits(facts) { Tile::WIDE } else { Tile::SMALL }
    }

    /// Whether a workgroup of the device can hold it.
    pub fn fits(self, facts: &DeviceFacts) -> bool {
        self.w_threads * self.x_threads <= facts.max_invocations
            && self.workgroup_bytes() <= facts.max_workgroup_bytes
            && (facts.f16 || !self.f16)
    }

    /// Bytes of workgroup memory: a block of 32 columns of each row.
    fn workgroup_bytes(self) -> u32 {
        32 * (self.w_rows() + self.x_rows()) * if self.f16 { 2 } else { 4 }
    }

    /// Rows of the weight a workgroup takes.
    pub fn w_rows(self) -> u32 {
        8 * self.w_threads
    }

    /// Rows of x a workgroup takes.
    pub fn x_rows(self) -> u32 {
        self.x_each * self.x_threads
    }

    /// The flags that select it in shaders.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        [(self.x_each == 4, "x4"), (self.prefetch, "prefetch"), (self.f16, "tile_f16")]
            .into_iter()
            .filter_map(|(holds, flag)| holds.then_some(flag))
    }

    /// Its constants in shaders.
    pub fn constants(self) -> [(&'static str, f64); 2] {
        [("W_THREADS", f64::from(self.w_threads)), ("X_THREADS", f64::from(self.x_threads))]
    }
}
