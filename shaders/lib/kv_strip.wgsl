// Reading from a segment of the cache: it is chosen once for four quads, whose loads are under way together.
#include "lib/kv.wgsl"

struct Four {
    a: KvQuad,
    b: KvQuad,
    c: KvQuad,
    d: KvQuad,
}

fn kv_four(segment: u32, at: vec4<u32>) -> Four {
#if kv_segments
    switch segment {
        case 1u: {
            return Four(kv_1[at.x], kv_1[at.y], kv_1[at.z], kv_1[at.w]);
        }
        case 2u: {
            return Four(kv_2[at.x], kv_2[at.y], kv_2[at.z], kv_2[at.w]);
        }
        case 3u: {
            return Four(kv_3[at.x], kv_3[at.y], kv_3[at.z], kv_3[at.w]);
        }
        case 4u: {
            return Four(kv_4[at.x], kv_4[at.y], kv_4[at.z], kv_4[at.w]);
        }
        default: {
            return Four(kv_0[at.x], kv_0[at.y], kv_0[at.z], kv_0[at.w]);
        }
    }
#else
    return Four(kv_0[at.x], kv_0[at.y], kv_0[at.z], kv_0[at.w]);
#endif
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
