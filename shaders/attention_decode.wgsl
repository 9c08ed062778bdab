// Attention of few queries over a long cache, split over positions (Dao et al., "Flash-Decoding", 2023).
//
// A workgroup of 128 takes one split for HEADS query heads of one key/value head, so that keys and values are read
// once for all of them. Tile by tile of 128 positions, of which most splits have one:
//   - an invocation a position computes its scores for all heads, four quads of the key at a time;
//   - sixteen invocations a head turn them into exp(s - maximum), the maximum so far;
//   - QUADS invocations read one value row after the other, each its quad, and add it to all heads' sums; there are
//     ROWS such rows of invocations, each with every ROWS-th position of the tile, which meet at the end.
// What a head has is in variables of its own, of which there are four, with `eight_heads` eight: an array would be in memory.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  partials, as lib/attention_splits.wgsl says
#include "lib/attention.wgsl"
#include "lib/attention_piece.wgsl"
#include "lib/kv_strip.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;

const TILE = 128u;    // positions, and invocations
const PARTS = 16u;    // invocations that weigh a head's scores
#if eight_heads
const SLOTS = 8u;
#else
const SLOTS = 4u;
#endif
override ROWS: u32 = TILE / QUADS;

var<workgroup> queries: array<vec4<f32>, SLOTS * QUADS>;
var<workgroup> weights: array<f32, SLOTS * TILE>;  // scores, then exp(score - maximum)
var<workgroup> maxima: array<f32, TILE>;
var<workgroup> shrinks: array<f32, SLOTS>;
var<workgroup> meeting: array<vec4<f32>, TILE>;

// The products of quad i of a key with those of four queries from `head` on.
fn dots4(head: u32, i: u32, key: vec4<f32>) -> vec4<f32> {
    let at = head * QUADS + i;
    return vec4<f32>(
        dot(queries[at], key), dot(queries[at + QUADS], key),
        dot(queries[at + 2u * QUADS], key), dot(queries[at + 3u * QUADS], key),
    );
}

fn put_scores(head: u32, key: u32, dots: vec4<f32>) {
    weights[head * TILE + key] = score_of(dots.x);
    weights[(head + 1u) * TILE + key] = score_of(dots.y);
    weights[(head + 2u) * TILE + key] = score_of(dots.z);
    weights[(head + 3u) * TILE + key] = score_of(dots.w);
}

