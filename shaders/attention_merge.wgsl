// out[t, h] from what the splits of attention_decode.wgsl, or with `one_segment` the segments of attention_plain.wgsl, left: with split i's sums o[i], maxima m[i] and weights l[i],
//   out[t, h] = sum_i exp(m[i] - max m) * o[i] / sum_i exp(m[i] - max m) * l[i]
//
// An invocation takes one quad of one head.
//
//   3  partials, as lib/attention_splits.wgsl says
//   4  out [tokens, n_heads * QUADS quads]
#include "lib/attention.wgsl"
#include "lib/attention_splits.wgsl"
@group(0) @binding(3) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x / QUADS;
    let quad = id.x % QUADS;
    let t = id.y;
    if (head >= KV_HEADS * GROUP || t >= n_rows()) {
        return;
    }
#if one_segment
    let used = SPLITS;
#else
    let used = splits_of(step.position + t).used;
#endif
    let at = partial_at(t, head, 0u);
    var maximum = LOWEST;
    for (var i = 0u; i < used; i++) {
        maximum = max(maximum, partials[at + i * (QUADS + 1u) + QUADS].x);
    }
    var softmax = Softmax(maximum, 0.0);
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < used; i++) {
        let split = at + i * (QUADS + 1u);
        let state = partials[split + QUADS];
        let scale = exp(state.x - maximum);
        softmax.sum += scale * state.y;
        sum += scale * partials[split + quad];
    }
    let whole = with_sink(softmax, head);
    out[(t * KV_HEADS * GROUP + head) * QUADS + quad] = sum * (exp(maximum - whole.maximum) / whole.sum);
}
