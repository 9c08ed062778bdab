// Attention of few queries over a long cache, split over positions (Dao et al., "Flash-Decoding", 2023).
//
// A workgroup of 128 takes one split for HEADS query heads of one key/value head, so that keys and values are read
// once for all of them. Tile by tile of 128 positions, of which most splits have one:
//   - an invocation a position computes its scores for all heads;
//   - sixteen invocations a head turn them into exp(s - maximum), the maximum so far;
//   - QUADS invocations read one value row after the other, each its quad, and add it to all heads' sums; there are
//     ROWS such rows of invocations, each with every ROWS-th position of the tile, which meet at the end.
// Both reads have STRIP loads under way at once.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  partials, as lib/attention_splits.wgsl says
#include "lib/attention.wgsl"
#include "lib/attention_splits.wgsl"
#include "lib/kv_strip.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;

const TILE = 128u;    // positions, and invocations
const PARTS = 16u;    // invocations that weigh a head's scores
const MAX_HEADS = 8u;
override HEADS: u32;  // query heads a workgroup, at most MAX_HEADS
override ROWS: u32 = TILE / QUADS;

var<workgroup> queries: array<vec4<f32>, HEADS * QUADS>;
var<workgroup> weights: array<f32, HEADS * TILE>;  // scores, then exp(score - maximum)
var<workgroup> maxima: array<f32, TILE>;
var<workgroup> shrinks: array<f32, MAX_HEADS>;
var<workgroup> meeting: array<vec4<f32>, TILE>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let parts = (GROUP + HEADS - 1u) / HEADS;
    let kv_head = group.x / parts;
    let part = group.x % parts;
    let split = group.y;
    let t = group.z;
    let splits = splits_of(step.position + t);
    if (split >= splits.used) {
        return;
    }
    let first = splits.first + split * splits.length;
    let end = min(first + splits.length, splits.end);
    let head0 = kv_head * GROUP + part * HEADS;
    let n_heads = min(HEADS, GROUP - part * HEADS);

    let q_at = (t * KV_HEADS * GROUP + head0) * QUADS;
    for (var i = local; i < n_heads * QUADS; i += TILE) {
        queries[i] = q[q_at + i];
    }

    // This invocation's parts in the three phases of a tile.
    let weighed_head = local / PARTS;
    let weighed_part = local % PARTS;
    let row = local / QUADS;
    let quad = local % QUADS;

    var softmax = Softmax(LOWEST, 0.0);
    var sums: array<vec4<f32>, MAX_HEADS>;
    for (var h = 0u; h < HEADS; h++) {
        sums[h] = vec4<f32>(0.0);
    }
    var tile = first;
    while (tile < end) {
        // A tile ends where its segment does.
        let segment = kv_segment(tile);
        let tile_end = min(min(tile + TILE, end), kv_segment_end(segment));
        let n_keys = tile_end - tile;
        let tile_at = kv_at(tile, segment, kv_head);
        workgroupBarrier();
        if (local < n_keys) {
            var dots: array<f32, MAX_HEADS>;
            for (var h = 0u; h < HEADS; h++) {
                dots[h] = 0.0;
            }
            let at = tile_at + local * KV_STRIDE;
            for (var i = 0u; i < QUADS; i += STRIP) {
                let n = min(STRIP, QUADS - i);
                var strip = kv_strip(segment, at + i, 1u, n);
                for (var j = 0u; j < STRIP; j++) {
                    if (j < n) {
                        let k = kv_load(strip[j]);
                        for (var h = 0u; h < HEADS; h++) {
                            dots[h] += dot(queries[h * QUADS + i + j], k);
                        }
                    }
                }
            }
            for (var h = 0u; h < HEADS; h++) {
                weights[h * TILE + local] = score_of(dots[h]);
            }
        }
        workgroupBarrier();

        var maximum = LOWEST;
        if (weighed_head < n_heads) {
            for (var i = weighed_part; i < n_keys; i += PARTS) {
                maximum = max(maximum, weights[weighed_head * TILE + i]);
            }
            maxima[local] = maximum;
        }
        workgroupBarrier();
        if (weighed_head < n_heads) {
            maximum = softmax.maximum;
            for (var i = 0u; i < PARTS; i++) {
                maximum = max(maximum, maxima[weighed_head * PARTS + i]);
            }
            let shrink = exp(softmax.maximum - maximum);
            softmax = Softmax(maximum, softmax.sum * shrink);
            for (var i = weighed_part; i < TILE; i += PARTS) {
                // A position past the end weighs nothing.
                var p = 0.0;
                if (i < n_keys) {
                    p = exp(weights[weighed_head * TILE + i] - maximum);
                }
                weights[weighed_head * TILE + i] = p;
                softmax.sum += p;
            }
            if (weighed_part == 0u) {
                shrinks[weighed_head] = shrink;
            }
        }
        workgroupBarrier();

        for (var h = 0u; h < HEADS; h++) {
            sums[h] *= shrinks[h];
        }
        if (row < ROWS && row < n_keys) {
            let keys = (n_keys - row + ROWS - 1u) / ROWS;
            let at = tile_at + KV_VALUES + row * KV_STRIDE + quad;
            for (var i = 0u; i < keys; i += STRIP) {
                // What the cache holds beyond the last may be NaN: the strip repeats the last, and it is passed over.
                let n = min(STRIP, keys - i);
                var strip = kv_strip(segment, at + i * ROWS * KV_STRIDE, ROWS * KV_STRIDE, n);
                for (var j = 0u; j < STRIP; j++) {
                    if (j < n) {
                        let v = kv_load(strip[j]);
                        for (var h = 0u; h < HEADS; h++) {
                            sums[h] += weights[h * TILE + row + (i + j) * ROWS] * v;
                        }
                    }
                }
            }
        }
        tile = tile_end;
    }

    if (weighed_head < n_heads) {
        maxima[local] = softmax.sum;
    }
    workgroupBarrier();
    if (weighed_head < n_heads && weighed_part == 0u) {
        var sum = 0.0;
        for (var i = 0u; i < PARTS; i++) {
            sum += maxima[local + i];
        }
        partials[partial_at(t, head0 + weighed_head, split) + QUADS] = vec4<f32>(softmax.maximum, sum, 0.0, 0.0);
    }
    for (var h = 0u; h < n_heads; h++) {
        workgroupBarrier();
        meeting[local] = sums[h];
        workgroupBarrier();
        if (local < QUADS) {
            var sum = meeting[local];
            for (var r = 1u; r < ROWS; r++) {
                sum += meeting[r * QUADS + local];
            }
            partials[partial_at(t, head0 + h, split) + local] = sum;
        }
    }
}
