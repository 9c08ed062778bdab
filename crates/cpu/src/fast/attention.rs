//! Keys and values as half floats, and attention over them.
//!
//! Both lie in panels of sixteen, so that attention is two products of [`super::panel`] with a softmax between them:
//! keys with a position a lane, `[kv_head][position / 16][element][16]`, give the scores of sixteen positions; values
//! with an element a lane, `[kv_head][element / 16][position][16]`, give sixteen elements of the result.

use std::ops::Range;

use half::f16;
use sotto_plan::{Attention, KvCache};

use super::elementwise::{exp, tanh};
use super::panel::{floats, floats_tile};
use crate::pool::Pieces;
use crate::simd::{Kernel, LANES, Level, Simd};

/// Keys and values of one layer.
pub struct HalfCache {
    layout: CacheLayout,
    keys: Vec<[f16; LANES]>,
    values: Vec<[f16; LANES]>,
}

/// Keys or values, in pieces of a head each.
type Lines<'a> = Pieces<'a, [f16; LANES]>;

/// Where a cache's elements lie: one head after the other.
#[derive(Clone, Copy)]
pub struct CacheLayout {
    shape: KvCache,
    /// Positions there is room for, a multiple of 16.
    capacity: usize,
}

/// Keys and values of some heads.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    layout: CacheLayout,
    /// The first of them.
    first: usize,
    keys: &'a [[f16; LANES]],
    values: &'a [[f16; LANES]],
}

impl HalfCache {
    /// Room for `positions`.
    pub fn new(shape: KvCache, positions: usize) -> Self {
        let layout = CacheLayout { shape, capacity: positions.next_multiple_of(LANES) };
        HalfCache {
            layout,
            keys: vec![[f16::ZERO; LANES]; shape.n_kv_heads * layout.key_lines()],
            values: vec![[f16::ZERO; LANES]; shape.n_kv_heads * layout.value_lines()],
        }
    }

    /// Bytes of a cache of `positions` positions.
    pub fn bytes_needed(shape: KvCache, positions: usize) -> u64 {
        let layout = CacheLayout { shape, capacity: positions.next_multiple_of(LANES) };
        let lines = shape.n_kv_heads * (layout.key_lines() + layout.value_lines());
        (lines * size_of::<[f16; LANES]>()) as u64
    }

    /// Key/value heads.
    pub fn n_kv_heads(&self) -> usize {
        self.layout.shape.n_kv_heads
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        (size_of_val(&self.keys[..]) + size_of_val(&self.values[..])) as u64
    }

    /// All heads, to be read.
    pub fn heads(&self) -> Heads<'_> {
        Heads { layout: self.layout, first: 0, keys: &self.keys, values: &self.values }
    }

    /// The keys and the values of each head by itself, to be written.
    pub fn by_head(&mut self) -> (CacheLayout, (Lines<'_>, Lines<'_>)) {
        let layout = self.layout;
        let keys = Pieces::new(&mut self.keys, layout.key_lines());
        (layout, (keys, Pieces::new(&mut self.values, layout.value_lines())))
    }
}

impl CacheLayout {
    /// Lines of a head's keys.
    fn key_lines(self) -> usize {
        self.capacity / LANES * self.shape.head_dim
    }

    /// Lines of a head's values.
    fn value_lines(self) -> usize {
        self.shape.head_dim.div_ceil(LANES) * self.capacity
    }

    /// Head `first` alone.
    pub fn head<'a>(self, first: usize, keys: &'a [[f16; LANES]], values: &'a [[f16; LANES]]) -> Heads<'a> {
        Heads { layout: self, first, keys, values }
    }

