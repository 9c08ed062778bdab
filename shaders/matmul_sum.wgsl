// out[t, OUT_FIRST + o] = bias[OUT_FIRST + o] + residual[t, OUT_FIRST + o] + sum_s partials[s, t, o]: the end of a product whose
// columns were dealt out to SPLITS workgroups (lib/matmul.wgsl).
//
// An invocation takes one element.
//
//   3  partials [SPLITS, rows, ROWS]
//   4  out [rows, OUT_STRIDE]
//   5  step
//   6  bias                  with `bias`
//   7  residual, as out      with `residual`
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
#endif
#if residual
@group(0) @binding(7) var<storage, read> residual: array<f32>;
#endif

override SPLITS: u32;
override ROWS: u32;
override OUT_STRIDE: u32;
override OUT_FIRST: u32 = 0u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let o = id.x;
    let t = id.y;
    let n = n_rows();
    if (o >= ROWS || t >= n) {
        return;
    }
    let at = t * OUT_STRIDE + OUT_FIRST + o;
    var sum = partials[t * ROWS + o];
    for (var s = 1u; s < SPLITS; s++) {
        sum += partials[(s * n + t) * ROWS + o];
    }
#if bias
    sum += bias[OUT_FIRST + o];
#endif
#if residual
    sum += residual[at];
#endif
    out[at] = sum;
}
