//! Interrupting a store from another thread.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use super::waiter::{Waiter, Wake};
use crate::sys::atomic::AtomicU64;
use crate::sys::standard::{Mutex, PoisonError};

/// What somebody asks a store's code for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// To end with a trap.
    Trap,
    /// To be suspended, if it can be, else to end with a trap.
    Suspend,
}

impl Request {
    fn of(asked: u32) -> Option<Request> {
        match asked {
            0 => None,
            1 => Some(Request::Trap),
            _ => Some(Request::Suspend),
        }
    }
}

/// What a store and those who may interrupt it have in common.
///
/// Code compares the engine's epoch with [`InterruptState::limit`] and looks closer from there on. A
/// request makes the limit zero, which every epoch has reached.
#[derive(Debug)]
pub struct InterruptState {
    /// Not zero from the request until it is obeyed.
    asked: AtomicU32,
    /// The epoch from which on code does not run unasked.
    limit: AtomicU64,
    /// The wait in which the store is.
    waiter: Mutex<Option<Arc<Waiter>>>,
}

impl InterruptState {
    /// Without a request, and with a limit.
    pub fn new(limit: u64) -> InterruptState {
        InterruptState {
            asked: AtomicU32::new(0),
            limit: AtomicU64::new(limit),
            waiter: Mutex::default(),
        }
    }

    /// The limit, for code to read.
    pub fn limit(&self) -> &AtomicU64 {
        &self.limit
    }

    /// Sets the limit. A request that comes at the same time has its effect nevertheless.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::SeqCst);
        if self.asked.load(Ordering::SeqCst) != 0 {
            self.limit.store(0, Ordering::SeqCst);
        }
    }

    /// Asks for an interrupt.
    pub fn ask(&self, request: Request) {
        let waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        self.asked.store(1 + u32::from(request == Request::Suspend), Ordering::SeqCst);
        self.limit.store(0, Ordering::SeqCst);
        if let Some(waiter) = &*waiter {
            waiter.wake(Wake::Interrupted);
        }
    }

    /// The request that has not been obeyed, if there is one.
    pub fn asked(&self) -> Option<Request> {
        Request::of(self.asked.load(Ordering::SeqCst))
    }

    /// Obeys a request, if there is one. The limit is to be set again afterwards.
    pub fn take(&self) -> Option<Request> {
        Request::of(self.asked.swap(0, Ordering::SeqCst))
    }

    /// The store's thread is about to wait, or is back. A request that is there already wakes it.
    pub(super) fn waits(&self, waiter: Option<&Arc<Waiter>>) {
        let mut place = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        *place = waiter.cloned();
        if let Some(waiter) = waiter
            && self.asked.load(Ordering::SeqCst) != 0
        {
            waiter.wake(Wake::Interrupted);
        }
    }
}
