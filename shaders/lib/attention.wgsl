// What the attention kernels share (sotto_plan::Attention): for query head h of the step's row t, at position
// p = step.position + t,
//   s[j] = softcap(SCALE * q[t, h] . keys[j, h / GROUP])      for |p - j| < WINDOW and j <= p
// (with `bidirectional` up to the step's last token in the place of p)
//   out[t, h] = sum_j exp(s[j]) * values[j, h / GROUP] / (sum_j exp(s[j]) + exp(sinks[h]))
// where the sink is there with `sinks` only. Sums and scores are f32.
//
//   0, 1, 2, 7, 8  the cache, as lib/kv.wgsl says
//   5              step
//   6              sinks [n_heads] with `sinks`
#include "lib/kv.wgsl"
#include "lib/rows.wgsl"
#if sinks
@group(0) @binding(6) var<storage, read> sinks: array<f32>;
#endif

override GROUP: u32;                  // query heads a key/value head
override SCALE: f32;
override SOFTCAP: f32 = 0.0;          // 0: none
override WINDOW: u32 = 0xffffffffu;   // positions a query sees to a side, its own among them

// Below every score, and finite: compilers may assume that there are no infinities.
const LOWEST: f32 = -3.0e38;

fn score_of(dot: f32) -> f32 {
    let score = SCALE * dot;
    if (SOFTCAP == 0.0) {
        return score;
    }
    // tanh overflows on some drivers where exp does; beyond 15 it is 1 to the last bit.
    return SOFTCAP * tanh(clamp(score / SOFTCAP, -15.0, 15.0));
}

// The first position that a query at `position` sees.
fn first_seen(position: u32) -> u32 {
    return select(0u, position + 1u - WINDOW, position >= WINDOW);
}

// The last position that a query at `position` sees.
fn last_seen(position: u32) -> u32 {
#if bidirectional
    let last = step.position + step.n_tokens - 1u;
    return position + min(WINDOW - 1u, max(last, position) - position);
#else
    return position;
#endif
}

// Running maximum and sum of exp(score - maximum).
struct Softmax {
    maximum: f32,
    sum: f32,
}

// Takes the sink of a head in, which has a score and no value. Accumulated values are to be multiplied by `sum`'s
// inverse and by exp(softmax.maximum - result.maximum).
fn with_sink(softmax: Softmax, head: u32) -> Softmax {
#if sinks
    let maximum = max(softmax.maximum, sinks[head]);
    return Softmax(maximum, softmax.sum * exp(softmax.maximum - maximum) + exp(sinks[head] - maximum));
#else
    return softmax;
#endif
}
