//! How much of the wasm heap is used: the promise is that a model of any size needs little of it on its way to the GPU.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes allocated, and the most there were since [`Watch::start`].
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grown(bytes: usize) {
    PEAK.fetch_max(LIVE.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

fn shrunk(bytes: usize) {
    LIVE.fetch_sub(bytes, Relaxed);
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call goes to `System` as it came; the counters touch no memory of its.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrunk(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Where it moves, both are there for a moment.
        grown(size);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        shrunk(layout.size());
        moved
    }
}

/// Watches the heap while a model's bytes pass through it.
pub(crate) struct Watch {
    before: usize,
}

impl Watch {
    pub fn start() -> Self {
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        Watch { before }
    }

    /// Most bytes that were there at once beyond those at the start.
    pub fn peak(&self) -> f64 {
        PEAK.load(Relaxed).saturating_sub(self.before) as f64
    }
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
