//! The harness's clock: processor time of the calling thread.
//!
//! Wall time counts whatever else the machine does; processor time of the thread does not. All
//! engines run Wasm on the thread that calls them, so it misses nothing of theirs.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time that the calling thread has used since it started.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs `work` and tells its result with the nanoseconds of processor time that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = thread_time();
    let result = work();
    let spent = thread_time().saturating_sub(start);
    (result, u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX))
}
