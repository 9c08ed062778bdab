// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for many rows t of x
//
// A workgroup of W_THREADS x X_THREADS invocations computes a tile of 8 W_THREADS rows of the weight by 8 X_THREADS rows
// of x (4 X_THREADS with `x4`). It walks the columns 32 at a time, a block: both operands go through workgroup memory as
// rows of 8 quads, and an invocation keeps the sums of 8 rows of the weight, W_THREADS apart, with 8 rows of x,
// X_THREADS apart. Quads of a row are permuted (`swizzle_of`), so that rows which are read together lie in different banks.
//
// With `f16` both operands are f16 there, x as halve_rows.wgsl leaves it; products and sums are f32. With `f16_sums` the sums
// of a block are f16 too, two to an instruction where a device has that: elements of the weight are then parts of a
// power of two that none of their block exceeds, so that 32 products of at most 512 stay below the largest f16.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s]
//   4 to 7   see lib/product_rows.wgsl
//   8        scales of x [rows]                               with `f16`
#include "lib/weight_halves.wgsl"
#include "lib/matmul.wgsl"
#if f16
@group(0) @binding(3) var<storage, read> x: array<vec4<f16>>;
override X_STRIDE4: u32;

fn x_quad(t: u32, i: u32) -> Quad {
    return x[t * X_STRIDE4 + i];
}

alias Quad = vec4<f16>;
#else
#include "lib/x_rows.wgsl"
alias Quad = vec4<f32>;
#endif
#if f16_sums
alias Sum = f16;
#else
alias Sum = f32;
#endif

override W_VECS: u32 = 64u * W_THREADS;
override X_VECS: u32 = 8u * X_ROWS;
// What an invocation brings: halves of blocks of the weight, quads of x. Both divide without a rest.
override W_UNITS: u32 = 16u / X_THREADS;
override X_UNITS: u32 = X_VECS / THREADS;

var<workgroup> w_tile: array<Quad, W_VECS>;
var<workgroup> x_tile: array<Quad, X_VECS>;
#if f16_sums
var<workgroup> w_scale: array<f32, W_ROWS>;
#endif

// What the number of a quad of a row is permuted by: eight rows of floats, or sixteen of halves, fill all banks. Rows that are
// `apart` have the same.
fn swizzle_of(row: u32, apart: u32) -> u32 {
#if f16
    return ((row % apart) / 2u) & 7u;
#else
    return row & 7u;
#endif
}

fn wide(v: Quad) -> vec4<Sum> {
    return vec4<Sum>(v);
}

// sum + w * v, w's columns being one column of four rows each.
fn mac(sum: vec4<Sum>, w: mat4x4<Sum>, quad: Quad) -> vec4<Sum> {
    let v = wide(quad);
    return fma(w[3], vec4<Sum>(v.w), fma(w[2], vec4<Sum>(v.z), fma(w[1], vec4<Sum>(v.y), fma(w[0], vec4<Sum>(v.x), sum))));
}

#if f16_sums
fn scales_of(tx: u32) -> vec4<f32> {
    return vec4<f32>(w_scale[tx], w_scale[tx + W_THREADS], w_scale[tx + 2u * W_THREADS], w_scale[tx + 3u * W_THREADS]);
}
#endif

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
#if f16_sums
    var w_bounds: array<u32, 2>;
#endif
    var x_quads: array<Quad, 8>;
#if grouped
    var x_rows: array<u32, 8>;
    for (var u = 0u; u < X_UNITS; u++) {
        x_rows[u] = x_row(z, min(t0 + x_row_at + u * (THREADS / 8u), n - 1u));
    }
#endif
    var lo0 = vec4<Sum>(0.0);
    var hi0 = vec4<Sum>(0.0);
    var lo1 = vec4<Sum>(0.0);
    var hi1 = vec4<Sum>(0.0);
    var lo2 = vec4<Sum>(0.0);
    var hi2 = vec4<Sum>(0.0);
    var lo3 = vec4<Sum>(0.0);
    var hi3 = vec4<Sum>(0.0);
