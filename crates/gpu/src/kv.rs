//! Memory for keys and values. It grows by segments, so that nothing is ever copied or allocated anew: the first segment of
//! a cache has a number of positions, the second as many, and each further one twice those of the one before.
//!
//! A step writes to one segment, whose bind group the CPU chooses; attention binds all that there are.

use sotto_plan::{KvCache, Plan};

use crate::kernel::Slice;
use crate::{GpuDevice, GpuError, ModelOptions};

/// Segments that attention kernels bind at most (`shaders/lib/kv.wgsl`): with queries, result and sinks as many storage
/// buffers as every device allows.
pub(crate) const MAX_SEGMENTS: usize = 5;

/// Segments are whole tiles of keys of every attention kernel.
const TILE: usize = 32;

/// Which positions each segment of a context has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    /// Positions of the first.
    pub first: usize,
    /// Positions of all.
    context: usize,
}

impl Segments {
    /// One segment that holds a context whole.
    pub fn one(context: usize) -> Segments {
        Segments { first: context.max(1), context }
    }

    /// Segments of a context of which the first has `first` positions or, where so few segments would not reach the end,
    /// more.
    pub fn new(context: usize, first: usize) -> Segments {
        let enough = context.div_ceil(1 << (MAX_SEGMENTS - 1));
        let first = first.max(enough).next_multiple_of(TILE);
        if first >= context { Segments::one(context) } else { Segments { first, context } }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.of(self.context.saturating_sub(1)) + 1
    }

    /// The segment that holds `position`.
    pub fn of(self, position: usize) -> usize {
        (position / self.first).checked_ilog2().map_or(0, |log| log as usize + 1)
    }

    /// The first position beyond a segment.
    pub fn end(self, segment: usize) -> usize {
        (self.first << segment).min(self.context)
    }

    /// Positions of a segment.
    pub fn positions(self, segment: usize) -> usize {
        self.end(segment) - segment.checked_sub(1).map_or(0, |before| self.end(before))
    }

    /// The constant that tells shaders; none where there is one segment.
    pub fn constant(self) -> Option<(&'static str, f64)> {
        (self.count() > 1).then_some(("SEGMENT", self.first as f64))
    }
}

/// Keys and values of one cache: the segments that there are, each `[positions, 2, n_kv_heads, head_dim]`.
#[derive(Clone, Debug)]
pub(crate) struct KvBuffers {
    pub segments: Vec<Slice>,
}

/// Bytes of a position of all caches.
pub(crate) fn position_bytes(plan: &Plan, options: &ModelOptions) -> u64 {
    options.kv_type.bytes_per_position(plan)
}

/// Adds segment `segment` to every cache.
pub(crate) fn add_segment(
    device: &GpuDevice,
    plan: &Plan,
    options: &ModelOptions,
    segments: Segments,
    segment: usize,
) -> Result<Vec<Slice>, GpuError> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    let slice = |cache: &KvCache| {
        let bytes = segment_bytes(device, cache, options, segments, segment)?;
        Ok(Slice::whole(&device.buffer("keys and values", bytes, usage)?))
    };
    plan.caches.iter().map(slice).collect()
}

/// Bytes of segment `segment` of a cache.
pub(crate) fn segment_bytes(
    device: &GpuDevice,
    cache: &KvCache,
    options: &ModelOptions,
    segments: Segments,
    segment: usize,
) -> Result<u64, GpuError> {
    let bytes = segments.positions(segment) as u64 * options.kv_type.position_bytes(*cache);
    let limit = device.facts().max_binding_bytes;
    if bytes > limit {
        return Err(GpuError::TooLarge { what: "the KV cache of a layer".to_owned(), bytes, limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_a_context_once() {
        for (context, first) in
            [(1, 1), (31, 32), (32, 32), (33, 1), (1000, 64), (4096, 1024), (131_072, 1024)]
        {
            let segments = Segments::new(context, first);
            assert!(segments.count() <= MAX_SEGMENTS, "{segments:?}");
            let mut position = 0;
            for segment in 0..segments.count() {
                let n = segments.positions(segment);
                assert!(n > 0, "{segments:?}");
                assert!(
                    [position, position + n - 1].iter().all(|&p| segments.of(p) == segment),
                    "{segments:?}"
                );
                position += n;
                assert_eq!(position, segments.end(segment));
            }
            assert_eq!(position, context);
        }
    }
}
