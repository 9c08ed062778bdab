// What memory gives at best: copied[i] = source[i], or with `read` the reading alone, whose sums go nowhere.
//
//   0  source [QUADS]
//   1  copied [QUADS]
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<u32>>;

override QUADS: u32;
override PER_THREAD: u32;  // loads that an invocation has under way: 1 to 8
override WORKGROUP: u32;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (group.y * groups.x + group.x) * WORKGROUP * PER_THREAD + lane;
    var loaded: array<vec4<u32>, 8>;
    for (var i = 0u; i < PER_THREAD; i++) {
        loaded[i] = source[min(first + i * WORKGROUP, QUADS - 1u)];
    }
#if read
    var all = vec4<u32>(0u);
    for (var i = 0u; i < PER_THREAD; i++) {
        all |= loaded[i];
    }
    // Never so: words of the filling have bits that are always 0.
    if (all.x == 0xffffffffu) {
        copied[first] = all;
    }
#else
    for (var i = 0u; i < PER_THREAD; i++) {
        if (first + i * WORKGROUP < QUADS) {
            copied[first + i * WORKGROUP] = loaded[i];
        }
    }
#endif
}
