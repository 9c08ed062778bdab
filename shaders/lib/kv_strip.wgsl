// Reading from a segment of the cache: it is chosen once for sixteen quads, whose loads are under way together.
#include "lib/kv.wgsl"

struct Four {
    a: KvQuad,
    b: KvQuad,
    c: KvQuad,
    d: KvQuad,
}

struct Sixteen {
    a: Four,
    b: Four,
    c: Four,
    d: Four,
}

fn kv_0_four(at: vec4<u32>) -> Four {
    return Four(kv_0_at(at.x), kv_0_at(at.y), kv_0_at(at.z), kv_0_at(at.w));
}

#if kv_segments
fn kv_1_four(at: vec4<u32>) -> Four {
    return Four(kv_1_at(at.x), kv_1_at(at.y), kv_1_at(at.z), kv_1_at(at.w));
}

fn kv_2_four(at: vec4<u32>) -> Four {
    return Four(kv_2_at(at.x), kv_2_at(at.y), kv_2_at(at.z), kv_2_at(at.w));
}

fn kv_3_four(at: vec4<u32>) -> Four {
    return Four(kv_3_at(at.x), kv_3_at(at.y), kv_3_at(at.z), kv_3_at(at.w));
}

fn kv_4_four(at: vec4<u32>) -> Four {
    return Four(kv_4_at(at.x), kv_4_at(at.y), kv_4_at(at.z), kv_4_at(at.w));
}
#endif

fn kv_sixteen(segment: u32, a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>) -> Sixteen {
#if kv_segments
    switch segment {
        case 1u: {
            return Sixteen(kv_1_four(a), kv_1_four(b), kv_1_four(c), kv_1_four(d));
        }
        case 2u: {
            return Sixteen(kv_2_four(a), kv_2_four(b), kv_2_four(c), kv_2_four(d));
        }
        case 3u: {
            return Sixteen(kv_3_four(a), kv_3_four(b), kv_3_four(c), kv_3_four(d));
        }
        case 4u: {
            return Sixteen(kv_4_four(a), kv_4_four(b), kv_4_four(c), kv_4_four(d));
        }
        default: {
            return Sixteen(kv_0_four(a), kv_0_four(b), kv_0_four(c), kv_0_four(d));
        }
    }
#else
    return Sixteen(kv_0_four(a), kv_0_four(b), kv_0_four(c), kv_0_four(d));
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
