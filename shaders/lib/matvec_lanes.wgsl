// The product of rows of a quantised matrix with up to four rows of x, for GPUs: what `lib/matvec.wgsl` does, with many
// invocations to a row, so that there are enough of them and they read neighbouring memory.
//
// LANES * SPLITS invocations share four rows of the weight, eight with `eight`: each takes every LANES * SPLITS-th block of
// 32 elements. LANES of them lie side by side in a subgroup, which so spans several groups of rows. With `ahead` the next
// blocks of the weight are loaded before these are multiplied.
//
// x is read from workgroup memory, where it is brought CHUNK blocks at a time, after the norm: loads of storage are dear,
// as each is checked. A block takes nine vec4s there, so that lanes which read neighbouring blocks use different banks;
// lib/operand.wgsl says what they hold.
//
// With `together`, where subgroups have at least eight invocations, eight of them bring a block.
//
// Partial sums meet by subgroup shuffles (`subgroups`) and in workgroup memory.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3, 5, 8  as lib/matvec_operands.wgsl says
#include "lib/matvec_operands.wgsl"
#include "lib/weight_dot.wgsl"

override LANES: u32;     // a power of two; with `subgroups` at most the size of a subgroup
override SPLITS: u32;    // a power of two
override CHUNK: u32;     // blocks; a multiple of LANES * SPLITS, or all of them
override STAGED: u32;    // 9 * TOKENS * CHUNK; naga 30 fails on products as sizes of arrays
override SUMS: u32;      // sums of four that a group has: TOKENS, with `eight` twice as many
override PARTIALS: u32;  // SUMS * GROUPS * SPLITS, without subgroups * LANES

var<workgroup> staged: array<vec4<f32>, STAGED>;
var<workgroup> partial: array<vec4<f32>, PARTIALS>;
#if norm
override SQUARES: u32;   // invocations, with subgroups over LANES
var<workgroup> partial_squares: array<vec4<f32>, SQUARES>;
#endif

// The operand of block b of row t of the chunk.
fn operand_at(t: u32, b: u32) -> Operand {
    let at = 9u * (t * CHUNK + b);
#if ints
    return Operand(
        bitcast<vec4<u32>>(staged[at]), bitcast<vec4<u32>>(staged[at + 1u]),
#if !coarse
        bitcast<vec4<u32>>(staged[at + 2u]), bitcast<vec4<u32>>(staged[at + 3u]),
#endif
        staged[at + 8u].xyz,
    );
#else
    let v = Block(
        staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u],
        staged[at + 4u], staged[at + 5u], staged[at + 6u], staged[at + 7u],
    );
    let sums = staged[at + 8u];
    return Operand(v, sums.x, sums.y);
#endif
}

#if together
// Eight invocations side by side bring a block, of which each has quad k.
fn stage(at: u32, v: vec4<f32>, k: u32, inside: bool) {
#if ints
    let o = half_operand(v);
    if (inside && k % 4u == 0u) {
        staged[at + k / 4u] = bitcast<vec4<f32>>(o.upper);
#if !coarse
        staged[at + 2u + k / 4u] = bitcast<vec4<f32>>(o.lower);
#endif
    }
    if (inside && k == 0u) {
        staged[at + 8u] = vec4<f32>(o.scale_and_sums, 0.0);
    }
#else
    var half = (v.x + v.y) + (v.z + v.w);
    half += subgroupShuffleXor(half, 1u);
    half += subgroupShuffleXor(half, 2u);
    let other_half = subgroupShuffleXor(half, 4u);
    if (inside) {
        staged[at + k] = v;
    }
    if (inside && k == 0u) {
        staged[at + 8u] = vec4<f32>(half, other_half, 0.0, 0.0);
    }
#endif
}
#else
fn stage(at: u32, v: vec4<f32>, k: u32, inside: bool) {
    if (inside) {
        staged[at + k] = v;
    }
}
#endif

// Turns a block of x into what the product reads, in its place.
fn prepare(at: u32) {
    let v = Block(
        staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u],
        staged[at + 4u], staged[at + 5u], staged[at + 6u], staged[at + 7u],
    );
#if ints
    let o = operand(v);
    staged[at] = bitcast<vec4<f32>>(o.upper0);
    staged[at + 1u] = bitcast<vec4<f32>>(o.upper1);
#if !coarse
    staged[at + 2u] = bitcast<vec4<f32>>(o.lower0);
    staged[at + 3u] = bitcast<vec4<f32>>(o.lower1);
#endif
    staged[at + 8u] = vec4<f32>(o.scale_and_sums, 0.0);
#else
    let o = operand(v);
    staged[at + 8u] = vec4<f32>(o.low, o.high, 0.0, 0.0);
#endif
}

#if subgroups
// Sums over the LANES lanes, in all of them.
fn over_lanes(sum: vec4<f32>) -> vec4<f32> {
    var all = sum;
    for (var mask = LANES / 2u; mask > 0u; mask /= 2u) {
        all += subgroupShuffleXor(all, mask);
    }
    return all;
}
#endif

