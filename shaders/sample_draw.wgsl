// Sampling, last kernel: finds the exact thresholds, draws, and advances the step. One workgroup.
//
// A threshold is found among the candidates digit by digit, from the masses of candidates by digit: of their keys for
// top-k, where every token has mass 1, and of their weights' bits for top-p. Without a threshold, the slices'
// masses tell which slice to draw from.
//
//   0           sampling
//   3           keys [VOCAB]
//   4           slices [SLICES]
//   6           list [VOCAB] of (key, id): room for the candidates of all slices, one after the other
//   7           candidates [SLICES, SLICE]
//   2, 5, 8, 9  as lib/sample_finish.wgsl says
#include "lib/sample.wgsl"
#include "lib/sample_finish.wgsl"
@group(0) @binding(3) var<storage, read> keys: array<u32>;
@group(0) @binding(4) var<storage, read> slices: array<SliceState>;
@group(0) @binding(6) var<storage, read_write> list: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read> candidates: array<vec2<u32>>;

override DIGIT_BITS: u32;  // 4 or 8
override DIGITS: u32 = 1u << DIGIT_BITS;

var<workgroup> best_key: atomic<u32>;
var<workgroup> best_id: atomic<u32>;
var<workgroup> slice_candidates: array<u32, SLICES>;
var<workgroup> slice_masses: array<vec2<u32>, SLICES>;
var<workgroup> digits: array<atomic<u32>, 2u * DIGITS>;
var<workgroup> coarse: array<vec2<u32>, DIGITS / 16u>; // masses of 16 digits each
var<workgroup> masses: array<vec2<u32>, WORKGROUP>;
var<workgroup> chosen: u32;                           // a digit, a slice or an id
var<workgroup> remaining: vec2<u32>;                  // mass that is still to be passed

// The tokens that thresholds and draws look at.
struct Tokens {
    first: u32,
    end: u32,
    listed: bool,  // indices are into `list`, else ids
    max_key: u32,
}

// What is kept: keys and weights at least these.
struct Kept {
    key: u32,
    weight: f32,
}

fn token_key(tokens: Tokens, i: u32) -> u32 {
    if (tokens.listed) {
        return list[i].x;
    }
    return keys[i];
}

fn kept_weight(tokens: Tokens, kept: Kept, i: u32) -> f32 {
    let key = token_key(tokens, i);
    let weight = weight_of(key, tokens.max_key);
    return select(0.0, weight, key >= kept.key && weight >= kept.weight);
}

// pcg3d, as sotto_plan::sampling::uniform; in units of 2^-32.
fn uniform_random(sample_step: u32) -> u32 {
    var v = vec3<u32>(sampling.seed_low, sampling.seed_high, sample_step) * 1664525u + vec3<u32>(1013904223u);
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v ^= v >> vec3<u32>(16u);
    v.x += v.y * v.z;
    return v.x & 0xffffff00u;
}

fn digit_mass(digit: u32) -> vec2<u32> {
    return vec2<u32>(atomicLoad(&digits[2u * digit]), atomicLoad(&digits[2u * digit + 1u]));
}

// The largest value such that the tokens with at least that value have a mass of `wanted`; 0 when all have less.
fn threshold(tokens: Tokens, kept: Kept, by_weight: bool, wanted: vec2<u32>, local: u32) -> u32 {
    var prefix = 0u;
    if (local == 0u) {
        remaining = wanted;
    }
    for (var digits_left = 32u / DIGIT_BITS; digits_left > 0u; digits_left--) {
        let shift = (digits_left - 1u) * DIGIT_BITS;
        for (var i = local; i < 2u * DIGITS; i += WORKGROUP) {
            atomicStore(&digits[i], 0u);
        }
        workgroupBarrier();
        for (var i = tokens.first + local; i < tokens.end; i += WORKGROUP) {
            var value = token_key(tokens, i);
            var mass = vec2<u32>(1u, 0u);
            if (by_weight) {
                let weight = kept_weight(tokens, kept, i);
                value = bitcast<u32>(weight);
                mass = mass_of(weight);
            }
            let digit = (value >> shift) & (DIGITS - 1u);
            // Whether the digits above this one are those that are known.
            if ((value ^ prefix) >> shift < DIGITS) {
                let before = atomicAdd(&digits[2u * digit], mass.x);
                let carry = select(0u, 1u, before + mass.x < before);
                if (mass.y + carry != 0u) {
                    atomicAdd(&digits[2u * digit + 1u], mass.y + carry);
                }
            }
        }
        workgroupBarrier();
        for (var i = local; i < DIGITS / 16u; i += WORKGROUP) {
            var sum = vec2<u32>(0u);
            for (var j = 0u; j < 16u; j++) {
                sum = add(sum, digit_mass(16u * i + j));
            }
            coarse[i] = sum;
        }
        workgroupBarrier();
        if (local == 0u) {
            var left = remaining;
            var i = DIGITS / 16u - 1u;
            while (i > 0u && less(coarse[i], left)) {
                left = subtract(left, coarse[i]);
                i--;
            }
            var digit = 16u * i + 15u;
            while (digit > 16u * i && less(digit_mass(digit), left)) {
                left = subtract(left, digit_mass(digit));
                digit--;
            }
            remaining = left;
            chosen = digit;
        }
        prefix |= workgroupUniformLoad(&chosen) << shift;
    }
    return prefix;
}

// Sums `own` over the workgroup. Returns the sum of the invocations before this one and that of all.
struct Sums {
    before: vec2<u32>,
    total: vec2<u32>,
}

