// What a matrix-vector product reads besides the weight: rows of x, and the norm that comes before the product.
//
//   3        x [.., X_STRIDE4 vec4s], as lib/x_blocks.wgsl says
//   5        step
//   8        norm weight [COLS]    with `norm`: x stands for x / sqrt(mean(x^2) + EPS) * norm
//
// The norm's scale is common to a row of x, so it is applied to the sums, and the squares are added up on the way.
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
#include "lib/x_blocks.wgsl"
#if norm
@group(0) @binding(8) var<storage, read> norm: array<vec4<f32>>;
override EPS: f32 = 0.0;
#endif

override TOKENS: u32 = 1u;   // rows of x a workgroup takes: 1 to 4
override GROUPS: u32 = 64u;  // groups of four rows of the weight a workgroup

#if norm
fn norm_block(v: Block, b: u32) -> Block {
    let at = 8u * b;
    return Block(
        v.v0 * norm[at], v.v1 * norm[at + 1u], v.v2 * norm[at + 2u], v.v3 * norm[at + 3u],
        v.v4 * norm[at + 4u], v.v5 * norm[at + 5u], v.v6 * norm[at + 6u], v.v7 * norm[at + 7u],
    );
}
#endif
