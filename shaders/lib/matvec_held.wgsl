// The product of rows of a quantised matrix with one row of x, for GPUs with subgroups: what `lib/matvec_lanes.wgsl` does, where
// an invocation holds its blocks of x in registers and goes through the rows of the weight.
//
// LANES * SPLITS invocations share a row of the weight: each takes block `lane`, and with `two` block `lane + LANES * SPLITS`.
// They take four rows at a time, ROUNDS times; a workgroup has GROUPS of them. x is brought once a workgroup, after the norm,
// and turned into steps (lib/operand.wgsl) by eight invocations a block; the first rows of the weight are on their way by then.
// In workgroup memory a block takes five vec4s, so that lanes which read neighbouring blocks use different banks.
//
// The LANES sums of four rows meet by shuffles that halve what an invocation holds; those of the splits in workgroup memory.
//
//   0, 1, 2  weight [rows, COLS], as lib/weights.wgsl says
//   3, 5, 8  as lib/matvec_operands.wgsl says
#include "lib/matvec_operands.wgsl"
#include "lib/weight_dot.wgsl"

override LANES: u32;     // a power of two from 8 on, at most the size of a subgroup
override SPLITS: u32;    // a power of two
override ROUNDS: u32;
override HELD: u32;      // blocks of x a workgroup holds: LANES * SPLITS, with `two` twice as many
override STAGED: u32;    // 5 * HELD; naga 30 fails on products as sizes of arrays
override PARTIALS: u32;  // GROUPS * SPLITS * ROUNDS

var<workgroup> staged: array<vec4<u32>, STAGED>;
var<workgroup> partial: array<vec4<f32>, PARTIALS>;
#if norm
override SQUARES: u32;   // GROUPS * SPLITS
var<workgroup> partial_squares: array<f32, SQUARES>;
#endif

struct Quads {
    v0: vec4<f32>,
    v1: vec4<f32>,
    v2: vec4<f32>,
    v3: vec4<f32>,
    square: f32,  // the sum of the squares, with `norm`
}

// Quads of row t of x times the norm's weight; what is beyond the row counts as 0.
fn normed_quads(t: u32, at: vec4<u32>) -> Quads {
    let v0 = x_quad(t, at.x);
    let v1 = x_quad(t, at.y);
    let v2 = x_quad(t, at.z);
    let v3 = x_quad(t, at.w);
#if norm
    let there = min(at, vec4<u32>(8u * BLOCKS - 1u));
    return Quads(
        v0 * norm[there.x], v1 * norm[there.y], v2 * norm[there.z], v3 * norm[there.w],
        (dot(v0, v0) + dot(v1, v1)) + (dot(v2, v2) + dot(v3, v3)),
    );
#else
    return Quads(v0, v1, v2, v3, 0.0);
#endif
}

// Eight invocations side by side bring a block, each a quad, of those that there are.
fn stage(quad: u32, v: vec4<f32>) {
    let inside = quad < 8u * HELD;
    let k = quad % 8u;
    let o = half_operand(v);
    let at = 5u * (quad / 8u);
    if (inside && k % 4u == 0u) {
        staged[at + k / 4u] = o.upper;
#if !coarse
        staged[at + 2u + k / 4u] = o.lower;
#endif
    }
    if (inside && k == 0u) {
        staged[at + 4u] = vec4<u32>(bitcast<vec3<u32>>(o.scale_and_sums), 0u);
    }
}

fn operand_at(block: u32) -> Operand {
    let at = 5u * block;
    return Operand(
        staged[at], staged[at + 1u],
#if !coarse
        staged[at + 2u], staged[at + 3u],
#endif
        bitcast<vec3<f32>>(staged[at + 4u].xyz),
    );
}

// The first slot of a round, as `weight_rows` counts; `workgroup` is of so many.
fn slot_of(round: u32, workgroup: vec2<u32>, group: u32) -> u32 {
    return 4u * ((round * workgroup.y + workgroup.x) * GROUPS + group);
}

