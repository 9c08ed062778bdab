// out[r, g * PART + i] = x[r, g * GROUP + FIRST + i]; an invocation takes one element.
//
//   3  x [rows, STRIDE]
//   4  out [rows, OUT_STRIDE]
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

override WIDTH: u32;  // of out
override STRIDE: u32;
override OUT_STRIDE: u32;
override GROUP: u32;
override PART: u32;
override FIRST: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= WIDTH || id.y >= n_rows()) {
        return;
    }
    out[id.y * OUT_STRIDE + id.x] = x[id.y * STRIDE + id.x / PART * GROUP + FIRST + id.x % PART];
}
