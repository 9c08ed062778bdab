// Reading from a segment of the cache: it is chosen once for several quads, whose loads are under way together.
#include "lib/kv.wgsl"

struct Four {
    a: KvQuad,
    b: KvQuad,
    c: KvQuad,
    d: KvQuad,
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

fn kv_four(segment: u32, at: vec4<u32>) -> Four {
#if kv_segments
    switch segment {
        case 1u: {
            return kv_1_four(at);
        }
        case 2u: {
            return kv_2_four(at);
        }
        case 3u: {
            return kv_3_four(at);
        }
        case 4u: {
            return kv_4_four(at);
        }
        default: {
            return kv_0_four(at);
        }
    }
#else
    return kv_0_four(at);
#endif
}

struct Pairs {
    keys: Four,
    values: Four,
}

// Quads of four keys, and of their values.
fn kv_pairs(segment: u32, at: vec4<u32>) -> Pairs {
    let values = at + vec4<u32>(KV_VALUES);
#if kv_segments
    switch segment {
        case 1u: {
            return Pairs(kv_1_four(at), kv_1_four(values));
        }
        case 2u: {
            return Pairs(kv_2_four(at), kv_2_four(values));
        }
        case 3u: {
            return Pairs(kv_3_four(at), kv_3_four(values));
        }
        case 4u: {
            return Pairs(kv_4_four(at), kv_4_four(values));
        }
        default: {
            return Pairs(kv_0_four(at), kv_0_four(values));
        }
    }
#else
    return Pairs(kv_0_four(at), kv_0_four(values));
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
