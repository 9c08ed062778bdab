// Attention of many queries, tile by tile with a running softmax (Dao, "FlashAttention-2", 2023).
//
// A workgroup of 128 takes 64 rows, a row being one query head of one token, all of one key/value head: row r stands
// for token r / GROUP and head r % GROUP of it, so that a tile of keys serves the whole group. Tiles of 32
// keys that no row sees are skipped. Queries, keys and values pass through workgroup memory in slabs of 8 quads.
// Invocation (ty, tx) of 16 x 8 has the scores of rows 4 ty to 4 ty + 3 with keys tx, tx + 8, tx + 16 and tx + 24, and the
// sums of the same rows at quad tx of each slab. What the softmax leaves takes the place of the queries' slab.
//
//   3  q [tokens, n_heads * QUADS quads]
//   4  out, as q
#include "lib/attention.wgsl"
#include "lib/kv_strip.wgsl"
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

const ROWS = 64u;
const TILE = 32u;          // keys; segments of the cache are whole tiles
const SLAB = 8u;           // quads
const MAX_SLABS = 8u;      // heads of up to 256 elements
const SLAB_STRIDE = 9u;    // one more than SLAB: rows start in different banks
const WEIGHTS_STRIDE = 17u;
override SLABS: u32 = (QUADS + SLAB - 1u) / SLAB;

// Of queries; then the weights of the softmax, [key, four rows].
var<workgroup> slab: array<vec4<f32>, ROWS * SLAB_STRIDE>;
var<workgroup> kv_slab: array<vec4<f32>, TILE * SLAB_STRIDE>;  // of keys, then of values
var<workgroup> maxima: array<f32, ROWS * 8u>;                  // of a row's scores, an invocation's part each

// Quad index of row r of the key/value head, without the quad.
fn row_at(row: u32, kv_head: u32) -> u32 {
    return ((row / GROUP) * KV_HEADS * GROUP + kv_head * GROUP + row % GROUP) * QUADS;
}

