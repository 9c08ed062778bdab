// out[t, i] = SCALE * table[ids[t], i], or with `in_order` table[t, i]
//
//   0, 1, 2  table [vocab, cols], as lib/weights.wgsl says; the rows FIRST_ROW .. FIRST_ROW + ROWS of it
//   3        ids [tokens]
//   4        out [tokens, STRIDE]
//   5        step
//
// An invocation writes four elements. Ids of other slices of the table are left to their dispatches.
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
#if !in_order
@group(0) @binding(3) var<storage, read> ids: array<u32>;
#endif
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

override SCALE: f32 = 1.0;
override FIRST_ROW: u32;
override ROWS: u32;
override BLOCKS: u32;   // blocks of 32 a row of the table
override STRIDE4: u32;  // vec4s a row of `out`

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.x;
    let t = id.y;
    if (quad >= STRIDE4 || t >= n_rows()) {
        return;
    }
#if in_order
    let row = t - FIRST_ROW;
#else
    let row = ids[t] - FIRST_ROW;
#endif
    if (row < ROWS) {
        out[t * STRIDE4 + quad] = SCALE * weight_quad(row * BLOCKS + quad / 8u, quad & 7u);
    }
}
