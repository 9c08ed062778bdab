// cache[position + t] = (k[t], v[t]): appends the keys and the values of the step's tokens to their segment.
//
// An invocation takes two elements of each, or with `kv_q8` what shares a scale: scale = max |x| / 127, and the bytes
// x / scale. The maximum is that of the bits, so that a NaN or infinity becomes the scale.
//
//   3  k [tokens, STRIDE], WIDTH = n_kv_heads * head_dim elements a row
//   4  the segment [positions, 2, WIDTH] of f32, or with `kv_f16` of f16, two a word (WIDTH is even then), or with `kv_q8` as
//      lib/kv.wgsl says
//   5  step
//   6  v, as k, from V_FIRST on
#include "lib/rows.wgsl"
#include "lib/kv_segments.wgsl"
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(6) var<storage, read> v: array<f32>;
#if kv_f16 | kv_q8
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
#else
@group(0) @binding(4) var<storage, read_write> cache: array<f32>;
#endif

override WIDTH: u32;
override STRIDE: u32;
override V_FIRST: u32 = 0u;

#if kv_q8
override KV_BLOCK: u32;  // quads, at most eight

fn quad(values: bool, at: u32) -> vec4<f32> {
    if (values) {
        return vec4<f32>(v[at], v[at + 1u], v[at + 2u], v[at + 3u]);
    }
    return vec4<f32>(k[at], k[at + 1u], k[at + 2u], k[at + 3u]);
}

fn put(values: bool, source: u32, block: u32) {
    var x: array<vec4<f32>, 8>;
    var largest = vec4<u32>(0u);
    for (var i = 0u; i < KV_BLOCK; i++) {
        x[i] = quad(values, source + 4u * i);
        largest = max(largest, bitcast<vec4<u32>>(x[i]) & vec4<u32>(0x7fffffffu));
    }
    let maximum = bitcast<f32>(max(max(largest.x, largest.y), max(largest.z, largest.w)));
    let inverse = select(0.0, 127.0 / maximum, maximum > 0.0);
    let to = block * (KV_BLOCK + 1u);
    for (var i = 0u; i < KV_BLOCK; i++) {
        let bytes = bitcast<vec4<u32>>(vec4<i32>(round(x[i] * inverse))) & vec4<u32>(255u);
        cache[to + i] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
    }
    cache[to + KV_BLOCK] = bitcast<u32>(maximum / 127.0);
}
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.y;
#if kv_q8
    let i = 4u * KV_BLOCK * id.x;
    if (i >= WIDTH || t >= n_rows()) {
        return;
    }
    let source = t * STRIDE + i;
    let blocks = WIDTH / (4u * KV_BLOCK);
    let block = kv_row(step.position + t) * 2u * blocks + id.x;
    put(false, source, block);
    put(true, source + V_FIRST, block + blocks);
#else
    let i = 2u * id.x;
    if (i >= WIDTH || t >= n_rows()) {
        return;
    }
    let source = t * STRIDE + i;
    let v_source = source + V_FIRST;
    let key = kv_row(step.position + t) * 2u * WIDTH + i;
    let value = key + WIDTH;
#if kv_f16
    cache[key / 2u] = pack2x16float(vec2<f32>(k[source], k[source + 1u]));
    cache[value / 2u] = pack2x16float(vec2<f32>(v[v_source], v[v_source + 1u]));
#else
    cache[key] = k[source];
    cache[value] = v[v_source];
    if (i + 1u < WIDTH) {
        cache[key + 1u] = k[source + 1u];
        cache[value + 1u] = v[v_source + 1u];
    }
#endif
#endif
}
