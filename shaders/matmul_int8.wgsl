// As matmul.wgsl, with both operands in signed bytes: x as quantize_rows.wgsl leaves it, the weight as it is stored. Sums
// over a block are integers and exact; scales are applied to them in f32. For quantised weights.
//
// The tile is that of matmul.wgsl, but walks the columns 128 at a time: a quad of a row is 16 bytes, half a block.
// A weight has one scale a block, with `w_q6_k` one each half; types with an offset multiply it by the sum of x's block.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x quants [rows, X_BLOCKS, 2 vec4s]
//   4 to 7   see lib/product_rows.wgsl
//   8        x scales [rows, X_BLOCKS]
#include "lib/weight_bytes.wgsl"
#include "lib/matmul.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read> x_scales: array<vec2<f32>>;

override X_BLOCKS: u32;  // of a row of x: ceil(COLS / 128) * 4
override W_VECS: u32 = 64u * W_THREADS;
override X_VECS: u32 = 8u * X_ROWS;
override W_UNITS: u32 = W_VECS / THREADS;
override X_UNITS: u32 = X_VECS / THREADS;
override W_SCALES: u32 = 4u * W_ROWS;
override X_SCALES: u32 = 4u * X_ROWS;

var<workgroup> w_tile: array<vec4<u32>, W_VECS>;
var<workgroup> x_tile: array<vec4<u32>, X_VECS>;
#if offsets | w_q6_k
// Scale and offset, or with `w_q6_k` the scales of both halves.
var<workgroup> w_scale: array<vec2<f32>, W_SCALES>;
#else
var<workgroup> w_scale: array<f32, W_SCALES>;
#endif
#if offsets
var<workgroup> x_scale: array<vec2<f32>, X_SCALES>;
#else
var<workgroup> x_scale: array<f32, X_SCALES>;
#endif

// A block of four rows of the weight, W_THREADS apart.
struct Rows {
    a0: vec4<u32>, a1: vec4<u32>,
    b0: vec4<u32>, b1: vec4<u32>,
    c0: vec4<u32>, c1: vec4<u32>,
    d0: vec4<u32>, d1: vec4<u32>,
    scale: vec4<f32>,
#if offsets | w_q6_k
    other: vec4<f32>,
#endif
}

fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
    return (dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y)) + (dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w));
}

fn four_rows(tx: u32, q: u32, first: u32) -> Rows {
    let swizzle = tx & 7u;
    let lo = 8u * (tx + first * W_THREADS) + (q ^ swizzle);
    let hi = 8u * (tx + first * W_THREADS) + ((q + 1u) ^ swizzle);
    let apart = 8u * W_THREADS;
    let s = (q / 2u) * W_ROWS + tx + first * W_THREADS;
    let s0 = w_scale[s];
    let s1 = w_scale[s + W_THREADS];
    let s2 = w_scale[s + 2u * W_THREADS];
    let s3 = w_scale[s + 3u * W_THREADS];
#if offsets | w_q6_k
    let scale = vec4<f32>(s0.x, s1.x, s2.x, s3.x);
#else
    let scale = vec4<f32>(s0, s1, s2, s3);
#endif
    return Rows(
        w_tile[lo], w_tile[hi], w_tile[lo + apart], w_tile[hi + apart],
        w_tile[lo + 2u * apart], w_tile[hi + 2u * apart], w_tile[lo + 3u * apart], w_tile[hi + 3u * apart],
        scale,
#if offsets | w_q6_k
        vec4<f32>(s0.y, s1.y, s2.y, s3.y),
#endif
    );
}

#if offsets
alias XScale = vec2<f32>;
#else
alias XScale = f32;
#endif

