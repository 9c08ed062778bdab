//! How much of the wasm heap is used: the promise is that a model of any size needs little of it.

use core::cell::Cell;

thread_local! {
    static CHUNKS: Cell<u32> = const { Cell::new(0) };
    static PEAK_CHUNKS: Cell<u32> = const { Cell::new(0) };
}

/// Counts a chunk of a model file as held in the heap for as long as this lives.
pub(crate) struct HeldChunk;

impl HeldChunk {
    pub fn new() -> Self {
        CHUNKS.set(CHUNKS.get() + 1);
        PEAK_CHUNKS.set(PEAK_CHUNKS.get().max(CHUNKS.get()));
        HeldChunk
    }
}

impl Drop for HeldChunk {
    fn drop(&mut self) {
        CHUNKS.set(CHUNKS.get() - 1);
    }
}

/// Most chunks of model files that were in the heap at one time.
pub(crate) fn peak_chunks() -> u32 {
    PEAK_CHUNKS.get()
}

/// Bytes of the wasm memory. It never shrinks, so this is its peak too.
pub(crate) fn memory_bytes() -> f64 {
    #[cfg(target_arch = "wasm32")]
    {
        const PAGE_BYTES: f64 = 65_536.0;
        core::arch::wasm32::memory_size(0) as f64 * PAGE_BYTES
    }
    #[cfg(not(target_arch = "wasm32"))]
    0.0
}
