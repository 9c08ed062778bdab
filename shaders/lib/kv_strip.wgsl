// Reading many quads of one segment at once: the choice of the segment is made once, and all loads are under way together.
#include "lib/kv.wgsl"

const STRIP = 16u;

// Quads at, at + stride, ..; the last of `n` stands for those beyond it.
fn kv_strip(segment: u32, at: u32, stride: u32, n: u32) -> array<KvQuad, STRIP> {
    var quads: array<KvQuad, STRIP>;
#if kv_segments
    switch segment {
        case 1u: {
            for (var i = 0u; i < STRIP; i++) {
                quads[i] = kv_1[at + min(i, n - 1u) * stride];
            }
        }
        case 2u: {
            for (var i = 0u; i < STRIP; i++) {
                quads[i] = kv_2[at + min(i, n - 1u) * stride];
            }
        }
        case 3u: {
            for (var i = 0u; i < STRIP; i++) {
                quads[i] = kv_3[at + min(i, n - 1u) * stride];
            }
        }
        case 4u: {
            for (var i = 0u; i < STRIP; i++) {
                quads[i] = kv_4[at + min(i, n - 1u) * stride];
            }
        }
        default: {
            for (var i = 0u; i < STRIP; i++) {
                quads[i] = kv_0[at + min(i, n - 1u) * stride];
            }
        }
    }
#else
    for (var i = 0u; i < STRIP; i++) {
        quads[i] = kv_0[at + min(i, n - 1u) * stride];
    }
#endif
    return quads;
}

// One quad.
fn kv_quad(segment: u32, at: u32) -> vec4<f32> {
#if kv_segments
    switch segment {
        case 1u: {
            return kv_load(kv_1[at]);
        }
        case 2u: {
            return kv_load(kv_2[at]);
        }
        case 3u: {
            return kv_load(kv_3[at]);
        }
        case 4u: {
            return kv_load(kv_4[at]);
        }
        default: {
            return kv_load(kv_0[at]);
        }
    }
#else
    return kv_load(kv_0[at]);
#endif
}
