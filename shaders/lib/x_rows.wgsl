// Rows of x as they are, by quads, up to the next multiple of 128; elements beyond COLS are zeros.
//
//   3  x [rows, X_STRIDE4 vec4s]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;

override X_STRIDE4: u32;

fn x_quad(t: u32, i: u32) -> vec4<f32> {
    if (COLS % 128u == 0u) {
        return x[t * X_STRIDE4 + i];
    }
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[t * X_STRIDE4 + min(i, X_STRIDE4 - 1u)], at < vec4<u32>(COLS));
}
