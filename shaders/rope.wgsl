// Turns pair j of each head at position p by p * POSITION_SCALE * frequencies[j], times MAGNITUDE; copies the rest.
// A pair is elements 2j and 2j + 1, or with `halves` j and j + ROTARY_DIM / 2.
//
// An invocation takes one pair.
//
//   3  x [tokens, STRIDE], heads of HEAD_DIM elements
//   4  out, as x
//   5  step
//   6  frequencies [ROTARY_DIM / 2], radians a position
#include "lib/rows.wgsl"
#include "lib/rope.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> frequencies: array<f32>;

override HEADS: u32;
override HEAD_DIM: u32;
override ROTARY_DIM: u32;
override STRIDE: u32;
override POSITION_SCALE: f32;
override MAGNITUDE: f32;
// With BETA, the result is multiplied by 1 + BETA * ln(1 + floor(position / INTERVAL)) too.
override BETA: f32 = 0.0;
override INTERVAL: u32 = 1u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pairs = (HEAD_DIM + 1u) / 2u;
    let head = id.x / pairs;
    let j = id.x % pairs;
    let t = id.y;
    if (head >= HEADS || t >= n_rows()) {
        return;
    }
    let base = t * STRIDE + head * HEAD_DIM;
    if (j >= ROTARY_DIM / 2u) {
        let i = 2u * j;
        out[base + i] = x[base + i];
        if (i + 1u < HEAD_DIM) {
            out[base + i + 1u] = x[base + i + 1u];
        }
        return;
    }
#if halves
    let i0 = base + j;
    let i1 = i0 + ROTARY_DIM / 2u;
#else
    let i0 = base + 2u * j;
    let i1 = i0 + 1u;
#endif
    let position = step.position + t;
    let growth = 1.0 + BETA * log(1.0 + f32(position / INTERVAL));
    let turned = growth * rotate(vec2<f32>(x[i0], x[i1]), position, frequencies[j], POSITION_SCALE, MAGNITUDE);
    out[i0] = turned.x;
    out[i1] = turned.y;
}