#if !x4
    var lo4 = vec4<Sum>(0.0);
    var hi4 = vec4<Sum>(0.0);
    var lo5 = vec4<Sum>(0.0);
    var hi5 = vec4<Sum>(0.0);
    var lo6 = vec4<Sum>(0.0);
    var hi6 = vec4<Sum>(0.0);
    var lo7 = vec4<Sum>(0.0);
    var hi7 = vec4<Sum>(0.0);
#endif
#if f16_sums
    var total_lo0 = vec4<f32>(0.0);
    var total_hi0 = vec4<f32>(0.0);
    var total_lo1 = vec4<f32>(0.0);
    var total_hi1 = vec4<f32>(0.0);
    var total_lo2 = vec4<f32>(0.0);
    var total_hi2 = vec4<f32>(0.0);
    var total_lo3 = vec4<f32>(0.0);
    var total_hi3 = vec4<f32>(0.0);
#if !x4
    var total_lo4 = vec4<f32>(0.0);
    var total_hi4 = vec4<f32>(0.0);
    var total_lo5 = vec4<f32>(0.0);
    var total_hi5 = vec4<f32>(0.0);
    var total_lo6 = vec4<f32>(0.0);
    var total_hi6 = vec4<f32>(0.0);
    var total_lo7 = vec4<f32>(0.0);
    var total_hi7 = vec4<f32>(0.0);
