// ring[(position + t) % RING, i] = x[t, i] for the last RING tokens of the step; an invocation takes one element.
//
//   3  x [tokens, STRIDE]
//   4  ring [RING, STRIDE]
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;

override WIDTH: u32;
override STRIDE: u32;
override RING: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.y;
    if (id.x >= WIDTH || t >= n_rows() || t + RING < n_rows()) {
        return;
    }
    ring[((step.position + t) % RING) * STRIDE + id.x] = x[t * STRIDE + id.x];
}
