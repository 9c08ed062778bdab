// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for many rows t of x, on software adapters
//
// An invocation takes 8 rows of the weight and 8 rows of x, with no workgroup memory and no barrier. What costs there is
// reading memory, a call for each lane and word: a block of x read once serves 8 rows, one of the weight 8 rows of x.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s], as lib/x_blocks.wgsl says
//   4 to 7   see lib/product_rows.wgsl
#include "lib/weights.wgsl"
#include "lib/x_blocks.wgsl"
#include "lib/product_rows.wgsl"

override WORKGROUP: u32;

fn four_dots(a: Block, b: Block, c: Block, d: Block, v: Block) -> vec4<f32> {
    return vec4<f32>(block_dot(a, v), block_dot(b, v), block_dot(c, v), block_dot(d, v));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let z = id.z;
    let n = rows_of(z);
    let o = 8u * id.x;
    let t = 8u * id.y;
    if (o >= ROWS || t >= n) {
        return;
    }
    var first: array<u32, 8>;
    var x_rows: array<u32, 8>;
    for (var r = 0u; r < 8u; r++) {
        first[r] = weight_row(z, o + r) * BLOCKS;
        x_rows[r] = x_row(z, min(t + r, n - 1u));
    }
#if grouped
    let live = min(8u, n - t);
#else
    const live = 8u;
#endif
    var lo: array<vec4<f32>, 8>;
    var hi: array<vec4<f32>, 8>;
    for (var b = 0u; b < BLOCKS; b++) {
        let w0 = weight_block(first[0] + b);
        let w1 = weight_block(first[1] + b);
        let w2 = weight_block(first[2] + b);
        let w3 = weight_block(first[3] + b);
        let w4 = weight_block(first[4] + b);
        let w5 = weight_block(first[5] + b);
        let w6 = weight_block(first[6] + b);
        let w7 = weight_block(first[7] + b);
        // A loop, not eight copies: software compiles a pipeline of these in a fifth of the time.
        for (var r = 0u; r < live; r++) {
            let v = x_block(x_rows[r], b);
            lo[r] += four_dots(w0, w1, w2, w3, v);
            hi[r] += four_dots(w4, w5, w6, w7, v);
        }
    }
    for (var r = 0u; r < 8u; r++) {
        store(z, t + r, o, n, lo[r], hi[r]);
    }
}

fn store(z: u32, t: u32, o: u32, n: u32, lo: vec4<f32>, hi: vec4<f32>) {
    if (t >= n) {
        return;
    }
    for (var r = 0u; r < 8u; r++) {
        if (o + r < ROWS) {
            put(z, t, o + r, select(hi[r & 3u], lo[r & 3u], r < 4u));
        }
    }
}
