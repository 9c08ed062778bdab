// Rows of x, block by block, as they meet the blocks of a weight.
//
//   3        x [.., X_STRIDE4 vec4s]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;

override COLS: u32;
override BLOCKS: u32;        // ceil(COLS / 32)
override X_STRIDE4: u32;

// Elements beyond the row count as 0, whatever the padding holds. No branch: SwiftShader's compiler takes minutes
// for the many that the unrolled blocks would have.
fn x_quad(t: u32, i: u32) -> vec4<f32> {
    let at = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x[t * X_STRIDE4 + min(i, X_STRIDE4 - 1u)], at < vec4<u32>(COLS));
}

fn x_block(t: u32, b: u32) -> Block {
    let i = 8u * b;
    if (COLS % 32u != 0u) {
        return Block(
            x_quad(t, i), x_quad(t, i + 1u), x_quad(t, i + 2u), x_quad(t, i + 3u),
            x_quad(t, i + 4u), x_quad(t, i + 5u), x_quad(t, i + 6u), x_quad(t, i + 7u),
        );
    }
    let at = t * X_STRIDE4 + i;
    return Block(
        x[at], x[at + 1u], x[at + 2u], x[at + 3u],
        x[at + 4u], x[at + 5u], x[at + 6u], x[at + 7u],
    );
}