@compute @workgroup_size(LANES, GROUPS, SPLITS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let invocations = LANES * GROUPS * SPLITS;
    let workgroup = vec2<u32>(group.z * groups.y + group.y, groups.y * groups.z);
    let t = group.x;
    _ = n_rows();  // keeps the binding
    let lane = local.z * LANES + local.x;
    let block0 = min(lane, BLOCKS - 1u);
    var rows = weight_rows(slot_of(0u, workgroup, local.y)) * BLOCKS;
    var next0 = load_four(rows + vec4<u32>(block0));
#if two
    let block1 = min(lane + LANES * SPLITS, BLOCKS - 1u);
    var next1 = load_four(rows + vec4<u32>(block1));
#endif

    // Four quads of x are under way at a time. All invocations go round alike.
    var square = 0.0;
    for (var first = 0u; first < 8u * HELD; first += 4u * invocations) {
        let at = vec4<u32>(first + index) + vec4<u32>(0u, 1u, 2u, 3u) * invocations;
        let quads = normed_quads(t, at);
        square += quads.square;
        stage(at.x, quads.v0);
        if (first + invocations < 8u * HELD) {
            stage(at.y, quads.v1);
        }
        if (first + 2u * invocations < 8u * HELD) {
            stage(at.z, quads.v2);
        }
        if (first + 3u * invocations < 8u * HELD) {
            stage(at.w, quads.v3);
        }
    }
#if norm
    for (var mask = LANES / 2u; mask > 0u; mask /= 2u) {
        square += subgroupShuffleXor(square, mask);
    }
    if (local.x == 0u) {
        partial_squares[local.z * GROUPS + local.y] = square;
    }
#endif
    workgroupBarrier();
    let x0 = operand_at(lane);
#if two
    let x1 = operand_at(lane + LANES * SPLITS);
#endif

    let upper = (local.x & 1u) != 0u;
    let second = (local.x & 2u) != 0u;
    for (var round = 0u; round < ROUNDS; round++) {
        let w0 = next0;
        let these = rows;
        rows = weight_rows(slot_of(min(round + 1u, ROUNDS - 1u), workgroup, local.y)) * BLOCKS;
        next0 = load_four(rows + vec4<u32>(block0));
        var sums = dots(w0, these + vec4<u32>(block0), x0);
#if two
        let w1 = next1;
        next1 = load_four(rows + vec4<u32>(block1));
        sums += dots(w1, these + vec4<u32>(block1), x1);
#endif
        // Odd lanes keep the last two rows, then every other pair of lanes the second of its two.
        let pair = select(sums.xy, sums.zw, upper) + subgroupShuffleXor(select(sums.zw, sums.xy, upper), 1u);
        var sum = select(pair.x, pair.y, second) + subgroupShuffleXor(select(pair.y, pair.x, second), 2u);
        for (var mask = 4u; mask < LANES; mask *= 2u) {
            sum += subgroupShuffleXor(sum, mask);
        }
        let all = vec4<f32>(sum, subgroupShuffleXor(sum, 2u), subgroupShuffleXor(sum, 1u), subgroupShuffleXor(sum, 3u));
        if (local.x == 0u) {
            partial[(round * GROUPS + local.y) * SPLITS + local.z] = all;
        }
    }
    workgroupBarrier();
#if norm
    var squares = 0.0;
    for (var i = 0u; i < GROUPS * SPLITS; i++) {
        squares += partial_squares[i];
    }
    let scale = inverseSqrt(squares / f32(COLS) + EPS);
#endif
    for (var i = index; i < GROUPS * ROUNDS; i += invocations) {
        var sums = partial[i * SPLITS];
        for (var z = 1u; z < SPLITS; z++) {
            sums += partial[i * SPLITS + z];
        }
#if norm
        sums *= scale;
#endif
        store(t, slot_of(i / GROUPS, workgroup, i % GROUPS), sums);
    }
}
