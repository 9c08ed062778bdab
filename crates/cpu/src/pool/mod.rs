//! A few threads that share the work of one operation after the other.
//!
//! A model runs hundreds of operations a token, each some microseconds long, so threads wait for the next one awake
//! for a while before they sleep. How an operation is shared is the same everywhere ([`job`]); where threads come from, how they
//! sleep and what wakes them is the platform's: the system's threads ([`native`]), or a browser's workers on one
//! memory ([`web`]). With one thread everything runs where it is called.
#![expect(
    unsafe_code,
    reason = "threads that outlive a call borrow what it borrows, while it waits for them"
)]

mod job;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub(crate) mod web;
mod word;

#[cfg(not(target_arch = "wasm32"))]
use native as platform;
#[cfg(target_arch = "wasm32")]
use web as platform;

use job::Task;

/// The threads.
pub struct Pool {
    crew: platform::Crew,
}

impl Pool {
    /// A pool of `threads`, the caller's among them. Takes fewer where the system gives no more.
    pub fn new(threads: usize) -> Self {
        Pool { crew: platform::Crew::new(threads.clamp(1, job::MOST) - 1) }
    }

    /// How many threads work, the caller's among them.
    pub fn threads(&self) -> usize {
        self.crew.helpers() + 1
    }

    /// How many tasks other threads than the caller's have run, wrapping.
    pub fn helped(&self) -> u32 {
        self.crew.job().helped()
    }

    /// Calls `task` once with each index below `tasks`, from all threads, and returns when all are done. The task is
    /// told which of the [`Pool::threads`] it runs on, too.
    ///
    /// # Panics
    /// If a task panics; in a browser, also if a helper broke down.
    pub fn run(&self, tasks: usize, task: Task<'_>) {
        if self.crew.helpers() == 0 || tasks < 2 {
            return (0..tasks).for_each(|index| task(index, 0));
        }
        let crew = &self.crew;
        crew.job().run(task, tasks, self.threads(), || crew.wake(), platform::pause);
    }

    /// Cuts `out` into pieces of `length`, the last as long as what is left, and calls `task` with each and its index.
    pub fn pieces<T: Send>(&self, out: &mut [T], length: usize, task: impl Fn(usize, &mut [T]) + Sync) {
        let mut nothing = vec![(); self.threads()];
        self.pieces_with(&mut nothing, out, length, |index, piece, ()| task(index, piece));
    }

    /// As [`Pool::pieces`], for tasks that also need something to write in that no other thread has: `scratch` has one for
    /// each thread.
    pub fn pieces_with<T: Send, S: Send>(
        &self,
        scratch: &mut [S],
        out: &mut [T],
        length: usize,
        task: impl Fn(usize, &mut [T], &mut S) + Sync,
    ) {
        assert!(scratch.len() >= self.threads(), "each thread has a scratch of its own");
        let (scratch, start, total) = (Start(scratch.as_mut_ptr()), Start(out.as_mut_ptr()), out.len());
        self.run(total.div_ceil(length.max(1)), &|index, thread| {
            let from = index * length;
            // SAFETY: `run` gives each index once, so no two pieces overlap; all lie within `out`, which is lent to
            // this function until every task is over.
            let piece = unsafe { std::slice::from_raw_parts_mut(start.at(from), length.min(total - from)) };
            // SAFETY: a thread runs one task at a time, and there is a scratch for each thread's number.
            let scratch = unsafe { &mut *scratch.at(thread) };
            task(index, piece, scratch);
        });
    }
}

/// Where a buffer starts, for all threads.
struct Start<T>(*mut T);

// SAFETY: it is only used to make slices that do not overlap, each for one thread.
unsafe impl<T: Send> Sync for Start<T> {}

impl<T> Start<T> {
    fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_piece_is_given_once_job_after_job() {
        for threads in 1..5 {
            let pool = Pool::new(threads);
            let mut out = vec![0.0; 1003];
            for round in 1..200 {
                let length = 1 + round % 37;
                pool.pieces(&mut out, length, |index, piece| {
                    piece.iter_mut().enumerate().for_each(|(i, v)| *v += (index * length + i) as f32);
                });
                if round == 100 {
                    // Long enough for helpers to fall asleep.
                    thread::sleep(Duration::from_millis(20));
                }
            }
            assert!(out.iter().enumerate().all(|(i, &v)| v == 199.0 * i as f32), "{threads} threads");
        }
    }

    #[test]
    fn no_two_threads_share_a_scratch() {
        let pool = Pool::new(3);
        let mut counts = vec![0; pool.threads()];
        let mut out = vec![0_u8; 1000];
        for _ in 0..100 {
            pool.pieces_with(&mut counts, &mut out, 7, |_, piece, count| *count += piece.len());
        }
        assert_eq!(counts.iter().sum::<usize>(), 100 * out.len());
        let helped = pool.helped() as usize;
        assert!(helped * 7 >= counts[1..].iter().sum(), "{counts:?}, {helped}");
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_a_usable_pool() {
        let pool = Pool::new(3);
        let panics = std::panic::AssertUnwindSafe(|| pool.run(64, &|index, _| assert_ne!(index, 40)));
        assert!(std::panic::catch_unwind(panics).is_err());
        let count = AtomicUsize::new(0);
        pool.run(64, &|_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 64);
    }
}