// The weights of four keys, of which `n` are there.
fn weights4(head: u32, keys: vec4<u32>, n: u32) -> vec4<f32> {
    let at = vec4<u32>(head * TILE) + keys;
    let p = vec4<f32>(weights[at.x], weights[at.y], weights[at.z], weights[at.w]);
    return select(vec4<f32>(0.0), p, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(n));
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let piece = piece_of(group);
    if (piece.first >= piece.end) {
        return;
    }
    let t = piece.t;
    let head0 = piece.head0;
    let n_heads = piece.n_heads;

    let q_at = (t * KV_HEADS * GROUP + head0) * QUADS;
    for (var i = local; i < SLOTS * QUADS; i += TILE) {
        queries[i] = q[q_at + min(i, n_heads * QUADS - 1u)];
    }

    // This invocation's parts in the three phases of a tile.
    let weighed_head = local / PARTS;
    let weighed_part = local % PARTS;
    let row = local / QUADS;
    let quad = local % QUADS;

    var softmax = Softmax(LOWEST, 0.0);
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
#if eight_heads
    var sum4 = vec4<f32>(0.0);
    var sum5 = vec4<f32>(0.0);
    var sum6 = vec4<f32>(0.0);
    var sum7 = vec4<f32>(0.0);
#endif
    var tile = piece.first;
    while (tile < piece.end) {
        // A tile ends where its segment does.
        let segment = kv_segment(tile);
        let tile_end = min(min(tile + TILE, piece.end), kv_segment_end(segment));
        let n_keys = tile_end - tile;
        let tile_at = kv_at(tile, segment, piece.kv_head);
        workgroupBarrier();
        if (local < n_keys) {
            let at = tile_at + local * KV_STRIDE;
            var dots = vec4<f32>(0.0);
#if eight_heads
            var more = vec4<f32>(0.0);
#endif
            for (var i = 0u; i < QUADS; i += 4u) {
                let quads = min(vec4<u32>(i) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(QUADS - 1u));
                let keys = kv_four(segment, vec4<u32>(at) + quads);
                let a = kv_load(keys.a);
                let b = kv_load(keys.b) * select(0.0, 1.0, i + 1u < QUADS);
                let c = kv_load(keys.c) * select(0.0, 1.0, i + 2u < QUADS);
                let d = kv_load(keys.d) * select(0.0, 1.0, i + 3u < QUADS);
                dots += (dots4(0u, quads.x, a) + dots4(0u, quads.y, b)) + (dots4(0u, quads.z, c) + dots4(0u, quads.w, d));
#if eight_heads
                more += (dots4(4u, quads.x, a) + dots4(4u, quads.y, b)) + (dots4(4u, quads.z, c) + dots4(4u, quads.w, d));
#endif
            }
            put_scores(0u, local, dots);
#if eight_heads
            put_scores(4u, local, more);
#endif
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

        sum0 *= shrinks[0u];
        sum1 *= shrinks[1u];
        sum2 *= shrinks[2u];
        sum3 *= shrinks[3u];
#if eight_heads
        sum4 *= shrinks[4u];
        sum5 *= shrinks[5u];
        sum6 *= shrinks[6u];
        sum7 *= shrinks[7u];
#endif
        if (row < ROWS) {
            let at = tile_at + KV_VALUES + quad;
            for (var k = row; k < n_keys; k += 4u * ROWS) {
                // What the cache holds beyond the last key may be NaN: the last stands for it, and weighs nothing.
                let keys = min(vec4<u32>(k) + ROWS * vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(n_keys - 1u));
                let n = (n_keys - k + ROWS - 1u) / ROWS;
                let four = kv_four(segment, vec4<u32>(at) + keys * KV_STRIDE);
                let v = mat4x4<f32>(kv_load(four.a), kv_load(four.b), kv_load(four.c), kv_load(four.d));
                sum0 += v * weights4(0u, keys, n);
                sum1 += v * weights4(1u, keys, n);
                sum2 += v * weights4(2u, keys, n);
                sum3 += v * weights4(3u, keys, n);
#if eight_heads
                sum4 += v * weights4(4u, keys, n);
                sum5 += v * weights4(5u, keys, n);
                sum6 += v * weights4(6u, keys, n);
                sum7 += v * weights4(7u, keys, n);
#endif
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
        partials[partial_at(t, head0 + weighed_head, piece.split) + QUADS] = vec4<f32>(softmax.maximum, sum, 0.0, 0.0);
    }
    meet(0u, n_heads, t, head0, piece.split, local, sum0);
    meet(1u, n_heads, t, head0, piece.split, local, sum1);
    meet(2u, n_heads, t, head0, piece.split, local, sum2);
    meet(3u, n_heads, t, head0, piece.split, local, sum3);
#if eight_heads
    meet(4u, n_heads, t, head0, piece.split, local, sum4);
    meet(5u, n_heads, t, head0, piece.split, local, sum5);
    meet(6u, n_heads, t, head0, piece.split, local, sum6);
    meet(7u, n_heads, t, head0, piece.split, local, sum7);
#endif
}

// The sums of the rows of invocations for one head.
fn meet(h: u32, n_heads: u32, t: u32, head0: u32, split: u32, local: u32, part: vec4<f32>) {
    if (h >= n_heads) {
        return;
    }
    workgroupBarrier();
    meeting[local] = part;
    workgroupBarrier();
    if (local < QUADS) {
        var sum = meeting[local];
        for (var r = 1u; r < ROWS; r++) {
            sum += meeting[r * QUADS + local];
        }
        partials[partial_at(t, head0 + h, split) + local] = sum;
    }
}
