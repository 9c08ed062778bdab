//! How a model is to be run.

use sotto_plan::{KvCache, Plan};

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KvType {
    /// Four bytes an element.
    F32,
    /// Two bytes an element; scores and sums are f32 all the same.
    #[default]
    F16,
    /// A byte an element, and a scale (f32) for each 32 of a head, or as many as divide it: 9 bits an element or a little more.
    Q8_0,
}

impl KvType {
    /// Bytes of a position's keys and values.
    pub fn position_bytes(self, cache: KvCache) -> u64 {
        let elements = (2 * cache.n_kv_heads * cache.head_dim) as u64;
        match self {
            KvType::F32 => 4 * elements,
            KvType::F16 => 2 * elements,
            KvType::Q8_0 => elements + elements / u64::from(block_quads(cache.head_dim)),
        }
    }

    /// The same for all caches of a plan.
    pub fn bytes_per_position(self, plan: &Plan) -> u64 {
        plan.caches.iter().map(|&cache| self.position_bytes(cache)).sum()
    }

    /// The flags that select it in shaders.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            KvType::F32 => &[],
            KvType::F16 => &["kv_f16"],
            KvType::Q8_0 => &["kv_q8"],
        }
    }

    /// The constant that goes with the flags, for heads of `head_dim` elements.
    pub(crate) fn constant(self, head_dim: usize) -> Option<(&'static str, f64)> {
        (self == KvType::Q8_0).then(|| ("KV_BLOCK", f64::from(block_quads(head_dim))))
    }
}

/// Quads of a head that share a scale.
fn block_quads(head_dim: usize) -> u32 {
    1 << (head_dim / 4).trailing_zeros().min(3)
}

/// How a model is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOptions {
    /// Positions that the KV cache may grow to.
    pub context_length: usize,
    /// Positions that the KV cache has room for at first, or a few more; it grows as they are taken, and nothing is copied.
    pub first_positions: usize,
    /// How keys and values are kept.
    pub kv_type: KvType,
    /// Tokens that one step of a prefill takes at most.
    pub max_batch_tokens: usize,
    /// Whether operations are fused. Off only to compare.
    pub fuse: bool,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            context_length: 4096,
            first_positions: 1024,
            kv_type: KvType::default(),
            max_batch_tokens: 512,
            fuse: true,
        }
    }
}
