// How a gate and what it lets through make one number (sotto_plan::Gated); one of the flags is set.
fn gated(gate: f32, up: f32) -> f32 {
#if gated_silu
    return gate / (1.0 + exp(-gate)) * up;
#endif
#if gated_gelu_tanh
    let inner = 0.7978845608 * gate * (1.0 + 0.044715 * gate * gate);
    // tanh overflows on some drivers where exp does; beyond 15 it is 1 to the last bit.
    return 0.5 * gate * (1.0 + tanh(clamp(inner, -15.0, 15.0))) * up;
#endif
#if gated_product
    return gate * up;
#endif
#if gated_swiglu_clamped
    let g = select(gate, 7.0, gate > 7.0);
    let u = select(select(up, 7.0, up > 7.0), -7.0, up < -7.0);
    return g / (1.0 + exp(-1.702 * g)) * (u + 1.0);
#endif
}
