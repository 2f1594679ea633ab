//! Who polls the call that runs.

use core::task::Context;

use super::StoreCtx;

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

    /// The poller of an asynchronous call in whose native function that waits this is.
    pub fn goes_on(context: &mut Context<'_>, store: &StoreCtx) -> Poller {
        let context = core::ptr::from_mut(context).cast();
        Poller { context, is_resumable: false, depth: store.activations_left }
    }

    /// That of a resumable call.
    pub fn resumable(store: &StoreCtx) -> Poller {
        Poller {
            context: core::ptr::null_mut(),
            is_resumable: true,
            depth: store.activations_left.wrapping_sub(1),
        }
    }

    /// Whether the innermost activation can be suspended.
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
