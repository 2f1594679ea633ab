//! Stopping a store's code from another thread.

use alloc::sync::Arc;

use crate::store::{AsContext, Store};
use crate::vm::interrupt::{InterruptState, Request};

/// Interrupts a store, from any thread. Made by [`Store::interrupt_handle`].
#[derive(Clone, Debug)]
pub struct InterruptHandle(Arc<InterruptState>);

impl InterruptHandle {
    /// Ends the store's code with [`Trap::Interrupt`](crate::Trap::Interrupt): a
    /// `memory.atomic.wait` at once; a long bulk operation (`memory.fill`, `array.copy` and the like)
    /// in the middle, with a part of its run written; the translation of a large function that is called
    /// for the first time, which the next call begins anew; running code at its next call, loop iteration
    /// or bulk operation if it was translated with
    /// [`Config::interruptible`](crate::Config::interruptible). If nothing that can be interrupted is
    /// going on, the request waits for it. One request stops code once.
    pub fn interrupt(&self) {
        self.0.ask(Request::Trap);
    }

    /// Like [`InterruptHandle::interrupt`], but suspends the code if its innermost call from the host
    /// is a resumable one, as [`Func::call_resumable`](crate::Func::call_resumable) makes.
    pub fn suspend(&self) {
        self.0.ask(Request::Suspend);
    }

    /// Takes back a request that has not had its effect yet; whether there was one.
    pub fn cancel(&self) -> bool {
        self.0.take().is_some()
    }
}

impl<T: 'static> Store<T> {
    /// What other threads can interrupt this store with.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.as_context().0.vm().interrupt().clone())
    }
}

static_assertions::assert_impl_all!(InterruptHandle: Send, Sync);
