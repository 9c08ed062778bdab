// out[r, i] = (x[r, i] - mean) / sqrt(variance + EPS) * weight[i] + bias[i]   over rows of COLS elements
//
// The variance is the mean square distance from the mean, in a second pass: the difference of two large sums loses
// what f32 holds. LANES invocations share a row, which is the workgroup's y.
//
//   3  x [rows, STRIDE]
//   4  out, as x
//   6  weight [COLS]
//   7  bias [COLS]    with `bias`
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> weight: array<f32>;
#if bias
@group(0) @binding(7) var<storage, read> bias: array<f32>;
#endif

override LANES: u32;
override COLS: u32;
override STRIDE: u32;
override EPS: f32;

#if reduce
var<workgroup> partial: array<f32, LANES>;
#endif

// The sum over all lanes, which each of them gets.
fn sum_of_lanes(own: f32, lane: u32) -> f32 {
#if reduce
    workgroupBarrier();
    partial[lane] = own;
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        workgroupBarrier();
        if (lane < width) {
            partial[lane] += partial[lane + width];
        }
    }
    workgroupBarrier();
    return partial[0];
#else
    return own;
#endif
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let base = group.y * STRIDE;
    var sum = 0.0;
    for (var i = lane; i < COLS; i += LANES) {
        sum += x[base + i];
    }
    let mean = sum_of_lanes(sum, lane) / f32(COLS);
    var squares = 0.0;
    for (var i = lane; i < COLS; i += LANES) {
        let distance = x[base + i] - mean;
        squares += distance * distance;
    }
    let scale = inverseSqrt(sum_of_lanes(squares, lane) / f32(COLS) + EPS);
    for (var i = lane; i < COLS; i += LANES) {
        var normed = (x[base + i] - mean) * scale * weight[i];
#if bias
        normed += bias[i];
#endif
        out[base + i] = normed;
    }
}
