// Greedy sampling, last kernel: the token with the largest penalised logit, the lowest id of equals. One workgroup.
//
//   4           slices [SLICES]
//   2, 5, 8, 9  as lib/sample_finish.wgsl says
#include "lib/sample.wgsl"
#include "lib/sample_finish.wgsl"
@group(0) @binding(4) var<storage, read> slices: array<SliceState>;

var<workgroup> best_key: atomic<u32>;
var<workgroup> best_id: atomic<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    if (local == 0u) {
        atomicStore(&best_key, 0u);
        atomicStore(&best_id, NO_ID);
    }
    var key = 0u;
    var id = NO_ID;
    for (var s = local; s < SLICES; s += WORKGROUP) {
        let slice = slices[s];
        if (slice.best_key > key) {
            key = slice.best_key;
            id = slice.best_id;
        }
    }
    workgroupBarrier();
    atomicMax(&best_key, key);
    workgroupBarrier();
    if (atomicLoad(&best_key) == key) {
        atomicMin(&best_id, id);
    }
    workgroupBarrier();
    if (local == 0u) {
        let largest = atomicLoad(&best_key);
        finish(select(atomicLoad(&best_id), NO_ID, largest == NAN_KEY || largest <= MINUS_INFINITY_KEY));
    }
}
