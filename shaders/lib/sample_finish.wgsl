// What the last kernel of the sampler leaves for the next step.
//
//   2  counts [VOCAB]: times generated, with the top bit set when the prompt holds the token
//   5  step, as storage
//   8  ids: the step's tokens; the next step's
//   9  ring [RING]: the id of sample step s is at s % RING
#include "lib/step.wgsl"
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(5) var<storage, read_write> step: Step;
@group(0) @binding(8) var<storage, read_write> ids: array<u32>;
@group(0) @binding(9) var<storage, read_write> ring: array<u32>;

override RING: u32;

// Stands for an id when a logit is NaN or none is above minus infinity.
const NO_ID = 0xffffffffu;

fn finish(id: u32) {
    if (step.row > step.n_drafts) {
        return;
    }
    ring[step.sample_step % RING] = id;
    if (id != NO_ID && (counts[id] & 0x7fffffffu) != 0x7fffffffu) {
        counts[id] += 1u;
    }
    step.sample_step += 1u;
    if (step.n_drafts > 0u) {
        let next = step.row + 1u;
        let stands = next <= step.n_drafts && ids[min(next, step.n_drafts)] == id;
        step.row = select(step.n_drafts + 1u, next, stands);
        return;
    }
    // Steps already submitted run on; they read a token that exists.
    ids[0] = select(id, 0u, id == NO_ID);
    step.position += step.n_tokens;
    step.n_tokens = 1u;
    step.n_outputs = 1u;
    step.first_output = 0u;
}
