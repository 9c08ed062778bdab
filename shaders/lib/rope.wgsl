// Sine and cosine of the angle by which pair j of a head turns at a position (sotto_plan::Rope).
//
// WGSL promises sin and cos to 2^-11 only, and only within [-pi, pi], so both are computed here: the angle is
// reduced by multiples of pi/2 held in three parts (Cody & Waite), then by the minimax polynomials of Cephes'
// sinf and cosf on [-pi/4, pi/4].
fn sin_cos(angle: f32) -> vec2<f32> {
    let k = round(angle * 0.6366197723675814);
    // 1.5703125 and the next part have few bits, so k times them is exact for the k that occur.
    let r = ((angle - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.549789948768648e-8;
    let r2 = r * r;
    let s = r + r * r2 * (-1.6666654611e-1 + r2 * (8.3321608736e-3 - r2 * 1.9515295891e-4));
    let c = 1.0 - 0.5 * r2 + r2 * r2 * (4.166664568298827e-2 + r2 * (-1.388731625493765e-3 + r2 * 2.443315711809948e-5));
    let quadrant = u32(i32(k)) & 3u;
    let swapped = select(vec2<f32>(s, c), vec2<f32>(c, s), (quadrant & 1u) == 1u);
    let sine = select(swapped.x, -swapped.x, quadrant >= 2u);
    let cosine = select(swapped.y, -swapped.y, quadrant == 1u || quadrant == 2u);
    return vec2<f32>(sine, cosine);
}

// (x0, x1) turned by `frequency` radians a position.
fn rotate(pair: vec2<f32>, position: u32, frequency: f32, position_scale: f32, magnitude: f32) -> vec2<f32> {
    let sc = sin_cos(f32(position) * position_scale * frequency) * magnitude;
    return vec2<f32>(pair.x * sc.y - pair.y * sc.x, pair.x * sc.x + pair.y * sc.y);
}
