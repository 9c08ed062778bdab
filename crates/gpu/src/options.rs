//! How a model is to be run.

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KvType {
    /// Four bytes an element.
    F32,
    /// Two bytes an element; scores and sums are f32 all the same.
    #[default]
    F16,
}

impl KvType {
    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            KvType::F32 => 4,
            KvType::F16 => 2,
        }
    }

    /// The flags that select it in shaders.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            KvType::F32 => &[],
            KvType::F16 => &["kv_f16"],
        }
    }
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
