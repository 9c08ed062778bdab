// out[t, s, o] = bias[e, o] + sum_i weight[e, o, i] * x[t, s, i]   with e = routes[t, s]
//
// As lib/matvec.wgsl for one row of x: LANES invocations share four rows of the weight. Workgroups' y is the slot s, z
// is the row t. A dispatch binds the rows PART_FIRST .. PART_FIRST + PART_ROWS of the weight and writes what
// comes of them.
//
//   0, 1, 2  weight [n_experts * ROWS, COLS], as lib/weights.wgsl says
//   3        x [rows, X_STRIDE4 vec4s]; slot s begins SLOT_STRIDE4 * s vec4s on (0 when all slots share x)
//   4        out [rows, OUT_STRIDE]; slot s begins ROWS * s elements on
//   6        bias [n_experts, BIAS_STRIDE]   with `bias`
//   7        routes [rows, ROUTES_STRIDE], from route.wgsl
#include "lib/weights.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
override BIAS_STRIDE: u32;
#endif
@group(0) @binding(7) var<storage, read> routes: array<f32>;

override LANES: u32;
override GROUPS: u32;
override COLS: u32;
override BLOCKS: u32;  // ceil(COLS / 32)
override X_STRIDE4: u32;
override SLOT_STRIDE4: u32;
override ROWS: u32;    // of an expert
override PART_FIRST: u32;
override PART_ROWS: u32;
override OUT_STRIDE: u32;
override ROUTES_STRIDE: u32;
#if reduce
override PARTIALS: u32;  // LANES * GROUPS; naga 30 fails on the product as the size of an array
var<workgroup> partial: array<vec4<f32>, PARTIALS>;
#endif

// Elements beyond the row count as 0, whatever lies there.
fn x_quad(base: u32, i: u32) -> vec4<f32> {
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[base + min(i, (COLS - 1u) / 4u)], at < vec4<u32>(COLS));
}

@compute @workgroup_size(LANES, GROUPS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let slot = group.y;
    let t = group.z;
    let expert = u32(routes[t * ROUTES_STRIDE + slot]);
    let o = 4u * (group.x * GROUPS + local.y);
    let outputs = vec4<u32>(o) + vec4<u32>(0u, 1u, 2u, 3u);
    let rows = vec4<u32>(expert * ROWS) + min(outputs, vec4<u32>(ROWS - 1u));
    let held = (rows >= vec4<u32>(PART_FIRST)) & (rows < vec4<u32>(PART_FIRST + PART_ROWS)) & (outputs < vec4<u32>(ROWS));
    let blocks = select(vec4<u32>(0u), rows - vec4<u32>(PART_FIRST), held) * BLOCKS;
    let base = t * X_STRIDE4 + slot * SLOT_STRIDE4;
    var sums = vec4<f32>(0.0);
    for (var b = local.x; b < BLOCKS; b += LANES) {
        let i = 8u * b;
        let v = Block(
            x_quad(base, i), x_quad(base, i + 1u), x_quad(base, i + 2u), x_quad(base, i + 3u),
            x_quad(base, i + 4u), x_quad(base, i + 5u), x_quad(base, i + 6u), x_quad(base, i + 7u),
        );
        sums += vec4<f32>(
            block_dot(weight_block(blocks.x + b), v), block_dot(weight_block(blocks.y + b), v),
            block_dot(weight_block(blocks.z + b), v), block_dot(weight_block(blocks.w + b), v),
        );
    }
#if reduce
    let mine = local.y * LANES + local.x;
    partial[mine] = sums;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local.x < half) {
            partial[mine] += partial[mine + half];
        }
    }
    if (local.x > 0u) {
        return;
    }
    sums = partial[mine];
#endif
    for (var r = 0u; r < 4u; r++) {
        if (held[r]) {
            var sum = sums[r];
#if bias
            sum += bias[expert * BIAS_STRIDE + o + r];
#endif
            out[t * OUT_STRIDE + slot * ROWS + o + r] = sum;
        }
    }
}
