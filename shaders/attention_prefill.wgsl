// Attention of many queries, tile by tile with a running softmax (Dao, "FlashAttention-2", 2023).
//
// A workgroup of 128 takes 32 rows, a row being one query head of one token, all of one key/value head: row r stands
// for token r / GROUP and head r % GROUP of it, so that a tile of keys serves the whole group. Tiles of 32
// keys that no row sees are skipped. Queries, keys and values pass through workgroup memory in slabs of 8 quads.
// Invocation (ty, tx) of 16 x 8 has the scores of rows 2 ty and 2 ty + 1 with keys tx, tx + 8, tx + 16 and tx + 24, and the
// sums of the same rows at quad tx of each slab.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  out, as q
#include "lib/attention.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

const TILE = 32u;
const SLAB = 8u;           // quads
const MAX_SLABS = 8u;      // heads of up to 256 elements
const SLAB_STRIDE = 9u;    // one more than SLAB: rows start in different banks
override SLABS: u32 = (QUADS + SLAB - 1u) / SLAB;

var<workgroup> query_slab: array<vec4<f32>, TILE * SLAB_STRIDE>;
var<workgroup> kv_slab: array<vec4<f32>, TILE * SLAB_STRIDE>;  // of keys, then of values
var<workgroup> weights: array<f32, TILE * (TILE + 1u)>;
var<workgroup> maxima: array<f32, TILE * 8u>;                  // of a row's scores, an invocation's part each

// Quad index of row r of the key/value head, without the quad.
fn row_at(row: u32, kv_head: u32) -> u32 {
    return ((row / GROUP) * KV_HEADS * GROUP + kv_head * GROUP + row % GROUP) * QUADS;
}

