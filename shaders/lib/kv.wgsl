// Reading the KV cache of a layer, as kv_write.wgsl and qkv.wgsl write it: segments of [positions, 2, KV_HEADS, HEAD_DIM], a
// position's keys before its values, of f32, or with `kv_f16` of f16 packed two to a word (no device feature is
// needed for that). HEAD_DIM is a multiple of 4, and a quad is four consecutive elements of a head.
//
// With `kv_q8` elements are signed bytes times a scale: of KV_BLOCK quads each a word, and one more for their scale, f32.
//
// With `kv_segments` a kernel binds five segments; those that are not there yet are bound to the first, and no position leads
// to them.
//
//   0           segment 0
//   1, 2, 7, 8  segments 1 to 4    with `kv_segments`
#include "lib/kv_segments.wgsl"
override KV_HEADS: u32;
override HEAD_DIM: u32;
override KV_BLOCK: u32 = 8u;                // quads that share a scale; divides QUADS
override QUADS: u32 = HEAD_DIM / 4u;        // of a head
override KV_VALUES: u32 = KV_HEADS * QUADS; // quads from a key to its value
override KV_STRIDE: u32 = 2u * KV_VALUES;   // quads from a position to the next

#if kv_f16
alias KvQuad = vec2<u32>;
alias KvStored = KvQuad;
#else
#if kv_q8
alias KvQuad = vec2<u32>;  // bytes and scale
alias KvStored = u32;
#else
alias KvQuad = vec4<f32>;
alias KvStored = KvQuad;
#endif
#endif

@group(0) @binding(0) var<storage, read> kv_0: array<KvStored>;
#if kv_segments
@group(0) @binding(1) var<storage, read> kv_1: array<KvStored>;
@group(0) @binding(2) var<storage, read> kv_2: array<KvStored>;
@group(0) @binding(7) var<storage, read> kv_3: array<KvStored>;
@group(0) @binding(8) var<storage, read> kv_4: array<KvStored>;
#endif

// Index of the first quad of a head's key in the position's segment; its value is KV_VALUES further on.
fn kv_at(position: u32, segment: u32, kv_head: u32) -> u32 {
    return (position - kv_segment_first(segment)) * KV_STRIDE + kv_head * QUADS;
}

#if kv_q8
// Where the bytes of a quad are, and their scale.
fn kv_words(at: u32) -> vec2<u32> {
    let block = at / KV_BLOCK;
    return vec2<u32>(at + block, (block + 1u) * (KV_BLOCK + 1u) - 1u);
}
#endif

// Quads of each segment.
fn kv_0_at(at: u32) -> KvQuad {
#if kv_q8
    let words = kv_words(at);
    return vec2<u32>(kv_0[words.x], kv_0[words.y]);
#else
    return kv_0[at];
#endif
}

#if kv_segments
fn kv_1_at(at: u32) -> KvQuad {
#if kv_q8
    let words = kv_words(at);
    return vec2<u32>(kv_1[words.x], kv_1[words.y]);
#else
    return kv_1[at];
#endif
}

fn kv_2_at(at: u32) -> KvQuad {
#if kv_q8
    let words = kv_words(at);
    return vec2<u32>(kv_2[words.x], kv_2[words.y]);
#else
    return kv_2[at];
#endif
}

fn kv_3_at(at: u32) -> KvQuad {
#if kv_q8
    let words = kv_words(at);
    return vec2<u32>(kv_3[words.x], kv_3[words.y]);
#else
    return kv_3[at];
#endif
}

fn kv_4_at(at: u32) -> KvQuad {
#if kv_q8
    let words = kv_words(at);
    return vec2<u32>(kv_4[words.x], kv_4[words.y]);
#else
    return kv_4[at];
#endif
}
#endif

fn kv_load(quad: KvQuad) -> vec4<f32> {
#if kv_f16
    return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
#else
#if kv_q8
    let lifted = vec4<i32>(bitcast<i32>(quad.x)) << vec4<u32>(24u, 16u, 8u, 0u);
    return bitcast<f32>(quad.y) * vec4<f32>(lifted >> vec4<u32>(24u));
#else
    return quad;
#endif
#endif
}