fn largest(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

// sum + w * v
fn mac(sum: vec4<f32>, w: mat4x4<f32>, v: vec4<f32>) -> vec4<f32> {
    return fma(w[3], vec4<f32>(v.w), fma(w[2], vec4<f32>(v.z), fma(w[1], vec4<f32>(v.y), fma(w[0], vec4<f32>(v.x), sum))));
}

struct Weighed {
    softmax: Softmax,
    shrink: f32,
    weights: vec4<f32>,
}

// Takes a row's scores with four keys into its softmax, whose maximum over the tile is in `maxima`.
fn weigh(softmax: Softmax, scores: vec4<f32>, seen: vec4<bool>, maxima_at: u32) -> Weighed {
    var maximum = softmax.maximum;
    for (var i = 0u; i < 8u; i++) {
        maximum = max(maximum, maxima[maxima_at + i]);
    }
    let p = select(vec4<f32>(0.0), exp(scores - vec4<f32>(maximum)), seen);
    let shrink = exp(softmax.maximum - maximum);
    return Weighed(Softmax(maximum, softmax.sum * shrink + dot(p, vec4<f32>(1.0))), shrink, p);
}

fn score4(dots: vec4<f32>, seen: vec4<bool>) -> vec4<f32> {
    let scores = vec4<f32>(score_of(dots.x), score_of(dots.y), score_of(dots.z), score_of(dots.w));
    return select(vec4<f32>(LOWEST), scores, seen);
}

fn seen_by(position: u32, keys: vec4<u32>) -> vec4<bool> {
    return (keys >= vec4<u32>(first_seen(position))) & (keys <= vec4<u32>(last_seen(position)));
}

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let kv_head = group.x;
    let first_row = (group.z * groups.y + group.y) * ROWS;
    let end_row = n_rows() * GROUP;
    if (first_row >= end_row) {
        return;
    }
    let last_row = min(first_row + ROWS, end_row) - 1u;
    let first_key = first_seen(step.position + first_row / GROUP);
    let last_key = last_seen(step.position + last_row / GROUP);

    let tx = local % 8u;
    let ty = local / 8u;
    let row = first_row + 4u * ty;
    let maxima_at = 32u * ty;
    let position0 = step.position + (row + 0u) / GROUP;
    var softmax0 = Softmax(LOWEST, 0.0);
    var sums0: array<vec4<f32>, MAX_SLABS>;
    let position1 = step.position + (row + 1u) / GROUP;
    var softmax1 = Softmax(LOWEST, 0.0);
    var sums1: array<vec4<f32>, MAX_SLABS>;
    let position2 = step.position + (row + 2u) / GROUP;
    var softmax2 = Softmax(LOWEST, 0.0);
    var sums2: array<vec4<f32>, MAX_SLABS>;
    let position3 = step.position + (row + 3u) / GROUP;
    var softmax3 = Softmax(LOWEST, 0.0);
    var sums3: array<vec4<f32>, MAX_SLABS>;
    for (var s = 0u; s < SLABS; s++) {
        sums0[s] = vec4<f32>(0.0);
        sums1[s] = vec4<f32>(0.0);
        sums2[s] = vec4<f32>(0.0);
        sums3[s] = vec4<f32>(0.0);
    }

    for (var tile = first_key / TILE * TILE; tile <= last_key; tile += TILE) {
        let segment = kv_segment(tile);
        var dots0 = vec4<f32>(0.0);
        var dots1 = vec4<f32>(0.0);
        var dots2 = vec4<f32>(0.0);
        var dots3 = vec4<f32>(0.0);
        for (var s = 0u; s < SLABS; s++) {
            let quad = s * SLAB + tx;
            workgroupBarrier();
            for (var r = ty; r < ROWS; r += 16u) {
                var query = vec4<f32>(0.0);
                if (quad < QUADS) {
                    query = q[row_at(min(first_row + r, last_row), kv_head) + quad];
                }
                slab[r * SLAB_STRIDE + tx] = query;
            }
            for (var k = ty; k < TILE; k += 16u) {
                var key = vec4<f32>(0.0);
                if (quad < QUADS) {
                    key = kv_quad(segment, kv_at(min(tile + k, last_key), segment, kv_head) + quad);
                }
                kv_slab[k * SLAB_STRIDE + tx] = key;
            }
            workgroupBarrier();
            for (var i = 0u; i < SLAB; i++) {
                let k = transpose(mat4x4<f32>(
                    kv_slab[tx * SLAB_STRIDE + i], kv_slab[(tx + 8u) * SLAB_STRIDE + i],
                    kv_slab[(tx + 16u) * SLAB_STRIDE + i], kv_slab[(tx + 24u) * SLAB_STRIDE + i],
                ));
                dots0 = mac(dots0, k, slab[(4u * ty + 0u) * SLAB_STRIDE + i]);
                dots1 = mac(dots1, k, slab[(4u * ty + 1u) * SLAB_STRIDE + i]);
                dots2 = mac(dots2, k, slab[(4u * ty + 2u) * SLAB_STRIDE + i]);
                dots3 = mac(dots3, k, slab[(4u * ty + 3u) * SLAB_STRIDE + i]);
            }
        }

        let keys = vec4<u32>(tile + tx) + vec4<u32>(0u, 8u, 16u, 24u);
        let seen0 = seen_by(position0, keys);
        let scores0 = score4(dots0, seen0);
        maxima[maxima_at + 0u + tx] = largest(scores0);
        let seen1 = seen_by(position1, keys);
        let scores1 = score4(dots1, seen1);
        maxima[maxima_at + 8u + tx] = largest(scores1);
        let seen2 = seen_by(position2, keys);
        let scores2 = score4(dots2, seen2);
        maxima[maxima_at + 16u + tx] = largest(scores2);
        let seen3 = seen_by(position3, keys);
        let scores3 = score4(dots3, seen3);
        maxima[maxima_at + 24u + tx] = largest(scores3);
        workgroupBarrier();
        let w0 = weigh(softmax0, scores0, seen0, maxima_at + 0u);
        softmax0 = w0.softmax;
        let w1 = weigh(softmax1, scores1, seen1, maxima_at + 8u);
        softmax1 = w1.softmax;
        let w2 = weigh(softmax2, scores2, seen2, maxima_at + 16u);
        softmax2 = w2.softmax;
        let w3 = weigh(softmax3, scores3, seen3, maxima_at + 24u);
        softmax3 = w3.softmax;
        let by_key = transpose(mat4x4<f32>(w0.weights, w1.weights, w2.weights, w3.weights));
        for (var i = 0u; i < 4u; i++) {
            slab[(tx + 8u * i) * WEIGHTS_STRIDE + ty] = by_key[i];
        }

        for (var s = 0u; s < SLABS; s++) {
            let quad = s * SLAB + tx;
            workgroupBarrier();
            for (var k = ty; k < TILE; k += 16u) {
                var value = vec4<f32>(0.0);
                if (quad < QUADS) {
                    value = kv_quad(segment, kv_at(min(tile + k, last_key), segment, kv_head) + KV_VALUES + quad);
                }
                kv_slab[k * SLAB_STRIDE + tx] = value;
            }
            workgroupBarrier();
            var sum0 = sums0[s] * w0.shrink;
            var sum1 = sums1[s] * w1.shrink;
            var sum2 = sums2[s] * w2.shrink;
            var sum3 = sums3[s] * w3.shrink;
            for (var i = 0u; i < TILE; i++) {
                let v = kv_slab[i * SLAB_STRIDE + tx];
                let p = slab[i * WEIGHTS_STRIDE + ty];
                sum0 = fma(vec4<f32>(p.x), v, sum0);
                sum1 = fma(vec4<f32>(p.y), v, sum1);
                sum2 = fma(vec4<f32>(p.z), v, sum2);
                sum3 = fma(vec4<f32>(p.w), v, sum3);
            }
            sums0[s] = sum0;
            sums1[s] = sum1;
            sums2[s] = sum2;
            sums3[s] = sum3;
        }
    }

    // The sums of weights are still in eight parts.
    workgroupBarrier();
    maxima[maxima_at + 0u + tx] = softmax0.sum;
    maxima[maxima_at + 8u + tx] = softmax1.sum;
    maxima[maxima_at + 16u + tx] = softmax2.sum;
    maxima[maxima_at + 24u + tx] = softmax3.sum;
    workgroupBarrier();
    let scale0 = final_scale(softmax0.maximum, maxima_at + 0u, kv_head * GROUP + (row + 0u) % GROUP);
    let scale1 = final_scale(softmax1.maximum, maxima_at + 8u, kv_head * GROUP + (row + 1u) % GROUP);
    let scale2 = final_scale(softmax2.maximum, maxima_at + 16u, kv_head * GROUP + (row + 2u) % GROUP);
    let scale3 = final_scale(softmax3.maximum, maxima_at + 24u, kv_head * GROUP + (row + 3u) % GROUP);
    for (var s = 0u; s < SLABS; s++) {
        let quad = s * SLAB + tx;
        if (quad < QUADS) {
            if (row + 0u <= last_row) {
                out[row_at(row + 0u, kv_head) + quad] = sums0[s] * scale0;
            }
            if (row + 1u <= last_row) {
                out[row_at(row + 1u, kv_head) + quad] = sums1[s] * scale1;
            }
            if (row + 2u <= last_row) {
                out[row_at(row + 2u, kv_head) + quad] = sums2[s] * scale2;
            }
            if (row + 3u <= last_row) {
                out[row_at(row + 3u, kv_head) + quad] = sums3[s] * scale3;
            }
        }
    }
}

// What a row's sums are multiplied by in the end; the parts of its sum of weights are in `maxima`.
fn final_scale(maximum: f32, parts_at: u32, head: u32) -> f32 {
    var sum = 0.0;
    for (var i = 0u; i < 8u; i++) {
        sum += maxima[parts_at + i];
    }
    let whole = with_sink(Softmax(maximum, sum), head);
    return exp(maximum - whole.maximum) / whole.sum;
}
