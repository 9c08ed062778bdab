// The product of a block of a weight with a block of x, of which loading the weight is a part of its own: a kernel loads
// the next blocks before it multiplies these.
//
// Quantised weights are scale * q + offset, so scale and offset are applied to sums, once for 16 elements:
//   sum w x = scale * sum q x + offset * sum x
// With `mantissa`, q becomes a float without a conversion, which is slow on some GPUs: put into the upper bits of the
// mantissa of 1.0 it reads 1 + q / 16 or 1 + q / 256, and
//   sum q x = 16 * (sum (1 + q / 16) x - sum x)
// A few bits of the sum are lost to the 1; f32 has them to spare.
#include "lib/weights.wgsl"

#include "lib/operand.wgsl"

#if w_f32
alias Raw = Block;

fn load_raw(block: u32) -> Raw {
    return weight_block(block);
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    return block_dot(raw, x.v);
}
#endif

#if w_f16 | w_bf16
struct Raw {
    q0: vec4<u32>,
    q1: vec4<u32>,
    q2: vec4<u32>,
    q3: vec4<u32>,
}

fn load_raw(block: u32) -> Raw {
    let at = 4u * block;
    return Raw(quants[at], quants[at + 1u], quants[at + 2u], quants[at + 3u]);
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    var sum = halves(raw.q0.x, raw.q0.y) * x.v.v0;
    sum = fma(halves(raw.q0.z, raw.q0.w), x.v.v1, sum);
    sum = fma(halves(raw.q1.x, raw.q1.y), x.v.v2, sum);
    sum = fma(halves(raw.q1.z, raw.q1.w), x.v.v3, sum);
    sum = fma(halves(raw.q2.x, raw.q2.y), x.v.v4, sum);
    sum = fma(halves(raw.q2.z, raw.q2.w), x.v.v5, sum);
    sum = fma(halves(raw.q3.x, raw.q3.y), x.v.v6, sum);
    sum = fma(halves(raw.q3.z, raw.q3.w), x.v.v7, sum);
    return (sum.x + sum.y) + (sum.z + sum.w);
}
#endif

#if w_q8_0
struct Raw {
    q0: vec4<u32>,
    q1: vec4<u32>,
    scale: u32,
}

fn load_raw(block: u32) -> Raw {
    return Raw(quants[2u * block], quants[2u * block + 1u], scale_words(block));
}

fn raw_bytes(raw: Raw) -> Bytes {
    return Bytes(raw.q0, raw.q1);
}
#endif

#if table | w_q4_0 | w_q4_1 | w_q4_k
struct Raw {
    q: vec4<u32>,
#if w_q4_k
    scale: vec4<u32>,
#else
#if w_iq4_xs
    scale: vec2<u32>,
#else
    scale: u32,
#endif
#endif
}

fn load_raw(block: u32) -> Raw {
    return Raw(quants[block], scale_words(block));
}

fn raw_bytes(raw: Raw) -> Bytes {
#if table
    return bytes_of(raw.q);
#else
    return bytes_of(raw.q, 0u);
#endif
}
#endif

#if fifths | w_q6_k
struct Raw {
    q: vec4<u32>,
#if w_q5_k
    scale: vec4<u32>,
#else
#if w_q6_k
    scale: vec2<u32>,
#else
    scale: u32,
#endif
#endif
#if w_q6_k
    highs: vec2<u32>,
#else
    highs: u32,
#endif
}

fn load_raw(block: u32) -> Raw {
    return Raw(quants[block], scale_words(block), highs[block]);
}

fn raw_bytes(raw: Raw) -> Bytes {
    return bytes_of(raw.q, raw.highs);
}
#endif

