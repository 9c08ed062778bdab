// What the sampling kernels share. sotto_plan::Sampling says what is computed: penalties, temperature, top-k, top-p,
// min-p, draw. With the penalised logits l and their maximum m,
//   weight(i) = exp((l[i] - m) / temperature)
// and a token is drawn with a probability proportional to its weight among those that are kept.
//
// - Logits are kept as keys, u32s in the same order; NaN is above all numbers.
// - A token e^64 times less probable than the most probable one has weight 0.
// - Sums of weights are masses: 64-bit integers in units of 2^-40, (low, high). Their sums are exact, so no
//   order of summing matters and every kernel agrees with every other.
// - The vocabulary is cut into SLICES slices of SLICE tokens; a workgroup takes one.
override VOCAB: u32;
override SLICE: u32;      // a multiple of WORKGROUP
override SLICES: u32;
override WORKGROUP: u32;

struct Sampling {
    temperature: f32,
    top_k: u32,       // 0: all
    top_p: u32,       // in units of 2^-32; 0: all
    min_p: f32,
    repetition_penalty: f32,
    presence_penalty: f32,
    frequency_penalty: f32,
    penalties: u32,   // whether there are any
    seed_low: u32,
    seed_high: u32,
    padding_0: u32,
    padding_1: u32,
}
@group(0) @binding(0) var<uniform> sampling: Sampling;

// What is known about a slice.
struct SliceState {
    best_key: u32,
    best_id: u32,
    candidates: u32,  // number of its tokens in `candidates`
    padding: u32,
    mass: vec2<u32>,
}

const NAN_KEY = 0xffffffffu;
const INFINITY_KEY = 0xff800000u;
const MINUS_INFINITY_KEY = 0x007fffffu;

fn key_of(logit: f32) -> u32 {
    var bits = bitcast<u32>(logit);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return NAN_KEY;
    }
    if (bits == 0x80000000u) {
        bits = 0u;  // -0 equals 0
    }
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn logit_of(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

// (l - m) / temperature, or a number below -64 when the weight is 0.
fn exponent(key: u32, max_key: u32) -> f32 {
    if (key == max_key) {
        return 0.0;
    }
    if (key <= MINUS_INFINITY_KEY || max_key >= INFINITY_KEY) {
        return -1e9;
    }
    return (logit_of(key) - logit_of(max_key)) / sampling.temperature;
}

fn weight_of(key: u32, max_key: u32) -> f32 {
    let e = exponent(key, max_key);
    return select(0.0, exp(e), e > -64.0);
}

fn mass_of(weight: f32) -> vec2<u32> {
    let scaled = weight * 256.0;
    let high = floor(scaled);
    return vec2<u32>(u32((scaled - high) * 4294967296.0), u32(high));
}

fn add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// a - b, for a >= b.
fn subtract(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn less(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn multiply(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = add(vec2<u32>((a >> 16u) * (b & 0xffffu), 0u), vec2<u32>((a & 0xffffu) * (b >> 16u), 0u));
    return add(vec2<u32>(low, (a >> 16u) * (b >> 16u)), vec2<u32>(middle.x << 16u, (middle.x >> 16u) | (middle.y << 16u)));
}

// floor(mass * part / 2^32)
fn fraction(mass: vec2<u32>, part: u32) -> vec2<u32> {
    return add(multiply(mass.y, part), vec2<u32>(multiply(mass.x, part).y, 0u));
}

// Whether an exact threshold must be found; else the tokens kept are known from their weights alone.
fn has_threshold() -> bool {
    return sampling.top_k != 0u || sampling.top_p != 0u;
}
