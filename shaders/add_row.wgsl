// out[t, i] = x[t, i] + table[r, i], where r is ROW, or with `position` step.position + t + ROW
//
//   0, 1, 2  table [table rows, cols], as lib/weights.wgsl says; the rows FIRST_ROW .. FIRST_ROW + ROWS of it
//   3        x [tokens, STRIDE4 vec4s]
//   4        out, as x
//   5        step
//
// An invocation takes four elements. Tokens whose row is in another slice of the table are left to its dispatch.
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

override ROW: u32;
override FIRST_ROW: u32;
override ROWS: u32;
override BLOCKS: u32;   // blocks of 32 a row of the table
override STRIDE4: u32;  // vec4s a row of `x`

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.x;
    let t = id.y;
    if (quad >= STRIDE4 || t >= n_rows()) {
        return;
    }
#if position
    let row = step.position + t + ROW - FIRST_ROW;
#else
    let row = ROW - FIRST_ROW;
#endif
    if (row < ROWS) {
        let at = t * STRIDE4 + quad;
        out[at] = x[at] + weight_quad(row * BLOCKS + quad / 8u, quad & 7u);
    }
}
