// The product of rows of a quantised matrix with up to four rows of x; `matvec.wgsl` and `qkv.wgsl` say what
// becomes of it. `lib/matvec_lanes.wgsl` is the same for GPUs. Workgroups' x goes along rows of x, the other two along those of
// the weight, so that workgroups which run side by side read the same ones.
//
// An invocation takes four rows of the weight, block by block of 32 elements, and keeps a block of x in registers
// for the four. Nothing is shared and there is no barrier, which is what software adapters want.
//
// The including shader defines which rows an invocation takes, and what to do with their sums:
//   fn weight_rows(slot: u32) -> vec4<u32>              slot = 4 * index of the invocation
//   fn store(t: u32, slot: u32, sums: vec4<f32>)        t = row of x
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3, 5, 8  as lib/matvec_operands.wgsl says
#include "lib/matvec_operands.wgsl"

@compute @workgroup_size(GROUPS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let slot = 4u * ((group.z * groups.y + group.y) * GROUPS + local);
    let rows = weight_rows(slot) * BLOCKS;
    let n = n_rows();
    let t0 = group.x * TOKENS;
    let t1 = min(t0 + 1u, n - 1u);
    let t2 = min(t0 + 2u, n - 1u);
    let t3 = min(t0 + 3u, n - 1u);
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
    var squares = vec4<f32>(0.0);
    for (var b = 0u; b < BLOCKS; b++) {
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
}
