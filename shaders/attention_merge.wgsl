// out[t, h] from what the splits of attention_lanes.wgsl or attention_decode.wgsl left, or with `one_segment` the segments of
// attention_plain.wgsl: with split i's sums o[i], maxima m[i] and weights l[i],
//   out[t, h] = sum_i exp(m[i] - max m) * o[i] / sum_i exp(m[i] - max m) * l[i]
//
// A workgroup takes one head: PARTS rows of QUADS invocations, each with every PARTS-th split, which meet at the end.
//
//   3  partials, as lib/attention_splits.wgsl says
//   4  out [tokens, n_heads * QUADS quads]
#include "lib/attention.wgsl"
#include "lib/attention_splits.wgsl"
@group(0) @binding(3) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

const WORKGROUP = 128u;
override PARTS: u32 = WORKGROUP / QUADS;

var<workgroup> states: array<vec2<f32>, WORKGROUP>;
var<workgroup> sums: array<vec4<f32>, WORKGROUP>;

struct Merged {
    softmax: Softmax,
    sum: vec4<f32>,
}

// (maximum, weight) of a split, LOWEST and 0 beyond the last.
fn state_of(at: u32, split: u32, used: u32) -> vec2<f32> {
    let state = partials[at + min(split, used - 1u) * (QUADS + 1u) + QUADS].xy;
    return select(vec2<f32>(LOWEST, 0.0), state, split < used);
}

fn sum_of(at: u32, split: u32, used: u32, quad: u32) -> vec4<f32> {
    return partials[at + min(split, used - 1u) * (QUADS + 1u) + quad];
}

fn merged(a: Merged, state: vec2<f32>, sum: vec4<f32>) -> Merged {
    let maximum = max(a.softmax.maximum, state.x);
    let keep = exp(a.softmax.maximum - maximum);
    let scale = exp(state.x - maximum);
    return Merged(Softmax(maximum, a.softmax.sum * keep + state.y * scale), a.sum * keep + sum * scale);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = group.x;
    let t = group.y;
    let quad = local % QUADS;
    let part = local / QUADS;
#if one_segment
    // Later segments may not be there yet.
    let used = kv_segment(last_seen(step.position + t)) + 1u;
#else
    let used = splits_of(step.position + t).used;
#endif
    let at = partial_at(t, head, 0u);
    var all = Merged(Softmax(LOWEST, 0.0), vec4<f32>(0.0));
    if (part < PARTS) {
        // Four splits are under way at a time.
        for (var i = part; i < used; i += 4u * PARTS) {
            let state0 = state_of(at, i, used);
            let state1 = state_of(at, i + PARTS, used);
            let state2 = state_of(at, i + 2u * PARTS, used);
            let state3 = state_of(at, i + 3u * PARTS, used);
            let sum0 = sum_of(at, i, used, quad);
            let sum1 = sum_of(at, i + PARTS, used, quad);
            let sum2 = sum_of(at, i + 2u * PARTS, used, quad);
            let sum3 = sum_of(at, i + 3u * PARTS, used, quad);
            all = merged(merged(all, state0, sum0), state1, sum1);
            all = merged(merged(all, state2, sum2), state3, sum3);
        }
    }
    states[local] = vec2<f32>(all.softmax.maximum, all.softmax.sum);
    sums[local] = all.sum;
    workgroupBarrier();
    if (local < QUADS) {
        for (var p = 1u; p < PARTS; p++) {
            all = merged(all, states[p * QUADS + local], sums[p * QUADS + local]);
        }
        let whole = with_sink(all.softmax, head);
        out[(t * KV_HEADS * GROUP + head) * QUADS + quad] = all.sum * (exp(all.softmax.maximum - whole.maximum) / whole.sum);
    }
}
