// The product of rows of a quantised matrix with up to four rows of x; `matvec.wgsl` and `qkv.wgsl` say what
// becomes of it.
//
// LANES invocations share four rows of the weight: each takes every LANES-th block of 32 elements, keeps that
// block of x in registers for the four rows, and the partial sums meet in workgroup memory. With LANES = 1
// nothing is shared and there is no barrier, which is what software adapters want.
//
// The including shader defines which rows a group of lanes takes, and what to do with their sums:
//   fn weight_rows(slot: u32) -> vec4<u32>              slot = 4 * index of the group
//   fn store(t: u32, slot: u32, sums: vec4<f32>)        t = row of x
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3        x [.., X_STRIDE4 vec4s]
//   5        step
//   8        norm weight [COLS]    with `norm`: x stands for x / sqrt(mean(x^2) + EPS) * norm
//
// The norm's scale is common to a row of x, so it is applied to the sums, and the squares are added up on the way.
#include "lib/weights.wgsl"
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
#if norm
@group(0) @binding(8) var<storage, read> norm: array<vec4<f32>>;
override EPS: f32 = 0.0;
#endif

override TOKENS: u32 = 1u;   // rows of x a workgroup takes: 1 to 4
override LANES: u32 = 1u;    // invocations that share four rows of the weight
override GROUPS: u32 = 64u;  // such groups a workgroup
override COLS: u32;
override BLOCKS: u32;        // ceil(COLS / 32)
override X_STRIDE4: u32;
#if reduce
override PARTIALS: u32;      // TOKENS * GROUPS * LANES; naga 30 fails on the product as the size of an array
#endif

// Elements beyond the row count as 0, whatever the padding holds. No branch: SwiftShader's compiler takes minutes
// for the many that the unrolled blocks would have.
fn x_quad(t: u32, i: u32) -> vec4<f32> {
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[t * X_STRIDE4 + min(i, X_STRIDE4 - 1u)], at < vec4<u32>(COLS));
}

fn x_block(t: u32, b: u32) -> Block {
    let i = 8u * b;
    if (COLS % 32u != 0u) {
        return Block(
            x_quad(t, i), x_quad(t, i + 1u), x_quad(t, i + 2u), x_quad(t, i + 3u),
            x_quad(t, i + 4u), x_quad(t, i + 5u), x_quad(t, i + 6u), x_quad(t, i + 7u),
        );
    }
    let at = t * X_STRIDE4 + i;
    return Block(
        x[at], x[at + 1u], x[at + 2u], x[at + 3u],
        x[at + 4u], x[at + 5u], x[at + 6u], x[at + 7u],
    );
}

#if norm
fn norm_block(v: Block, b: u32) -> Block {
    let at = 8u * b;
    return Block(
        v.v0 * norm[at], v.v1 * norm[at + 1u], v.v2 * norm[at + 2u], v.v3 * norm[at + 3u],
        v.v4 * norm[at + 4u], v.v5 * norm[at + 5u], v.v6 * norm[at + 6u], v.v7 * norm[at + 7u],
    );
}
#endif

#if reduce
var<workgroup> partial: array<vec4<f32>, PARTIALS>;
#if norm
var<workgroup> partial_squares: array<f32, PARTIALS>;
#endif
#endif

@compute @workgroup_size(LANES, GROUPS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let slot = 4u * ((group.y * groups.x + group.x) * GROUPS + local.y);
    let rows = weight_rows(slot) * BLOCKS;
    let n = n_rows();
    let t0 = group.z * TOKENS;
    let t1 = min(t0 + 1u, n - 1u);
    let t2 = min(t0 + 2u, n - 1u);
    let t3 = min(t0 + 3u, n - 1u);
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
    var squares = vec4<f32>(0.0);
    for (var b = local.x; b < BLOCKS; b += LANES) {
        let w0 = weight_block(rows.x + b);
        let w1 = weight_block(rows.y + b);
        let w2 = weight_block(rows.z + b);
        let w3 = weight_block(rows.w + b);
        var v = x_block(t0, b);
#if norm
        squares.x += block_dot(v, v);
        v = norm_block(v, b);
#endif
        sum0 += vec4<f32>(block_dot(w0, v), block_dot(w1, v), block_dot(w2, v), block_dot(w3, v));
        if (TOKENS > 1u) {
            v = x_block(t1, b);
#if norm
            squares.y += block_dot(v, v);
            v = norm_block(v, b);
#endif
            sum1 += vec4<f32>(block_dot(w0, v), block_dot(w1, v), block_dot(w2, v), block_dot(w3, v));
        }
        if (TOKENS > 2u) {
            v = x_block(t2, b);
#if norm
            squares.z += block_dot(v, v);
            v = norm_block(v, b);
#endif
            sum2 += vec4<f32>(block_dot(w0, v), block_dot(w1, v), block_dot(w2, v), block_dot(w3, v));
        }
        if (TOKENS > 3u) {
            v = x_block(t3, b);
#if norm
            squares.w += block_dot(v, v);
            v = norm_block(v, b);
#endif
            sum3 += vec4<f32>(block_dot(w0, v), block_dot(w1, v), block_dot(w2, v), block_dot(w3, v));
        }
    }
#if reduce
    let mine = local.y * LANES + local.x;
    let token_stride = GROUPS * LANES;
    for (var t = 0u; t < TOKENS; t++) {
        var sum = sum0;
        var square = squares.x;
        if (t == 1u) { sum = sum1; square = squares.y; }
        if (t == 2u) { sum = sum2; square = squares.z; }
        if (t == 3u) { sum = sum3; square = squares.w; }
        partial[t * token_stride + mine] = sum;
#if norm
        partial_squares[t * token_stride + mine] = square;
#endif
    }
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local.x < half) {
            for (var t = 0u; t < TOKENS; t++) {
                let at = t * token_stride + mine;
                partial[at] += partial[at + half];
#if norm
                partial_squares[at] += partial_squares[at + half];
#endif
            }
        }
    }
    workgroupBarrier();
    // Lane t stores row t.
    for (var t = local.x; t < TOKENS; t += LANES) {
        if (t0 + t < n) {
            let at = t * token_stride + local.y * LANES;
            var sums = partial[at];
#if norm
            sums *= inverseSqrt(partial_squares[at] / f32(COLS) + EPS);
#endif
            store(t0 + t, slot, sums);
        }
    }
#else
#if norm
    let scale = inverseSqrt(squares / f32(COLS) + vec4<f32>(EPS));
    sum0 *= scale.x;
    sum1 *= scale.y;
    sum2 *= scale.z;
    sum3 *= scale.w;
#endif
    store(t0, slot, sum0);
    if (TOKENS > 1u && t0 + 1u < n) {
        store(t0 + 1u, slot, sum1);
    }
    if (TOKENS > 2u && t0 + 2u < n) {
        store(t0 + 2u, slot, sum2);
    }
    if (TOKENS > 3u && t0 + 3u < n) {
        store(t0 + 3u, slot, sum3);
    }
#endif
}