fn mac(sum: vec4<f32>, w: Rows, x0: vec4<u32>, x1: vec4<u32>, scale: XScale) -> vec4<f32> {
#if w_q6_k
    let first = vec4<f32>(vec4<i32>(dot16(w.a0, x0), dot16(w.b0, x0), dot16(w.c0, x0), dot16(w.d0, x0)));
    let last = vec4<f32>(vec4<i32>(dot16(w.a1, x1), dot16(w.b1, x1), dot16(w.c1, x1), dot16(w.d1, x1)));
    return fma(vec4<f32>(scale), fma(w.scale, first, w.other * last), sum);
#else
    let dots = vec4<f32>(vec4<i32>(
        dot16(w.a0, x0) + dot16(w.a1, x1), dot16(w.b0, x0) + dot16(w.b1, x1),
        dot16(w.c0, x0) + dot16(w.c1, x1), dot16(w.d0, x0) + dot16(w.d1, x1),
    ));
#if offsets
    return fma(w.other, vec4<f32>(scale.y), fma(w.scale * scale.x, dots, sum));
#else
    return fma(w.scale * scale, dots, sum);
#endif
#endif
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
#endif
    let tx = local % W_THREADS;
    let ty = local / W_THREADS;
    let steps = steps_of(group.z, groups.z, X_BLOCKS / 4u);
    let quad = local % 8u;
    let row_of = local / 8u;
#if grouped
    var x_rows: array<u32, 8>;
    for (var u = 0u; u < X_UNITS; u++) {
        x_rows[u] = x_row(z, min(t0 + row_of + u * (THREADS / 8u), n - 1u));
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
    for (var b = 4u * steps.x; b < 4u * steps.y; b += 4u) {
        workgroupBarrier();
        for (var u = 0u; u < W_UNITS; u++) {
            let row = row_of + u * (THREADS / 8u);
            // Blocks past the end meet zeros in x.
            let block = weight_row(z, row0 + row) * BLOCKS + min(b + quad / 2u, BLOCKS - 1u);
            w_tile[8u * row + (quad ^ (row & 7u))] = weight_bytes(block, quad & 1u);
            if ((quad & 1u) == 0u) {
                let s = block_scale(block);
#if w_q6_k
                w_scale[(quad / 2u) * W_ROWS + row] = s.xz;
#else
#if offsets
                w_scale[(quad / 2u) * W_ROWS + row] = s.xy;
#else
                w_scale[(quad / 2u) * W_ROWS + row] = s.x;
#endif
#endif
            }
        }
        for (var u = 0u; u < X_UNITS; u++) {
            let row = row_of + u * (THREADS / 8u);
#if grouped
            let block = x_rows[u] * X_BLOCKS + b + quad / 2u;
#else
            let block = min(t0 + row, n - 1u) * X_BLOCKS + b + quad / 2u;
#endif
            x_tile[8u * row + (quad ^ (row & 7u))] = x[2u * block + (quad & 1u)];
            if ((quad & 1u) == 0u) {
#if offsets
                x_scale[(quad / 2u) * X_ROWS + row] = x_scales[block];
#else
                x_scale[(quad / 2u) * X_ROWS + row] = x_scales[block].x;
#endif
            }
        }
        workgroupBarrier();
        for (var q = 0u; q < 8u; q += 2u) {
#if grouped
            if (t0 + ty >= n) {
                continue;
            }
#endif
            let xq0 = 8u * ty + (q ^ (ty & 7u));
            let xq1 = 8u * ty + ((q + 1u) ^ (ty & 7u));
            let xs = (q / 2u) * X_ROWS + ty;
            let lo = four_rows(tx, q, 0u);
            lo0 = mac(lo0, lo, x_tile[xq0], x_tile[xq1], x_scale[xs]);
            lo1 = mac(lo1, lo, x_tile[xq0 + 8u * X_THREADS], x_tile[xq1 + 8u * X_THREADS], x_scale[xs + X_THREADS]);
            lo2 = mac(lo2, lo, x_tile[xq0 + 2u * 8u * X_THREADS], x_tile[xq1 + 2u * 8u * X_THREADS], x_scale[xs + 2u * X_THREADS]);
            lo3 = mac(lo3, lo, x_tile[xq0 + 3u * 8u * X_THREADS], x_tile[xq1 + 3u * 8u * X_THREADS], x_scale[xs + 3u * X_THREADS]);
#if !x4
            lo4 = mac(lo4, lo, x_tile[xq0 + 4u * 8u * X_THREADS], x_tile[xq1 + 4u * 8u * X_THREADS], x_scale[xs + 4u * X_THREADS]);
            lo5 = mac(lo5, lo, x_tile[xq0 + 5u * 8u * X_THREADS], x_tile[xq1 + 5u * 8u * X_THREADS], x_scale[xs + 5u * X_THREADS]);
            lo6 = mac(lo6, lo, x_tile[xq0 + 6u * 8u * X_THREADS], x_tile[xq1 + 6u * 8u * X_THREADS], x_scale[xs + 6u * X_THREADS]);
            lo7 = mac(lo7, lo, x_tile[xq0 + 7u * 8u * X_THREADS], x_tile[xq1 + 7u * 8u * X_THREADS], x_scale[xs + 7u * X_THREADS]);
#endif
            let hi = four_rows(tx, q, 4u);
            hi0 = mac(hi0, hi, x_tile[xq0], x_tile[xq1], x_scale[xs]);
            hi1 = mac(hi1, hi, x_tile[xq0 + 8u * X_THREADS], x_tile[xq1 + 8u * X_THREADS], x_scale[xs + X_THREADS]);
            hi2 = mac(hi2, hi, x_tile[xq0 + 2u * 8u * X_THREADS], x_tile[xq1 + 2u * 8u * X_THREADS], x_scale[xs + 2u * X_THREADS]);
            hi3 = mac(hi3, hi, x_tile[xq0 + 3u * 8u * X_THREADS], x_tile[xq1 + 3u * 8u * X_THREADS], x_scale[xs + 3u * X_THREADS]);
#if !x4
            hi4 = mac(hi4, hi, x_tile[xq0 + 4u * 8u * X_THREADS], x_tile[xq1 + 4u * 8u * X_THREADS], x_scale[xs + 4u * X_THREADS]);
            hi5 = mac(hi5, hi, x_tile[xq0 + 5u * 8u * X_THREADS], x_tile[xq1 + 5u * 8u * X_THREADS], x_scale[xs + 5u * X_THREADS]);
            hi6 = mac(hi6, hi, x_tile[xq0 + 6u * 8u * X_THREADS], x_tile[xq1 + 6u * 8u * X_THREADS], x_scale[xs + 6u * X_THREADS]);
            hi7 = mac(hi7, hi, x_tile[xq0 + 7u * 8u * X_THREADS], x_tile[xq1 + 7u * 8u * X_THREADS], x_scale[xs + 7u * X_THREADS]);
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
