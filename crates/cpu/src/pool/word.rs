//! A word that threads share.
//!
//! The standard library of WebAssembly is compiled for one thread, and these operations with it. So there each is a function
//! that is exported, for the build to find it and to put an instruction for many threads in its place, in the
//! module that is loaded where memory can be shared (`xtask/src/threads.rs`). Exported, its arguments stay what they are;
//! not inlined, it can be another.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A word. What a thread wrote before it wrote the word is there for who reads it.
pub struct Word(AtomicU32);

impl Word {
    /// A word.
    pub const fn new(value: u32) -> Self {
        Word(AtomicU32::new(value))
    }

    /// Reads it.
    pub fn load(&self) -> u32 {
        sotto_word_load(&self.0)
    }

    /// Writes it.
    pub fn store(&self, value: u32) {
        sotto_word_store(&self.0, value);
    }

    /// Adds to it, wrapping; returns what it was.
    pub fn add(&self, value: u32) -> u32 {
        sotto_word_add(&self.0, value)
    }

    /// Writes `new` if it is `expected`; whether it was.
    pub fn exchange_if(&self, expected: u32, new: u32) -> bool {
        sotto_word_exchange_if(&self.0, expected, new) == expected
    }

    /// Sleeps while it is `expected`, until it is notified or `nanoseconds` are over; negative is for ever.
    #[cfg(target_arch = "wasm32")]
    pub fn wait(&self, expected: u32, nanoseconds: i64) {
        sotto_word_wait(&self.0, expected, nanoseconds);
    }

    /// Wakes all that sleep.
    #[cfg(target_arch = "wasm32")]
    pub fn notify(&self) {
        sotto_word_notify(&self.0, u32::MAX);
    }
}

#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle), inline(never))]
extern "C" fn sotto_word_load(at: &AtomicU32) -> u32 {
    at.load(SeqCst)
}

#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle), inline(never))]
extern "C" fn sotto_word_store(at: &AtomicU32, value: u32) {
    at.store(value, SeqCst);
}

#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle), inline(never))]
extern "C" fn sotto_word_add(at: &AtomicU32, value: u32) -> u32 {
    at.fetch_add(value, SeqCst)
}

#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle), inline(never))]
extern "C" fn sotto_word_exchange_if(at: &AtomicU32, expected: u32, new: u32) -> u32 {
    at.compare_exchange(expected, new, SeqCst, SeqCst).unwrap_or_else(|found| found)
}

// With one thread nobody waits. What these return uses every argument, or none would be passed.

#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sotto_word_wait(at: &AtomicU32, expected: u32, nanoseconds: i64) -> u32 {
    at.load(SeqCst) ^ expected ^ nanoseconds as u32
}

#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sotto_word_notify(at: &AtomicU32, most: u32) -> u32 {
    at.load(SeqCst) & most
}
