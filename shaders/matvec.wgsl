// out[t, o] = bias[o] + residual[t, o] + sum_i weight[o, i] * x[t, i]   for up to four rows t of x at once
//
//   0, 1, 2, 3, 5, 8   see lib/matvec.wgsl
//   4        out [.., OUT_STRIDE]
//   6        bias [ROWS]           with `bias`
//   7        residual, as out      with `residual`
//
// With `gated`, the weight holds 2 * ROWS rows, those of the gate and then those of the up projection:
//   out[t, o] = gated(gate . x, up . x)
#if held
#include "lib/matvec_held.wgsl"
#else
#if lanes
#include "lib/matvec_lanes.wgsl"
#else
#include "lib/matvec.wgsl"
#endif
#endif
#if gated
#include "lib/gated.wgsl"
#endif
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
#endif
#if residual
@group(0) @binding(7) var<storage, read> residual: array<f32>;
#endif

override OUT_STRIDE: u32;
override FIRST_ROW: u32;     // first row of the weight that is read
override ROWS: u32;          // elements of `out` a row of x gives
override OUT_FIRST: u32 = 0u;

// The four weight rows of a group. `gated` takes two of the gate and the two of the up projection beside them.
fn weight_rows(slot: u32) -> vec4<u32> {
#if gated
    let last = ROWS - 1u;
    let a = min(slot / 2u, last);
    let b = min(slot / 2u + 1u, last);
    return vec4<u32>(FIRST_ROW) + vec4<u32>(a, ROWS + a, b, ROWS + b);
#else
    return vec4<u32>(FIRST_ROW) + min(vec4<u32>(slot) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(ROWS - 1u));
#endif
}

fn store(t: u32, slot: u32, sums: vec4<f32>) {
    let at = t * OUT_STRIDE + OUT_FIRST;
#if gated
    let o = slot / 2u;
    if (o < ROWS) {
        out[at + o] = gated(sums.x, sums.y);
    }
    if (o + 1u < ROWS) {
        out[at + o + 1u] = gated(sums.z, sums.w);
    }
#else
    for (var r = 0u; r < 4u; r++) {
        let o = slot + r;
        if (o < ROWS) {
            var sum = sums[r];
#if bias
            sum += bias[OUT_FIRST + o];
#endif
#if residual
            sum += residual[at + o];
#endif
            out[at + o] = sum;
        }
    }
#endif
}
