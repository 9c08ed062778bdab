// out[r, i] = map(x[r, i]); an invocation takes four elements.
//
//   map_scale    PARAMETER * x
//   map_softcap  PARAMETER * tanh(x / PARAMETER)
//   map_gelu, map_gelu_tanh, map_silu  as lib/nonlinear.wgsl says
//   map_relu     max(x, 0)
//
//   3  x [rows, STRIDE4 vec4s]
//   4  out, as x
//   5  step
#include "lib/rows.wgsl"
#include "lib/nonlinear.wgsl"
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

override STRIDE4: u32;
override PARAMETER: f32 = 0.0;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= STRIDE4 || id.y >= n_rows()) {
        return;
    }
    let at = id.y * STRIDE4 + id.x;
#if map_scale
    out[at] = PARAMETER * x[at];
#endif
#if map_softcap
    // tanh overflows on some drivers where exp does; beyond 15 it is 1 to the last bit.
    out[at] = PARAMETER * tanh(clamp(x[at] / PARAMETER, vec4<f32>(-15.0), vec4<f32>(15.0)));
#endif
    let v = x[at];
#if map_gelu
    out[at] = vec4<f32>(gelu(v.x), gelu(v.y), gelu(v.z), gelu(v.w));
#endif
#if map_gelu_tanh
    out[at] = vec4<f32>(gelu_tanh(v.x), gelu_tanh(v.y), gelu_tanh(v.z), gelu_tanh(v.w));
#endif
#if map_silu
    out[at] = vec4<f32>(silu(v.x), silu(v.y), silu(v.z), silu(v.w));
#endif
#if map_relu
    // Unlike max, this lets NaN through.
    out[at] = select(v, vec4<f32>(0.0), v < vec4<f32>(0.0));
#endif
}
