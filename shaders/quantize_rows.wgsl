// x[t, i] ~ scale[t, i / 32] * quant[t, i]: activations in eight bits, a scale for each block of 32.
//
// An invocation takes one block. scale = max |x| / 127 over the block, quants are rounded to the nearest. The maximum
// is that of the bits, so that a NaN or infinity in x becomes the scale, and goes on into every sum.
//
//   3  x [rows, X_STRIDE4 vec4s]; where rows of the step have SLOTS each, those one after the other
//   4  quants [rows, X_BLOCKS, 2 vec4s of 16 signed bytes]; blocks beyond COLS are zeros
//   5  step
//   6  scales [rows, X_BLOCKS]: scale, and scale * sum of quants
#include "lib/rows.wgsl"
#include "lib/x_rows.wgsl"
@group(0) @binding(4) var<storage, read_write> quants: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> scales: array<vec2<f32>>;

override COLS: u32;
override SLOTS: u32 = 1u;
override X_BLOCKS: u32;  // of a row: ceil(COLS / 128) * 4

fn magnitudes(v: vec4<f32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let b = id.x;
    let t = id.y * SLOTS + id.z;
    if (b >= X_BLOCKS || id.y >= n_rows()) {
        return;
    }
    var v: array<vec4<f32>, 8>;
    var largest = vec4<u32>(0u);
    for (var i = 0u; i < 8u; i++) {
        v[i] = x_quad(t, 8u * b + i);
        largest = max(largest, magnitudes(v[i]));
    }
    let maximum = bitcast<f32>(max(max(largest.x, largest.y), max(largest.z, largest.w)));
    let scale = maximum / 127.0;
    let inverse = select(0.0, 127.0 / maximum, maximum > 0.0);
    var words: array<u32, 8>;
    var sum = 0;
    for (var i = 0u; i < 8u; i++) {
        let q = vec4<i32>(round(v[i] * inverse));
        sum += (q.x + q.y) + (q.z + q.w);
        let bytes = bitcast<vec4<u32>>(q) & vec4<u32>(255u);
        words[i] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
    }
    let at = t * X_BLOCKS + b;
    quants[2u * at] = vec4<u32>(words[0], words[1], words[2], words[3]);
    quants[2u * at + 1u] = vec4<u32>(words[4], words[5], words[6], words[7]);
    scales[at] = vec2<f32>(scale, scale * f32(sum));
}
