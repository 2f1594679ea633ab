//! Growing that waits for an asynchronous limiter.

use core::panic::AssertUnwindSafe;
use core::ptr::NonNull;
use core::task::{Context, Poll};

use crate::prelude::*;
use crate::sys::standard::catch_unwind;
use crate::vm::awaited::{Awaited, Later, LaterAnswer};
use crate::vm::context::Resource;
use crate::vm::memory::Growth;
use crate::vm::{Ending, HostReturn, Outcome, Slot, VmCtx, VmMemory, VmStore, VmTable};

/// What grows, and by how much.
#[derive(Clone, Copy)]
pub(super) enum Growing {
    Memory { memory: NonNull<VmMemory>, delta: u64 },
    Table { table: NonNull<VmTable>, delta: u64, init: Slot },
}

/// The result of growing something that had the size `old`.
pub(super) fn grown(old: Option<u64>, is_wide: bool) -> u64 {
    match old {
        Some(size) => size,
        None if is_wide => u64::MAX,
        None => u64::from(u32::MAX),
    }
}

/// A runtime function that waits for the limiter's answer.
struct Wait {
    answer: LaterAnswer<'static>,
    growth: Growth,
    what: Growing,
    is_wide: bool,
    ctx: *mut VmCtx,
    /// Slots from the function's arguments to the frame of its call.
    distance: usize,
}

// SAFETY: the pointers lead into the store, which moves along; the answer is `Send`.
unsafe impl Send for Wait {}

impl Awaited for Wait {
    unsafe fn poll(&mut self, cx: &mut Context<'_>, fp: *mut Slot) -> Poll<HostReturn> {
        let answer = &mut self.answer;
        let answer = match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(answer)) => answer.map_err(Ending::Failed),
            Err(payload) => Err(Ending::Panicked(payload)),
        };
        // SAFETY: the store is live and nobody else uses it; the arguments are where they were,
        // below the frame of the call, and what grows is the store's.
        unsafe {
            let store = VmCtx::store_mut(self.ctx);
            let old = match answer {
                Ok(true) => match self.what {
                    Growing::Memory { memory, .. } => {
                        store.memory_grow_allowed(memory, &self.growth)
                    }
                    Growing::Table { table, init, .. } => {
                        store.table_grow_allowed(table, &self.growth, init)
                    }
                },
                Ok(false) => None,
                Err(failure) => {
                    store.end(failure);
                    None
                }
            };
            if store.pending.is_some() {
                return Poll::Ready(HostReturn { outcome: Outcome::FAILED.word(), value: 0 });
            }
            fp.sub(self.distance).write(grown(old, self.is_wide));
        }
        Poll::Ready(HostReturn { outcome: Outcome::RETURNED.word(), value: 0 })
    }
}

/// Waits if the store's pending failure is that the limiter answers later; otherwise it stays one.
///
/// # Safety
/// A runtime function was called with `ctx` and `args` to grow something.
#[cold]
#[inline(never)]
pub(super) unsafe fn wait(
    ctx: *mut VmCtx,
    args: *mut Slot,
    what: Growing,
    is_wide: bool,
) -> Result<(), Outcome> {
    // SAFETY: the caller's promise. The poll that is going on runs this function.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        let is_later = matches!(&(*vm).pending, Some(Ending::Failed(error)) if error.is::<Later>());
        let (true, Some(cx)) = (is_later, (*vm).poller.context(&(*vm).ctx)) else {
            return Err(Outcome::FAILED);
        };
        let (kind, growth) = match what {
            Growing::Memory { memory, delta } => {
                let memory = (*vm).handle_of_memory(memory);
                (Resource::Memory, (*vm).memory(memory).growth(delta))
            }
            Growing::Table { table, delta, .. } => {
                let table = (*vm).handle_of_table(table);
                (Resource::Table, (*vm).table(table).growth(delta))
            }
        };
        let Some(growth) = growth else { return Err(Outcome::FAILED) };
        let inner = (*vm).ctx.inner;
        let ask = (*vm).ctx.hooks.growing_later;
        // The embedder's code cannot unwind through a handler.
        let answer = catch_unwind(AssertUnwindSafe(|| ask(inner, kind, &growth)));
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(Outcome::FAILED),
            Err(payload) => {
                return Err((*vm).end(Ending::Panicked(payload)));
            }
        };
        (*vm).pending = None;
        let fp = (*vm).ctx.exit_fp;
        let distance = fp.offset_from_unsigned(args);
        let mut wait = Wait { answer, growth, what, is_wide, ctx, distance };
        match wait.poll(cx, fp) {
            Poll::Pending => Err((*vm).end(Ending::Awaiting(Box::new(wait)))),
            Poll::Ready(returned) if returned.outcome == Outcome::RETURNED.word() => {
                // The caller writes the result, which is there already.
                Err(Outcome::RETURNED)
            }
            Poll::Ready(_) => Err(Outcome::FAILED),
        }
    }
}
