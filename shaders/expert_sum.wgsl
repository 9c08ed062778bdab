// out[t, i] = sum_s routes[t, USED + s] * x[t, s, i]; an invocation takes one element.
//
//   3  x [rows, X_STRIDE]; slot s begins WIDTH * s elements on
//   4  out [rows, OUT_STRIDE]
//   5  step
//   7  routes [rows, ROUTES_STRIDE], from route.wgsl
#include "lib/rows.wgsl"
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(7) var<storage, read> routes: array<f32>;

override WIDTH: u32;
override USED: u32;
override X_STRIDE: u32;
override OUT_STRIDE: u32;
override ROUTES_STRIDE: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.y;
    if (id.x >= WIDTH || t >= n_rows()) {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < USED; s++) {
        sum += routes[t * ROUTES_STRIDE + USED + s] * x[t * X_STRIDE + s * WIDTH + id.x];
    }
    out[t * OUT_STRIDE + id.x] = sum;
}