    /// Stores what `keys` and `values` `[tokens, n_kv_heads, head_dim]` have of a head, of the tokens from `position` on.
    pub fn write(
        self,
        head: usize,
        position: usize,
        [keys, values]: [&[f32]; 2],
        (to_keys, to_values): (&mut [[f16; LANES]], &mut [[f16; LANES]]),
    ) {
        let KvCache { n_kv_heads, head_dim } = self.shape;
        let of_head = |all| <[f32]>::chunks_exact(all, head_dim).skip(head).step_by(n_kv_heads);
        for (p, (keys, values)) in (position..).zip(of_head(keys).zip(of_head(values))) {
            for (to, key) in to_keys[p / LANES * head_dim..].iter_mut().zip(keys) {
                to[p % LANES] = f16::from_f32(*key);
            }
            for (panel, values) in values.chunks(LANES).enumerate() {
                let to = &mut to_values[panel * self.capacity + p];
                to.iter_mut().zip(values).for_each(|(to, value)| *to = f16::from_f32(*value));
            }
        }
    }
}

impl<'a> Heads<'a> {
    /// The keys of positions `16 * block ..`.
    #[inline(always)]
    fn key_panel(self, head: usize, block: usize) -> &'a [[f16; LANES]] {
        let n = self.layout.shape.head_dim;
        &self.keys[(head - self.first) * self.layout.key_lines() + block * n..][..n]
    }

    /// Elements `16 * panel ..` of the values at `positions`.
    #[inline(always)]
    fn value_panel(self, head: usize, panel: usize, positions: Range<usize>) -> &'a [[f16; LANES]] {
        let first = (head - self.first) * self.layout.value_lines() + panel * self.layout.capacity;
        &self.values[first + positions.start..first + positions.end]
    }
}

/// Attention of some queries, of some key/value heads' groups.
pub struct Queries<'a> {
    /// `[tokens, n_heads, head_dim]`.
    pub q: &'a [f32],
    /// Position of the first token.
    pub position: usize,
    /// Positions that the cache holds, those of the step among them.
    pub length: usize,
    /// Which key/value heads, with all query heads that read them.
    pub heads: Range<usize>,
    pub attention: &'a Attention,
    /// `[n_heads]`, see [`Attention::sinks`].
    pub sinks: Option<&'a [f32]>,
    pub cache: Heads<'a>,
    /// For scores, as long as [`scores_needed`] says.
    pub scores: &'a mut [f32],
    /// `[tokens, query heads of the groups, head_dim]`.
    pub out: &'a mut [f32],
}

impl Queries<'_> {
    /// Computes it.
    pub fn run(self, level: Level) {
        level.run(self);
    }
}

/// Queries that share a pass over keys and values.
const TILE: usize = 4;

/// What [`Queries`] need for scores when the cache holds `length` positions.
pub fn scores_needed(length: usize) -> usize {
    TILE * length.next_multiple_of(LANES)
}

impl Kernel for Queries<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let head_dim = self.cache.layout.shape.head_dim;
        let group = self.attention.n_heads / self.cache.layout.shape.n_kv_heads;
        let tokens = self.q.len() / (self.attention.n_heads * head_dim);
        let rows = tokens * group;
        let scores = std::mem::take(&mut self.scores);
        for head in self.heads.clone() {
            let mut row = 0;
            while row < rows {
                if rows - row >= TILE {
                    self.tile::<S, TILE>(simd, head, row, group, scores);
                    row += TILE;
                } else {
                    self.tile::<S, 1>(simd, head, row, group, scores);
                    row += 1;
                }
            }
        }
    }
}

