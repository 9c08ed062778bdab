// out[r, i] = gated(gate[r, i], up[r, i]); an invocation takes four elements.
//
//   3  gate [rows, STRIDE4 vec4s]
//   4  out, as gate
//   5  step
//   6  up, as gate
#include "lib/rows.wgsl"
#include "lib/gated.wgsl"
@group(0) @binding(3) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> up: array<vec4<f32>>;

override STRIDE4: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= STRIDE4 || id.y >= n_rows()) {
        return;
    }
    let at = id.y * STRIDE4 + id.x;
    let g = gate[at];
    let u = up[at];
    out[at] = vec4<f32>(gated(g.x, u.x), gated(g.y, u.y), gated(g.z, u.z), gated(g.w, u.w));
}
