// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for many rows t of x
//
// A workgroup of W_THREADS x X_THREADS invocations computes a tile of 8 W_THREADS rows of the weight by 8 X_THREADS rows
// of x (4 X_THREADS with `x4`). It walks the columns 32 at a time, a block: both operands go through workgroup memory as
// rows of 8 quads, and an invocation keeps the sums of 8 rows of the weight, W_THREADS apart, with 8 rows of x,
// X_THREADS apart. Quad q of row r lies at q ^ (r & 7), so that rows which are read together lie in different banks.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s]
//   4 to 7   see lib/product_rows.wgsl
#include "lib/weight_halves.wgsl"
#include "lib/matmul.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;

override X_STRIDE4: u32;
override W_VECS: u32 = 64u * W_THREADS;
override X_VECS: u32 = 8u * X_ROWS;
// What an invocation brings: halves of blocks of the weight, quads of x. Both divide without a rest.
override W_UNITS: u32 = 16u / X_THREADS;
override X_UNITS: u32 = X_VECS / THREADS;

var<workgroup> w_tile: array<vec4<f32>, W_VECS>;
var<workgroup> x_tile: array<vec4<f32>, X_VECS>;

fn x_quad(t: u32, i: u32) -> vec4<f32> {
    if (COLS % 32u == 0u) {
        return x[t * X_STRIDE4 + i];
    }
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[t * X_STRIDE4 + min(i, X_STRIDE4 - 1u)], at < vec4<u32>(COLS));
}