impl Queries<'_> {
    /// Queries `first .. first + T` of a key/value head, counted by token and then by head.
    #[inline(always)]
    fn tile<S: Simd, const T: usize>(
        &mut self,
        simd: S,
        head: usize,
        first: usize,
        group: usize,
        scores: &mut [f32],
    ) {
        let Attention { n_heads, scale, causal, window, softcap, .. } = *self.attention;
        let n = self.cache.layout.shape.head_dim;
        let place = |i: usize| ((first + i) / group, (first + i) % group);
        let q: [&[f32]; T] = std::array::from_fn(|i| {
            let (t, h) = place(i);
            &self.q[(t * n_heads + head * group + h) * n..][..n]
        });
        let seen: [Range<usize>; T] = std::array::from_fn(|i| {
            let here = self.position + place(i).0;
            let window = window.map_or(self.length, |window| window as usize);
            let end = if causal { here + 1 } else { self.length.min(here + window) };
            (here + 1).saturating_sub(window)..end
        });
        let blocks = seen[0].start / LANES..seen[T - 1].end.div_ceil(LANES);
        let (start, length) = (blocks.start * LANES, blocks.len() * LANES);
        for (at, block) in blocks.enumerate() {
            let products = products(simd, self.cache.key_panel(head, block), q);
            for (i, products) in products.iter().enumerate() {
                scores[i * length + at * LANES..][..LANES].copy_from_slice(products);
            }
        }
        let mut sums = [0.0; T];
        for (i, sum) in sums.iter_mut().enumerate() {
            let seen = seen[i].start - start..seen[i].end - start;
            let sink = self.sinks.map(|sinks| sinks[head * group + place(i).1]);
            *sum = weights(&mut scores[i * length..][..length], seen, scale, softcap, sink);
        }
        let weights: [&[f32]; T] = std::array::from_fn(|i| &scores[i * length..][..seen[T - 1].end - start]);
        let stride = self.heads.len() * group * n;
        for panel in 0..n.div_ceil(LANES) {
            let values = self.cache.value_panel(head, panel, start..seen[T - 1].end);
            let products = products(simd, values, weights);
            for (i, (products, sum)) in products.iter().zip(sums).enumerate() {
                let (t, h) = place(i);
                let at = t * stride + ((head - self.heads.start) * group + h) * n;
                let out = &mut self.out[at + panel * LANES..at + n.min((panel + 1) * LANES)];
                let inverse = 1.0 / sum;
                out.iter_mut().zip(products).for_each(|(out, product)| *out = product * inverse);
            }
        }
    }
}

/// `out[t][r] = sum_c panel[c][r] * x[t][c]`.
#[inline(always)]
fn products<S: Simd, const T: usize>(simd: S, panel: &[[f16; LANES]], x: [&[f32]; T]) -> [[f32; LANES]; T] {
    let mut out = [[0.0; LANES]; T];
    if T == 1 {
        floats(simd, panel, x[0], &mut out[0])
    } else {
        floats_tile(simd, panel, x, &mut out)
    }
    out
}

/// Turns the scores that are `seen` into `exp(score - max)`, the others into 0, and returns the sum. A `sink` is one more score,
/// in the sum only.
#[inline(always)]
fn weights(
    scores: &mut [f32],
    seen: Range<usize>,
    scale: f32,
    softcap: Option<f32>,
    sink: Option<f32>,
) -> f32 {
    scores[..seen.start].fill(0.0);
    scores[seen.end..].fill(0.0);
    let scores = &mut scores[seen];
    match softcap {
        Some(cap) => scores.iter_mut().for_each(|s| *s = cap * tanh(scale * *s / cap)),
        None => scores.iter_mut().for_each(|s| *s *= scale),
    }
    let max = sink.map_or(max(scores), |sink| max(scores).max(sink));
    scores.iter_mut().for_each(|s| *s = exp(*s - max));
    sum(scores) + sink.map_or(0.0, |sink| exp(sink - max))
}

#[inline(always)]
fn max(x: &[f32]) -> f32 {
    let (lines, rest) = x.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for line in lines {
        for i in 0..LANES {
            most[i] = if line[i] > most[i] { line[i] } else { most[i] };
        }
    }
    rest.iter().chain(&most).fold(f32::NEG_INFINITY, |a, &b| a.max(b))
}

#[inline(always)]
fn sum(x: &[f32]) -> f32 {
    let (lines, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for line in lines {
        for i in 0..LANES {
            sums[i] += line[i];
        }
    }
    sums.iter().chain(rest).sum()
}
