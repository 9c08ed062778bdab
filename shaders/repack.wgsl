// Lays quantised blocks of a model file out for reading (lib/weights.wgsl says how). Exact: bits only move.
//
// One invocation takes one unit of the file: as many blocks as share a word of scales, or one super-block of 256 elements.
//
//   0 raw      bytes of whole units as in the file, 4 a word
//   1 range    uniform: x = first block of 32 to write, y = blocks to write
//   2 quants, 3 scales, 4 highs   as in lib/weights.wgsl
@group(0) @binding(0) var<storage, read> raw: array<u32>;
@group(0) @binding(1) var<uniform> range: vec4<u32>;
@group(0) @binding(2) var<storage, read_write> quants: array<vec4<u32>>;
#if w_q4_k | w_q5_k
@group(0) @binding(3) var<storage, read_write> scales: array<vec4<u32>>;
#else
#if w_iq4_xs
@group(0) @binding(3) var<storage, read_write> scales: array<vec2<u32>>;
#else
@group(0) @binding(3) var<storage, read_write> scales: array<u32>;
#endif
#endif
#if fifths
@group(0) @binding(4) var<storage, read_write> highs: array<u32>;
#endif
#if w_q6_k
@group(0) @binding(4) var<storage, read_write> highs: array<vec2<u32>>;
#endif

// Bytes of a block in the file.
#if w_q4_0 | w_iq4_nl
const BLOCK_BYTES = 18u;
#endif
#if w_q4_1
const BLOCK_BYTES = 20u;
#endif
#if w_q5_0
const BLOCK_BYTES = 22u;
#endif
#if w_q5_1
const BLOCK_BYTES = 24u;
#endif
#if w_q8_0
const BLOCK_BYTES = 34u;
#endif
#if w_q4_k
const BLOCK_BYTES = 144u;
#endif
#if w_q5_k
const BLOCK_BYTES = 176u;
#endif
#if w_q6_k
const BLOCK_BYTES = 210u;
#endif
#if w_iq4_xs
const BLOCK_BYTES = 136u;
#endif
#if w_mxfp4
const BLOCK_BYTES = 17u;
#endif

// The word that starts at `byte`.
fn word(byte: u32) -> u32 {
    let at = byte / 4u;
    let shift = 8u * (byte & 3u);
    if (shift == 0u) {
        return raw[at];
    }
    return (raw[at] >> shift) | (raw[at + 1u] << (32u - shift));
}

fn words(byte: u32) -> vec4<u32> {
    return vec4<u32>(word(byte), word(byte + 4u), word(byte + 8u), word(byte + 12u));
}

fn half(byte: u32) -> u32 {
    return (raw[byte / 4u] >> (8u * (byte & 2u))) & 0xffffu;
}

#if w_q5_0 | w_q5_1
// Bit e of the file's word is the fifth bit of element e; see `highs` in lib/weights.wgsl for the other order.
fn spread(bits: u32) -> u32 {
    var out = 0u;
    for (var w = 0u; w < 8u; w++) {
        let four = (bits >> (4u * w)) & 15u;
        out |= ((four * 0x00204081u) & 0x01010101u) << w;
    }
    return out;
}
#endif

#if w_q4_0 | w_q4_1 | w_q5_0 | w_q5_1 | w_q8_0 | w_iq4_nl
fn block(index: u32, byte: u32) {
#if w_q4_0 | w_iq4_nl
    quants[index] = words(byte + 2u);
#endif
#if w_q4_1
    scales[index] = word(byte);
    quants[index] = words(byte + 4u);
#endif
#if w_q5_0
    highs[index] = spread(word(byte + 2u));
    quants[index] = words(byte + 6u);
#endif
#if w_q5_1
    scales[index] = word(byte);
    highs[index] = spread(word(byte + 4u));
    quants[index] = words(byte + 8u);
#endif
#if w_q8_0
    quants[2u * index] = words(byte + 2u);
    quants[2u * index + 1u] = words(byte + 18u);
#endif
}

