// What the tiled products share: the shape of the tile, and what becomes of the sums.
//
// With `split` the columns are dealt out to the workgroups along z, so that a product of few rows has enough of them; each
// leaves its sums, and matmul_sum.wgsl brings them together.
//
//   4, 6, 7  see lib/product_rows.wgsl; with `split` out is partial sums [splits, rows, ROWS]
//   8        with `f16` scales of x [rows]
#include "lib/product_rows.wgsl"
#if f16
@group(0) @binding(8) var<storage, read> x_scales: array<f32>;
#endif

override COLS: u32;
override BLOCKS: u32;        // ceil(COLS / 32)
override W_THREADS: u32;     // a multiple of 8
override X_THREADS: u32;     // a multiple of 8
override THREADS: u32 = W_THREADS * X_THREADS;
override W_ROWS: u32 = 8u * W_THREADS;
#if x4
override X_ROWS: u32 = 4u * X_THREADS;
#else
override X_ROWS: u32 = 8u * X_THREADS;
#endif

// The steps that workgroup `part` of `parts` along the columns takes, of `all`: from x up to y.
fn steps_of(part: u32, parts: u32, all: u32) -> vec2<u32> {
#if split
    return vec2<u32>(part * all / parts, (part + 1u) * all / parts);
#else
    return vec2<u32>(0u, all);
#endif
}

// The sums of row t of x (of n) with rows o + i * W_THREADS of the weight: `lo` those of i = 0 to 3, `hi` those of 4 to 7.
fn store(t: u32, o: u32, n: u32, z: u32, lo: vec4<f32>, hi: vec4<f32>) {
    if (t >= n) {
        return;
    }
#if f16
    let scale = x_scales[x_row(z, t)];
#else
    let scale = 1.0;
#endif
    for (var i = 0u; i < 8u; i++) {
        let row = o + i * W_THREADS;
        if (row < ROWS) {
            let sum = scale * select(hi[i & 3u], lo[i & 3u], i < 4u);
#if split
            out[(z * n + t) * ROWS + row] = sum;
#else
            put(z, t, row, sum);
#endif
        }
    }
}
