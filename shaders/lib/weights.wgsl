// Weights as the repack kernel lays them out, read 32 consecutive elements of a row (a block) at a time.
//
// A matrix [rows, cols] is stored as rows * BLOCKS blocks, BLOCKS = ceil(cols / 32); blocks of F32 and F16 rows
// are padded with zeros. Quantised weights are affine in 16 elements: w = scale * q + offset.
//
// Besides the layout's own flag (`w_q4_0` and the like) there are some for what layouts have in common: `quantised`;
// `signed`, bytes with a sign and no offset; `table`, nibbles that stand for signed bytes, so `signed` too; `offsets`,
// an offset that is no multiple of the scale; `fifths`, fifth bits in `highs`.
//
// Bindings 0 to 2, one element of `quants` a 16-byte load:
//   quants   F32   8 x vec4<f32> a block
//            F16   4 x vec4<u32> a block, two halves a word; BF16 alike
//            Q8_0  2 x vec4<u32> a block, four signed bytes a word
//            Qn_x  1 x vec4<u32> a block: byte k of word i holds element 4i + k in its low nibble and
//                  element 16 + 4i + k in its high nibble; IQ4_NL, IQ4_XS and MXFP4 alike
//   scales   Q4_0, Q5_0, Q8_0, IQ4_NL  d as f16, two blocks a word
//            Q4_1, Q5_1        d and m as f16, one block a word
//            Q4_K, Q5_K        vec4<u32> for 8 blocks: d and dmin as f16, then 12 bytes of 6-bit scales and minima
//                              as in the file
//            Q6_K              5 words for 8 blocks: 16 signed bytes of scales, then d as f16
//            IQ4_XS            vec2<u32> for 8 blocks: d as f16, then the upper two bits and the lower four of 6-bit
//                              scales as in the file
//            MXFP4             exponents, a byte a block
//   highs    Q5_x  one word a block: bit 8k + w is the fifth bit of element 4w + k
//            Q6_K  vec2<u32> a block: bits 8k + 2w of word w / 4 are the upper two bits of element 4w + k
#if w_f32
@group(0) @binding(0) var<storage, read> quants: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> quants: array<vec4<u32>>;
#endif
#if w_q4_k | w_q5_k
@group(0) @binding(1) var<storage, read> scales: array<vec4<u32>>;
#endif
#if w_iq4_xs
@group(0) @binding(1) var<storage, read> scales: array<vec2<u32>>;
#endif
#if w_q4_0 | w_q4_1 | w_q5_0 | w_q5_1 | w_q8_0 | w_q6_k | w_iq4_nl | w_mxfp4
@group(0) @binding(1) var<storage, read> scales: array<u32>;
#endif
#if fifths
@group(0) @binding(2) var<storage, read> highs: array<u32>;
#endif
#if w_q6_k
@group(0) @binding(2) var<storage, read> highs: array<vec2<u32>>;
#endif

// 32 elements: v0 holds elements 0 to 3.
struct Block {
    v0: vec4<f32>,
    v1: vec4<f32>,
    v2: vec4<f32>,
    v3: vec4<f32>,
    v4: vec4<f32>,
    v5: vec4<f32>,
    v6: vec4<f32>,
    v7: vec4<f32>,
}

fn block_dot(a: Block, b: Block) -> f32 {
    return (dot(a.v0, b.v0) + dot(a.v1, b.v1)) + (dot(a.v2, b.v2) + dot(a.v3, b.v3))
        + ((dot(a.v4, b.v4) + dot(a.v5, b.v5)) + (dot(a.v6, b.v6) + dot(a.v7, b.v7)));
}

#if w_f32
fn weight_block(block: u32) -> Block {
    let at = 8u * block;
    return Block(
        quants[at], quants[at + 1u], quants[at + 2u], quants[at + 3u],
        quants[at + 4u], quants[at + 5u], quants[at + 6u], quants[at + 7u],
    );
}

fn weight_quad(block: u32, i: u32) -> vec4<f32> {
    return quants[8u * block + i];
}
#endif

#if w_f16 | w_bf16
fn halves(low: u32, high: u32) -> vec4<f32> {
#if w_f16
    return vec4<f32>(unpack2x16float(low), unpack2x16float(high));
#else
    return bitcast<vec4<f32>>(vec4<u32>(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u));
#endif
}

fn weight_block(block: u32) -> Block {
    let a = quants[4u * block];
    let b = quants[4u * block + 1u];
    let c = quants[4u * block + 2u];
    let d = quants[4u * block + 3u];
    return Block(
        halves(a.x, a.y), halves(a.z, a.w), halves(b.x, b.y), halves(b.z, b.w),
        halves(c.x, c.y), halves(c.z, c.w), halves(d.x, d.y), halves(d.z, d.w),
    );
}

