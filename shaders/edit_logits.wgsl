// Before sampling, where a reply asks for it: logit += bias; minus infinity where a token is not allowed. NaN stays, for the sampler to
// find. Bits are compared, since shaders may take floats for finite.
//
//   1  logits [outputs, STRIDE] as bits, of which the step's row is changed
//   5  step, whose row it takes
//   6  allowed [VOCAB / 32] bits, the lowest first
//   7  bias [VOCAB]
#include "lib/step.wgsl"
@group(0) @binding(1) var<storage, read_write> logits: array<u32>;
@group(0) @binding(5) var<storage, read> step: Step;
@group(0) @binding(6) var<storage, read> allowed: array<u32>;
@group(0) @binding(7) var<storage, read> bias: array<f32>;

override VOCAB: u32;
override STRIDE: u32;  // elements from one output to the next

const WORKGROUP = 64u;
const INFINITY_BITS = 0x7f800000u;
const MINUS_INFINITY_BITS = 0xff800000u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row_at = min(step.row, step.n_drafts) * STRIDE;
    for (var i = group.x * WORKGROUP + local; i < VOCAB; i += groups.x * WORKGROUP) {
        let bits = logits[row_at + i];
        if ((bits & 0x7fffffffu) > INFINITY_BITS) {
            continue;
        }
        if (((allowed[i / 32u] >> (i % 32u)) & 1u) == 0u) {
            logits[row_at + i] = MINUS_INFINITY_BITS;
        } else if (bias[i] != 0.0) {
            logits[row_at + i] = bitcast<u32>(bitcast<f32>(bits) + bias[i]);
        }
    }
}
