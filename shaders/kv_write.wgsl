// cache[position + t] = (k[t], v[t]): appends the keys and the values of the step's tokens to their segment.
//
// An invocation takes two elements of each.
//
//   3  k [tokens, STRIDE], WIDTH = n_kv_heads * head_dim elements a row
//   4  the segment [positions, 2, WIDTH] of f32, or with `kv_f16` of f16, two a word; WIDTH is even then
//   5  step
//   6  v, as k
#include "lib/rows.wgsl"
#include "lib/kv_segments.wgsl"
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(6) var<storage, read> v: array<f32>;
#if kv_f16
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
#else
@group(0) @binding(4) var<storage, read_write> cache: array<f32>;
#endif

override WIDTH: u32;
override STRIDE: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = 2u * id.x;
    let t = id.y;
    if (i >= WIDTH || t >= n_rows()) {
        return;
    }
    let source = t * STRIDE + i;
    let key = kv_row(step.position + t) * 2u * WIDTH + i;
    let value = key + WIDTH;
#if kv_f16
    cache[key / 2u] = pack2x16float(vec2<f32>(k[source], k[source + 1u]));
    cache[value / 2u] = pack2x16float(vec2<f32>(v[source], v[source + 1u]));
#else
    cache[key] = k[source];
    cache[value] = v[source];
    if (i + 1u < WIDTH) {
        cache[key + 1u] = k[source + 1u];
        cache[value + 1u] = v[source + 1u];
    }
#endif
}