fn unit(i: u32) {
    let first = range.x + 2u * i;
    let byte = 2u * i * BLOCK_BYTES;
    let both = 2u * i + 1u < range.y;
    block(first, byte);
    if (both) {
        block(first + 1u, byte + BLOCK_BYTES);
    }
#if w_q4_0 | w_q5_0 | w_q8_0 | w_iq4_nl
    var pair = half(byte);
    if (both) {
        pair |= half(byte + BLOCK_BYTES) << 16u;
    }
    scales[first / 2u] = pair;
#endif
}

const UNIT_BLOCKS = 2u;
#endif

#if w_mxfp4
fn unit(i: u32) {
    var exponents = 0u;
    for (var b = 0u; b < min(4u, range.y - 4u * i); b++) {
        let byte = (4u * i + b) * BLOCK_BYTES;
        exponents |= (word(byte) & 255u) << (8u * b);
        quants[range.x + 4u * i + b] = words(byte + 1u);
    }
    scales[range.x / 4u + i] = exponents;
}

const UNIT_BLOCKS = 4u;
#endif

#if w_iq4_xs
fn unit(i: u32) {
    let super_block = range.x / 8u + i;
    let byte = i * BLOCK_BYTES;
    scales[super_block] = vec2<u32>(word(byte), word(byte + 4u));
    for (var s = 0u; s < 8u; s++) {
        quants[8u * super_block + s] = words(byte + 8u + 16u * s);
    }
}

const UNIT_BLOCKS = 8u;
#endif

#if w_q4_k | w_q5_k | w_q6_k
// Nibbles of the elements 16 apart that share a byte of `quants`, from four bytes each.
fn nibbles(low: u32, high: u32, shift: u32) -> u32 {
    return ((low >> shift) & 0x0f0f0f0fu) | (((high >> shift) & 0x0f0f0f0fu) << 4u);
}

fn unit(i: u32) {
    let super_block = range.x / 8u + i;
    let byte = i * BLOCK_BYTES;
#if w_q4_k
    scales[super_block] = words(byte);
    let low_bits = byte + 16u;
#endif
#if w_q5_k
    scales[super_block] = words(byte);
    let low_bits = byte + 48u;
#endif
#if w_q6_k
    for (var w = 0u; w < 4u; w++) {
        scales[5u * super_block + w] = word(byte + 192u + 4u * w);
    }
    scales[5u * super_block + 4u] = half(byte + 208u);
    let low_bits = byte;
#endif
    for (var s = 0u; s < 8u; s++) {
#if w_q6_k
        let source = low_bits + 64u * (s / 4u) + 32u * (s & 1u);
        let shift = 4u * ((s >> 1u) & 1u);
#else
        let source = low_bits + 32u * (s / 2u);
        let shift = 4u * (s & 1u);
#endif
        var packed: vec4<u32>;
        for (var w = 0u; w < 4u; w++) {
            packed[w] = nibbles(word(source + 4u * w), word(source + 16u + 4u * w), shift);
        }
        quants[8u * super_block + s] = packed;
#if w_q5_k
        var bits = 0u;
        for (var w = 0u; w < 8u; w++) {
            bits |= ((word(byte + 16u + 4u * w) >> s) & 0x01010101u) << w;
        }
        highs[8u * super_block + s] = bits;
#endif
#if w_q6_k
        var bits = vec2<u32>(0u);
        for (var w = 0u; w < 8u; w++) {
            let two = (word(byte + 128u + 32u * (s / 4u) + 4u * w) >> (2u * (s & 3u))) & 0x03030303u;
            bits[w / 4u] |= two << (2u * (w & 3u));
        }
        highs[8u * super_block + s] = bits;
#endif
    }
}

const UNIT_BLOCKS = 8u;
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x * UNIT_BLOCKS < range.y) {
        unit(id.x);
    }
}
