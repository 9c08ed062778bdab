//! A few threads that share the work of one operation after the other.
//!
//! A model runs hundreds of operations a token, each some microseconds long, so threads wait for the next one awake
//! for a while before they sleep. Without threads (in a browser, or with one) everything runs where it is called.
#![expect(
    unsafe_code,
    reason = "threads that outlive a call borrow what it borrows, while it waits for them"
)]

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};

/// Looks for a job before a worker sleeps: some hundreds of microseconds.
const SPINS: u32 = 20_000;
/// Looks at the workers before the caller lets another thread have its processor.
const PATIENCE: u32 = 2_000;

/// A part of an operation, by its index.
type Task<'a> = &'a (dyn Fn(usize) + Sync);

/// The threads.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// `number << 16 | open << 15 | workers in it`: the job that is, or was last. A worker that comes late finds it
    /// closed, and nobody waits for it.
    job: AtomicUsize,
    /// What to do, and how often.
    work: Mutex<Option<(Task<'static>, usize)>>,
    /// The next index that nobody has taken.
    next: AtomicUsize,
    /// Whether a task panicked.
    failed: AtomicBool,
    stop: AtomicBool,
    /// Workers that sleep, or are about to.
    sleeping: Mutex<Vec<Thread>>,
    any_sleeping: AtomicBool,
}

const NUMBER: usize = 1 << 16;
const OPEN: usize = 1 << 15;
const INSIDE: usize = OPEN - 1;

impl Pool {
    /// A pool of `threads`, the caller's among them. Takes fewer where the system gives no more.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("sotto-cpu".to_owned()).spawn(move || shared.serve()).ok()
        };
        let workers = (1..threads.min(INSIDE)).map_while(spawn).collect();
        Pool { shared, workers }
    }

    /// How many threads work, the caller's among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `task` once with each index below `tasks`, from all threads, and returns when all are done.
    ///
    /// # Panics
    /// If a task panics.
    pub fn run(&self, tasks: usize, task: Task<'_>) {
        if self.workers.is_empty() || tasks < 2 {
            return (0..tasks).for_each(task);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. Workers use the task while they are in the job, which they can only
        // enter while it is open; this function closes it and sees all of them leave before it returns.
        let task: Task<'static> = unsafe { std::mem::transmute(task) };
        *lock(&shared.work) = Some((task, tasks));
        shared.next.store(0, Ordering::Relaxed);
        let number = shared.job.load(Ordering::Relaxed) & !(OPEN | INSIDE);
        shared.job.store(number.wrapping_add(NUMBER) | OPEN, Ordering::SeqCst);
        if shared.any_sleeping.load(Ordering::SeqCst) {
            shared.wake();
        }
        shared.take_tasks(task, tasks);
        shared.job.fetch_and(!OPEN, Ordering::AcqRel);
        let mut looks = 0;
        while shared.job.load(Ordering::Acquire) & INSIDE > 0 {
            looks += 1;
            if looks < PATIENCE { spin_loop() } else { thread::yield_now() }
        }
        *lock(&shared.work) = None;
        assert!(!shared.failed.swap(false, Ordering::Relaxed), "a task of the thread pool panicked");
    }

    /// Cuts `out` into pieces of `length`, the last as long as what is left, and calls `task` with each and its index.
    pub fn pieces<T: Send>(&self, out: &mut [T], length: usize, task: impl Fn(usize, &mut [T]) + Sync) {
        let (start, total) = (Out(out.as_mut_ptr()), out.len());
        self.run(total.div_ceil(length.max(1)), &|index| {
            let from = index * length;
            // SAFETY: `run` gives each index once, so no two pieces overlap; all lie within `out`, which is lent to
            // this function until every task is over.
            let piece = unsafe { std::slice::from_raw_parts_mut(start.at(from), length.min(total - from)) };
            task(index, piece);
        });
    }
}

/// Where a buffer starts, for all threads.
struct Out<T>(*mut T);

// SAFETY: it is only used to make slices that do not overlap, each for one thread.
unsafe impl<T: Send> Sync for Out<T> {}

impl<T> Out<T> {
    fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

impl Shared {
    /// A worker's life.
    fn serve(&self) {
        let mut seen = 0;
        while !self.stop.load(Ordering::Acquire) {
            let job = self.wait(seen);
            seen = job & !(OPEN | INSIDE);
            let entered = job & OPEN != 0
                && self.job.compare_exchange(job, job + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            if entered {
                let work = *lock(&self.work);
                if let Some((task, tasks)) = work {
                    self.take_tasks(task, tasks);
                }
                self.job.fetch_sub(1, Ordering::Release);
            } else if job & OPEN != 0 {
                // Another worker came or went at the same time: try again.
                seen = seen.wrapping_sub(NUMBER);
            }
        }
    }

    /// Waits for a job after number `seen`.
    fn wait(&self, seen: usize) -> usize {
        loop {
            for _ in 0..SPINS {
                let job = self.job.load(Ordering::Acquire);
                if job & !(OPEN | INSIDE) != seen {
                    return job;
                }
                spin_loop();
            }
            lock(&self.sleeping).push(thread::current());
            self.any_sleeping.store(true, Ordering::SeqCst);
            // The caller counts the job first and looks for sleepers then: one of the two sees the other.
            if self.job.load(Ordering::SeqCst) & !(OPEN | INSIDE) == seen {
                thread::park();
            }
        }
    }

    fn wake(&self) {
        let mut sleeping = lock(&self.sleeping);
        self.any_sleeping.store(false, Ordering::SeqCst);
        sleeping.drain(..).for_each(|thread| thread.unpark());
    }

    /// Runs tasks until none is left. A panic is kept for the caller, who must not go on before all threads are out.
    fn take_tasks(&self, task: Task<'_>, tasks: usize) {
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                if index >= tasks {
                    return;
                }
                task(index);
            }
        }));
        if taken.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.job.fetch_add(NUMBER, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // It has caught whatever panicked in it.
            let _ = worker.join();
        }
    }
}

/// A lock that a panic elsewhere does not spoil: what it guards is written whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
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
                    // Long enough for workers to fall asleep.
                    thread::sleep(std::time::Duration::from_millis(20));
                }
            }
            assert!(out.iter().enumerate().all(|(i, &v)| v == 199.0 * i as f32), "{threads} threads");
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_a_usable_pool() {
        let pool = Pool::new(3);
        let panics = std::panic::AssertUnwindSafe(|| pool.run(64, &|index| assert_ne!(index, 40)));
        assert!(std::panic::catch_unwind(panics).is_err());
        let count = AtomicUsize::new(0);
        pool.run(64, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 64);
    }
}
