//! A thread that waits for another.
//!
//! A target without threads has nothing that could wake it, and without the feature `std` a thread cannot be put
//! to sleep: there the wait is over with its time, and one without end is interrupted.

use crate::sys::standard::{Condvar, Instant, Mutex, MutexGuard, PoisonError};

/// A thread that waits.
#[derive(Debug, Default)]
pub struct Waiter {
    woken: Mutex<Option<Wake>>,
    changed: Condvar,
}

/// Why it woke up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// It was notified.
    Notified,
    /// Its store is to be interrupted.
    Interrupted,
}

impl Waiter {
    /// Wakes it up, unless it has been already.
    pub fn wake(&self, why: Wake) {
        unpoisoned(self.woken.lock()).get_or_insert(why);
        self.changed.notify_all();
    }

    #[cfg(any(not(feature = "std"), all(target_family = "wasm", not(target_feature = "atomics"))))]
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Option<Wake> {
        // Of an interrupt that came before.
        if let Some(woken) = *unpoisoned(self.woken.lock()) {
            return Some(woken);
        }
        let Some(deadline) = deadline else { return Some(Wake::Interrupted) };
        crate::sys::standard::sleep_until(deadline);
        None
    }

    #[cfg(all(feature = "std", not(all(target_family = "wasm", not(target_feature = "atomics")))))]
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Option<Wake> {
        let mut woken = unpoisoned(self.woken.lock());
        loop {
            if woken.is_some() {
                return *woken;
            }
            woken = match deadline {
                None => unpoisoned(self.changed.wait(woken)),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    match self.changed.wait_timeout(woken, left) {
                        Ok((woken, _)) => woken,
                        Err(error) => error.into_inner().0,
                    }
                }
            };
        }
    }
}

/// Nothing that holds these locks panics half way.
pub(super) fn unpoisoned<'a, T>(
    guard: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>,
) -> MutexGuard<'a, T> {
    guard.unwrap_or_else(PoisonError::into_inner)
}
