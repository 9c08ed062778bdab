// out[r, i] = x[first_output + r, i]: the rows whose output is wanted; an invocation takes four elements.
//
//   3  x [tokens, STRIDE4 vec4s]
//   4  out [outputs, STRIDE4 vec4s]
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

override STRIDE4: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= STRIDE4 || id.y >= step.n_outputs) {
        return;
    }
    out[id.y * STRIDE4 + id.x] = x[(step.first_output + id.y) * STRIDE4 + id.x];
}
