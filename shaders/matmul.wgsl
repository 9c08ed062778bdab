// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for many rows t of x
//
// A workgroup of 128 invocations computes a tile of 64 rows of x by 64 rows of the weight. It walks the columns
// 32 at a time (one block): both operands go through workgroup memory, transposed so that the innermost loop
// reads vec4s, and each invocation keeps 8 by 4 sums in registers. 16 KiB of workgroup memory.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s]
//   4        out [rows, OUT_STRIDE]
//   5        step
//   6        bias [ROWS]           with `bias`
//   7        residual, as out      with `residual`
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
#endif
#if residual
@group(0) @binding(7) var<storage, read> residual: array<f32>;
#endif

override COLS: u32;
override BLOCKS: u32;        // ceil(COLS / 32)
override X_STRIDE4: u32;
override OUT_STRIDE: u32;
override FIRST_ROW: u32;     // first row of the weight that is read
override ROWS: u32;          // rows of the weight that are read
override OUT_FIRST: u32 = 0u;

// [column][row / 4], a vec4 over four rows.
var<workgroup> x_tile: array<vec4<f32>, 512>;
var<workgroup> w_tile: array<vec4<f32>, 512>;

fn x_quad(t: u32, i: u32) -> vec4<f32> {
    if (COLS % 32u == 0u) {
        return x[t * X_STRIDE4 + i];
    }
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[t * X_STRIDE4 + min(i, X_STRIDE4 - 1u)], at < vec4<u32>(COLS));
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let n = n_rows();
    let row0 = group.x * 64u;
    let t0 = group.y * 64u;
    // Loading: an invocation transposes four columns of four rows.
    let quad = local % 8u;
    let four = local / 8u;
    let rows = (vec4<u32>(FIRST_ROW) + min(vec4<u32>(row0 + 4u * four) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(ROWS - 1u))) * BLOCKS;
    let tokens = min(vec4<u32>(t0 + 4u * four) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(n - 1u));
    // Computing: 8 rows of x by 4 rows of the weight.
    let w_four = local % 16u;
    let x_eight = local / 16u;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    var s4 = vec4<f32>(0.0);
    var s5 = vec4<f32>(0.0);
    var s6 = vec4<f32>(0.0);
    var s7 = vec4<f32>(0.0);
    for (var b = 0u; b < BLOCKS; b++) {
        let w = transpose(mat4x4<f32>(
            weight_quad(rows.x + b, quad), weight_quad(rows.y + b, quad),
            weight_quad(rows.z + b, quad), weight_quad(rows.w + b, quad),
        ));
        let i = 8u * b + quad;
        let v = transpose(mat4x4<f32>(x_quad(tokens.x, i), x_quad(tokens.y, i), x_quad(tokens.z, i), x_quad(tokens.w, i)));
        workgroupBarrier();
        let at = 64u * quad + four;
        w_tile[at] = w[0];
        w_tile[at + 16u] = w[1];
        w_tile[at + 32u] = w[2];
        w_tile[at + 48u] = w[3];
        x_tile[at] = v[0];
        x_tile[at + 16u] = v[1];
        x_tile[at + 32u] = v[2];
        x_tile[at + 48u] = v[3];
        workgroupBarrier();
        for (var k = 0u; k < 512u; k += 16u) {
            let wk = w_tile[k + w_four];
            let lo = x_tile[k + 2u * x_eight];
            let hi = x_tile[k + 2u * x_eight + 1u];
            s0 += lo.x * wk;
            s1 += lo.y * wk;
            s2 += lo.z * wk;
            s3 += lo.w * wk;
            s4 += hi.x * wk;
            s5 += hi.y * wk;
            s6 += hi.z * wk;
            s7 += hi.w * wk;
        }
    }
    let t = t0 + 8u * x_eight;
    let o = row0 + 4u * w_four;
    store(t, o, n, s0);
    store(t + 1u, o, n, s1);
    store(t + 2u, o, n, s2);
    store(t + 3u, o, n, s3);
    store(t + 4u, o, n, s4);
    store(t + 5u, o, n, s5);
    store(t + 6u, o, n, s6);
    store(t + 7u, o, n, s7);
}

fn store(t: u32, o: u32, n: u32, sums: vec4<f32>) {
    if (t >= n) {
        return;
    }
    for (var r = 0u; r < 4u; r++) {
        if (o + r < ROWS) {
            let at = t * OUT_STRIDE + OUT_FIRST + o + r;
            var sum = sums[r];
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
