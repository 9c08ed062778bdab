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

use std::marker::PhantomData;

use job::Task;

/// The threads.
pub struct Pool {
    crew: platform::Crew,
}

impl Pool {
    /// A pool of `threads`, the caller's among them. Takes fewer where the system gives no more.
    pub fn new(threads: usize) -> Self {
        Pool { crew: platform::Crew::new(Self::size(threads) - 1) }
    }

    /// How many there are at most where so many are asked for.
    pub fn size(threads: usize) -> usize {
        threads.clamp(1, job::MOST)
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
        self.each(Pieces::new(out, length), task);
    }

    /// Calls `task` with each piece of `cut` and its index.
    pub fn each<C: Cut>(&self, cut: C, task: impl Fn(usize, C::Piece) + Sync) {
        let mut nothing = vec![(); self.threads()];
        self.each_with(&mut nothing, cut, |index, piece, ()| task(index, piece));
    }

    /// As [`Pool::each`], for tasks that also need something to write in that no other thread has: `scratch` has one for
    /// each thread.
    pub fn each_with<C: Cut, S: Send>(
        &self,
        scratch: &mut [S],
        cut: C,
        task: impl Fn(usize, C::Piece, &mut S) + Sync,
    ) {
        assert!(scratch.len() >= self.threads(), "each thread has a scratch of its own");
        let scratch = Pieces::new(scratch, 1);
        self.run(cut.count(), &|index, thread| {
            // SAFETY: `run` gives each index once.
            let piece = unsafe { cut.piece(index) };
            // SAFETY: a thread runs one task at a time, and there is a scratch for each thread's number.
            let scratch = unsafe { scratch.piece(thread) };
            task(index, piece, &mut scratch[0]);
        });
    }

    /// As [`Pool::pieces`] of several buffers, all in one job: `task` is told which one a piece is of.
    pub fn pieces_of_all<T: Send, const N: usize>(
        &self,
        outs: &mut [Vec<T>; N],
        length: usize,
        task: impl Fn(usize, usize, &mut [T]) + Sync,
    ) {
        let outs = outs.each_mut().map(|out| Pieces::new(out, length));
        self.run(outs.iter().map(Pieces::count).sum(), &|mut index, _| {
            for (which, out) in outs.iter().enumerate() {
                if index < out.count() {
                    // SAFETY: `run` gives each index once, and each stands for a piece of one buffer.
                    return task(which, index, unsafe { out.piece(index) });
                }
                index -= out.count();
            }
        });
    }
}

/// What is cut into pieces, for threads to write in.
pub trait Cut: Sync {
    /// A piece.
    type Piece;
    /// How many there are.
    fn count(&self) -> usize;
    /// Piece `index`.
    ///
    /// # Safety
    /// It is asked for once in the life of what was cut, or what was given before is not used any more.
    unsafe fn piece(&self, index: usize) -> Self::Piece;
}

/// A buffer, in pieces of one length, the last as long as what is left.
pub struct Pieces<'a, T> {
    start: *mut T,
    total: usize,
    length: usize,
    lent: PhantomData<&'a mut [T]>,
}

// SAFETY: it is only used to make slices that do not overlap, each for one thread.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    /// Cuts `buffer` into pieces of `length`.
    pub fn new(buffer: &'a mut [T], length: usize) -> Self {
        let (start, total) = (buffer.as_mut_ptr(), buffer.len());
        Pieces { start, total, length: length.max(1), lent: PhantomData }
    }
}

impl<'a, T: Send> Cut for Pieces<'a, T> {
    type Piece = &'a mut [T];

    fn count(&self) -> usize {
        self.total.div_ceil(self.length)
    }

    unsafe fn piece(&self, index: usize) -> &'a mut [T] {
        assert!(index < self.count(), "a piece is part of the buffer");
        let from = index * self.length;
        // SAFETY: it lies within the buffer, which is lent for as long, and the caller has it alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), self.length.min(self.total - from)) }
    }
}

/// Pieces of one beside those of the other, as many as the shorter has.
impl<A: Cut, B: Cut> Cut for (A, B) {
    type Piece = (A::Piece, B::Piece);

    fn count(&self) -> usize {
        self.0.count().min(self.1.count())
    }

    unsafe fn piece(&self, index: usize) -> Self::Piece {
        // SAFETY: as the caller says.
        unsafe { (self.0.piece(index), self.1.piece(index)) }
    }
}

/// Pieces that there may be none of, though others are.
impl<C: Cut> Cut for Option<C> {
    type Piece = Option<C::Piece>;

    fn count(&self) -> usize {
        self.as_ref().map_or(usize::MAX, C::count)
    }

    unsafe fn piece(&self, index: usize) -> Self::Piece {
        // SAFETY: as the caller says.
        self.as_ref().map(|cut| unsafe { cut.piece(index) })
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
    fn pieces_of_several_buffers_are_given_once_each() {
        for threads in 1..4 {
            let pool = Pool::new(threads);
            let mut all = [vec![0; 100], vec![], vec![0; 33]];
            pool.pieces_of_all(&mut all, 16, |which, index, piece| {
                piece.iter_mut().enumerate().for_each(|(i, v)| *v += 1000 * which + index * 16 + i);
            });
            for (which, out) in all.iter().enumerate() {
                assert!(out.iter().enumerate().all(|(i, &v)| v == 1000 * which + i), "{out:?}");
            }
            let (mut a, mut b) = (vec![0; 50], vec![0_u8; 100]);
            pool.each((Pieces::new(&mut a, 7), Pieces::new(&mut b, 14)), |index, (a, b)| {
                assert_eq!(2 * a.len(), b.len());
                a.fill(index);
                b.iter_mut().for_each(|b| *b += 2 * index as u8);
            });
            assert!((0..50).all(|i| a[i] == i / 7));
            assert!((0..100).all(|i| usize::from(b[i]) == 2 * (i / 14)));
        }
    }

    #[test]
    fn no_two_threads_share_a_scratch() {
        let pool = Pool::new(3);
        let mut counts = vec![0; pool.threads()];
        let mut out = vec![0_u8; 1000];
        for _ in 0..100 {
            pool.each_with(&mut counts, Pieces::new(&mut out, 7), |_, piece, count| *count += piece.len());
        }
        assert_eq!(counts.iter().sum::<usize>(), 100 * out.len());
        let helped = pool.helped() as usize;
        assert!(helped * 7 >= counts[1..].iter().sum(), "{counts:?}, {helped}");
    }

    #[test]
    fn a_job_may_be_for_fewer_threads_than_the_one_before() {
        let pool = Pool::new(4);
        for threads in [4, 2, 3, 1, 4, 3, 2, 4] {
            for tasks in [1, 2, 40] {
                let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                let task = |index: usize, thread| {
                    assert!(thread < threads);
                    counts[index].fetch_add(1, Ordering::Relaxed);
                };
                pool.crew.job().run(&task, tasks, threads, || pool.crew.wake(), platform::pause);
                assert!(counts.into_iter().all(|count| count.into_inner() == 1), "{tasks} on {threads}");
            }
        }
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
