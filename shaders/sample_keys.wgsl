// Sampling, first kernel: penalises the logits and finds each slice's largest.
//   l = logit > 0 ? logit / repetition : logit * repetition     of tokens in the prompt or the reply
//   l -= presence + frequency * count                           of tokens in the reply
//
//   0  sampling
//   1  logits [outputs, STRIDE]
//   2  counts [VOCAB]
//   3  keys [VOCAB], written; without `greedy` only
//   4  slices [SLICES]: best_key and best_id, written
//   5  step, whose row it takes
//   6  histogram, zeroed for the next kernel; without `greedy` only
#include "lib/sample.wgsl"
#include "lib/step.wgsl"
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
#if !greedy
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> histogram: array<u32>;
#endif
@group(0) @binding(4) var<storage, read_write> slices: array<SliceState>;
@group(0) @binding(5) var<storage, read> step: Step;

override STRIDE: u32;  // elements from one output to the next

var<workgroup> best_key: atomic<u32>;
var<workgroup> best_id: atomic<u32>;

fn penalised(id: u32, logit: f32) -> f32 {
    if (sampling.penalties == 0u) {
        return logit;
    }
    let count = counts[id];
    if (count == 0u) {
        return logit;
    }
    var l = select(logit * sampling.repetition_penalty, logit / sampling.repetition_penalty, logit > 0.0);
    let generated = count & 0x7fffffffu;
    if (generated > 0u) {
        l -= sampling.presence_penalty + sampling.frequency_penalty * f32(generated);
    }
    return l;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if (local == 0u) {
        atomicStore(&best_key, 0u);
        atomicStore(&best_id, 0xffffffffu);
    }
#if !greedy
    for (var i = group.x * WORKGROUP + local; i < arrayLength(&histogram); i += SLICES * WORKGROUP) {
        histogram[i] = 0u;
    }
#endif
    var key = 0u;
    var id = 0xffffffffu;
    let first = group.x * SLICE;
    let row_at = min(step.row, step.n_drafts) * STRIDE;
    for (var i = first + local; i < min(first + SLICE, VOCAB); i += WORKGROUP) {
        // NaN is looked for before arithmetic could lose it.
        let logit = logits[row_at + i];
        var own = key_of(logit);
        if (own != NAN_KEY) {
            own = key_of(penalised(i, logit));
        }
#if !greedy
        keys[i] = own;
#endif
        if (own > key) {
            key = own;
            id = i;
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
        slices[group.x].best_key = atomicLoad(&best_key);
        slices[group.x].best_id = atomicLoad(&best_id);
    }
}
