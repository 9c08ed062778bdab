//! What all threads look at: the job that is, or was last, and which of its tasks nobody has taken yet.
//!
//! The caller opens a job, works along, closes it when no task is left, and waits for the helpers that are in it. A
//! helper that comes late finds it closed, and nobody waits for it.

use std::cell::UnsafeCell;
use std::hint::spin_loop;

use super::platform::{PATIENCE, SPINS};
use super::word::Word;

/// A part of an operation, by its index and the number of the thread that runs it; 0 is the caller's.
pub type Task<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Threads that a pool can have, the caller's among them: as many as can be counted as inside.
pub const MOST: usize = INSIDE as usize + 1;

/// In [`Job::state`]: how many helpers are in the job, whether more may enter, and the job's number.
const INSIDE: u32 = OPEN - 1;
const OPEN: u32 = 1 << 8;
const NUMBER: u32 = 1 << 9;

/// The number in a state.
fn number(state: u32) -> u32 {
    state & !(NUMBER - 1)
}

/// A task, how often it is to run, and on how many threads.
type Work = (Task<'static>, usize, usize);

/// A job.
pub struct Job {
    /// `number | open | helpers in it`.
    pub state: Word,
    /// What to do.
    work: UnsafeCell<Option<Work>>,
    /// The next index that nobody has taken.
    next: Word,
    /// Whether a task panicked.
    failed: Word,
    /// Whether a helper broke down in a task, and will never leave.
    broken: Word,
    /// Whether helpers are to end.
    stopped: Word,
    /// How often a helper ran a task.
    helped: Word,
}

// SAFETY: `work` is written by the caller alone, while the job is closed and nobody is in it, and read by helpers that are in
// it; `state` orders both.
unsafe impl Sync for Job {}
// SAFETY: tasks are `Sync`, and everything else is words.
unsafe impl Send for Job {}

impl Job {
    /// A job that is over.
    pub const fn new() -> Self {
        Job {
            state: Word::new(0),
            work: UnsafeCell::new(None),
            next: Word::new(0),
            failed: Word::new(0),
            broken: Word::new(0),
            stopped: Word::new(0),
            helped: Word::new(0),
        }
    }

    /// Runs `task` for each index below `tasks`, with the helpers that `wake` wakes and whose numbers are below `threads`;
    /// `pause` is called while the last of them are waited for.
    ///
    /// # Panics
    /// If a task panics, or a helper broke down.
    pub fn run(&self, task: Task<'_>, tasks: usize, threads: usize, wake: impl Fn(), pause: impl Fn()) {
        // SAFETY: only the lifetime changes. Helpers use the task while they are in the job, which they can only
        // enter while it is open; this function closes it and sees all of them leave before it returns.
        let task: Task<'static> = unsafe { std::mem::transmute(task) };
        // SAFETY: the job is closed and nobody is in it: that is how the last call left it.
        unsafe { *self.work.get() = Some((task, tasks, threads)) };
        self.next.store(0);
        self.state.store(number(self.state.load()).wrapping_add(NUMBER) | OPEN);
        wake();
        self.take_tasks(task, tasks, 0);
        self.state.add(OPEN.wrapping_neg());
        let mut looks = 0;
        while self.state.load() & INSIDE > 0 {
            looks += 1;
            assert!(self.broken.load() == 0, "a helper of the thread pool broke down");
            if looks < PATIENCE { spin_loop() } else { pause() }
        }
        // SAFETY: it is closed and nobody is in it.
        unsafe { *self.work.get() = None };
        let failed = self.failed.load() > 0;
        self.failed.store(0);
        assert!(!failed, "a task of the thread pool panicked");
    }

    /// How many tasks helpers have run, wrapping.
    pub fn helped(&self) -> u32 {
        self.helped.load()
    }

    /// A helper's life. `sleep` is given a state, and returns when that may be another one.
    pub fn serve(&self, thread: usize, sleep: impl Fn(u32)) {
        let mut seen = 0;
        while self.stopped.load() == 0 {
            let state = self.wait(seen, &sleep);
            seen = number(state);
            if state & OPEN == 0 {
                continue;
            }
            if self.state.exchange_if(state, state + 1) {
                // SAFETY: the caller writes it only when nobody is in the job, and this helper is.
                let work = unsafe { *self.work.get() };
                if let Some((task, tasks, threads)) = work
                    && thread < threads
                {
                    self.helped.add(self.take_tasks(task, tasks, thread));
                }
                self.state.add(1_u32.wrapping_neg());
            } else {
                // Another helper came or went at the same time: try again.
                seen = seen.wrapping_sub(NUMBER);
            }
        }
    }

    /// Ends the helpers, which must be woken then.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn stop(&self) {
        self.stopped.store(1);
        self.state.add(NUMBER);
    }

    /// A helper broke down, maybe in a task. Who waits for it then panics, and must not go on: other helpers may still be in
    /// the job.
    #[cfg(target_arch = "wasm32")]
    pub fn give_up(&self) {
        self.broken.store(1);
    }

    /// Waits for a job after number `seen`.
    fn wait(&self, seen: u32, sleep: &impl Fn(u32)) -> u32 {
        loop {
            let mut state = 0;
            for _ in 0..SPINS {
                state = self.state.load();
                if number(state) != seen {
                    return state;
                }
                spin_loop();
            }
            sleep(state);
        }
    }

    /// Runs tasks until none is left; returns how many. A panic is kept for the caller, who must not go on before all threads are out.
    fn take_tasks(&self, task: Task<'_>, tasks: usize, thread: usize) -> u32 {
        let mut count = 0;
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            loop {
                let index = self.next.add(1) as usize;
                if index >= tasks {
                    return;
                }
                task(index, thread);
                count += 1;
            }
        }));
        if taken.is_err() {
            self.failed.store(1);
        }
        count
    }
}
