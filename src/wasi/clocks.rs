//! The two clocks a guest can read, and how an embedder replaces them.

use core::time::Duration;
use std::time::{Instant, SystemTime};

/// The clock of the calendar: `CLOCK_REALTIME`.
pub trait HostWallClock: Send {
    /// The shortest difference that [`now`](Self::now) can show.
    fn resolution(&self) -> Duration;
    /// The time since 1970-01-01 00:00 UTC.
    fn now(&self) -> Duration;
}

/// A clock that never goes back: `CLOCK_MONOTONIC`.
///
/// Timeouts given to `poll_oneoff` as points in time are compared with it once; the waiting itself
/// is always done in real time.
pub trait HostMonotonicClock: Send {
    /// The shortest difference that [`now`](Self::now) can show, in nanoseconds.
    fn resolution(&self) -> u64;
    /// Nanoseconds since a moment of the implementation's choice.
    fn now(&self) -> u64;
}

/// The host's calendar clock. A host clock before 1970 reads as 1970.
pub(super) struct WallClock;

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        #[cfg(unix)]
        {
            let resolution = rustix::time::clock_getres(rustix::time::ClockId::Realtime);
            Duration::try_from(resolution).unwrap_or(Duration::from_nanos(1))
        }
        #[cfg(not(unix))]
        // The unit of Windows file times, in which the standard library reads this clock.
        Duration::from_nanos(100)
    }

    fn now(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

/// The host's monotonic clock, starting at zero when the context is built, so that a guest does not
/// learn how long the host has been running.
pub(super) struct MonotonicClock {
    start: Instant,
}

impl MonotonicClock {
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        #[cfg(unix)]
        {
            let resolution = rustix::time::clock_getres(rustix::time::ClockId::Monotonic);
            Duration::try_from(resolution).map_or(1, nanos)
        }
        #[cfg(not(unix))]
        // The usual period of the Windows performance counter.
        100
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}

/// A duration as preview 1's 64-bit nanoseconds, which last until the year 2554.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
