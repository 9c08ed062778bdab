// A block of x as the product with a quantised weight reads it (lib/weight_dot.wgsl).
//
// With `ints` x is whole steps of its block's largest element, so that four products are one instruction: 15 bits and
// a sign, as two signed bytes: x = scale * (256 * upper + lower). Half a step is 1.5e-5 of the block's largest element.
// With `coarse` only one byte, of which half a step is 4e-3.
#include "lib/weights.wgsl"

#if ints
struct Operand {
    upper0: vec4<u32>,  // byte k of word w: element 4w + k
    upper1: vec4<u32>,  // element 16 + 4w + k
#if !coarse
    lower0: vec4<u32>,
    lower1: vec4<u32>,
#endif
    scale_and_sums: vec3<f32>,  // the sums of the steps of elements 0 to 15 and 16 to 31
}

fn largest_bits(v: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu);
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

fn steps(v: vec4<f32>, per_one: f32) -> vec4<i32> {
    return vec4<i32>(round(per_one * v));
}

fn total_steps(a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> f32 {
    let all = (a + b) + (c + d);
    return f32((all.x + all.y) + (all.z + all.w));
}

#if coarse
const STEPS = 127.0;
#else
const STEPS = 32639.0;
#endif

fn upper_bytes(s: vec4<i32>) -> u32 {
#if coarse
    return pack4xI8(s);
#else
    return pack4xI8((s + vec4<i32>(128)) >> vec4<u32>(8u));
#endif
}

fn uppers(a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> vec4<u32> {
    return vec4<u32>(upper_bytes(a), upper_bytes(b), upper_bytes(c), upper_bytes(d));
}

// The lower byte is that of the number, as a signed one.
fn lowers(a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> vec4<u32> {
    return vec4<u32>(pack4xI8(a), pack4xI8(b), pack4xI8(c), pack4xI8(d));
}

// Steps a unit of x, given its block's largest element as bits. What is too small for a reciprocal is 0; what is no
// number has no steps.
fn steps_per_one(bits: u32) -> f32 {
    return select(0.0, STEPS / bitcast<f32>(bits), bits > 0x0da24260u && bits < 0x7f800000u);
}

fn operand(v: Block) -> Operand {
    // As bits, so that NaN and infinity are larger than all numbers, and reach the result by way of the scale.
    let a = max(max(largest_bits(v.v0), largest_bits(v.v1)), max(largest_bits(v.v2), largest_bits(v.v3)));
    let b = max(max(largest_bits(v.v4), largest_bits(v.v5)), max(largest_bits(v.v6), largest_bits(v.v7)));
    let bits = max(a, b);
    let largest = bitcast<f32>(bits);
    let per_one = steps_per_one(bits);
    let s0 = steps(v.v0, per_one);
    let s1 = steps(v.v1, per_one);
    let s2 = steps(v.v2, per_one);
    let s3 = steps(v.v3, per_one);
    let s4 = steps(v.v4, per_one);
    let s5 = steps(v.v5, per_one);
    let s6 = steps(v.v6, per_one);
    let s7 = steps(v.v7, per_one);
    let low = total_steps(s0, s1, s2, s3);
    let high = total_steps(s4, s5, s6, s7);
    return Operand(
        uppers(s0, s1, s2, s3), uppers(s4, s5, s6, s7),
#if !coarse
        lowers(s0, s1, s2, s3), lowers(s4, s5, s6, s7),
#endif
        vec3<f32>(largest / STEPS, low, high),
    );
}

#if together | held
// Half a block as `Operand` has it, of the quads of four invocations.
struct HalfOperand {
    upper: vec4<u32>,
#if !coarse
    lower: vec4<u32>,
#endif
    scale_and_sums: vec3<f32>,
}

// Eight invocations side by side have a quad each of a block. The first and the fifth get its halves, the first its scale and sums.
fn half_operand(v: vec4<f32>) -> HalfOperand {
    var bits = largest_bits(v);
    bits = max(bits, subgroupShuffleXor(bits, 1u));
    bits = max(bits, subgroupShuffleXor(bits, 2u));
    bits = max(bits, subgroupShuffleXor(bits, 4u));
    let s = steps(v, steps_per_one(bits));
    var half = (s.x + s.y) + (s.z + s.w);
    half += subgroupShuffleXor(half, 1u);
    half += subgroupShuffleXor(half, 2u);
    let other_half = subgroupShuffleXor(half, 4u);
    let upper = upper_bytes(s);
#if !coarse
    let lower = pack4xI8(s);
#endif
    return HalfOperand(
        vec4<u32>(upper, subgroupShuffleXor(upper, 1u), subgroupShuffleXor(upper, 2u), subgroupShuffleXor(upper, 3u)),
#if !coarse
        vec4<u32>(lower, subgroupShuffleXor(lower, 1u), subgroupShuffleXor(lower, 2u), subgroupShuffleXor(lower, 3u)),
#endif
        vec3<f32>(bitcast<f32>(bits) / STEPS, f32(half), f32(other_half)),
    );
}
#endif
#else
// Floats, and the sums of elements 0 to 15 and 16 to 31.
struct Operand {
    v: Block,
    low: f32,
    high: f32,
}

fn operand(v: Block) -> Operand {
    let low = (v.v0 + v.v1) + (v.v2 + v.v3);
    let high = (v.v4 + v.v5) + (v.v6 + v.v7);
    return Operand(v, (low.x + low.y) + (low.z + low.w), (high.x + high.y) + (high.z + high.w));
}
#endif
