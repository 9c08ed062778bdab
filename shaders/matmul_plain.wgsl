// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for many rows t of x, on software adapters
//
// An invocation takes 8 rows of the weight and 8 rows of x, with no workgroup memory and no barrier. What costs there is
// reading memory, a call for each lane and word: a block of x read once serves 8 rows, one of the weight 8 rows of x.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s], as lib/x_blocks.wgsl says
//   4        out [rows, OUT_STRIDE]
//   5        step
//   6        bias [ROWS]           with `bias`
//   7        residual, as out      with `residual`
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
#include "lib/x_blocks.wgsl"
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
#endif
#if residual
@group(0) @binding(7) var<storage, read> residual: array<f32>;
#endif

override OUT_STRIDE: u32;
override FIRST_ROW: u32;     // first row of the weight that is read
override ROWS: u32;          // rows of the weight that are read
override OUT_FIRST: u32 = 0u;
override WORKGROUP: u32;

fn four_dots(a: Block, b: Block, c: Block, d: Block, v: Block) -> vec4<f32> {
    return vec4<f32>(block_dot(a, v), block_dot(b, v), block_dot(c, v), block_dot(d, v));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let n = n_rows();
    let o = 8u * id.x;
    let t = 8u * id.y;
    if (o >= ROWS) {
        return;
    }
    let offsets = vec4<u32>(0u, 1u, 2u, 3u);
    let first = (vec4<u32>(FIRST_ROW) + min(vec4<u32>(o) + offsets, vec4<u32>(ROWS - 1u))) * BLOCKS;
    let last = (vec4<u32>(FIRST_ROW) + min(vec4<u32>(o + 4u) + offsets, vec4<u32>(ROWS - 1u))) * BLOCKS;
    var lo: array<vec4<f32>, 8>;
    var hi: array<vec4<f32>, 8>;
    for (var b = 0u; b < BLOCKS; b++) {
        let w0 = weight_block(first.x + b);
        let w1 = weight_block(first.y + b);
        let w2 = weight_block(first.z + b);
        let w3 = weight_block(first.w + b);
        let w4 = weight_block(last.x + b);
        let w5 = weight_block(last.y + b);
        let w6 = weight_block(last.z + b);
        let w7 = weight_block(last.w + b);
        // A loop, not eight copies: software compiles a pipeline of these in a fifth of the time.
        for (var r = 0u; r < 8u; r++) {
            let v = x_block(min(t + r, n - 1u), b);
            lo[r] += four_dots(w0, w1, w2, w3, v);
            hi[r] += four_dots(w4, w5, w6, w7, v);
        }
    }
    for (var r = 0u; r < 8u; r++) {
        store(t + r, o, n, lo[r], hi[r]);
    }
}

fn store(t: u32, o: u32, n: u32, lo: vec4<f32>, hi: vec4<f32>) {
    if (t >= n) {
        return;
    }
    for (var r = 0u; r < 8u; r++) {
        if (o + r < ROWS) {
            let at = t * OUT_STRIDE + OUT_FIRST + o + r;
            var sum = select(hi[r & 3u], lo[r & 3u], r < 4u);
#if bias
            sum += bias[OUT_FIRST + o + r];
#endif
#if residual
            sum += residual[at];
#endif
            out[at] = sum;
        }
    }
}
