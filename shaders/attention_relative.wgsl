// Attention with the distance of query and key in the scores (sotto_plan::Op::RelativeAttention): for query head h of
// the step's row t, at position p, and each key j it sees,
//   r = clamp(SPAN + sign(p - j) * buckets[|p - j|], 0, 2 * SPAN - 1)
//   s[j] = SCALE * (q[t, h] . keys[j, h] + q[t, h] . relative_keys[r, h] + relative_queries[r, h] . keys[j, h])
// and the rest as lib/attention.wgsl says. Each query head has a key/value head of its own.
//
// An invocation takes one query head. A score takes three products of which two are shared by all queries at the same
// distance; keeping those would take a table of tokens by distances, and encoders' texts are short.
//
//   3  q [tokens, KV_HEADS * QUADS quads]
//   4  out, as q
//   7  relative_keys [2 * SPAN, KV_HEADS * QUADS quads]
//   8  relative_queries, as relative_keys
//   9  buckets [positions], whole numbers
#include "lib/attention.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> relative_keys: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> relative_queries: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> buckets: array<f32>;

override WORKGROUP: u32;
override SPAN: u32;
const MAX_QUADS = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x;
    let t = id.y;
    if (head >= KV_HEADS || t >= n_rows()) {
        return;
    }
    let q_at = (t * KV_HEADS + head) * QUADS;
    let position = step.position + t;
    let last = last_seen(position);
    var softmax = Softmax(LOWEST, 0.0);
    var sum: array<vec4<f32>, MAX_QUADS>;
    for (var i = 0u; i < QUADS; i++) {
        sum[i] = vec4<f32>(0.0);
    }
    for (var j = first_seen(position); j <= last; j++) {
        let distance = max(position, j) - min(position, j);
        let bucket = u32(buckets[distance]);
        let r = select(min(SPAN + bucket, 2u * SPAN - 1u), SPAN - min(bucket, SPAN), j > position);
        let r_at = (r * KV_HEADS + head) * QUADS;
        let at = kv_at(j, 0u, head);
        var products = 0.0;
        for (var i = 0u; i < QUADS; i++) {
            let key = kv_load(kv_0_at(at + i));
            let query = q[q_at + i];
            products += dot(query, key + relative_keys[r_at + i]) + dot(relative_queries[r_at + i], key);
        }
        let s = score_of(products);
        let maximum = max(s, softmax.maximum);
        let shrink = exp(softmax.maximum - maximum);
        let p = exp(s - maximum);
        softmax = Softmax(maximum, softmax.sum * shrink + p);
        for (var i = 0u; i < QUADS; i++) {
            sum[i] = sum[i] * shrink + p * kv_load(kv_0_at(at + KV_VALUES + i));
        }
    }
    for (var i = 0u; i < QUADS; i++) {
        out[q_at + i] = sum[i] / softmax.sum;
    }
}
