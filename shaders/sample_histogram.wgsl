// Sampling, second kernel: how many tokens, and how much mass, lie how far below the largest logit. Does nothing when
// no threshold is asked for.
//
//   0  sampling
//   3  keys [VOCAB]
//   4  slices [SLICES]
//   6  histogram [3 * BINS], as lib/sample_histogram.wgsl says, added to
#include "lib/sample.wgsl"
#include "lib/sample_histogram.wgsl"
@group(0) @binding(3) var<storage, read> keys: array<u32>;
@group(0) @binding(4) var<storage, read> slices: array<SliceState>;
@group(0) @binding(6) var<storage, read_write> histogram: array<atomic<u32>>;

var<workgroup> max_key: atomic<u32>;
var<workgroup> bins: array<atomic<u32>, 3u * BINS>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if (!has_threshold()) {
        return;
    }
    if (local == 0u) {
        atomicStore(&max_key, 0u);
    }
    for (var i = local; i < 3u * BINS; i += WORKGROUP) {
        atomicStore(&bins[i], 0u);
    }
    workgroupBarrier();
    for (var s = local; s < SLICES; s += WORKGROUP) {
        atomicMax(&max_key, slices[s].best_key);
    }
    workgroupBarrier();
    let largest = atomicLoad(&max_key);
    let first = group.x * SLICE;
    for (var i = first + local; i < min(first + SLICE, VOCAB); i += WORKGROUP) {
        let e = exponent(keys[i], largest);
        if (e > -64.0) {
            let bin = 3u * bin_of(e);
            let mass = mass_of(exp(e));
            atomicAdd(&bins[bin], 1u);
            let before = atomicAdd(&bins[bin + 1u], mass.x);
            atomicAdd(&bins[bin + 2u], mass.y + select(0u, 1u, before + mass.x < before));
        }
    }
    workgroupBarrier();
    for (var bin = local; bin < BINS; bin += WORKGROUP) {
        let count = atomicLoad(&bins[3u * bin]);
        if (count > 0u) {
            let low = atomicLoad(&bins[3u * bin + 1u]);
            let high = atomicLoad(&bins[3u * bin + 2u]);
            atomicAdd(&histogram[3u * bin], count);
            let before = atomicAdd(&histogram[3u * bin + 1u], low);
            atomicAdd(&histogram[3u * bin + 2u], high + select(0u, 1u, before + low < before));
        }
    }
}
