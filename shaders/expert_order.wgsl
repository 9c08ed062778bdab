// Sorts the rows of a step by the experts that take them. Pair t * USED + s is row t with the expert of its slot s.
//
//   order[e] = pairs of experts below e, for e up to EXPERTS, and from order[EXPERTS + 1] on the pairs, those of
//   expert 0 first; in which order those of one expert are makes no difference
//
// One workgroup takes all.
//
//   3  routes [rows, ROUTES_STRIDE], from route.wgsl
//   4  order [EXPERTS + 1 + rows * USED]
//   5  step
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> routes: array<f32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;

override EXPERTS: u32;
override USED: u32;
override ROUTES_STRIDE: u32;
const THREADS = 128u;

var<workgroup> counts: array<atomic<u32>, EXPERTS>;  // pairs of an expert, then where its next one goes
var<workgroup> firsts: array<u32, EXPERTS>;

fn expert_of(pair: u32) -> u32 {
    return u32(routes[(pair / USED) * ROUTES_STRIDE + pair % USED]);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    let n = n_rows() * USED;
    for (var e = local; e < EXPERTS; e += THREADS) {
        atomicStore(&counts[e], 0u);
    }
    workgroupBarrier();
    for (var i = local; i < n; i += THREADS) {
        atomicAdd(&counts[expert_of(i)], 1u);
    }
    workgroupBarrier();
    for (var e = local; e < EXPERTS; e += THREADS) {
        var before = 0u;
        for (var k = 0u; k < e; k++) {
            before += atomicLoad(&counts[k]);
        }
        firsts[e] = before;
        order[e] = before;
    }
    workgroupBarrier();
    for (var e = local; e < EXPERTS; e += THREADS) {
        atomicStore(&counts[e], firsts[e]);
    }
    if (local == 0u) {
        order[EXPERTS] = n;
    }
    workgroupBarrier();
    for (var i = local; i < n; i += THREADS) {
        order[EXPERTS + 1u + atomicAdd(&counts[expert_of(i)], 1u)] = i;
    }
}
