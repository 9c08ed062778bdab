// Reading the KV cache of a layer, as kv_write.wgsl writes it: keys and values, each [positions, KV_HEADS, HEAD_DIM],
// of f32, or with `kv_f16` of f16 packed two to a word (no device feature is needed for that). HEAD_DIM is a
// multiple of 4, and a quad is four consecutive elements of a head. Position-major, so that a step appends
// one contiguous row and the cache grows at its end; a head's row is still read whole.
override KV_HEADS: u32;
override HEAD_DIM: u32;
override QUADS: u32 = HEAD_DIM / 4u;  // of a head

#if kv_f16
alias KvQuad = vec2<u32>;
#else
alias KvQuad = vec4<f32>;
#endif

// Index of the first quad of a head at a position.
fn kv_at(position: u32, kv_head: u32) -> u32 {
    return (position * KV_HEADS + kv_head) * QUADS;
}

fn kv_load(quad: KvQuad) -> vec4<f32> {
#if kv_f16
    return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
#else
    return quad;
#endif
}
