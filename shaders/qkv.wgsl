// Queries, keys and values in one product, with RoPE; keys and values go to the cache:
//
//   out[t]                = rope(q . x[t] + bias)
//   keys[position + t]    = rope(k . x[t] + bias)
//   values[position + t]  = v . x[t] + bias
//
// The weight's rows from FIRST_ROW on are Q_ROWS of q, K_ROWS of k and V_ROWS of v, each of heads of HEAD_DIM rows;
// any of the three may be 0. A group takes four rows that make two RoPE pairs, 2j and 2j + 1 of a head.
//
//   0, 1, 2, 3, 5, 8   see lib/matvec.wgsl
//   4        out [tokens, OUT_STRIDE]
//   6        the segment of the cache [positions, 2, kv heads, HEAD_DIM] of f32, or with `kv_f16` of f16, two a word
//            with `kv_staged` rows [tokens, 2, kv heads, HEAD_DIM] of f32, which kv_write.wgsl takes from there
//   9        uniform: frequencies [ROTARY_DIM / 2], radians a position
//   10       bias [Q_ROWS + K_ROWS + V_ROWS]   with `bias`
#if held
#include "lib/matvec_held.wgsl"
#else
#if lanes
#include "lib/matvec_lanes.wgsl"
#else
#include "lib/matvec.wgsl"
#endif
#endif
#include "lib/rope.wgsl"
#include "lib/kv_segments.wgsl"
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if kv_f16
@group(0) @binding(6) var<storage, read_write> cache: array<u32>;
#else
@group(0) @binding(6) var<storage, read_write> cache: array<f32>;
#endif
// A head of at most 512 rotating elements.
@group(0) @binding(9) var<uniform> frequencies: array<vec4<f32>, 64>;
#if bias
@group(0) @binding(10) var<storage, read> bias: array<f32>;
#endif

override OUT_STRIDE: u32;
override FIRST_ROW: u32;
override Q_ROWS: u32;
override K_ROWS: u32;
override V_ROWS: u32;
override KV_STRIDE: u32;   // elements of keys a position, and of values
override HEAD_DIM: u32;
override ROTARY_DIM: u32;
override POSITION_SCALE: f32;
override MAGNITUDE: f32;

// Rows of pairs j and j + 1 of a head, relative to the head's first: a0, a1, b0, b1.
fn pair_rows(j: u32) -> vec4<u32> {
#if halves
    if (j < ROTARY_DIM / 2u) {
        return vec4<u32>(j) + vec4<u32>(0u, ROTARY_DIM / 2u, 1u, ROTARY_DIM / 2u + 1u);
    }
#endif
    return vec4<u32>(2u * j) + vec4<u32>(0u, 1u, 2u, 3u);
}

// Rows of the four slots from `slot` on; those of values are in their own order.
fn slot_rows(slot: u32) -> vec4<u32> {
    if (slot >= Q_ROWS + K_ROWS) {
        return vec4<u32>(slot) + vec4<u32>(0u, 1u, 2u, 3u);
    }
    return vec4<u32>(slot - slot % HEAD_DIM) + pair_rows((slot % HEAD_DIM) / 2u);
}

fn weight_rows(slot: u32) -> vec4<u32> {
    return vec4<u32>(FIRST_ROW) + min(slot_rows(slot), vec4<u32>(Q_ROWS + K_ROWS + V_ROWS - 1u));
}

fn frequency(j: u32) -> f32 {
    return frequencies[j / 4u][j & 3u];
}

fn store(t: u32, slot: u32, products: vec4<f32>) {
    if (slot >= Q_ROWS + K_ROWS + V_ROWS) {
        return;
    }
    let rows = slot_rows(slot);
    let position = step.position + t;
    var sums = products;
#if bias
    sums += vec4<f32>(bias[rows.x], bias[rows.y], bias[rows.z], bias[rows.w]);
#endif
    if (slot < Q_ROWS + K_ROWS) {
        let j = (slot % HEAD_DIM) / 2u;
        if (j < ROTARY_DIM / 2u) {
            let a = rotate(sums.xy, position, frequency(j), POSITION_SCALE, MAGNITUDE);
            let b = rotate(sums.zw, position, frequency(j + 1u), POSITION_SCALE, MAGNITUDE);
            sums = vec4<f32>(a, b);
        }
    }
    if (slot < Q_ROWS) {
        let at = t * OUT_STRIDE;
        out[at + rows.x] = sums.x;
        out[at + rows.y] = sums.y;
        out[at + rows.z] = sums.z;
        out[at + rows.w] = sums.w;
        return;
    }
    // Rows x and z are neighbours, and y and w, when pairs are halves of a head; else x and y, and z and w.
    let adjacent = rows.y == rows.x + 1u;
    let first = select(sums.xz, sums.xy, adjacent);
    let second = select(sums.yw, sums.zw, adjacent);
    let first_row = select(Q_ROWS, Q_ROWS + K_ROWS - KV_STRIDE, slot >= Q_ROWS + K_ROWS);
#if kv_staged
    let row = t;
#else
    let row = kv_row(position);
#endif
    let at = vec2<u32>(2u * row * KV_STRIDE - first_row)
        + vec2<u32>(rows.x, select(rows.y, rows.z, adjacent));
#if kv_f16
    cache[at.x / 2u] = pack2x16float(first);
    cache[at.y / 2u] = pack2x16float(second);
#else
    cache[at.x] = first.x;
    cache[at.x + 1u] = first.y;
    cache[at.y] = second.x;
    cache[at.y + 1u] = second.y;
#endif
}
