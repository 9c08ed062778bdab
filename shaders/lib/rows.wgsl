// The step, and how many rows a kernel works on: tokens, or with `outputs` those whose output is wanted.
#include "lib/step.wgsl"
@group(0) @binding(5) var<uniform> step: Step;

fn n_rows() -> u32 {
#if outputs
    return step.n_outputs;
#else
    return step.n_tokens;
#endif
}
