// Quantises rows of floats as they come from a file, and lays the blocks out for reading (lib/weights.wgsl says how).
//
// Of the 32 elements x of a block, m is the one of greatest magnitude, the first of several:
//
//   Q4_0   d = m / -8      q = min(trunc(x * (1 / d) + 8.5), 15)
//   Q8_0   d = |m| / 127   q = x * (1 / d) to the nearest, halves away from zero
//
// Every quotient, product and sum is rounded to f32, and d is then stored as f16: the numbers of
// crates/format/src/block/legacy.rs to the last bit, but for blocks whose d is 0 as f16. All of their elements are zeros
// in both, and have the quant of 0 here. A GPU may round quotients and conversions as it likes and take subnormal numbers for
// zeros, so those are computed in integers.
//
// One invocation takes two blocks, which share a word of scales.
//
//   0 raw      elements as in the file, 4 bytes a word; finite, and d fits f16
//   1 range    uniform: x = first block to write, y = blocks to write, z = 0
//   2 quants, 3 scales   as in lib/weights.wgsl
@group(0) @binding(0) var<storage, read> raw: array<u32>;
@group(0) @binding(1) var<uniform> range: vec4<u32>;
@group(0) @binding(2) var<storage, read_write> quants: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> scales: array<u32>;

const SIGN = 0x80000000u;
const LEADING = 0x00800000u;
const FRACTION = 0x007fffffu;

// The bits as f32 of element `e`.
fn element(e: u32) -> u32 {
#if from_f32
    return raw[e];
#else
    let bits = (raw[e / 2u] >> (16u * (e & 1u))) & 0xffffu;
#if from_bf16
    return bits << 16u;
#else
    let magnitude = bits & 0x7fffu;
    // A subnormal f16 is so many times 2 to the power of -24.
    let subnormal = bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8);
    let normal = (magnitude << 13u) + 0x38000000u;
    return ((bits << 16u) & SIGN) | select(normal, subnormal, magnitude < 0x400u);
#endif
#endif
}

// The bits of a / b, of the bits of two positive numbers that are normal, as is the quotient.
fn quotient(a: u32, b: u32) -> u32 {
    let divisor = (b & FRACTION) | LEADING;
    var rest = (a & FRACTION) | LEADING;
    var exponent = 127u + (a >> 23u) - (b >> 23u);
    if (rest < divisor) {
        rest <<= 1u;
        exponent -= 1u;
    }
    var digits = 0u;
    for (var i = 0u; i < 24u; i++) {
        digits <<= 1u;
        if (rest >= divisor) {
            rest -= divisor;
            digits |= 1u;
        }
        rest <<= 1u;
    }
    // No quotient lies half-way between two numbers.
    digits += select(0u, 1u, rest > divisor);
    return (exponent << 23u) + (digits - LEADING);
}

// The f16 nearest to the positive number of bits `x`, halves to even.
fn nearest_half(x: u32) -> u32 {
    if (x >= 0x38800000u) {
        return (x - 0x38000000u + 0xfffu + ((x >> 13u) & 1u)) >> 13u;
    }
    let shift = min(126u - (x >> 23u), 25u);
    let digits = (x & FRACTION) | LEADING;
    let lower = digits >> shift;
    let rest = digits - (lower << shift);
    let middle = 1u << (shift - 1u);
    return lower + select(0u, 1u, rest > middle || (rest == middle && (lower & 1u) == 1u));
}

// The quant of the element of bits `x`. The product goes through an operation with a zero that no compiler knows, lest
// it be fused with the sum that follows.
fn quant(x: u32, inverse: f32) -> u32 {
    let ratio = bitcast<f32>(bitcast<u32>(bitcast<f32>(x) * inverse) ^ range.z);
#if w_q4_0
    return min(u32(ratio + 8.5), 15u);
#else
    let whole = trunc(ratio);
    let away = select(0i, select(1i, -1i, ratio < 0.0), abs(ratio - whole) >= 0.5);
    return u32(i32(whole) + away) & 255u;
#endif
}

// Writes block `index`, whose elements are those from `first` on. Returns its scale.
fn block(index: u32, first: u32) -> u32 {
    var extreme = 0u;
    for (var e = 0u; e < 32u; e++) {
        let x = element(first + e);
        extreme = select(extreme, x, (x & ~SIGN) > (extreme & ~SIGN));
    }
    let magnitude = extreme & ~SIGN;
    var d = 0u;
    // Below 2 to the power of -25 nothing is left of a scale.
    if (magnitude > 0x33000000u) {
#if w_q4_0
        d = magnitude - 0x01800000u;
#else
        d = quotient(magnitude, 0x42fe0000u);
#endif
    }
    let scale = nearest_half(d);
#if w_q4_0
    let sign = ~extreme & SIGN;
#else
    let sign = 0u;
#endif
    var inverse = 0.0;
    if (scale > 0u) {
        inverse = bitcast<f32>(sign | quotient(0x3f800000u, d));
    }
#if w_q4_0
    // Without a value of its own SwiftShader gives it the one it had before.
    var words = vec4<u32>(0u);
    for (var e = 0u; e < 32u; e++) {
        words[(e / 4u) & 3u] |= quant(element(first + e), inverse) << (8u * (e & 3u) + 4u * (e / 16u));
    }
    quants[index] = words;
#else
    for (var half = 0u; half < 2u; half++) {
        var words = vec4<u32>(0u);
        for (var e = 0u; e < 16u; e++) {
            words[e / 4u] |= quant(element(first + 16u * half + e), inverse) << (8u * (e & 3u));
        }
        quants[2u * index + half] = words;
    }
#endif
    return (sign >> 16u) | scale;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let b = 2u * id.x;
    if (b >= range.y) {
        return;
    }
    var pair = block(range.x + b, 32u * b);
    if (b + 1u < range.y) {
        pair |= block(range.x + b + 1u, 32u * b + 32u) << 16u;
    }
    scales[(range.x + b) / 2u] = pair;
}
