//! Time that the CPU spends. std has no clock in a browser: who has one there sets it.

#[cfg(target_arch = "wasm32")]
use std::sync::OnceLock;

/// Milliseconds since some moment.
#[cfg(target_arch = "wasm32")]
static CLOCK: OnceLock<fn() -> f64> = OnceLock::new();

/// Sets the clock of this module in a browser: `now` tells milliseconds since some moment. The first one stays.
#[cfg(target_arch = "wasm32")]
pub fn set_clock(now: fn() -> f64) {
    // A second start brings the same clock.
    let _ = CLOCK.set(now);
}

/// Runs from [`Stopwatch::start`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    #[cfg(not(target_arch = "wasm32"))]
    began: std::time::Instant,
    #[cfg(target_arch = "wasm32")]
    began: f64,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch {
            #[cfg(not(target_arch = "wasm32"))]
            began: std::time::Instant::now(),
            #[cfg(target_arch = "wasm32")]
            began: now(),
        }
    }

    /// Nanoseconds since the start; 0 in a browser without a clock.
    pub fn nanoseconds(self) -> u64 {
        #[cfg(not(target_arch = "wasm32"))]
        return self.began.elapsed().as_nanos() as u64;
        #[cfg(target_arch = "wasm32")]
        return ((now() - self.began).max(0.0) * 1e6) as u64;
    }
}

#[cfg(target_arch = "wasm32")]
fn now() -> f64 {
    CLOCK.get().map_or(0.0, |now| now())
}
