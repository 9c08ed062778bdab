// Reading the KV cache of a layer, as kv_write.wgsl and qkv.wgsl write it: segments of [positions, 2, KV_HEADS, HEAD_DIM], a
// position's keys before its values, of f32, or with `kv_f16` of f16 packed two to a word (no device feature is
// needed for that). HEAD_DIM is a multiple of 4, and a quad is four consecutive elements of a head.
//
// With `kv_segments` a kernel binds five segments; those that are not there yet are bound to the first, and no position leads
// to them.
//
//   0           segment 0
//   1, 2, 7, 8  segments 1 to 4    with `kv_segments`
#include "lib/kv_segments.wgsl"
override KV_HEADS: u32;
override HEAD_DIM: u32;
override QUADS: u32 = HEAD_DIM / 4u;        // of a head
override KV_VALUES: u32 = KV_HEADS * QUADS; // quads from a key to its value
override KV_STRIDE: u32 = 2u * KV_VALUES;   // quads from a position to the next

#if kv_f16
alias KvQuad = vec2<u32>;
#else
alias KvQuad = vec4<f32>;
#endif

@group(0) @binding(0) var<storage, read> kv_0: array<KvQuad>;
#if kv_segments
@group(0) @binding(1) var<storage, read> kv_1: array<KvQuad>;
@group(0) @binding(2) var<storage, read> kv_2: array<KvQuad>;
@group(0) @binding(7) var<storage, read> kv_3: array<KvQuad>;
@group(0) @binding(8) var<storage, read> kv_4: array<KvQuad>;
#endif

// Index of the first quad of a head's key in the position's segment; its value is KV_VALUES further on.
fn kv_at(position: u32, segment: u32, kv_head: u32) -> u32 {
    return (position - kv_segment_first(segment)) * KV_STRIDE + kv_head * QUADS;
}

fn kv_load(quad: KvQuad) -> vec4<f32> {
#if kv_f16
    return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
#else
    return quad;
#endif
}
