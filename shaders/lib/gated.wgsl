// How a gate and what it lets through make one number (sotto_plan::Gated); one of the flags is set.
#include "lib/nonlinear.wgsl"
fn gated(gate: f32, up: f32) -> f32 {
#if gated_silu
    return silu(gate) * up;
#endif
#if gated_gelu
    return gelu(gate) * up;
#endif
#if gated_gelu_tanh
    return gelu_tanh(gate) * up;
#endif
#if gated_product
    return gate * up;
#endif
#if gated_sigmoid
    return up / (1.0 + exp(-gate));
#endif
#if gated_swiglu_clamped
    let g = select(gate, 7.0, gate > 7.0);
    let u = select(select(up, 7.0, up > 7.0), -7.0, up < -7.0);
    return g / (1.0 + exp(-1.702 * g)) * (u + 1.0);
#endif
}
