//! What asynchronous calls leave in a store while they run, and what they wait for.
//!
//! An activation that an asynchronous call began can be left while a native function that it called
//! waits for something. Its frames stay where they are: the call has the store to itself, so nobody
//! needs the place, and whatever the waiting function calls goes above them.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::func::HostReturn;
use super::{Slot, StoreCtx};
use crate::error::Result;

/// A native function that has not returned yet.
pub trait Awaited: Send {
    /// Goes on with it. Results are where its arguments were, like those of any native function;
    /// never unwinds.
    ///
    /// # Safety
    ///
    /// The function's store is live and used by nobody else, and `fp` is the frame of the function's
    /// call, which is the published one.
    unsafe fn poll(&mut self, cx: &mut Context<'_>, fp: *mut Slot) -> Poll<HostReturn>;
}

/// A limiter's answer that takes its time.
pub type LaterAnswer<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// The error of a limiter that answers later, where nobody can wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Later;

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store's limiter is asynchronous: the `async` methods have to be used")
    }
}

impl std::error::Error for Later {}

/// Who can wait for the call that runs.
#[derive(Clone, Copy, Debug)]
pub struct Poller {
    /// The context to wake, a `Context<'_>` that lives until the poll ends; null outside of any.
    context: *mut (),
    /// The call can be suspended.
    is_resumable: bool,
    /// [`StoreCtx::activations_left`] inside the activation that the call runs. Activations nested
    /// in it are those of synchronous calls, which cannot wait.
    depth: u32,
}

impl Default for Poller {
    fn default() -> Poller {
        Poller { context: core::ptr::null_mut(), is_resumable: false, depth: 0 }
    }
}

impl Poller {
    /// The poller of an asynchronous call whose activation begins now, or goes on.
    pub fn new(context: &mut Context<'_>, store: &StoreCtx) -> Poller {
        let context = core::ptr::from_mut(context).cast();
        Poller { context, is_resumable: false, ..Poller::resumable(store) }
    }

    /// That of a resumable call.
    pub fn resumable(store: &StoreCtx) -> Poller {
        Poller {
            context: core::ptr::null_mut(),
            is_resumable: true,
            depth: store.activations_left.wrapping_sub(1),
        }
    }

    /// Can the innermost activation be suspended?
    pub fn can_suspend(self, store: &StoreCtx) -> bool {
        self.is_resumable && self.depth == store.activations_left
    }

    /// The context to wake, if the innermost activation is that of an asynchronous call.
    ///
    /// # Safety
    ///
    /// This is the store's poller, and the result is used in the native function that the
    /// activation runs, before that returns.
    pub unsafe fn context<'a>(self, store: &StoreCtx) -> Option<&'a mut Context<'a>> {
        if self.context.is_null() || self.depth != store.activations_left {
            return None;
        }
        // SAFETY: the caller's promise: the poll whose context this is has not ended, as it runs the
        // activation, and it uses the context itself only before and after.
        Some(unsafe { &mut *self.context.cast::<Context<'a>>() })
    }
}