@compute @workgroup_size(LANES, GROUPS, SPLITS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let invocations = LANES * GROUPS * SPLITS;
    let first_group = (group.z * groups.y + group.y) * GROUPS;
#if eight
    let slot = 8u * (first_group + local.y);
    let more_rows = weight_rows(slot + 4u) * BLOCKS;
#else
    let slot = 4u * (first_group + local.y);
#endif
    let rows = weight_rows(slot) * BLOCKS;
    let n = n_rows();
    let t0 = group.x * TOKENS;
    let lane = local.z * LANES + local.x;
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
    var squares = vec4<f32>(0.0);
#if ahead
    var next = load_four(rows + vec4<u32>(min(lane, BLOCKS - 1u)));
#if eight
    var more_next = load_four(more_rows + vec4<u32>(min(lane, BLOCKS - 1u)));
#endif
#endif
    for (var chunk = 0u; chunk < BLOCKS; chunk += CHUNK) {
        let in_chunk = min(CHUNK, BLOCKS - chunk);
        if (chunk > 0u) {
            workgroupBarrier();
        }
        // All invocations go round alike, those beyond the end with its last quad.
        for (var first = 0u; first < 8u * in_chunk; first += invocations) {
            let inside = first + index < 8u * in_chunk;
            let i = min(first + index, 8u * in_chunk - 1u);
            for (var t = 0u; t < TOKENS; t++) {
                var v = x_quad(min(t0 + t, n - 1u), 8u * chunk + i);
#if norm
                let square = select(0.0, dot(v, v), inside);
                squares += select(vec4<f32>(0.0), vec4<f32>(square), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(t));
                v *= norm[8u * chunk + i];
#endif
                stage(9u * (t * CHUNK + i / 8u), v, i % 8u, inside);
            }
        }
#if sums_of_x
        workgroupBarrier();
        for (var i = index; i < in_chunk * TOKENS; i += invocations) {
            prepare(9u * ((i / in_chunk) * CHUNK + i % in_chunk));
        }
#endif
        workgroupBarrier();
        for (var b = lane; b < in_chunk; b += LANES * SPLITS) {
            let blocks = rows + vec4<u32>(chunk + b);
#if eight
            let more_blocks = more_rows + vec4<u32>(chunk + b);
#endif
#if ahead
            let w = next;
            let then = min(chunk + b + LANES * SPLITS, BLOCKS - 1u);
            next = load_four(rows + vec4<u32>(then));
#if eight
            let more = more_next;
            more_next = load_four(more_rows + vec4<u32>(then));
#endif
#else
            let w = load_four(blocks);
#if eight
            let more = load_four(more_blocks);
#endif
#endif
            let v = operand_at(0u, b);
            sum0 += dots(w, blocks, v);
#if eight
            sum1 += dots(more, more_blocks, v);
#else
            if (TOKENS > 1u) {
                sum1 += dots(w, blocks, operand_at(1u, b));
            }
            if (TOKENS > 2u) {
                sum2 += dots(w, blocks, operand_at(2u, b));
            }
            if (TOKENS > 3u) {
                sum3 += dots(w, blocks, operand_at(3u, b));
            }
#endif
        }
    }
#if subgroups
    sum0 = over_lanes(sum0);
    if (SUMS > 1u) { sum1 = over_lanes(sum1); }
    if (SUMS > 2u) { sum2 = over_lanes(sum2); }
    if (SUMS > 3u) { sum3 = over_lanes(sum3); }
    // One partial sum for each group and split is left.
    let mine = local.z * GROUPS + local.y;
    let one_sum = GROUPS * SPLITS;
#if norm
    squares = over_lanes(squares);
    if (local.x == 0u) {
        partial_squares[mine] = squares;
    }
#endif
    if (local.x == 0u) {
        partial[mine] = sum0;
        if (SUMS > 1u) { partial[one_sum + mine] = sum1; }
        if (SUMS > 2u) { partial[2u * one_sum + mine] = sum2; }
        if (SUMS > 3u) { partial[3u * one_sum + mine] = sum3; }
    }
    let reduced = SPLITS;
#else
    let lanes = LANES * SPLITS;
    let mine = lane * GROUPS + local.y;
    let one_sum = GROUPS * lanes;
    partial[mine] = sum0;
    if (SUMS > 1u) { partial[one_sum + mine] = sum1; }
    if (SUMS > 2u) { partial[2u * one_sum + mine] = sum2; }
    if (SUMS > 3u) { partial[3u * one_sum + mine] = sum3; }
#if norm
    partial_squares[index] = squares;
#endif
    for (var half = lanes / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            for (var s = 0u; s < SUMS; s++) {
                partial[s * one_sum + mine] += partial[s * one_sum + mine + half * GROUPS];
            }
        }
    }
    let reduced = 1u;
#endif
#if norm
    // The squares are those of whole rows of x, whatever rows of the weight a group takes.
    for (var half = SQUARES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (index < half) {
            partial_squares[index] += partial_squares[index + half];
        }
    }
#endif
    workgroupBarrier();
    // An invocation stores four sums.
    for (var i = index; i < SUMS * GROUPS; i += invocations) {
        let s = i / GROUPS;
        let y = i % GROUPS;
        var sums = vec4<f32>(0.0);
        for (var z = 0u; z < reduced; z++) {
            sums += partial[s * one_sum + z * GROUPS + y];
        }
#if eight
        let t = 0u;
        let to = 8u * (first_group + y) + 4u * s;
#else
        let t = s;
        let to = 4u * (first_group + y);
#endif
#if norm
        let square = dot(partial_squares[0], select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(t)));
        sums *= inverseSqrt(square / f32(COLS) + EPS);
#endif
        if (t0 + t < n) {
            store(t0 + t, to, sums);
        }
    }
}