fn largest(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let kv_head = group.x;
    let first_row = (group.z * groups.y + group.y) * TILE;
    let end_row = n_rows() * GROUP;
    if (first_row >= end_row) {
        return;
    }
    let last_row = min(first_row + TILE, end_row) - 1u;
    let first_key = first_seen(step.position + first_row / GROUP);
    let last_key = last_seen(step.position + last_row / GROUP);

    let tx = local % 8u;
    let ty = local / 8u;
    let row0 = first_row + 2u * ty;
    let row1 = row0 + 1u;
    let position0 = step.position + row0 / GROUP;
    let position1 = step.position + row1 / GROUP;
    let first0 = first_seen(position0);
    let first1 = first_seen(position1);
    let last0 = last_seen(position0);
    let last1 = last_seen(position1);

    var softmax0 = Softmax(LOWEST, 0.0);
    var softmax1 = Softmax(LOWEST, 0.0);
    var sums0: array<vec4<f32>, MAX_SLABS>;
    var sums1: array<vec4<f32>, MAX_SLABS>;
    for (var s = 0u; s < SLABS; s++) {
        sums0[s] = vec4<f32>(0.0);
        sums1[s] = vec4<f32>(0.0);
    }

    for (var tile = first_key / TILE * TILE; tile <= last_key; tile += TILE) {
        var dots0 = vec4<f32>(0.0);
        var dots1 = vec4<f32>(0.0);
        for (var slab = 0u; slab < SLABS; slab++) {
            workgroupBarrier();
            for (var i = local; i < TILE * SLAB; i += 128u) {
                let r = i / SLAB;
                let quad = slab * SLAB + i % SLAB;
                var query = vec4<f32>(0.0);
                var key = vec4<f32>(0.0);
                if (quad < QUADS) {
                    query = q[row_at(min(first_row + r, last_row), kv_head) + quad];
                    key = kv_load(keys[kv_at(min(tile + r, last_key), kv_head) + quad]);
                }
                query_slab[r * SLAB_STRIDE + i % SLAB] = query;
                kv_slab[r * SLAB_STRIDE + i % SLAB] = key;
            }
            workgroupBarrier();
            for (var i = 0u; i < SLAB; i++) {
                let q0 = query_slab[2u * ty * SLAB_STRIDE + i];
                let q1 = query_slab[(2u * ty + 1u) * SLAB_STRIDE + i];
                let k0 = kv_slab[tx * SLAB_STRIDE + i];
                let k1 = kv_slab[(tx + 8u) * SLAB_STRIDE + i];
                let k2 = kv_slab[(tx + 16u) * SLAB_STRIDE + i];
                let k3 = kv_slab[(tx + 24u) * SLAB_STRIDE + i];
                dots0 += vec4<f32>(dot(q0, k0), dot(q0, k1), dot(q0, k2), dot(q0, k3));
                dots1 += vec4<f32>(dot(q1, k0), dot(q1, k1), dot(q1, k2), dot(q1, k3));
            }
        }

        let at = vec4<u32>(tile + tx) + vec4<u32>(0u, 8u, 16u, 24u);
        let seen0 = (at >= vec4<u32>(first0)) & (at <= vec4<u32>(last0));
        let seen1 = (at >= vec4<u32>(first1)) & (at <= vec4<u32>(last1));
        let scores0 = select(
            vec4<f32>(LOWEST),
            vec4<f32>(score_of(dots0.x), score_of(dots0.y), score_of(dots0.z), score_of(dots0.w)),
            seen0,
        );
        let scores1 = select(
            vec4<f32>(LOWEST),
            vec4<f32>(score_of(dots1.x), score_of(dots1.y), score_of(dots1.z), score_of(dots1.w)),
            seen1,
        );
        maxima[2u * ty * 8u + tx] = largest(scores0);
        maxima[(2u * ty + 1u) * 8u + tx] = largest(scores1);
        workgroupBarrier();
        var maximum0 = softmax0.maximum;
        var maximum1 = softmax1.maximum;
        for (var i = 0u; i < 8u; i++) {
            maximum0 = max(maximum0, maxima[2u * ty * 8u + i]);
            maximum1 = max(maximum1, maxima[(2u * ty + 1u) * 8u + i]);
        }
        let p0 = select(vec4<f32>(0.0), exp(scores0 - vec4<f32>(maximum0)), seen0);
        let p1 = select(vec4<f32>(0.0), exp(scores1 - vec4<f32>(maximum1)), seen1);
        let shrink0 = exp(softmax0.maximum - maximum0);
        let shrink1 = exp(softmax1.maximum - maximum1);
        softmax0 = Softmax(maximum0, softmax0.sum * shrink0 + dot(p0, vec4<f32>(1.0)));
        softmax1 = Softmax(maximum1, softmax1.sum * shrink1 + dot(p1, vec4<f32>(1.0)));
        for (var i = 0u; i < 4u; i++) {
            weights[2u * ty * (TILE + 1u) + tx + 8u * i] = p0[i];
            weights[(2u * ty + 1u) * (TILE + 1u) + tx + 8u * i] = p1[i];
        }

        for (var slab = 0u; slab < SLABS; slab++) {
            workgroupBarrier();
            for (var i = local; i < TILE * SLAB; i += 128u) {
                let r = i / SLAB;
                let quad = slab * SLAB + i % SLAB;
                var value = vec4<f32>(0.0);
                if (quad < QUADS) {
                    value = kv_load(values[kv_at(min(tile + r, last_key), kv_head) + quad]);
                }
                kv_slab[r * SLAB_STRIDE + i % SLAB] = value;
            }
            workgroupBarrier();
            var sum0 = sums0[slab] * shrink0;
            var sum1 = sums1[slab] * shrink1;
            for (var i = 0u; i < TILE; i++) {
                let v = kv_slab[i * SLAB_STRIDE + tx];
                sum0 += weights[2u * ty * (TILE + 1u) + i] * v;
                sum1 += weights[(2u * ty + 1u) * (TILE + 1u) + i] * v;
            }
            sums0[slab] = sum0;
            sums1[slab] = sum1;
        }
    }

    // The sums of weights are still in eight parts.
    workgroupBarrier();
    maxima[2u * ty * 8u + tx] = softmax0.sum;
    maxima[(2u * ty + 1u) * 8u + tx] = softmax1.sum;
    workgroupBarrier();
    softmax0.sum = 0.0;
    softmax1.sum = 0.0;
    for (var i = 0u; i < 8u; i++) {
        softmax0.sum += maxima[2u * ty * 8u + i];
        softmax1.sum += maxima[(2u * ty + 1u) * 8u + i];
    }
    let whole0 = with_sink(softmax0, kv_head * GROUP + row0 % GROUP);
    let whole1 = with_sink(softmax1, kv_head * GROUP + row1 % GROUP);
    let scale0 = exp(softmax0.maximum - whole0.maximum) / whole0.sum;
    let scale1 = exp(softmax1.maximum - whole1.maximum) / whole1.sum;
    for (var slab = 0u; slab < SLABS; slab++) {
        let quad = slab * SLAB + tx;
        if (quad < QUADS) {
            if (row0 <= last_row) {
                out[row_at(row0, kv_head) + quad] = sums0[slab] * scale0;
            }
            if (row1 <= last_row) {
                out[row_at(row1, kv_head) + quad] = sums1[slab] * scale1;
            }
        }
    }
}
