//! One file a kernel: each turns slices of buffers into a [`Dispatch`](crate::kernel::Dispatch) of the shader
//! that has its name.
//!
//! Activations are `[rows, stride]` f32 with `stride` = width rounded up to 4 elements, so that kernels may read
//! `vec4`s; what is in the padding is undefined. A segment of a KV cache is
//! `[position, 2, n_kv_heads, head_dim]`, keys before values, of f32, of f16 packed two to a u32 (flag `kv_f16`; `head_dim` is even), or of bytes with
//! scales (flag `kv_q8`).

pub(crate) mod attention;
pub(crate) mod delta_net;
pub(crate) mod edit_logits;
pub(crate) mod elementwise;
pub(crate) mod embed;
pub(crate) mod experts;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod position;
pub(crate) mod qkv;
pub(crate) mod relative;
pub(crate) mod rms_norm;
pub(crate) mod sample;
pub(crate) mod short_conv;
#[cfg(test)]
mod tests;

use sotto_plan::Rows;

use crate::kernel::Count;

/// Invocations of a workgroup in kernels that share nothing.
const WORKGROUP: u32 = 64;

/// Elements from one row of an activation to the next.
pub(crate) fn stride(width: usize) -> usize {
    width.next_multiple_of(4)
}

fn rows_flag(kind: Rows) -> impl Iterator<Item = &'static str> {
    let flag = match kind {
        Rows::Tokens => None,
        Rows::Outputs => Some("outputs"),
        Rows::Fixed(_) => Some("fixed_rows"),
    };
    flag.into_iter()
}

fn rows_count(kind: Rows, per: u32) -> Count {
    match kind {
        Rows::Tokens => Count::Tokens(per),
        Rows::Outputs => Count::Outputs(per),
        Rows::Fixed(rows) => Count::Fixed(rows.div_ceil(per)),
    }
}

/// The constant that goes with the flag `fixed_rows`.
fn rows_constant(kind: Rows) -> Option<(&'static str, f64)> {
    if let Rows::Fixed(rows) = kind { Some(("FIXED_ROWS", f64::from(rows))) } else { None }
}