fn weight_quad(block: u32, i: u32) -> vec4<f32> {
    let words = quants[4u * block + i / 2u];
    return select(halves(words.x, words.y), halves(words.z, words.w), (i & 1u) == 1u);
}
#endif

// The words that hold a block's scales, and what they say: scale and offset of elements 0 to 15 in x and y, of
// elements 16 to 31 in z and w.
#if w_q4_0 | w_q5_0 | w_q8_0 | w_iq4_nl
fn scale_words(block: u32) -> u32 {
    return scales[block / 2u];
}

fn scale_of(words: u32, block: u32) -> vec4<f32> {
    let d = unpack2x16float(words >> (16u * (block & 1u))).x;
#if w_q4_0
    let offset = -8.0 * d;
#endif
#if w_q5_0
    let offset = -16.0 * d;
#endif
#if signed
    let offset = 0.0;
#endif
    return vec4<f32>(d, offset, d, offset);
}
#endif
#if w_q4_1 | w_q5_1
fn scale_words(block: u32) -> u32 {
    return scales[block];
}

fn scale_of(words: u32, block: u32) -> vec4<f32> {
    return unpack2x16float(words).xyxy;
}
#endif
#if w_q4_k | w_q5_k
fn scale_words(block: u32) -> vec4<u32> {
    return scales[block / 8u];
}

fn scale_of(words: vec4<u32>, block: u32) -> vec4<f32> {
    let d = unpack2x16float(words.x);
    let shift = 8u * (block & 3u);
    let low = vec2<u32>(words.y, words.z) >> vec2<u32>(shift);
    let nibbles = vec2<u32>(words.w >> shift, words.w >> (shift + 4u)) & vec2<u32>(15u);
    let upper = nibbles | (((low >> vec2<u32>(6u)) & vec2<u32>(3u)) << vec2<u32>(4u));
    let both = select(low & vec2<u32>(63u), upper, vec2<bool>((block & 4u) != 0u));
    let s = d * vec2<f32>(both);
    return vec4<f32>(s.x, -s.y, s.x, -s.y);
}
#endif
#if w_q6_k
fn scale_words(block: u32) -> vec2<u32> {
    let at = 5u * (block / 8u);
    return vec2<u32>(scales[at + (block & 7u) / 2u], scales[at + 4u]);
}

fn scale_of(words: vec2<u32>, block: u32) -> vec4<f32> {
    let d = unpack2x16float(words.y).x;
    let word = bitcast<i32>(words.x << (16u - 16u * (block & 1u)));
    let s = d * vec2<f32>(f32((word << 8u) >> 24u), f32(word >> 24u));
    return vec4<f32>(s.x, -32.0 * s.x, s.y, -32.0 * s.y);
}
#endif
#if w_iq4_xs
fn scale_words(block: u32) -> vec2<u32> {
    return scales[block / 8u];
}

fn scale_of(words: vec2<u32>, block: u32) -> vec4<f32> {
    let b = block & 7u;
    let six = ((words.y >> (4u * b)) & 15u) | (((words.x >> (16u + 2u * b)) & 3u) << 4u);
    let s = unpack2x16float(words.x).x * f32(i32(six) - 32);
    return vec4<f32>(s, 0.0, s, 0.0);
}
#endif
#if w_mxfp4
fn scale_words(block: u32) -> u32 {
    return scales[block / 4u];
}

// Half of 2 to the power of e - 127, as the table holds twice the elements; below e = 2 it is subnormal.
fn scale_of(words: u32, block: u32) -> vec4<f32> {
    let e = (words >> (8u * (block & 3u))) & 255u;
    let s = bitcast<f32>(select((max(e, 1u) - 1u) << 23u, 0x00200000u << (e & 1u), e < 2u));
    return vec4<f32>(s, 0.0, s, 0.0);
}
#endif
#if quantised
fn block_scale(block: u32) -> vec4<f32> {
    return scale_of(scale_words(block), block);
}
#endif

// The quants of a block as bytes: element 4w + k is byte k of low[w], element 16 + 4w + k of high[w].
struct Bytes {
    low: vec4<u32>,
    high: vec4<u32>,
}

#if table
// What the nibbles stand for, signed bytes: those of 4i to 4i + 3 in TABLE[i].
#if w_mxfp4
const TABLE = array<u32, 4>(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);
#else
const TABLE = array<u32, 4>(0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);
#endif

