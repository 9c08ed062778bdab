// Linear attention by the gated delta rule (sotto_plan::DeltaNet). For each value head h and its key head, with S [K_DIM, V_DIM],
// one token after the other:
//
//   q = query / |query| / sqrt(K_DIM),  k = key / |key|,  |v|^2 = sum v^2 + 1e-6
//   S = exp(decay[h] * softplus(a[t, h] + bias[h])) * S
//   S = S + k (sigmoid(b[t, h]) * (value - k S))
//   out[t, h] = q S
//
// A column of S has to do with no other: an invocation takes one, and goes over it twice a token.
//
//   3  x [tokens, STRIDE]: queries and keys [K_HEADS, K_DIM], values [V_HEADS, V_DIM]
//   4  out [tokens, OUT_STRIDE]
//   5  step
//   6  a, 7  b [tokens, HEAD_STRIDE]
//   8  decay, 9  bias [V_HEADS]
//   10 state [SLOTS, V_HEADS, K_DIM, V_DIM]: that of position p in slot p % SLOTS, so that the last few steps can be gone
//      back to; zeros at position 0, whatever it holds
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> a: array<f32>;
@group(0) @binding(7) var<storage, read> b: array<f32>;
@group(0) @binding(8) var<storage, read> decay: array<f32>;
@group(0) @binding(9) var<storage, read> bias: array<f32>;
@group(0) @binding(10) var<storage, read_write> state: array<f32>;

override K_HEADS: u32;
override V_HEADS: u32;
override K_DIM: u32;
override V_DIM: u32;
override STRIDE: u32;
override OUT_STRIDE: u32;
override HEAD_STRIDE: u32;
override SLOTS: u32;

const EPS = 1e-6;

fn softplus(v: f32) -> f32 {
    // Beyond 20 it is v to the last bit, and exp may overflow.
    return select(log(1.0 + exp(min(v, 20.0))), v, v > 20.0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let column = id.x;
    if (column >= V_HEADS * V_DIM) {
        return;
    }
    let h = column / V_DIM;
    let key_head = h % K_HEADS;
    let all = K_DIM * V_DIM * V_HEADS;
    let at = h * K_DIM * V_DIM + column % V_DIM;
    var before = step.position % SLOTS * all + at;
    let after = (step.position + n_rows()) % SLOTS * all + at;
    for (var t = 0u; t < n_rows(); t++) {
        let query = t * STRIDE + key_head * K_DIM;
        let key = query + K_HEADS * K_DIM;
        let value = x[t * STRIDE + 2u * K_HEADS * K_DIM + column];
        let first = step.position + t == 0u;
        var query_square = 0.0;
        var key_square = 0.0;
        var seen = 0.0;
        for (var i = 0u; i < K_DIM; i++) {
            let k = x[key + i];
            query_square += x[query + i] * x[query + i];
            key_square += k * k;
            seen += k * select(state[before + i * V_DIM], 0.0, first);
        }
        let query_scale = 1.0 / (sqrt(query_square + EPS) * sqrt(f32(K_DIM)));
        let key_scale = 1.0 / sqrt(key_square + EPS);
        let kept = exp(decay[h] * softplus(a[t * HEAD_STRIDE + h] + bias[h]));
        let rate = 1.0 / (1.0 + exp(-b[t * HEAD_STRIDE + h]));
        let change = key_scale * rate * (value - kept * key_scale * seen);
        var sum = 0.0;
        for (var i = 0u; i < K_DIM; i++) {
            let s = kept * select(state[before + i * V_DIM], 0.0, first) + x[key + i] * change;
            state[after + i * V_DIM] = s;
            sum += x[query + i] * s;
        }
        out[t * OUT_STRIDE + column] = query_scale * sum;
        before = after;
    }
}
