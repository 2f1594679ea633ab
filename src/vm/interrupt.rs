//! Interrupting a store from another thread.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::shared::{Waiter, Wake};

/// What a store and those who may interrupt it have in common.
#[derive(Debug, Default)]
pub struct InterruptState {
    /// Not zero from the request until it is obeyed. Code reads it through the store's context.
    asked: AtomicU32,
    /// The wait in which the store is.
    waiter: Mutex<Option<Arc<Waiter>>>,
}

impl InterruptState {
    /// The flag, for code to read.
    pub fn flag(&self) -> &AtomicU32 {
        &self.asked
    }

    /// Asks for an interrupt.
    pub fn ask(&self) {
        let waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        self.asked.store(1, Ordering::Release);
        if let Some(waiter) = &*waiter {
            waiter.wake(Wake::Interrupted);
        }
    }

    /// Obeys a request: was there one?
    pub fn take(&self) -> bool {
        self.asked.swap(0, Ordering::Acquire) != 0
    }

    /// The store's thread is about to wait, or is back. A request that is there already wakes it.
    pub(super) fn waits(&self, waiter: Option<&Arc<Waiter>>) {
        let mut place = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        *place = waiter.cloned();
        if let Some(waiter) = waiter
            && self.asked.load(Ordering::Acquire) != 0
        {
            waiter.wake(Wake::Interrupted);
        }
    }
}
