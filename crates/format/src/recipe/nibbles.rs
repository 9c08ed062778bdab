//! GGUF blocks of 32 elements from quants that another tool chose.

use half::f16;

use crate::BlockType;

/// Elements of a block.
pub(super) const BLOCK: usize = 32;

/// Appends a block of `ty` (Q4_0, Q4_1 or Q5_0) with scale `d`, minimum `m` where the type has one, and quants `q`,
/// which fit the type's bits.
pub(super) fn push_block(ty: BlockType, d: f16, m: f16, q: &[u8; BLOCK], out: &mut Vec<u8>) {
    out.extend_from_slice(&d.to_le_bytes());
    match ty {
        BlockType::Q4_1 => out.extend_from_slice(&m.to_le_bytes()),
        BlockType::Q5_0 => {
            let high = q.iter().enumerate().fold(0u32, |bits, (i, q)| bits | u32::from(q >> 4 & 1) << i);
            out.extend_from_slice(&high.to_le_bytes());
        }
        _ => {}
    }
    let (low, high) = q.split_at(BLOCK / 2);
    out.extend(low.iter().zip(high).map(|(low, high)| low & 15 | (high & 15) << 4));
}
