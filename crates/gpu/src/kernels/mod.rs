//! One file a kernel: each turns slices of buffers into a [`crate::kernel::Dispatch`] of the shader that has its name.
//!
//! Activations are `[rows, stride]` f32 with `stride` = width rounded up to 4 elements, so that kernels may read
//! `vec4`s; what is in the padding is undefined. A KV cache is two buffers, keys and values, each
//! `[position, n_kv_heads, head_dim]`, of f32, or of f16 packed two to a u32 (flag `kv_f16`; `head_dim` is even).

pub(crate) mod attention;
pub(crate) mod sample;
