// Attention of few queries over a long cache, split over positions (Dao et al., "Flash-Decoding", 2023).
//
// A workgroup of 128 takes one split for HEADS query heads of one key/value head, so that keys and values are read
// once for all of them. Tile by tile of 32 positions:
//   - four invocations a position compute the scores' partial sums for all heads;
//   - eight invocations a head add them up and turn them into exp(s - maximum), the maximum so far;
//   - QUADS invocations read one value row after the other, each its quad, and add it to all heads' sums; there are
//     up to ROWS such rows of invocations, each with its own part of the tile, which meet at the end.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  partials, as lib/attention_splits.wgsl says
#include "lib/attention.wgsl"
#include "lib/attention_splits.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;

override HEADS: u32;  // query heads a workgroup, at most MAX_HEADS
override ROWS: u32 = min(128u / QUADS, TILE / 4u);
const MAX_HEADS = 8u;
// Distance of the four partial sums of a score: 8 more than a multiple of 32 spreads them over the banks.
override LANE_STRIDE: u32 = HEADS * TILE + 8u;

var<workgroup> queries: array<vec4<f32>, HEADS * QUADS>;
var<workgroup> dots: array<f32, 4u * LANE_STRIDE>;
var<workgroup> weights: array<vec4<f32>, HEADS * TILE / 4u>;
var<workgroup> maxima: array<f32, HEADS * TILE / 4u>;
var<workgroup> shrinks: array<f32, HEADS>;
var<workgroup> meeting: array<vec4<f32>, 128>;

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
    for (var i = local; i < n_heads * QUADS; i += 128u) {
        queries[i] = q[q_at + i];
    }
    workgroupBarrier();

    // This invocation's parts in the three phases of a tile.
    let key = local / 4u;
    let lane = local % 4u;
    let weighed_head = local / 8u;
    let weighed_keys = local % 8u;
    let row = local / QUADS;
    let quad = local % QUADS;

    var softmax = Softmax(LOWEST, 0.0);
    var sums: array<vec4<f32>, MAX_HEADS>;
    for (var h = 0u; h < HEADS; h++) {
        sums[h] = vec4<f32>(0.0);
    }
    for (var tile = first; tile < end; tile += TILE) {
        if (tile + key < end) {
            var dot_of: array<f32, MAX_HEADS>;
            for (var h = 0u; h < HEADS; h++) {
                dot_of[h] = 0.0;
            }
            let at = kv_at(tile + key, kv_head);
            for (var i = lane; i < QUADS; i += 4u) {
                let k = kv_load(keys[at + i]);
                for (var h = 0u; h < HEADS; h++) {
                    dot_of[h] += dot(queries[h * QUADS + i], k);
                }
            }
            for (var h = 0u; h < HEADS; h++) {
                dots[lane * LANE_STRIDE + h * TILE + key] = dot_of[h];
            }
        }
        workgroupBarrier();

        var scores = vec4<f32>(LOWEST);
        let seen = vec4<u32>(tile + 4u * weighed_keys) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(end);
        if (weighed_head < n_heads) {
            for (var i = 0u; i < 4u; i++) {
                let at = weighed_head * TILE + 4u * weighed_keys + i;
                if (seen[i]) {
                    scores[i] = score_of((dots[at] + dots[at + LANE_STRIDE])
                        + (dots[at + 2u * LANE_STRIDE] + dots[at + 3u * LANE_STRIDE]));
                }
            }
            maxima[local] = max(max(scores.x, scores.y), max(scores.z, scores.w));
        }
        workgroupBarrier();
        if (weighed_head < n_heads) {
            var maximum = softmax.maximum;
            for (var i = 0u; i < 8u; i++) {
                maximum = max(maximum, maxima[weighed_head * 8u + i]);
            }
            let shrink = exp(softmax.maximum - maximum);
            let p = select(vec4<f32>(0.0), exp(scores - vec4<f32>(maximum)), seen);
            softmax = Softmax(maximum, softmax.sum * shrink + dot(p, vec4<f32>(1.0)));
            weights[local] = p;
            if (weighed_keys == 0u) {
                shrinks[weighed_head] = shrink;
            }
        }
        workgroupBarrier();

        if (row < ROWS) {
            for (var h = 0u; h < HEADS; h++) {
                sums[h] *= shrinks[h];
            }
            for (var four = row; four < TILE / 4u && tile + 4u * four < end; four += ROWS) {
                // A position past the end has weight 0; what the cache holds there may be NaN.
                let position = min(vec4<u32>(tile + 4u * four) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(end - 1u));
                let v0 = kv_load(values[kv_at(position.x, kv_head) + quad]);
                let v1 = kv_load(values[kv_at(position.y, kv_head) + quad]);
                let v2 = kv_load(values[kv_at(position.z, kv_head) + quad]);
                let v3 = kv_load(values[kv_at(position.w, kv_head) + quad]);
                for (var h = 0u; h < HEADS; h++) {
                    let p = weights[h * 8u + four];
                    sums[h] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
                }
            }
        }
    }

    if (weighed_head < n_heads) {
        maxima[local] = softmax.sum;
    }
    workgroupBarrier();
    if (weighed_head < n_heads && weighed_keys == 0u) {
        var sum = 0.0;
        for (var i = 0u; i < 8u; i++) {
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
