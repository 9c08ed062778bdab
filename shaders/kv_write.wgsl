// cache[position + t, i] = x[t, i]: appends the keys or the values of the step's tokens.
//
// An invocation takes two elements.
//
//   3  x [tokens, STRIDE], WIDTH = n_kv_heads * head_dim elements a row
//   4  cache [positions, WIDTH] of f32, or with `kv_f16` of f16, two a word; WIDTH is even then
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
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
    let target_at = (step.position + t) * WIDTH + i;
#if kv_f16
    cache[target_at / 2u] = pack2x16float(vec2<f32>(x[source], x[source + 1u]));
#else
    cache[target_at] = x[source];
    if (i + 1u < WIDTH) {
        cache[target_at + 1u] = x[source + 1u];
    }
#endif
}
