//! The harness's clock: processor time of the calling thread.
//!
//! Wall time counts whatever else the machine does; processor time of the thread does not. All
//! engines run Wasm on the thread that calls them, so it misses nothing of theirs.

use std::time::Duration;

/// Processor time that the calling thread has used since it started.
///
/// # Panics
///
/// When the system has no such clock.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable `timespec` that outlives the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0, "this system has no clock for a thread's processor time");
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs `work` and tells its result with the nanoseconds of processor time that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = thread_time();
    let result = work();
    let spent = thread_time().saturating_sub(start);
    (result, u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX))
}
