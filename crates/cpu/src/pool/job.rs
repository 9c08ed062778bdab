//! What all threads look at: the job that is, or was last, and which of its tasks nobody has taken yet.
//!
//! The caller opens a job, works along, closes it when no task is left, and waits for the helpers that are in it. A
//! helper that comes late finds it closed, and nobody waits for it.
//!
//! Cores that do not share a cache are far apart: each line that one of them wrote takes the other a tenth of a microsecond or more.
//! So a job is told in one line, and each thread has tasks of its own, the same job after job, so that what it wrote
//! is where it writes again; it takes others' when its own are done.

use std::cell::UnsafeCell;
use std::hint::spin_loop;

use super::platform::{PATIENCE, SPINS};
use super::word::Word;

/// A part of an operation, by its index and the number of the thread that runs it; 0 is the caller's.
pub type Task<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Threads that a pool can have, the caller's among them.
pub const MOST: usize = 64;

/// In [`Job::state`]: how many helpers are in the job, whether more may enter, and the job's number.
const INSIDE: u32 = OPEN - 1;
const OPEN: u32 = 1 << 8;
const NUMBER: u32 = 1 << 9;

/// The number in a state.
fn number(state: u32) -> u32 {
    state & !(NUMBER - 1)
}

/// What a job is.
#[derive(Clone, Copy)]
struct Work {
    task: Task<'static>,
    /// How often it is to run.
    tasks: usize,
    /// On how many threads.
    threads: usize,
    /// What [`Job::taken`] says of each thread when none is taken.
    none: u32,
}

impl Work {
    /// Tasks of each thread's own. Those of the last may be fewer, or none.
    fn own(&self) -> usize {
        self.tasks.div_ceil(self.threads)
    }
}

/// Something on a cache line of its own.
#[repr(align(64))]
pub struct Line<T>(pub T);

/// A job.
#[repr(C, align(64))]
pub struct Job {
    /// `number | open | helpers in it`.
    pub state: Word,
    /// What to do.
    work: UnsafeCell<Option<Work>>,
    /// Whether a task panicked.
    failed: Word,
    /// Whether a helper broke down in a task, and will never leave.
    broken: Word,
    /// Whether helpers are to end.
    stopped: Word,
    /// How many of each thread's own tasks have been taken, in all jobs; between two jobs the same of all that share them.
    taken: [Line<Word>; MOST],
    /// How often a helper ran a task.
    helped: Line<Word>,
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
            failed: Word::new(0),
            broken: Word::new(0),
            stopped: Word::new(0),
            taken: [const { Line(Word::new(0)) }; MOST],
            helped: Line(Word::new(0)),
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
        let work = Work { task, tasks, threads, none: self.taken[0].0.load() };
        // SAFETY: the job is closed and nobody is in it: that is how the last call left it.
        let last = unsafe { (*self.work.get()).replace(work) };
        if last.is_none_or(|last| last.threads != threads) {
            self.taken[..threads].iter().for_each(|taken| taken.0.store(work.none));
        }
        self.state.store(number(self.state.load()).wrapping_add(NUMBER) | OPEN);
        wake();
        self.take_tasks(work, 0);
        self.state.add(OPEN.wrapping_neg());
        let mut looks = 0;
        while self.state.load() & INSIDE > 0 {
            looks += 1;
            assert!(self.broken.load() == 0, "a helper of the thread pool broke down");
            if looks < PATIENCE { spin_loop() } else { pause() }
        }
        let failed = self.failed.load() > 0;
        self.failed.store(0);
        assert!(!failed, "a task of the thread pool panicked");
    }

    /// How many tasks helpers have run, wrapping.
    pub fn helped(&self) -> u32 {
        self.helped.0.load()
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
                if let Some(work) = work
                    && thread < work.threads
                {
                    self.helped.0.add(self.take_tasks(work, thread));
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

    /// Runs tasks until none is left, the thread's own first; returns how many. A panic is kept for the caller, who must not go on
    /// before all threads are out.
    fn take_tasks(&self, work: Work, thread: usize) -> u32 {
        let mut count = 0;
        for owner in (thread..work.threads).chain(0..thread) {
            while let Some(index) = self.take(work, owner) {
                if index >= work.tasks {
                    continue;
                }
                let run = std::panic::AssertUnwindSafe(|| (work.task)(index, thread));
                if std::panic::catch_unwind(run).is_err() {
                    self.failed.store(1);
                }
                count += 1;
            }
        }
        count
    }

    /// The next of `owner`'s own tasks, if one is left.
    fn take(&self, work: Work, owner: usize) -> Option<usize> {
        let Line(taken) = &self.taken[owner];
        loop {
            let now = taken.load();
            let index = now.wrapping_sub(work.none) as usize;
            if index >= work.own() {
                return None;
            }
            if taken.exchange_if(now, now.wrapping_add(1)) {
                return Some(owner * work.own() + index);
            }
        }
    }
}
