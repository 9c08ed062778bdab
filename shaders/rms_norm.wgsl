// out[r, i] = x[r, i] / sqrt(mean_j(x[r, j]^2) + EPS) * weight[i]   over groups of COLS elements
//
// LANES invocations share a group of elements; a workgroup takes GROUPS of them. Its y is the row.
//
//   3  x [rows, STRIDE], PER_ROW groups a row
//   4  out, as x
//   6  weight [COLS]
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> weight: array<f32>;

override LANES: u32;
override GROUPS: u32;
override COLS: u32;
override PER_ROW: u32;
override STRIDE: u32;
override EPS: f32;
#if reduce
override PARTIALS: u32;  // LANES * GROUPS; naga 30 fails on the product as the size of an array
#endif

#if reduce
var<workgroup> partial: array<f32, PARTIALS>;
#endif

@compute @workgroup_size(LANES, GROUPS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let index = group.x * GROUPS + local.y;
    let row = group.y;
    let base = row * STRIDE + min(index, PER_ROW - 1u) * COLS;
    var sum = 0.0;
    for (var i = local.x; i < COLS; i += LANES) {
        sum += x[base + i] * x[base + i];
    }
#if reduce
    let mine = local.y * LANES + local.x;
    partial[mine] = sum;
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        workgroupBarrier();
        if (local.x < width) {
            partial[mine] += partial[mine + width];
        }
    }
    workgroupBarrier();
    sum = partial[local.y * LANES];
#endif
    if (index >= PER_ROW) {
        return;
    }
    let scale = inverseSqrt(sum / f32(COLS) + EPS);
    for (var i = local.x; i < COLS; i += LANES) {
        out[base + i] = x[base + i] * scale * weight[i];
    }
}