#if quantised
fn total(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

#if ints
// sum q x of the elements of low and of high bytes, in steps of x.
fn int_dots(bytes: Bytes, x: Operand) -> vec2<i32> {
    let low = bytes.low;
    let high = bytes.high;
    var sums = vec2<i32>(
        dot4I8Packed(low.x, x.upper0.x) + dot4I8Packed(low.y, x.upper0.y)
            + dot4I8Packed(low.z, x.upper0.z) + dot4I8Packed(low.w, x.upper0.w),
        dot4I8Packed(high.x, x.upper1.x) + dot4I8Packed(high.y, x.upper1.y)
            + dot4I8Packed(high.z, x.upper1.z) + dot4I8Packed(high.w, x.upper1.w),
    );
#if !coarse
    sums = 256 * sums + vec2<i32>(
        dot4I8Packed(low.x, x.lower0.x) + dot4I8Packed(low.y, x.lower0.y)
            + dot4I8Packed(low.z, x.lower0.z) + dot4I8Packed(low.w, x.lower0.w),
        dot4I8Packed(high.x, x.lower1.x) + dot4I8Packed(high.y, x.lower1.y)
            + dot4I8Packed(high.z, x.lower1.z) + dot4I8Packed(high.w, x.lower1.w),
    );
#endif
    return sums;
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    let sums = int_dots(raw_bytes(raw), x);
    let s = scale_of(raw.scale, block);
    let scale = x.scale_and_sums.x;
#if signed
    return scale * s.x * f32(sums.x + sums.y);
#else
#if w_q6_k
    return scale * (dot(s.xz, vec2<f32>(sums)) + dot(s.yw, x.scale_and_sums.yz));
#else
    return scale * (s.x * f32(sums.x + sums.y) + s.y * (x.scale_and_sums.y + x.scale_and_sums.z));
#endif
#endif
}
#else
#if mantissa
const ONE = vec4<u32>(0x3f800000u);

#if w_q4_0 | w_q4_1 | w_q4_k
// 1 + q / 16 of the low nibbles of a word.
fn low_nibbles(word: u32) -> vec4<f32> {
    let placed = vec4<u32>(word << 19u, word << 11u, word << 3u, word >> 5u);
    return bitcast<vec4<f32>>((placed & vec4<u32>(0x00780000u)) | ONE);
}

// 1 + q / 256 of the high nibbles of a word.
fn high_nibbles(word: u32) -> vec4<f32> {
    let placed = vec4<u32>(word << 11u, word << 3u, word >> 5u, word >> 13u);
    return bitcast<vec4<f32>>((placed & vec4<u32>(0x00078000u)) | ONE);
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    var low = low_nibbles(raw.q.x) * x.v.v0;
    low = fma(low_nibbles(raw.q.y), x.v.v1, low);
    low = fma(low_nibbles(raw.q.z), x.v.v2, low);
    low = fma(low_nibbles(raw.q.w), x.v.v3, low);
    var high = high_nibbles(raw.q.x) * x.v.v4;
    high = fma(high_nibbles(raw.q.y), x.v.v5, high);
    high = fma(high_nibbles(raw.q.z), x.v.v6, high);
    high = fma(high_nibbles(raw.q.w), x.v.v7, high);
    let scaled = fma(vec4<f32>(256.0), high, 16.0 * low);
    // Scale and offset are those of all 32 elements.
    let s = scale_of(raw.scale, block);
    return s.x * (total(scaled) - fma(256.0, x.high, 16.0 * x.low)) + s.y * (x.low + x.high);
}
#else
// 1 + q / 256 of the bytes of a word.
fn unit_bytes(word: u32) -> vec4<f32> {
    let placed = vec4<u32>(word << 15u, word << 7u, word >> 1u, word >> 9u);
    return bitcast<vec4<f32>>((placed & vec4<u32>(0x007f8000u)) | ONE);
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    let bytes = raw_bytes(raw);
    let s = scale_of(raw.scale, block);
#if signed
    // Signed: flipping the upper bit adds 128.
    let low_bytes = bytes.low ^ vec4<u32>(0x80808080u);
    let high_bytes = bytes.high ^ vec4<u32>(0x80808080u);
    let offset = vec2<f32>(-128.0 * s.x);
#else
    let low_bytes = bytes.low;
    let high_bytes = bytes.high;
    let offset = s.yw;
#endif
    var low = unit_bytes(low_bytes.x) * x.v.v0;
    low = fma(unit_bytes(low_bytes.y), x.v.v1, low);
    low = fma(unit_bytes(low_bytes.z), x.v.v2, low);
    low = fma(unit_bytes(low_bytes.w), x.v.v3, low);
    var high = unit_bytes(high_bytes.x) * x.v.v4;
    high = fma(unit_bytes(high_bytes.y), x.v.v5, high);
    high = fma(unit_bytes(high_bytes.z), x.v.v6, high);
    high = fma(unit_bytes(high_bytes.w), x.v.v7, high);
    let sums = 256.0 * (vec2<f32>(total(low), total(high)) - vec2<f32>(x.low, x.high));
    return dot(s.xz, sums) + dot(offset, vec2<f32>(x.low, x.high));
}
#endif
#else
fn floats(word: u32) -> vec4<f32> {
#if signed
    return vec4<f32>(unpack4xI8(word));
#else
    return vec4<f32>(unpack4xU8(word));
#endif
}

fn raw_dot(raw: Raw, block: u32, x: Operand) -> f32 {
    let bytes = raw_bytes(raw);
    var low = floats(bytes.low.x) * x.v.v0;
    low = fma(floats(bytes.low.y), x.v.v1, low);
    low = fma(floats(bytes.low.z), x.v.v2, low);
    low = fma(floats(bytes.low.w), x.v.v3, low);
    var high = floats(bytes.high.x) * x.v.v4;
    high = fma(floats(bytes.high.y), x.v.v5, high);
    high = fma(floats(bytes.high.z), x.v.v6, high);
    high = fma(floats(bytes.high.w), x.v.v7, high);
    let s = scale_of(raw.scale, block);
    return dot(s.xz, vec2<f32>(total(low), total(high))) + dot(s.yw, vec2<f32>(x.low, x.high));
}
#endif
#endif
#endif

// Blocks of four rows.
struct Raws {
    w0: Raw,
    w1: Raw,
    w2: Raw,
    w3: Raw,
}

fn load_four(blocks: vec4<u32>) -> Raws {
    return Raws(load_raw(blocks.x), load_raw(blocks.y), load_raw(blocks.z), load_raw(blocks.w));
}

fn dots(w: Raws, blocks: vec4<u32>, v: Operand) -> vec4<f32> {
    return vec4<f32>(
        raw_dot(w.w0, blocks.x, v), raw_dot(w.w1, blocks.y, v),
        raw_dot(w.w2, blocks.z, v), raw_dot(w.w3, blocks.w, v),
    );
}
