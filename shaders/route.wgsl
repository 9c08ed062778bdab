// Chooses the USED experts with the largest logits, ties to the lowest index:
//   out[t, s]        = the expert of slot s, largest logit first
//   out[t, USED + s] = softmax(logits[t]) at it, with `normalise` divided by the sum over the chosen
//
// An invocation takes one row. An expert comes after the last one chosen when its logit is smaller, or equal and its
// index larger, so nothing need be remembered but that one.
//
//   3  logits [rows, STRIDE]
//   4  out [rows, OUT_STRIDE]
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> logits: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

override EXPERTS: u32;
override STRIDE: u32;
override USED: u32;
override OUT_STRIDE: u32;

const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.x;
    if (t >= n_rows()) {
        return;
    }
    let base = t * STRIDE;
    let target_at = t * OUT_STRIDE;
    var maximum = logits[base];
    for (var e = 1u; e < EXPERTS; e++) {
        maximum = max(maximum, logits[base + e]);
    }
    var sum = 0.0;
    for (var e = 0u; e < EXPERTS; e++) {
        sum += exp(logits[base + e] - maximum);
    }
    var last = NONE;
    var last_logit = 0.0;
    var chosen = 0.0;
    for (var s = 0u; s < USED; s++) {
        var best = NONE;
        var best_logit = 0.0;
        for (var e = 0u; e < EXPERTS; e++) {
            let logit = logits[base + e];
            let later = last == NONE || logit < last_logit || (logit == last_logit && e > last);
            if (later && (best == NONE || logit > best_logit)) {
                best = e;
                best_logit = logit;
            }
        }
        // Only NaN leaves none, and then every weight is NaN.
        last = min(best, EXPERTS - 1u);
        last_logit = best_logit;
        let p = exp(logits[base + last] - maximum) / sum;
        chosen += p;
        out[target_at + s] = f32(last);
        out[target_at + USED + s] = p;
    }
#if normalise
    for (var s = 0u; s < USED; s++) {
        out[target_at + USED + s] /= chosen;
    }
#endif
}
