// The non-linearities of feed-forward layers (sotto_plan::Map).
fn silu(x: f32) -> f32 {
    return x / (1.0 + exp(-x));
}

fn gelu_tanh(x: f32) -> f32 {
    let inner = 0.7978845608 * x * (1.0 + 0.044715 * x * x);
    // tanh overflows on some drivers where exp does; beyond 15 it is 1 to the last bit.
    return 0.5 * x * (1.0 + tanh(clamp(inner, -15.0, 15.0)));
}

// erf by Abramowitz & Stegun, formula 7.1.26: off by 1.5e-7 at most.
fn gelu(x: f32) -> f32 {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let rest = series * exp(-z * z);  // 1 - erf(z)
    return 0.5 * x * select(2.0 - rest, rest, x < 0.0);
}