#endif
#endif
    for (var b = steps.x; b < steps.y; b++) {
        for (var u = 0u; u < W_UNITS; u++) {
            let row = weight_row(z, row0 + w_row + u * (THREADS / 2u));
            w_halves[u] = weight_half(row * BLOCKS + b, w_half);
#if f16_sums
            w_bounds[u] = block_bound(row * BLOCKS + b);
#endif
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
            let half = w_halves[u];
            let at = 8u * row;
            let first = 4u * w_half;
            let swizzle = swizzle_of(row, W_THREADS);
#if f16_sums
            let bits = w_bounds[u];
            if (w_half == 0u) {
                w_scale[row] = bitcast<f32>(bits);
            }
            // One by the power of two.
            let part = bitcast<f32>(0x7f000000u - bits);
#else
            let part = 1.0;
#endif
            w_tile[at + (first ^ swizzle)] = Quad(part * half.v0);
            w_tile[at + ((first + 1u) ^ swizzle)] = Quad(part * half.v1);
            w_tile[at + ((first + 2u) ^ swizzle)] = Quad(part * half.v2);
            w_tile[at + ((first + 3u) ^ swizzle)] = Quad(part * half.v3);
        }
        for (var u = 0u; u < X_UNITS; u++) {
            let row = x_row_at + u * (THREADS / 8u);
            x_tile[8u * row + (x_at ^ swizzle_of(row, X_THREADS))] = x_quads[u];
        }
        workgroupBarrier();
        for (var q = 0u; q < 8u; q++) {
#if grouped
            // Of an expert with few rows most of the tile is empty.
            if (ty >= live) {
                continue;
            }
#endif
            let wq = 8u * tx + (q ^ swizzle_of(tx, W_THREADS));
            let xq = 8u * ty + (q ^ swizzle_of(ty, X_THREADS));
            let lo = transpose(mat4x4<Sum>(
                wide(w_tile[wq]),
                wide(w_tile[wq + 8u * W_THREADS]),
                wide(w_tile[wq + 2u * 8u * W_THREADS]),
                wide(w_tile[wq + 3u * 8u * W_THREADS]),
            ));
            let hi = transpose(mat4x4<Sum>(
                wide(w_tile[wq + 4u * 8u * W_THREADS]),
                wide(w_tile[wq + 5u * 8u * W_THREADS]),
                wide(w_tile[wq + 6u * 8u * W_THREADS]),
                wide(w_tile[wq + 7u * 8u * W_THREADS]),
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
#if f16_sums
        let scale_lo = scales_of(tx);
        let scale_hi = scales_of(tx + 4u * W_THREADS);
        total_lo0 = fma(scale_lo, vec4<f32>(lo0), total_lo0);
        total_hi0 = fma(scale_hi, vec4<f32>(hi0), total_hi0);
        lo0 = vec4<Sum>(0.0);
        hi0 = vec4<Sum>(0.0);
        total_lo1 = fma(scale_lo, vec4<f32>(lo1), total_lo1);
        total_hi1 = fma(scale_hi, vec4<f32>(hi1), total_hi1);
        lo1 = vec4<Sum>(0.0);
        hi1 = vec4<Sum>(0.0);
        total_lo2 = fma(scale_lo, vec4<f32>(lo2), total_lo2);
        total_hi2 = fma(scale_hi, vec4<f32>(hi2), total_hi2);
        lo2 = vec4<Sum>(0.0);
        hi2 = vec4<Sum>(0.0);
        total_lo3 = fma(scale_lo, vec4<f32>(lo3), total_lo3);
        total_hi3 = fma(scale_hi, vec4<f32>(hi3), total_hi3);
        lo3 = vec4<Sum>(0.0);
        hi3 = vec4<Sum>(0.0);
#if !x4
        total_lo4 = fma(scale_lo, vec4<f32>(lo4), total_lo4);
        total_hi4 = fma(scale_hi, vec4<f32>(hi4), total_hi4);
        lo4 = vec4<Sum>(0.0);
        hi4 = vec4<Sum>(0.0);
        total_lo5 = fma(scale_lo, vec4<f32>(lo5), total_lo5);
        total_hi5 = fma(scale_hi, vec4<f32>(hi5), total_hi5);
        lo5 = vec4<Sum>(0.0);
        hi5 = vec4<Sum>(0.0);
        total_lo6 = fma(scale_lo, vec4<f32>(lo6), total_lo6);
        total_hi6 = fma(scale_hi, vec4<f32>(hi6), total_hi6);
        lo6 = vec4<Sum>(0.0);
        hi6 = vec4<Sum>(0.0);
        total_lo7 = fma(scale_lo, vec4<f32>(lo7), total_lo7);
        total_hi7 = fma(scale_hi, vec4<f32>(hi7), total_hi7);
        lo7 = vec4<Sum>(0.0);
        hi7 = vec4<Sum>(0.0);
#endif
#endif
    }
#if !f16_sums
    let total_lo0 = lo0;
    let total_hi0 = hi0;
    let total_lo1 = lo1;
    let total_hi1 = hi1;
    let total_lo2 = lo2;
    let total_hi2 = hi2;
    let total_lo3 = lo3;
    let total_hi3 = hi3;
#if !x4
    let total_lo4 = lo4;
    let total_hi4 = hi4;
    let total_lo5 = lo5;
    let total_hi5 = hi5;
    let total_lo6 = lo6;
    let total_hi6 = hi6;
    let total_lo7 = lo7;
    let total_hi7 = hi7;
#endif
#endif
    let t = t0 + ty;
    let o = row0 + tx;
    store(t, o, n, z, total_lo0, total_hi0);
    store(t + X_THREADS, o, n, z, total_lo1, total_hi1);
    store(t + 2u * X_THREADS, o, n, z, total_lo2, total_hi2);
    store(t + 3u * X_THREADS, o, n, z, total_lo3, total_hi3);
#if !x4
    store(t + 4u * X_THREADS, o, n, z, total_lo4, total_hi4);
    store(t + 5u * X_THREADS, o, n, z, total_lo5, total_hi5);
    store(t + 6u * X_THREADS, o, n, z, total_lo6, total_hi6);
    store(t + 7u * X_THREADS, o, n, z, total_lo7, total_hi7);
#endif
}
