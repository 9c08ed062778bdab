//! Time that the CPU spends, measured where there is a clock: std has none in a browser.

/// Runs from [`Stopwatch::start`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    #[cfg(not(target_arch = "wasm32"))]
    began: std::time::Instant,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch {
            #[cfg(not(target_arch = "wasm32"))]
            began: std::time::Instant::now(),
        }
    }

    /// Nanoseconds since the start; 0 in a browser.
    pub fn nanoseconds(self) -> u64 {
        #[cfg(not(target_arch = "wasm32"))]
        return self.began.elapsed().as_nanos() as u64;
        #[cfg(target_arch = "wasm32")]
        return 0;
    }
}