fn sum_up(own: vec2<u32>, local: u32) -> Sums {
    masses[local] = own;
    workgroupBarrier();
    var sums = Sums(vec2<u32>(0u), vec2<u32>(0u));
    for (var i = 0u; i < WORKGROUP; i++) {
        if (i == local) {
            sums.before = sums.total;
        }
        sums.total = add(sums.total, masses[i]);
    }
    workgroupBarrier();
    return sums;
}

// Each invocation's run of consecutive tokens.
fn run_of(tokens: Tokens, local: u32) -> vec2<u32> {
    let run = (tokens.end - tokens.first + WORKGROUP - 1u) / WORKGROUP;
    let first = min(tokens.first + local * run, tokens.end);
    return vec2<u32>(first, min(first + run, tokens.end));
}

fn run_mass(tokens: Tokens, kept: Kept, local: u32) -> vec2<u32> {
    let run = run_of(tokens, local);
    var mass = vec2<u32>(0u);
    for (var i = run.x; i < run.y; i++) {
        mass = add(mass, mass_of(kept_weight(tokens, kept, i)));
    }
    return mass;
}

// Sets `chosen` to the first token at which the cumulated mass exceeds `passed`; leaves it alone if there is none.
fn draw(tokens: Tokens, kept: Kept, own: vec2<u32>, before: vec2<u32>, passed: vec2<u32>, local: u32) {
    if (!less(passed, before) && less(passed, add(before, own))) {
        let run = run_of(tokens, local);
        var mass = before;
        for (var i = run.x; i < run.y; i++) {
            mass = add(mass, mass_of(kept_weight(tokens, kept, i)));
            if (less(passed, mass)) {
                var id = i;
                if (tokens.listed) {
                    id = list[i].y;
                }
                chosen = id;
                break;
            }
        }
    }
}

// Draws from one slice: the tokens kept are those that min-p keeps.
fn draw_without_threshold(max_key: u32, random: u32, local: u32) {
    var total = vec2<u32>(0u);
    for (var s = 0u; s < SLICES; s++) {
        total = add(total, slice_masses[s]);
    }
    let passed = fraction(total, random);
    if (local == 0u) {
        var left = passed;
        var s = 0u;
        while (s < SLICES - 1u && !less(left, slice_masses[s])) {
            left = subtract(left, slice_masses[s]);
            s++;
        }
        remaining = left;
        chosen = s;
    }
    let slice = workgroupUniformLoad(&chosen);
    let left = workgroupUniformLoad(&remaining);
    let tokens = Tokens(slice * SLICE, min((slice + 1u) * SLICE, VOCAB), false, max_key);
    let kept = Kept(0u, sampling.min_p);
    let own = run_mass(tokens, kept, local);
    let sums = sum_up(own, local);
    if (local == 0u) {
        chosen = atomicLoad(&best_id);
    }
    workgroupBarrier();
    draw(tokens, kept, own, sums.before, left, local);
}

// Copies the candidates to `list`, and returns them.
fn gather(max_key: u32, local: u32) -> Tokens {
    var n = 0u;
    for (var s = 0u; s < SLICES; s++) {
        for (var i = local; i < slice_candidates[s]; i += WORKGROUP) {
            list[n + i] = candidates[s * SLICE + i];
        }
        n += slice_candidates[s];
    }
    storageBarrier();
    return Tokens(0u, n, true, max_key);
}

fn draw_with_threshold(max_key: u32, random: u32, local: u32) {
    let tokens = gather(max_key, local);
    var kept = Kept(0u, 0.0);
    if (sampling.top_k != 0u) {
        kept.key = threshold(tokens, kept, false, vec2<u32>(sampling.top_k, 0u), local);
    }
    if (sampling.top_p != 0u) {
        var total = vec2<u32>(0u);
        if (sampling.top_k != 0u) {
            total = sum_up(run_mass(tokens, kept, local), local).total;
        } else {
            for (var s = 0u; s < SLICES; s++) {
                total = add(total, slice_masses[s]);
            }
        }
        kept.weight = bitcast<f32>(threshold(tokens, kept, true, fraction(total, sampling.top_p), local));
    }
    kept.weight = max(kept.weight, sampling.min_p);
    let own = run_mass(tokens, kept, local);
    let sums = sum_up(own, local);
    if (local == 0u) {
        chosen = atomicLoad(&best_id);
    }
    workgroupBarrier();
    draw(tokens, kept, own, sums.before, fraction(sums.total, random), local);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    let random = uniform_random(step.sample_step);
    if (local == 0u) {
        atomicStore(&best_key, 0u);
        atomicStore(&best_id, NO_ID);
    }
    workgroupBarrier();
    for (var s = local; s < SLICES; s += WORKGROUP) {
        slice_candidates[s] = slices[s].candidates;
        slice_masses[s] = slices[s].mass;
        atomicMax(&best_key, slices[s].best_key);
    }
    workgroupBarrier();
    if (local == 0u) {
        chosen = atomicLoad(&best_key);
    }
    let max_key = workgroupUniformLoad(&chosen);
    for (var s = local; s < SLICES; s += WORKGROUP) {
        if (slices[s].best_key == max_key) {
            atomicMin(&best_id, slices[s].best_id);
        }
    }
    workgroupBarrier();
    if (max_key == NAN_KEY || max_key <= MINUS_INFINITY_KEY) {
        if (local == 0u) {
            finish(NO_ID);
        }
        return;
    }
    if (has_threshold()) {
        draw_with_threshold(max_key, random, local);
    } else {
        draw_without_threshold(max_key, random, local);
    }
    workgroupBarrier();
    if (local == 0u) {
        finish(chosen);
    }
}
