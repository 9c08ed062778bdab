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
            return Four(kv_1_at(at.x), kv_1_at(at.y), kv_1_at(at.z), kv_1_at(at.w));
        }
        case 2u: {
            return Four(kv_2_at(at.x), kv_2_at(at.y), kv_2_at(at.z), kv_2_at(at.w));
        }
        case 3u: {
            return Four(kv_3_at(at.x), kv_3_at(at.y), kv_3_at(at.z), kv_3_at(at.w));
        }
        case 4u: {
            return Four(kv_4_at(at.x), kv_4_at(at.y), kv_4_at(at.z), kv_4_at(at.w));
        }
        default: {
            return Four(kv_0_at(at.x), kv_0_at(at.y), kv_0_at(at.z), kv_0_at(at.w));
        }
    }
#else
    return Four(kv_0_at(at.x), kv_0_at(at.y), kv_0_at(at.z), kv_0_at(at.w));
#endif
}

// One quad.
fn kv_quad(segment: u32, at: u32) -> vec4<f32> {
#if kv_segments
    switch segment {
        case 1u: {
            return kv_load(kv_1_at(at));
        }
        case 2u: {
            return kv_load(kv_2_at(at));
        }
        case 3u: {
            return kv_load(kv_3_at(at));
        }
        case 4u: {
            return kv_load(kv_4_at(at));
        }
        default: {
            return kv_load(kv_0_at(at));
        }
    }
#else
    return kv_load(kv_0_at(at));
#endif
}
