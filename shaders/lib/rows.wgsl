// The step, and how many rows a kernel works on: tokens, with `outputs` those whose output is wanted, with
// `fixed_rows` always FIXED_ROWS.
#include "lib/step.wgsl"
@group(0) @binding(5) var<uniform> step: Step;

#if fixed_rows
override FIXED_ROWS: u32;
#endif

fn n_rows() -> u32 {
#if fixed_rows
    _ = step.n_tokens;  // keeps the binding, whatever the rows are
    return FIXED_ROWS;
#else
#if outputs
    return step.n_outputs;
#else
    return step.n_tokens;
#endif
#endif
}