// Looks four nibbles up, a byte each.
fn looked_up(word: u32) -> u32 {
    let i = (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(15u);
    let second = (i & vec4<u32>(4u)) != vec4<u32>(0u);
    let lower = select(vec4<u32>(TABLE[0]), vec4<u32>(TABLE[1]), second);
    let upper = select(vec4<u32>(TABLE[2]), vec4<u32>(TABLE[3]), second);
    let four = select(lower, upper, i >= vec4<u32>(8u));
    let bytes = (four >> (8u * (i & vec4<u32>(3u)))) & vec4<u32>(255u);
    return (bytes.x | (bytes.y << 8u)) | ((bytes.z << 16u) | (bytes.w << 24u));
}

fn looked_up_all(words: vec4<u32>) -> vec4<u32> {
    return vec4<u32>(looked_up(words.x), looked_up(words.y), looked_up(words.z), looked_up(words.w));
}

fn bytes_of(words: vec4<u32>) -> Bytes {
    return Bytes(looked_up_all(words), looked_up_all(words >> vec4<u32>(4u)));
}
#endif

#if signed
fn signed_bytes(word: u32) -> vec4<f32> {
    let lifted = vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24u, 16u, 8u, 0u);
    return vec4<f32>(lifted >> vec4<u32>(24u));
}

fn weight_block(block: u32) -> Block {
#if table
    let bytes = bytes_of(quants[block]);
#else
    let bytes = Bytes(quants[2u * block], quants[2u * block + 1u]);
#endif
    let a = bytes.low;
    let b = bytes.high;
    let d = block_scale(block).x;
    return Block(
        d * signed_bytes(a.x), d * signed_bytes(a.y), d * signed_bytes(a.z), d * signed_bytes(a.w),
        d * signed_bytes(b.x), d * signed_bytes(b.y), d * signed_bytes(b.z), d * signed_bytes(b.w),
    );
}

fn weight_quad(block: u32, i: u32) -> vec4<f32> {
#if table
    let word = looked_up(quants[block][i & 3u] >> (i & 4u));
#else
    let word = quants[2u * block + i / 4u][i & 3u];
#endif
    return block_scale(block).x * signed_bytes(word);
}
#else
#if quantised
fn affine(word: u32, scale: f32, offset: f32) -> vec4<f32> {
    let bytes = (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u);
    return scale * vec4<f32>(bytes) + vec4<f32>(offset);
}

#if fifths
fn bytes_of(words: vec4<u32>, high_bits: u32) -> Bytes {
    let h = vec4<u32>(high_bits);
    let low = ((h >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(0x01010101u)) << vec4<u32>(4u);
    let high = ((h >> vec4<u32>(4u, 5u, 6u, 7u)) & vec4<u32>(0x01010101u)) << vec4<u32>(4u);
#else
#if w_q6_k
fn bytes_of(words: vec4<u32>, high_bits: vec2<u32>) -> Bytes {
    let shifts = vec4<u32>(0u, 2u, 4u, 6u);
    let low = ((vec4<u32>(high_bits.x) >> shifts) & vec4<u32>(0x03030303u)) << vec4<u32>(4u);
    let high = ((vec4<u32>(high_bits.y) >> shifts) & vec4<u32>(0x03030303u)) << vec4<u32>(4u);
#else
fn bytes_of(words: vec4<u32>, high_bits: u32) -> Bytes {
    let low = vec4<u32>(0u);
    let high = vec4<u32>(0u);
#endif
#endif
    let nibble = vec4<u32>(0x0f0f0f0fu);
    return Bytes(low | (words & nibble), high | ((words >> vec4<u32>(4u)) & nibble));
}

fn weight_block(block: u32) -> Block {
#if fifths | w_q6_k
    let bytes = bytes_of(quants[block], highs[block]);
#else
    let bytes = bytes_of(quants[block], 0u);
#endif
    let low = bytes.low;
    let high = bytes.high;
    let s = block_scale(block);
    return Block(
        affine(low.x, s.x, s.y), affine(low.y, s.x, s.y), affine(low.z, s.x, s.y), affine(low.w, s.x, s.y),
        affine(high.x, s.z, s.w), affine(high.y, s.z, s.w), affine(high.z, s.z, s.w), affine(high.w, s.z, s.w),
    );
}

fn weight_quad(block: u32, i: u32) -> vec4<f32> {
    var word = (quants[block][i & 3u] >> (i & 4u)) & 0x0f0f0f0fu;
#if fifths
    word |= ((highs[block] >> i) & 0x01010101u) << 4u;
#endif
#if w_q6_k
    word |= ((highs[block][i / 4u] >> (2u * (i & 3u))) & 0x03030303u) << 4u;
#endif
    let s = block_scale(block);
    let half = select(s.xy, s.zw, i >= 4u);
    return affine(word, half.x, half.y);
}
#endif
#endif
