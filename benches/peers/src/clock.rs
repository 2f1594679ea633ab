//! The harness's clock: processor time of the calling thread.
//!
//! Wall time counts whatever else the machine does; processor time of the thread does not. All
//! engines run Wasm on the thread that calls them, so it misses nothing of theirs.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time that the calling thread has used since it started.
///
/// # Panics
///
/// When the system has no such clock.
pub fn thread_time() -> Duration {
    match clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) {
        Ok(time) => Duration::from(time),
        Err(error) => panic!("this system has no clock for a thread's processor time: {error}"),
    }
}

/// Runs `work` and tells its result with the nanoseconds of processor time that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = thread_time();
    let result = work();
    let spent = thread_time().saturating_sub(start);
    (result, u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX))
}
