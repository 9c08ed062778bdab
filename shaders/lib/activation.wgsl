// The non-linearities of gated feed-forward layers.
fn activation(x: f32) -> f32 {
#if gelu_tanh
    let inner = 0.7978845608 * x * (1.0 + 0.044715 * x * x);
    // tanh overflows on some drivers where exp does; beyond 15 it is 1 to the last bit.
    return 0.5 * x * (1.0 + tanh(clamp(inner, -15.0, 15.0)));
#else
    return x / (1.0 + exp(-x));
#endif
}
