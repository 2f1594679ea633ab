//! How work grows with its input, judged without a clock on the wall.
//!
//! Two measures: what is allocated, which is the same in every run, and this thread's processor time,
//! which other programs make longer but never shorter. So the fastest of several runs counts, and runs
//! are repeated until they fit: what is linear fits sooner or later on the busiest machine, what is
//! quadratic never does.

use allocation_counter::{AllocationInfo, measure};

/// What a piece of work allocates, in all and at once.
pub fn allocated(work: impl FnOnce()) -> AllocationInfo {
    measure(work)
}

/// Seconds of this thread's processor time.
#[cfg(unix)]
fn now() -> f64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(unix)]
fn seconds(work: &mut impl FnMut()) -> f64 {
    let started = now();
    work();
    now() - started
}

/// Asserts that work on an input `times` as large takes about `times` as long, and not the square of
/// that: at most the power 1.5.
pub fn assert_linear_time(what: &str, times: f64, small: impl FnMut(), large: impl FnMut()) {
    assert_at_most(what, times.powf(1.5), small, large);
}

/// Asserts that `large` takes at most `factor` times as long as `small`, and a few milliseconds for what
/// does not depend on the size.
///
/// Where there is no clock of a thread's own, each is done once.
pub fn assert_at_most(what: &str, factor: f64, mut small: impl FnMut(), mut large: impl FnMut()) {
    #[cfg(not(unix))]
    {
        let _ = (what, factor);
        small();
        large();
    }
    #[cfg(unix)]
    {
        let (mut least_small, mut least_large) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..12 {
            for _ in 0..3 {
                least_small = least_small.min(seconds(&mut small));
            }
            least_large = least_large.min(seconds(&mut large));
            if least_large < least_small * factor + 0.003 {
                return;
            }
        }
        panic!("{what}: {least_small:.5} s, then {least_large:.5} s; at most {factor:.1} times");
    }
}
