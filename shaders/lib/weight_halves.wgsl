// Half a block of a weight, 16 consecutive elements: what a tiled product takes at once. h is 0 for the first half.
#include "lib/weights.wgsl"

struct Half {
    v0: vec4<f32>,
    v1: vec4<f32>,
    v2: vec4<f32>,
    v3: vec4<f32>,
}

#if w_f32
fn weight_half(block: u32, h: u32) -> Half {
    let at = 8u * block + 4u * h;
    return Half(quants[at], quants[at + 1u], quants[at + 2u], quants[at + 3u]);
}
#endif
#if w_f16 | w_bf16
fn weight_half(block: u32, h: u32) -> Half {
    let a = quants[4u * block + 2u * h];
    let b = quants[4u * block + 2u * h + 1u];
    return Half(halves(a.x, a.y), halves(a.z, a.w), halves(b.x, b.y), halves(b.z, b.w));
}
#endif
#if signed
// A byte an element.
fn half_bytes(block: u32, h: u32) -> vec4<u32> {
#if table
    return looked_up_all(quants[block] >> vec4<u32>(4u * h));
#else
    return quants[2u * block + h];
#endif
}

fn weight_half(block: u32, h: u32) -> Half {
    let words = half_bytes(block, h);
    let d = block_scale(block).x;
    return Half(
        d * signed_bytes(words.x), d * signed_bytes(words.y), d * signed_bytes(words.z), d * signed_bytes(words.w),
    );
}
#else
#if quantised
// A byte an element, without sign.
fn half_bytes(block: u32, h: u32) -> vec4<u32> {
    var words = (quants[block] >> vec4<u32>(4u * h)) & vec4<u32>(0x0f0f0f0fu);
#if fifths
    let high = vec4<u32>(highs[block] >> (4u * h));
    words |= ((high >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(0x01010101u)) << vec4<u32>(4u);
#endif
#if w_q6_k
    let high = vec4<u32>(highs[block][h]);
    words |= ((high >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(0x03030303u)) << vec4<u32>(4u);
#endif
    return words;
}

fn weight_half(block: u32, h: u32) -> Half {
    let words = half_bytes(block, h);
    let both = block_scale(block);
    let s = select(both.xy, both.zw, h == 1u);
    return Half(
        affine(words.x, s.x, s.y), affine(words.y, s.x, s.y), affine(words.z, s.x, s.y), affine(words.w, s.x, s.y),
    );
}
#endif
#endif

#if f16_sums
// A power of two, as bits, that no element of a block exceeds: from its scales, of bytes up to 128.
fn block_bound(block: u32) -> u32 {
    let s = abs(block_scale(block));
    let most = max(128.0 * s.x + s.y, 128.0 * s.z + s.w);
    // The next power; and such that it and its reciprocal are numbers.
    return (clamp(bitcast<u32>(most) >> 23u, 1u, 252u) + 1u) << 23u;
}
#endif
