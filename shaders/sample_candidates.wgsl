// Sampling, third kernel: sums up each slice, and writes down the tokens that a threshold may keep.
//
// The histogram tells the bin that the threshold lies in: with top-k, the first bin up to which there are k tokens; else,
// with top-p, the first up to which the mass reaches top_p. The tokens up to that bin are the candidates.
//
//   0  sampling
//   3  keys [VOCAB]
//   4  slices [SLICES]: candidates and mass, written. The mass is that of all tokens when there is a threshold, else of
//      those that min-p keeps
//   6  histogram [3 * BINS]
//   7  candidates [SLICES, SLICE] of (key, id): the first slices[s].candidates of each slice, in order of ids
#include "lib/sample.wgsl"
#include "lib/sample_histogram.wgsl"
@group(0) @binding(3) var<storage, read> keys: array<u32>;
@group(0) @binding(4) var<storage, read_write> slices: array<SliceState>;
@group(0) @binding(6) var<storage, read> histogram: array<u32>;
@group(0) @binding(7) var<storage, read_write> candidates: array<vec2<u32>>;

override BINS_A_THREAD: u32 = (BINS + WORKGROUP - 1u) / WORKGROUP;
override TOKENS_A_THREAD: u32 = SLICE / WORKGROUP;

var<workgroup> max_key: atomic<u32>;
var<workgroup> last_bin: u32;
var<workgroup> counts: array<u32, WORKGROUP>;
var<workgroup> masses: array<vec2<u32>, WORKGROUP>;

// Number of tokens of a bin, or its mass.
fn bin_value(bin: u32) -> vec2<u32> {
    if (bin >= BINS) {
        return vec2<u32>(0u);
    }
    if (sampling.top_k != 0u) {
        return vec2<u32>(histogram[3u * bin], 0u);
    }
    return vec2<u32>(histogram[3u * bin + 1u], histogram[3u * bin + 2u]);
}

// Finds `last_bin`. Each invocation takes BINS_A_THREAD consecutive bins.
fn find_last_bin(local: u32) {
    var own = vec2<u32>(0u);
    for (var i = 0u; i < BINS_A_THREAD; i++) {
        own = add(own, bin_value(local * BINS_A_THREAD + i));
    }
    masses[local] = own;
    workgroupBarrier();
    var before = vec2<u32>(0u);
    var total = vec2<u32>(0u);
    for (var i = 0u; i < WORKGROUP; i++) {
        if (i == local) {
            before = total;
        }
        total = add(total, masses[i]);
    }
    var wanted = vec2<u32>(sampling.top_k, 0u);
    if (sampling.top_k == 0u) {
        wanted = fraction(total, sampling.top_p);
    }
    if (less(before, wanted) && !less(add(before, own), wanted)) {
        var bin = local * BINS_A_THREAD;
        before = add(before, bin_value(bin));
        while (less(before, wanted)) {
            bin++;
            before = add(before, bin_value(bin));
        }
        last_bin = bin;
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if (local == 0u) {
        atomicStore(&max_key, 0u);
        last_bin = BINS - 1u;
    }
    workgroupBarrier();
    for (var s = local; s < SLICES; s += WORKGROUP) {
        atomicMax(&max_key, slices[s].best_key);
    }
    if (has_threshold()) {
        find_last_bin(local);
    }
    workgroupBarrier();
    let largest = atomicLoad(&max_key);
    let bin = last_bin;
    let slice_end = min((group.x + 1u) * SLICE, VOCAB);
    let first = group.x * SLICE + local * TOKENS_A_THREAD;
    let end = min(first + TOKENS_A_THREAD, slice_end);
    var count = 0u;
    var mass = vec2<u32>(0u);
    for (var i = first; i < end; i++) {
        let e = exponent(keys[i], largest);
        if (e > -64.0) {
            let weight = exp(e);
            if (has_threshold() || weight >= sampling.min_p) {
                mass = add(mass, mass_of(weight));
            }
            count += select(0u, 1u, bin_of(e) <= bin);
        }
    }
    counts[local] = count;
    // `masses` may still be read by find_last_bin.
    workgroupBarrier();
    masses[local] = mass;
    workgroupBarrier();
    if (local == 0u) {
        var total = vec2<u32>(0u);
        var n = 0u;
        for (var i = 0u; i < WORKGROUP; i++) {
            total = add(total, masses[i]);
            n += counts[i];
        }
        slices[group.x].mass = total;
        slices[group.x].candidates = n;
    }
    if (has_threshold() && count > 0u) {
        var at = group.x * SLICE;
        for (var i = 0u; i < local; i++) {
            at += counts[i];
        }
        for (var i = first; i < end; i++) {
            let key = keys[i];
            let e = exponent(key, largest);
            if (e > -64.0 && bin_of(e) <= bin) {
                candidates[at] = vec2<u32>(key, i);
                at++;
            }
        }
    }
}
