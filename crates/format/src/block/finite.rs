//! Whether stored weights are numbers. A block type's NaN and infinities are those of its f16 scales and minima; integers
//! times a finite scale are finite.

use half::f16;

use super::{BlockError, BlockType, dequantize, quantize};

/// Where the f16 of a block lie.
fn halves(ty: BlockType) -> &'static [usize] {
    match ty {
        BlockType::Q4_0 | BlockType::Q5_0 | BlockType::Q8_0 | BlockType::IQ4_NL | BlockType::IQ4_XS => &[0],
        BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q4_K | BlockType::Q5_K => &[0, 2],
        BlockType::Q2_K => &[80, 82],
        BlockType::Q3_K => &[108],
        BlockType::Q6_K => &[208],
        BlockType::TQ1_0 => &[52],
        BlockType::TQ2_0 => &[64],
        BlockType::F16 => &[0],
        BlockType::F32 | BlockType::BF16 | BlockType::MXFP4 => &[],
    }
}

/// Whether `blocks`, whole blocks of `ty`, stand for numbers only: neither NaN nor infinity.
pub fn is_finite(ty: BlockType, blocks: &[u8]) -> bool {
    /// An upper half of a float whose exponent is the largest is no number.
    const BF16_EXPONENT: u16 = 0x7f80;
    let upper = |[low, high]: [u8; 2]| u16::from_le_bytes([low, high]) & BF16_EXPONENT != BF16_EXPONENT;
    /// The largest E8M0 scale whose product with the largest element, 6, fits f32.
    const MOST_MXFP4_SCALE: u8 = 252;
    match ty {
        BlockType::MXFP4 => blocks.chunks_exact(17).all(|block| block[0] <= MOST_MXFP4_SCALE),
        BlockType::F32 => blocks.as_chunks().0.iter().all(|&[_, _, low, high]| upper([low, high])),
        BlockType::BF16 => blocks.as_chunks().0.iter().all(|&half| upper(half)),
        _ => blocks.chunks_exact(ty.block_bytes()).all(|block| {
            halves(ty).iter().all(|&at| f16::from_le_bytes([block[at], block[at + 1]]).is_finite())
        }),
    }
}

/// Whether [`quantize`] makes blocks of `ty` of `rows`, whole rows of `cols` floats stored as `stored`; its error if it does
/// not.
pub fn check_rows(ty: BlockType, stored: BlockType, cols: usize, rows: &[u8]) -> Result<(), BlockError> {
    if is_small(stored, rows) {
        return Ok(());
    }
    let mut values = vec![0.0; cols];
    for row in rows.chunks_exact(cols * stored.block_bytes()) {
        dequantize(stored, row, &mut values)?;
        quantize(ty, &values, &mut Vec::new())?;
    }
    Ok(())
}

/// Whether all of these floats are so small that no block's scale overflows, told by their upper bits alone; NaN and
/// infinity are not.
fn is_small(ty: BlockType, floats: &[u8]) -> bool {
    /// 2^18 as BF16: an eighth of it is a finite f16.
    const LARGE_BF16: u16 = 0x4880;
    const INFINITE_F16: u16 = 0x7c00;
    let below = |[low, high]: [u8; 2], limit: u16| u16::from_le_bytes([low, high]) & 0x7fff < limit;
    match ty {
        BlockType::F32 => {
            floats.as_chunks().0.iter().all(|&[_, _, low, high]| below([low, high], LARGE_BF16))
        }
        BlockType::BF16 => floats.as_chunks().0.iter().all(|&half| below(half, LARGE_BF16)),
        BlockType::F16 => floats.as_chunks().0.iter().all(|&half| below(half, INFINITE_F16)),
        _ => false,
    }
}
