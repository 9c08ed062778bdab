// Attention with one invocation a query head: no workgroup memory, no barrier. For software adapters, where a
// barrier makes the CPU switch between all invocations of a workgroup.
//
// Keys are taken four at a time, so that a quad of q is read once for four scores, and a quad of the sum is updated
// once for four values. Loops over quads are unrolled by four by hand: lavapipe leaves every loop once
// an invocation has gone round 65535 times, all loops together.
//
// With `one_segment` it sees only segment INDEX of the cache, which is bound as the first, and leaves partial sums.
//
//   3  q [tokens, HEADS * QUADS quads]
//   4  out, as q; with `one_segment` partials, as lib/attention_splits.wgsl says
#include "lib/attention.wgsl"
#if one_segment
#include "lib/attention_splits.wgsl"
override INDEX: u32;
#endif
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

override WORKGROUP: u32;
override HEADS: u32;
override UNROLLED: u32 = QUADS & ~3u;
const MAX_QUADS = 64u;

// What quad i of a query adds to the scores of the four keys that start at `at`.
fn dots(q_at: u32, at: vec4<u32>, i: u32) -> vec4<f32> {
    let v = q[q_at + i];
    return vec4<f32>(
        dot(v, kv_load(kv_0_at(at.x + i))), dot(v, kv_load(kv_0_at(at.y + i))),
        dot(v, kv_load(kv_0_at(at.z + i))), dot(v, kv_load(kv_0_at(at.w + i))),
    );
}

// Quad i of the weighted sum of four values.
fn weighted(p: vec4<f32>, at: vec4<u32>, i: u32) -> vec4<f32> {
    return p.x * kv_load(kv_0_at(at.x + i)) + p.y * kv_load(kv_0_at(at.y + i))
        + p.z * kv_load(kv_0_at(at.z + i)) + p.w * kv_load(kv_0_at(at.w + i));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x;
    let t = id.y;
    if (head >= HEADS || t >= n_rows()) {
        return;
    }
    let q_at = (t * HEADS + head) * QUADS;
    let kv_head = head / GROUP;
    let position = step.position + t;
#if one_segment
    let origin = kv_segment_first(INDEX);
    let begin = max(first_seen(position), origin);
    let end = min(last_seen(position) + 1u, kv_segment_end(INDEX));
#else
    let origin = 0u;
    let begin = first_seen(position);
    let end = last_seen(position) + 1u;
#endif
    // Not used where there is nothing to see.
    let last = max(end, origin + 1u) - 1u;
    var softmax = Softmax(LOWEST, 0.0);
    var sum: array<vec4<f32>, MAX_QUADS>;
    for (var i = 0u; i < QUADS; i++) {
        sum[i] = vec4<f32>(0.0);
    }
    for (var first = begin; first < end; first += 4u) {
        let at = vec4<u32>(
            kv_at(first - origin, 0u, kv_head), kv_at(min(first + 1u, last) - origin, 0u, kv_head),
            kv_at(min(first + 2u, last) - origin, 0u, kv_head), kv_at(min(first + 3u, last) - origin, 0u, kv_head),
        );
        let value_at = at + vec4<u32>(KV_VALUES);
        var s = vec4<f32>(0.0);
        for (var i = 0u; i < UNROLLED; i += 4u) {
            s += (dots(q_at, at, i) + dots(q_at, at, i + 1u)) + (dots(q_at, at, i + 2u) + dots(q_at, at, i + 3u));
        }
        for (var i = UNROLLED; i < QUADS; i++) {
            s += dots(q_at, at, i);
        }
        s = vec4<f32>(score_of(s.x), score_of(s.y), score_of(s.z), score_of(s.w));
        let seen = vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(last);
        s = select(vec4<f32>(LOWEST), s, seen);
        let maximum = max(max(max(s.x, s.y), max(s.z, s.w)), softmax.maximum);
        let shrink = exp(softmax.maximum - maximum);
        let p = select(vec4<f32>(0.0), exp(s - vec4<f32>(maximum)), seen);
        softmax = Softmax(maximum, softmax.sum * shrink + dot(p, vec4<f32>(1.0)));
        for (var i = 0u; i < UNROLLED; i += 4u) {
            sum[i] = sum[i] * shrink + weighted(p, value_at, i);
            sum[i + 1u] = sum[i + 1u] * shrink + weighted(p, value_at, i + 1u);
            sum[i + 2u] = sum[i + 2u] * shrink + weighted(p, value_at, i + 2u);
            sum[i + 3u] = sum[i + 3u] * shrink + weighted(p, value_at, i + 3u);
        }
        for (var i = UNROLLED; i < QUADS; i++) {
            sum[i] = sum[i] * shrink + weighted(p, value_at, i);
        }
    }
#if one_segment
    let to = partial_at(t, head, INDEX);
    for (var i = 0u; i < QUADS; i++) {
        out[to + i] = sum[i];
    }
    out[to + QUADS] = vec4<f32>(softmax.maximum, softmax.sum, 0.0, 0.0);
#else
    let whole = with_sink(softmax, head);
    let scale = exp(softmax.maximum - whole.maximum) / whole.sum;
    for (var i = 0u; i < QUADS; i++) {
        out[q_at + i] = sum[i] * scale;
    }
#endif
}
