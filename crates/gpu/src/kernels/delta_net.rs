//! `delta_net.wgsl`: linear attention by the gated delta rule, whose state is made over at each token. The states behind the
//! last steps are kept, as many as are submitted ahead and one more, so that a reply can be gone on from.

use sotto_plan::{DeltaNet, Rows, State};

use crate::GpuError;
use crate::decode::STEPS_IN_FLIGHT;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::{WORKGROUP, rows_flag, stride};

/// States that are kept, by the position they stand at modulo their number.
pub(crate) const SLOTS: usize = STEPS_IN_FLIGHT + 1;

/// Bytes of what keeps `state`.
pub(crate) fn state_bytes(state: State) -> u64 {
    (SLOTS * state.width * size_of::<f32>()) as u64
}

/// The positions that states of a model stand at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept([Option<usize>; SLOTS]);

impl Kept {
    /// A step has left states that stand at `position`.
    pub fn at(&mut self, position: usize) {
        self.0[position % SLOTS] = Some(position);
    }

    /// What comes after `position` is of a text that does not go on.
    pub fn forget_after(&mut self, position: usize) {
        self.0.iter_mut().for_each(|kept| *kept = kept.filter(|&kept| kept <= position));
    }

    /// Whether there are states that stand at `position`, before which there is nothing to remember at 0.
    pub fn has(&self, position: usize) -> bool {
        position == 0 || self.0[position % SLOTS] == Some(position)
    }
}

/// What the kernel reads and writes.
pub(crate) struct DeltaSlices<'a> {
    pub x: &'a Slice,
    pub a: &'a Slice,
    pub b: &'a Slice,
    pub decay: &'a Slice,
    pub bias: &'a Slice,
    pub state: &'a Slice,
    pub out: &'a Slice,
    pub step: &'a Slice,
}

/// The rule over the tokens of a step.
pub(crate) fn delta_net(
    kernels: &Kernels,
    shape: DeltaNet,
    slices: &DeltaSlices<'_>,
) -> Result<Dispatch, GpuError> {
    let DeltaNet { n_k_heads, n_v_heads, k_dim, v_dim } = shape;
    let constants = [
        ("K_HEADS", n_k_heads),
        ("V_HEADS", n_v_heads),
        ("K_DIM", k_dim),
        ("V_DIM", v_dim),
        ("STRIDE", stride(shape.width())),
        ("OUT_STRIDE", stride(n_v_heads * v_dim)),
        ("HEAD_STRIDE", stride(n_v_heads)),
        ("SLOTS", SLOTS),
    ]
    .map(|(name, value)| (name, value as f64));
    let flags: Vec<_> = rows_flag(Rows::Tokens).collect();
    let pipeline = kernels.pipeline("delta_net", &flags, &constants)?;
    let DeltaSlices { x, a, b, decay, bias, state, out, step } = *slices;
    let bindings = [(3, x), (4, out), (5, step), (6, a), (7, b), (8, decay), (9, bias), (10, state)];
    let columns = Count::Fixed(((n_v_heads * v_dim) as u32).div_ceil(WORKGROUP));
    Ok(kernels.dispatch("delta_net", &pipeline, &bindings, [columns, Count::Fixed(1), Count::Fixed(1)]))
}
