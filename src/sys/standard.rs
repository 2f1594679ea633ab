//! What the standard library has and neither `core` nor `alloc`: locks, maps with hashes, errors of the
//! system, threads, and the end of a panic. `standalone.rs` is its twin without the feature `std`.

pub use std::collections::{HashMap, HashSet, hash_map};
pub use std::io;
pub use std::panic::{catch_unwind, resume_unwind};
pub use std::sync::{
    Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, PoisonError, RwLock, TryLockError,
};
pub use std::time::Instant;

use crate::prelude::*;

/// A map that keeps the order of insertion.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V>;

/// Sleeps, on a target whose programs have one thread.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
pub fn sleep_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(Instant::now()));
}

/// Threads that can run at the same time.
pub fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Calls `work` on up to so many threads at once, of which this one is the first, and returns what it did.
///
/// # Panics
///
/// If it does on any thread.
pub fn on_threads<R: Send>(threads: usize, work: impl Fn() -> R + Sync) -> Vec<R> {
    if threads < 2 {
        return vec![work()];
    }
    std::thread::scope(|scope| {
        // Too few threads only take longer; this one works in any case.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, &work).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mut results = vec![work()];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => resume_unwind(panic),
            }
        }
        results
    })
}

/// Whether the processor has the named feature: that of the build, or one that is looked for as it runs.
#[cfg(target_arch = "x86_64")]
macro_rules! has_feature {
    ($name:tt) => {
        std::arch::is_x86_feature_detected!($name)
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use has_feature;
