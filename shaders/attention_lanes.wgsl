// Attention of few queries over a long cache, split over positions, for GPUs with subgroups: what `attention_decode.wgsl` does,
// without a barrier until the end, and in little code, which a GPU fetches anew at each step.
//
// A workgroup of 128 takes one split for HEADS query heads of one key/value head. QUADS invocations side by side take a position,
// each its quad of the key and of the value; there are ROWS such rows of invocations. Each row has a softmax and sums of its own
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018), which meet at the end. Four positions a row are
// weighed at a time, while the next four are on their way.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  partials, as lib/attention_splits.wgsl says
#include "lib/attention.wgsl"
#include "lib/attention_piece.wgsl"
#include "lib/kv_strip.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;

const WORKGROUP = 128u;
override ROWS: u32 = WORKGROUP / QUADS;

var<workgroup> sums: array<vec4<f32>, 4u * WORKGROUP>;      // [4 heads, ROWS, QUADS]
var<workgroup> maxima: array<vec4<f32>, WORKGROUP>;         // [ROWS], four heads each
var<workgroup> totals: array<vec4<f32>, WORKGROUP>;

// Four heads, of which an invocation has a quad each.
struct Heads {
    maximum: vec4<f32>,
    total: vec4<f32>,
    sum0: vec4<f32>,
    sum1: vec4<f32>,
    sum2: vec4<f32>,
    sum3: vec4<f32>,
}

struct Queries {
    q0: vec4<f32>,
    q1: vec4<f32>,
    q2: vec4<f32>,
    q3: vec4<f32>,
}

fn queries_at(at: u32, last: u32) -> Queries {
    let heads = min(vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last)) * QUADS;
    return Queries(q[at + heads.x], q[at + heads.y], q[at + heads.z], q[at + heads.w]);
}

fn products(queries: Queries, key: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(queries.q0, key), dot(queries.q1, key), dot(queries.q2, key), dot(queries.q3, key));
}

fn scores_of(dots: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(score_of(dots.x), score_of(dots.y), score_of(dots.z), score_of(dots.w));
}

// Takes four positions in, of which some are not there.
fn attend(heads: Heads, queries: Queries, keys: Four, values: Four, there: vec4<bool>) -> Heads {
    var a = products(queries, kv_load(keys.a));
    var b = products(queries, kv_load(keys.b));
    var c = products(queries, kv_load(keys.c));
    var d = products(queries, kv_load(keys.d));
    for (var mask = 1u; mask < QUADS; mask *= 2u) {
        a += subgroupShuffleXor(a, mask);
        b += subgroupShuffleXor(b, mask);
        c += subgroupShuffleXor(c, mask);
        d += subgroupShuffleXor(d, mask);
    }
    let lowest = vec4<f32>(LOWEST);
    a = select(lowest, scores_of(a), there.x);
    b = select(lowest, scores_of(b), there.y);
    c = select(lowest, scores_of(c), there.z);
    d = select(lowest, scores_of(d), there.w);
    let maximum = max(heads.maximum, max(max(a, b), max(c, d)));
    let shrink = exp(heads.maximum - maximum);
    let none = vec4<f32>(0.0);
    a = select(none, exp(a - maximum), there.x);
    b = select(none, exp(b - maximum), there.y);
    c = select(none, exp(c - maximum), there.z);
    d = select(none, exp(d - maximum), there.w);
    let v = mat4x4<f32>(kv_load(values.a), kv_load(values.b), kv_load(values.c), kv_load(values.d));
    return Heads(
        maximum,
        heads.total * shrink + ((a + b) + (c + d)),
        heads.sum0 * shrink.x + v * vec4<f32>(a.x, b.x, c.x, d.x),
        heads.sum1 * shrink.y + v * vec4<f32>(a.y, b.y, c.y, d.y),
        heads.sum2 * shrink.z + v * vec4<f32>(a.z, b.z, c.z, d.z),
        heads.sum3 * shrink.w + v * vec4<f32>(a.w, b.w, c.w, d.w),
    );
}

// Positions of a row from `first` on; the last in the place of those beyond it.
fn positions4(first: u32, count: u32) -> vec4<u32> {
    return min(vec4<u32>(first) + ROWS * vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
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
    let row = local / QUADS;
    let quad = local % QUADS;
    let q_at = (t * KV_HEADS * GROUP + head0) * QUADS + quad;
    let queries = queries_at(q_at, n_heads - 1u);
    var heads = Heads(vec4<f32>(LOWEST), vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0));
#if eight_heads
    let more_queries = queries_at(q_at + min(4u, n_heads - 1u) * QUADS, n_heads - 1u - min(4u, n_heads - 1u));
    var more = heads;
#endif
    var at = piece.first;
    while (at < piece.end) {
        let segment = kv_segment(at);
        let count = min(piece.end, kv_segment_end(segment)) - at;
        let base = vec4<u32>(kv_at(at, segment, piece.kv_head) + quad);
        var these = positions4(row, count);
        var next = kv_pairs(segment, base + these * KV_STRIDE);
        for (var i = 0u; i < count; i += 4u * ROWS) {
            let now = next;
            let there = vec4<u32>(i + row) + ROWS * vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count);
            these = positions4(i + row + 4u * ROWS, count);
            next = kv_pairs(segment, base + these * KV_STRIDE);
            heads = attend(heads, queries, now.keys, now.values, there);
#if eight_heads
            more = attend(more, more_queries, now.keys, now.values, there);
#endif
        }
        at += count;
    }
    meet(heads, local, n_heads, partial_at(t, head0, piece.split));
#if eight_heads
    if (n_heads > 4u) {
        workgroupBarrier();
        meet(more, local, n_heads - 4u, partial_at(t, head0 + 4u, piece.split));
    }
#endif
}

// What the rows have of up to four heads, as partials from `to` on.
fn meet(heads: Heads, local: u32, n_heads: u32, to: u32) {
    let row = local / QUADS;
    let quad = local % QUADS;
    sums[local] = heads.sum0;
    sums[WORKGROUP + local] = heads.sum1;
    sums[2u * WORKGROUP + local] = heads.sum2;
    sums[3u * WORKGROUP + local] = heads.sum3;
    if (quad == 0u) {
        maxima[row] = heads.maximum;
        totals[row] = heads.total;
    }
    workgroupBarrier();
    for (var i = local; i < n_heads * QUADS; i += WORKGROUP) {
        let head = i / QUADS;
        var maximum = LOWEST;
        for (var r = 0u; r < ROWS; r++) {
            maximum = max(maximum, maxima[r][head]);
        }
        var sum = vec4<f32>(0.0);
        var total = 0.0;
        for (var r = 0u; r < ROWS; r++) {
            let scale = exp(maxima[r][head] - maximum);
            sum += sums[head * WORKGROUP + r * QUADS + i % QUADS] * scale;
            total += totals[r][head] * scale;
        }
        let at = to + head * SPLITS * (QUADS + 1u);
        partials[at + i % QUADS] = sum;
        if (i % QUADS == 0u) {
            partials[at + QUADS] = vec4<f32>(maximum, total, 0.0, 0.0);
        }
    }
}
