// x[t, i] ~ scale[t] * half[t, i]: activations in 16 bits, a scale for each row.
//
// A workgroup takes a row. Its scale is the power of two that leaves the largest element between 256 and 512, so that none
// is beyond what f16 holds, and those that are a 2^22nd of the largest still have all of its bits. The largest is that of the bits,
// so that a NaN or infinity in x becomes the scale, and goes on into every sum.
//
//   3  x [rows, X_STRIDE4 vec4s]; where rows of the step have SLOTS each, those one after the other
//   4  halves [rows, X_QUADS, 4]; columns beyond COLS are zeros
//   5  step
//   6  scales [rows]
#include "lib/rows.wgsl"
#include "lib/x_rows.wgsl"
@group(0) @binding(4) var<storage, read_write> halves: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> scales: array<f32>;

override COLS: u32;
override SLOTS: u32 = 1u;
override X_QUADS: u32;  // of a row: ceil(COLS / 32) * 8
const THREADS = 64u;

var<workgroup> largest: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if (group.y >= n_rows()) {
        return;
    }
    let t = group.y * SLOTS + group.z;
    var mine = vec4<u32>(0u);
    for (var i = local; i < X_QUADS; i += THREADS) {
        mine = max(mine, bitcast<vec4<u32>>(x_quad(t, i)) & vec4<u32>(0x7fffffffu));
    }
    largest[local] = max(max(mine.x, mine.y), max(mine.z, mine.w));
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local < half) {
            largest[local] = max(largest[local], largest[local + half]);
        }
    }
    workgroupBarrier();
    let bits = largest[0];
    // What is too small for a reciprocal comes out smaller than it is, or as 0.
    let exponent = max(bits >> 23u, 9u);
    let finite = bits < 0x7f800000u;
    let per_one = select(0.0, bitcast<f32>((262u - exponent) << 23u), finite);
    for (var i = local; i < X_QUADS; i += THREADS) {
        let v = per_one * x_quad(t, i);
        halves[t * X_QUADS + i] = vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));
    }
    if (local == 0u) {
        scales[t] = bitcast<f32>(select(bits, (exponent - 8u) << 23u, finite));
    }
}
