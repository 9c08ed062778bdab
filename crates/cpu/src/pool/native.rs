//! Threads of the system.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

use super::job::Job;

/// Looks for a job before a helper sleeps: some hundreds of microseconds.
pub const SPINS: u32 = 20_000;
/// Looks at the helpers before the caller lets another thread have its processor: some tens of microseconds.
pub const PATIENCE: u32 = 2_000;

/// Lets another thread have the processor.
pub fn pause() {
    thread::yield_now();
}

/// The threads of a pool, but for the caller's.
pub struct Crew {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    job: Job,
    /// Helpers that sleep, or are about to.
    sleeping: Mutex<Vec<Thread>>,
    any_sleeping: AtomicBool,
}

impl Crew {
    /// `helpers` threads, or as many as the system gives.
    pub fn new(helpers: usize) -> Self {
        let shared = Arc::new(Shared {
            job: Job::new(),
            sleeping: Mutex::default(),
            any_sleeping: AtomicBool::new(false),
        });
        let spawn = |number| {
            let shared = Arc::clone(&shared);
            let life = move || shared.job.serve(number, |state| shared.sleep(state));
            thread::Builder::new().name("sotto-cpu".to_owned()).spawn(life).ok()
        };
        let helpers = (1..=helpers).map_while(spawn).collect();
        Crew { shared, helpers }
    }

    /// How many there are.
    pub fn helpers(&self) -> usize {
        self.helpers.len()
    }

    /// Where they look for work.
    pub fn job(&self) -> &Job {
        &self.shared.job
    }

    /// Wakes those that sleep.
    pub fn wake(&self) {
        if self.shared.any_sleeping.load(Ordering::SeqCst) {
            let mut sleeping = self.shared.sleeping();
            self.shared.any_sleeping.store(false, Ordering::SeqCst);
            sleeping.drain(..).for_each(|thread| thread.unpark());
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.job.stop();
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            // It has caught whatever panicked in it.
            let _ = helper.join();
        }
    }
}

impl Shared {
    fn sleep(&self, state: u32) {
        self.sleeping().push(thread::current());
        self.any_sleeping.store(true, Ordering::SeqCst);
        // The caller counts the job first and looks for sleepers then: one of the two sees the other.
        if self.job.state.load() == state {
            thread::park();
        }
    }

    /// A panic elsewhere does not spoil the list: it is written whole.
    fn sleeping(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.sleeping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
