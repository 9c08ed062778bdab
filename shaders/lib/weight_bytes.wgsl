// Half a block of a quantised weight as signed bytes, four a word: w = scale * byte + offset. h is 0 for the first half.
#include "lib/weight_halves.wgsl"

fn weight_bytes(block: u32, h: u32) -> vec4<u32> {
    // Adding what makes the bias 128, then flipping the top bit, takes the bias off without a carry between bytes.
#if w_q4_0
    return (half_bytes(block, h) + vec4<u32>(0x78787878u)) ^ vec4<u32>(0x80808080u);
#endif
#if w_q5_0
    return (half_bytes(block, h) + vec4<u32>(0x70707070u)) ^ vec4<u32>(0x80808080u);
#endif
#if w_q6_k
    return (half_bytes(block, h) + vec4<u32>(0x60606060u)) ^ vec4<u32>(0x80808080u);
#endif
#if signed | offsets
    return half_bytes(block, h);
#endif
}
