// Which rows a product of many rows takes, and where its sums go.
//
// All rows of a step; or with `grouped` the pairs that expert z has, z being the workgroup's, as expert_order.wgsl sorted
// them: pair t * USED + s reads row t of x, or with X_USED = 1 row t * USED + s, and gives the s-th ROWS elements of row t
// of out. The weight is then [EXPERTS * ROWS, COLS], of which the rows PART_FIRST .. PART_FIRST + PART_ROWS are bound.
//
//   4  out [rows, OUT_STRIDE]
//   5  step                          without `grouped`
//   6  bias [ROWS], with `grouped` [EXPERTS, BIAS_STRIDE]   with `bias`
//   7  residual, as out              with `residual`
//   7  order                         with `grouped`
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if bias
@group(0) @binding(6) var<storage, read> bias: array<f32>;
#endif

override OUT_STRIDE: u32;
override ROWS: u32;          // rows of the weight that are read, with `grouped` of an expert
#if grouped
@group(0) @binding(7) var<storage, read> order: array<u32>;
override EXPERTS: u32;
override USED: u32;
override X_USED: u32;        // slots that share a row of x
override PART_FIRST: u32;
override PART_ROWS: u32;
#if bias
override BIAS_STRIDE: u32;
#endif

// How many rows expert z has.
fn rows_of(z: u32) -> u32 {
    return order[z + 1u] - order[z];
}

fn pair_at(z: u32, t: u32) -> u32 {
    return order[EXPERTS + 1u + order[z] + t];
}

// The row of x that its row t is.
fn x_row(z: u32, t: u32) -> u32 {
    return pair_at(z, t) / X_USED;
}

// Row r of the expert as it is bound, or the nearest that is.
fn weight_row(z: u32, r: u32) -> u32 {
    return clamp(z * ROWS + min(r, ROWS - 1u), PART_FIRST, PART_FIRST + PART_ROWS - 1u) - PART_FIRST;
}

// Takes the sum of row t of x with row r of the weight.
fn put(z: u32, t: u32, r: u32, product: f32) {
    let row = z * ROWS + r;
    if (row < PART_FIRST || row >= PART_FIRST + PART_ROWS) {
        return;
    }
    let pair = pair_at(z, t);
    var sum = product;
#if bias
    sum += bias[z * BIAS_STRIDE + r];
#endif
    out[(pair / USED) * OUT_STRIDE + (pair % USED) * ROWS + r] = sum;
}
#else
#include "lib/rows.wgsl"
#if residual
@group(0) @binding(7) var<storage, read> residual: array<f32>;
#endif
override FIRST_ROW: u32;     // first row of the weight that is read
override OUT_FIRST: u32 = 0u;

fn rows_of(z: u32) -> u32 {
    return n_rows();
}

fn x_row(z: u32, t: u32) -> u32 {
    return t;
}

fn weight_row(z: u32, r: u32) -> u32 {
    return FIRST_ROW + min(r, ROWS - 1u);
}

fn put(z: u32, t: u32, r: u32, product: f32) {
    let at = t * OUT_STRIDE + OUT_FIRST + r;
    var sum = product;
#if bias
    sum += bias[OUT_FIRST + r];
#endif
#if residual
    sum += residual[at];
#endif
    out[at] = sum;
}
#endif
