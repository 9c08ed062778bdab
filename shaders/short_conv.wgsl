// out[t, i] = sum_j weight[i, j] * row(t + j + 1 - TAPS)[i]
//
// where row(t) is x[t], before the step the state's row of that position, and before position 0 nothing.
// An invocation takes one element.
//
//   3  x [tokens, STRIDE]
//   4  out, as x
//   5  step
//   6  weight [WIDTH, WEIGHT_STRIDE]
//   7  ring [RING, STRIDE]: the row of position p is p % RING (state_write.wgsl)
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> weight: array<f32>;
@group(0) @binding(7) var<storage, read> ring: array<f32>;

override WIDTH: u32;
override STRIDE: u32;
override RING: u32;
override TAPS: u32;
override WEIGHT_STRIDE: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    let t = id.y;
    if (i >= WIDTH || t >= n_rows()) {
        return;
    }
    var sum = 0.0;
    for (var j = 0u; j < TAPS; j++) {
        let back = TAPS - 1u - j;
        let w = weight[i * WEIGHT_STRIDE + j];
        if (back <= t) {
            sum += w * x[(t - back) * STRIDE + i];
        } else if (back <= step.position + t) {
            sum += w * ring[((step.position + t - back) % RING) * STRIDE + i];
        }
    }
    out[t * STRIDE + i] = sum;
}
