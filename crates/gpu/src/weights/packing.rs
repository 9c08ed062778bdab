//! How weights lie on the GPU: which planes a block takes, and how many bytes of each.

use sotto_format::BlockType;

/// Elements of a block on the GPU, whatever the file's block is.
pub(crate) const BLOCK: usize = 32;

/// A layout that `shaders/lib/weights.wgsl` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Packing {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
    Mxfp4,
}

impl Packing {
    /// The layout of a matrix stored as `ty`. Types that no shader reads become F16.
    pub fn of(ty: BlockType) -> Packing {
        match ty {
            BlockType::F32 => Packing::F32,
            BlockType::BF16 => Packing::Bf16,
            BlockType::Q4_0 => Packing::Q4_0,
            BlockType::Q4_1 => Packing::Q4_1,
            BlockType::Q5_0 => Packing::Q5_0,
            BlockType::Q5_1 => Packing::Q5_1,
            BlockType::Q8_0 => Packing::Q8_0,
            BlockType::Q4_K => Packing::Q4K,
            BlockType::Q5_K => Packing::Q5K,
            BlockType::Q6_K => Packing::Q6K,
            BlockType::IQ4_NL => Packing::Iq4Nl,
            BlockType::IQ4_XS => Packing::Iq4Xs,
            BlockType::MXFP4 => Packing::Mxfp4,
            _ => Packing::F16,
        }
    }

    /// The flags that select this layout in shaders: its own, and those for what layouts have in common.
    pub fn flags(self) -> &'static [&'static str] {
        match self {
            Packing::F32 => &["w_f32"],
            Packing::F16 => &["w_f16"],
            Packing::Bf16 => &["w_bf16"],
            Packing::Q4_0 => &["w_q4_0", "quantised"],
            Packing::Q4_1 => &["w_q4_1", "quantised", "offsets"],
            Packing::Q5_0 => &["w_q5_0", "quantised", "fifths"],
            Packing::Q5_1 => &["w_q5_1", "quantised", "fifths", "offsets"],
            Packing::Q8_0 => &["w_q8_0", "quantised", "signed"],
            Packing::Q4K => &["w_q4_k", "quantised", "offsets"],
            Packing::Q5K => &["w_q5_k", "quantised", "fifths", "offsets"],
            Packing::Q6K => &["w_q6_k", "quantised"],
            Packing::Iq4Nl => &["w_iq4_nl", "quantised", "signed", "table"],
            Packing::Iq4Xs => &["w_iq4_xs", "quantised", "signed", "table"],
            Packing::Mxfp4 => &["w_mxfp4", "quantised", "signed", "table"],
        }
    }

    /// The flags with which `shaders/quantize_weights.wgsl` makes this layout of rows of floats stored as `ty`; `None`
    /// where it does not.
    pub fn quantizing_flags(self, ty: BlockType) -> Option<[&'static str; 2]> {
        let to = match self {
            Packing::Q4_0 => "w_q4_0",
            Packing::Q8_0 => "w_q8_0",
            _ => return None,
        };
        let from = match ty {
            BlockType::F32 => "from_f32",
            BlockType::F16 => "from_f16",
            BlockType::BF16 => "from_bf16",
            _ => return None,
        };
        Some([from, to])
    }

    /// Whether weights lie as integers with scales.
    pub fn is_quantised(self) -> bool {
        !matches!(self, Packing::F32 | Packing::F16 | Packing::Bf16)
    }

    /// Bytes of eight blocks in each plane; 0 where there is no such plane.
    fn bytes_of_eight(self) -> [u64; 3] {
        match self {
            Packing::F32 => [8 * 128, 0, 0],
            Packing::F16 | Packing::Bf16 => [8 * 64, 0, 0],
            Packing::Q4_0 | Packing::Iq4Nl => [8 * 16, 16, 0],
            Packing::Q4_1 => [8 * 16, 32, 0],
            Packing::Q5_0 => [8 * 16, 16, 32],
            Packing::Q5_1 => [8 * 16, 32, 32],
            Packing::Q8_0 => [8 * 32, 16, 0],
            Packing::Q4K => [8 * 16, 16, 0],
            Packing::Q5K => [8 * 16, 16, 32],
            Packing::Q6K => [8 * 16, 20, 64],
            Packing::Iq4Xs | Packing::Mxfp4 => [8 * 16, 8, 0],
        }
    }

    /// Bytes of each plane for `blocks` blocks, rounded up to whole words.
    pub fn plane_bytes(self, blocks: u64) -> [u64; 3] {
        self.bytes_of_eight().map(|bytes| (blocks * bytes).div_ceil(8).next_multiple_of(4))
    }

    /// Planes that there are.
    pub fn planes(self) -> usize {
        self.bytes_of_eight().iter().filter(|&&bytes| bytes > 0).count()
    }

    /// Whether `rows` rows of `cols` elements are whole units of the repack kernel.
    pub fn whole_units(self, rows: usize, cols: usize) -> bool {
        ((rows * cols.div_ceil(BLOCK)) as u64).is_multiple_of(self.unit_blocks().unwrap_or(1))
    }

    /// Blocks that the repack kernel moves as one unit; `None` where the CPU writes whole rows instead.
    pub fn unit_blocks(self) -> Option<u64> {
        match self {
            Packing::F32 | Packing::F16 | Packing::Bf16 => None,
            Packing::Q4_0
            | Packing::Q4_1
            | Packing::Q5_0
            | Packing::Q5_1
            | Packing::Q8_0
            | Packing::Iq4Nl => Some(2),
            Packing::Mxfp4 => Some(4),
            Packing::Q4K | Packing::Q5K | Packing::Q6K | Packing::Iq4Xs => Some(8),
        }
    }
}
