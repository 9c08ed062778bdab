//! Workers of a browser, each an instance of this module on the memory of the first.
//!
//! The standard library is compiled for one thread: its allocator, locks and thread-locals are not for helpers. They run
//! tasks and nothing else, and tasks allocate nothing.

use super::job::{Job, Line};
use super::word::Word;

/// Looks for a job before a helper sleeps: some hundreds of microseconds. There is no instruction to pause.
pub const SPINS: u32 = 200_000;
/// Looks at the helpers before the caller lets another thread have its processor: more than the longest task of a decode step
/// takes, since browsers sleep no shorter than some tens of microseconds.
pub const PATIENCE: u32 = 50_000;

/// What a helper's stack holds. Kernels take a few KiB; the rest is for a panic to say what it is about.
const STACK_BYTES: usize = 128 * 1024;

/// How long the caller waits, once spinning is too long, before it looks again.
const PAUSE_NANOSECONDS: i64 = 20_000;
const FOREVER: i64 = -1;

/// The job of this module: an instance of it has one model.
static JOB: Job = Job::new();
/// Helpers that sleep, or are about to.
static SLEEPING: Line<Word> = Line(Word::new(0));
/// What nobody ever writes, for the caller to wait on.
static NOTHING: Line<Word> = Line(Word::new(0));

/// Lets another thread have the processor.
pub fn pause() {
    NOTHING.0.wait(0, PAUSE_NANOSECONDS);
}

/// The helpers of a pool.
pub struct Crew {
    helpers: usize,
}

impl Crew {
    /// `helpers` helpers, which JavaScript has started. Where they come late, work is done without them.
    pub fn new(helpers: usize) -> Self {
        Crew { helpers }
    }

    /// How many there are.
    pub fn helpers(&self) -> usize {
        self.helpers
    }

    /// Where they look for work.
    pub fn job(&self) -> &Job {
        &JOB
    }

    /// Wakes those that sleep.
    pub fn wake(&self) {
        if SLEEPING.0.load() > 0 {
            JOB.state.notify();
        }
    }
}

/// Makes room for the stack of one more helper, for as long as this module lives; returns the address of its top.
pub fn new_stack() -> usize {
    // Aligned as the compiler expects it of a stack.
    let stack = vec![0_u128; STACK_BYTES / size_of::<u128>()].leak();
    stack.as_ptr_range().end as usize
}

/// What helper number `thread` runs, from 1 on, in an instance of its own with a stack of its own. It does not return.
#[unsafe(no_mangle)]
extern "C" fn sotto_help(thread: u32) {
    JOB.serve(thread as usize, |state| {
        SLEEPING.0.add(1);
        // The caller counts the job first and looks for sleepers then: either it sees this one, or this one that it is
        // another job.
        JOB.state.wait(state, FOREVER);
        SLEEPING.0.add(1_u32.wrapping_neg());
    });
}

/// What is called where [`sotto_help`] trapped, so that the caller does not wait for it.
#[unsafe(no_mangle)]
extern "C" fn sotto_help_failed() {
    JOB.give_up();
}
