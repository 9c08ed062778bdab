//! Which variant of a kernel a device gets, by what it reports about itself.

use crate::DeviceFacts;

/// Shapes of workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuning {
    /// Invocations that share a row of a matrix-vector product. 1 where barriers are slow.
    pub lanes: u32,
    /// Groups of lanes in a workgroup.
    pub groups: u32,
    /// Whether many rows go through workgroup memory (`matmul.wgsl`) or four at a time through `matvec.wgsl`.
    pub tiled_matmul: bool,
}

impl Tuning {
    pub fn of(facts: &DeviceFacts) -> Tuning {
        if facts.software {
            // A software adapter runs a workgroup's invocations one after the other, and each barrier
            // makes it switch between all of them: 628 ms with a shared tree, 78 ms without, for 8192 x 2048.
            Tuning { lanes: 1, groups: 16, tiled_matmul: false }
        } else {
            // 128 invocations is the least that devices of this kind allow.
            Tuning { lanes: 32, groups: 4, tiled_matmul: true }
        }
    }

    /// Lanes and groups of a workgroup for rows of `blocks` blocks: no more lanes than have work, and more groups
    /// in the place of lanes that had none.
    pub fn matvec_groups(self, blocks: usize) -> (u32, u32) {
        let lanes = self.lanes.min(blocks.next_power_of_two() as u32);
        (lanes, (self.lanes * self.groups / lanes).min(4 * self.groups))
    }
}