// sum + w * v, w's columns being one column of four rows each.
fn mac(sum: vec4<f32>, w: mat4x4<f32>, v: vec4<f32>) -> vec4<f32> {
    return fma(w[3], vec4<f32>(v.w), fma(w[2], vec4<f32>(v.z), fma(w[1], vec4<f32>(v.y), fma(w[0], vec4<f32>(v.x), sum))));
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let z = group.z;
    let n = rows_of(z);
    let row0 = group.x * W_ROWS;
    let t0 = group.y * X_ROWS;
#if grouped
    if (t0 >= n) {
        return;
    }
    let live = n - t0;
#endif
    let tx = local % W_THREADS;
    let ty = local / W_THREADS;
    let w_half = local % 2u;
    let w_row = local / 2u;
    let x_at = local % 8u;
    let x_row_at = local / 8u;
    let steps = steps_of(group.z, groups.z, BLOCKS);
    var w_halves: array<Half, 2>;
    var x_quads: array<vec4<f32>, 8>;
#if grouped
    var x_rows: array<u32, 8>;
    for (var u = 0u; u < X_UNITS; u++) {
        x_rows[u] = x_row(z, min(t0 + x_row_at + u * (THREADS / 8u), n - 1u));
    }
#endif
    var lo0 = vec4<f32>(0.0);
    var hi0 = vec4<f32>(0.0);
    var lo1 = vec4<f32>(0.0);
    var hi1 = vec4<f32>(0.0);
    var lo2 = vec4<f32>(0.0);
    var hi2 = vec4<f32>(0.0);
    var lo3 = vec4<f32>(0.0);
    var hi3 = vec4<f32>(0.0);
#if !x4
    var lo4 = vec4<f32>(0.0);
    var hi4 = vec4<f32>(0.0);
    var lo5 = vec4<f32>(0.0);
    var hi5 = vec4<f32>(0.0);
    var lo6 = vec4<f32>(0.0);
    var hi6 = vec4<f32>(0.0);
    var lo7 = vec4<f32>(0.0);
    var hi7 = vec4<f32>(0.0);
#endif
    for (var b = steps.x; b < steps.y; b++) {
        for (var u = 0u; u < W_UNITS; u++) {
            let row = weight_row(z, row0 + w_row + u * (THREADS / 2u));
            w_halves[u] = weight_half(row * BLOCKS + b, w_half);
        }
        for (var u = 0u; u < X_UNITS; u++) {
#if grouped
            x_quads[u] = x_quad(x_rows[u], 8u * b + x_at);
#else
            x_quads[u] = x_quad(min(t0 + x_row_at + u * (THREADS / 8u), n - 1u), 8u * b + x_at);
#endif
        }
        workgroupBarrier();
        for (var u = 0u; u < W_UNITS; u++) {
            let row = w_row + u * (THREADS / 2u);
            let at = 8u * row + ((4u * w_half) ^ (row & 4u));
            let swizzle = row & 3u;
            w_tile[at + swizzle] = w_halves[u].v0;
            w_tile[at + (1u ^ swizzle)] = w_halves[u].v1;
            w_tile[at + (2u ^ swizzle)] = w_halves[u].v2;
            w_tile[at + (3u ^ swizzle)] = w_halves[u].v3;
        }
        for (var u = 0u; u < X_UNITS; u++) {
            let row = x_row_at + u * (THREADS / 8u);
            x_tile[8u * row + (x_at ^ (row & 7u))] = x_quads[u];
        }
        workgroupBarrier();
        for (var q = 0u; q < 8u; q++) {
#if grouped
            // Of an expert with few rows most of the tile is empty.
            if (ty >= live) {
                continue;
            }
#endif
            let wq = 8u * tx + (q ^ (tx & 7u));
            let xq = 8u * ty + (q ^ (ty & 7u));
            let lo = transpose(mat4x4<f32>(
                w_tile[wq],
                w_tile[wq + 8u * W_THREADS],
                w_tile[wq + 2u * 8u * W_THREADS],
                w_tile[wq + 3u * 8u * W_THREADS],
            ));
            let hi = transpose(mat4x4<f32>(
                w_tile[wq + 4u * 8u * W_THREADS],
                w_tile[wq + 5u * 8u * W_THREADS],
                w_tile[wq + 6u * 8u * W_THREADS],
                w_tile[wq + 7u * 8u * W_THREADS],
            ));
            let v0 = x_tile[xq];
            lo0 = mac(lo0, lo, v0);
            hi0 = mac(hi0, hi, v0);
#if grouped
            if (live <= X_THREADS) {
                continue;
            }
#endif
            let v1 = x_tile[xq + 8u * X_THREADS];
            lo1 = mac(lo1, lo, v1);
            hi1 = mac(hi1, hi, v1);
#if grouped
            if (live <= 2u * X_THREADS) {
                continue;
            }
#endif
            let v2 = x_tile[xq + 2u * 8u * X_THREADS];
            lo2 = mac(lo2, lo, v2);
            hi2 = mac(hi2, hi, v2);
            let v3 = x_tile[xq + 3u * 8u * X_THREADS];
            lo3 = mac(lo3, lo, v3);
            hi3 = mac(hi3, hi, v3);
#if !x4
            let v4 = x_tile[xq + 4u * 8u * X_THREADS];
            lo4 = mac(lo4, lo, v4);
            hi4 = mac(hi4, hi, v4);
            let v5 = x_tile[xq + 5u * 8u * X_THREADS];
            lo5 = mac(lo5, lo, v5);
            hi5 = mac(hi5, hi, v5);
            let v6 = x_tile[xq + 6u * 8u * X_THREADS];
            lo6 = mac(lo6, lo, v6);
            hi6 = mac(hi6, hi, v6);
            let v7 = x_tile[xq + 7u * 8u * X_THREADS];
            lo7 = mac(lo7, lo, v7);
            hi7 = mac(hi7, hi, v7);
#endif
        }
    }
    let t = t0 + ty;
    let o = row0 + tx;
    store(t, o, n, z, lo0, hi0);
    store(t + X_THREADS, o, n, z, lo1, hi1);
    store(t + 2u * X_THREADS, o, n, z, lo2, hi2);
    store(t + 3u * X_THREADS, o, n, z, lo3, hi3);
#if !x4
    store(t + 4u * X_THREADS, o, n, z, lo4, hi4);
    store(t + 5u * X_THREADS, o, n, z, lo5, hi5);
    store(t + 6u * X_THREADS, o, n, z, lo6, hi6);
    store(t + 7u * X_THREADS, o, n, z, lo7, hi7);
#endif
}
