// out[r, i] = a[r, i] + b[r, i]; an invocation takes four elements.
//
//   3  a [rows, STRIDE4 vec4s]
//   4  out, as a
//   5  step
//   6  b, as a
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> b: array<vec4<f32>>;

override STRIDE4: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= STRIDE4 || id.y >= n_rows()) {
        return;
    }
    let at = id.y * STRIDE4 + id.x;
    out[at] = a[at] + b[at];
}
