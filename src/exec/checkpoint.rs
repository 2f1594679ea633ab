//! Where code stops to be metered: it has no fuel left, or reached an epoch's deadline, or somebody
//! asked for it.
//!
//! These are runtime functions like any other, so their frame is published and the activation can be
//! suspended in it; when it goes on, what was owed is paid, or the deadline set, and the instruction
//! is done.

use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::Ordering;
use core::task::{Context, Poll};

use crate::isa::runtime::wide;
use crate::prelude::*;
use crate::sys::standard::catch_unwind;
use crate::trap::Trap;
use crate::vm::awaited::Awaited;
use crate::vm::interrupt::Request;
use crate::vm::metering::{Deadline, Paid, Pause, Why};
use crate::vm::{Ending, HostReturn, Outcome, Slot, VmCtx, VmStore};

const RETURNED: HostReturn = HostReturn { outcome: Outcome::RETURNED.word(), value: 0 };
const AGAIN: HostReturn = HostReturn { outcome: Outcome::AGAIN.word(), value: 0 };
const FAILED: HostReturn = HostReturn { outcome: Outcome::FAILED.word(), value: 0 };

/// What `consume_fuel_by` costs: units, at so much each.
pub(super) fn cost_of(units: u64, each: u32) -> u64 {
    units.saturating_mul(u64::from(each))
}

/// `consume_fuel` with less fuel than it takes: x. With z, that is what each of the units in the
/// first argument costs, which is wide as y says.
///
/// # Safety
/// As for all runtime functions.
pub(super) unsafe extern "C" fn out_of_fuel(
    ctx: *mut VmCtx,
    args: *mut Slot,
    x: u32,
    y: u32,
    z: u32,
) -> Outcome {
    // SAFETY: the handler contract, as for the other runtime functions.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        let mut owed = u64::from(x);
        if z != 0 {
            let units = args.read();
            owed = cost_of(if y & wide::LENGTH != 0 { units } else { u64::from(units as u32) }, x);
        } else {
            // The instruction has taken what was not there.
            (*vm).ctx.fuel = (*vm).ctx.fuel.wrapping_add(i64::from(x));
        }
        loop {
            match (*vm).pay(owed) {
                Paid::All => return Outcome::RETURNED,
                Paid::Yield(rest) => {
                    owed = rest;
                    if let Some(cx) = (*vm).poller.context(&(*vm).ctx) {
                        return wait(ctx, cx, Box::new(Refuel { ctx, owed, has_yielded: false }));
                    }
                }
                Paid::Out(owed) => {
                    if !(*vm).poller.can_suspend(&(*vm).ctx) {
                        return Trap::OutOfFuel.into();
                    }
                    let pause = Pause { why: Why::OutOfFuel(owed), is_in_bulk: false };
                    return (*vm).end(Ending::Paused(pause));
                }
            }
        }
    }
}

/// `check_interrupt` when the epoch's limit has been reached.
///
/// # Safety
/// As for all runtime functions.
pub(super) unsafe extern "C" fn interrupted(
    ctx: *mut VmCtx,
    _args: *mut Slot,
    _x: u32,
    _y: u32,
    _z: u32,
) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { stop(ctx, false) }
}

/// Between two slices of a bulk operation: whether to go on with it, as a runtime function says it.
///
/// # Safety
/// The operation's call is published, and `ctx` its instance.
#[inline(never)]
pub(super) unsafe extern "C" fn between_slices(ctx: *mut VmCtx) -> Outcome {
    // SAFETY: the caller's promise: the store is live, and so is what it points to.
    unsafe {
        let store = (*ctx).store;
        let epoch = (*(*store).epoch).load(Ordering::Relaxed);
        if epoch < (*(*store).epoch_limit).load(Ordering::Relaxed) {
            return Outcome::RETURNED;
        }
        stop(ctx, true)
    }
}

/// Whether the code that is about to run ends with a trap, as somebody has asked for it or its deadline
/// is reached. What else may come of it, if it is to be suspended or the embedder to be asked, waits until
/// the code runs.
///
/// # Safety
/// The calling thread has the store of `ctx`, and nothing else uses it meanwhile.
pub(super) unsafe fn ends(ctx: *mut VmCtx) -> bool {
    // SAFETY: the caller's promise: the store is live, and so is what it points to.
    unsafe {
        let store = (*ctx).store;
        let epoch = (*(*store).epoch).load(Ordering::Relaxed);
        if epoch < (*(*store).epoch_limit).load(Ordering::Relaxed) {
            return false;
        }
        let vm = store.cast::<VmStore>();
        match (*vm).interrupt().asked() {
            Some(Request::Suspend) if (*vm).poller.can_suspend(&(*vm).ctx) => return false,
            Some(_) => {
                let _ = (*vm).interrupt().take();
                (*vm).restore_limit();
                return true;
            }
            None => {}
        }
        (*vm).is_late() && ((*vm).ctx.hooks.traps_late)((*vm).ctx.inner)
    }
}

/// Does what somebody asks for, or what the epoch's deadline leads to.
///
/// # Safety
/// A runtime function was called with `ctx`.
unsafe fn stop(ctx: *mut VmCtx, is_in_bulk: bool) -> Outcome {
    // SAFETY: the handler contract, as for the other runtime functions. The embedder's code gets the
    // store to itself, and no reference to it lives meanwhile.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        let request = (*vm).interrupt().take();
        (*vm).restore_limit();
        match request {
            Some(Request::Suspend) if (*vm).poller.can_suspend(&(*vm).ctx) => {
                return (*vm).end(Ending::Paused(Pause { why: Why::Asked, is_in_bulk }));
            }
            Some(_) => return Trap::Interrupt.into(),
            None => {}
        }
        if !(*vm).is_late() {
            return Outcome::RETURNED;
        }
        let ask = (*vm).ctx.hooks.deadline;
        match catch_unwind(AssertUnwindSafe(|| ask(ctx))) {
            Ok(Ok(Deadline::Trap)) => Trap::Interrupt.into(),
            Ok(Ok(Deadline::Continue(ticks))) => {
                (*vm).set_epoch_deadline(ticks);
                Outcome::RETURNED
            }
            Ok(Ok(Deadline::Yield(ticks, until))) => {
                if let Some(cx) = (*vm).poller.context(&(*vm).ctx) {
                    let until = until.unwrap_or_else(|| Box::pin(Once(false)));
                    return wait(ctx, cx, Box::new(Yield { ctx, ticks, until, is_in_bulk }));
                }
                if (*vm).poller.can_suspend(&(*vm).ctx) {
                    let pause = Pause { why: Why::Epoch(ticks), is_in_bulk };
                    return (*vm).end(Ending::Paused(pause));
                }
                Trap::Interrupt.into()
            }
            Ok(Err(error)) => (*vm).end(Ending::Failed(error)),
            Err(payload) => (*vm).end(Ending::Panicked(payload)),
        }
    }
}

/// How the runtime function ends in which code was suspended like this; `None` if it stays so.
///
/// # Safety
/// The activation's frames are on the value stack of `vm`, which nobody else uses.
pub(super) unsafe fn unpause(vm: *mut VmStore, pause: Pause) -> Option<Outcome> {
    // SAFETY: the caller's promise.
    unsafe {
        match pause.why {
            Why::Asked => {}
            Why::Epoch(ticks) => (*vm).set_epoch_deadline(ticks),
            Why::OutOfFuel(mut owed) => loop {
                match (*vm).pay(owed) {
                    Paid::All => break,
                    Paid::Yield(rest) => owed = rest,
                    Paid::Out(owed) => {
                        let pause = Pause { why: Why::OutOfFuel(owed), ..pause };
                        (*vm).end(Ending::Paused(pause));
                        return None;
                    }
                }
            },
        }
    }
    Some(if pause.is_in_bulk { Outcome::AGAIN } else { Outcome::RETURNED })
}

/// Leaves the activation until `awaited` is done, if it does not come to it at once.
///
/// # Safety
/// A runtime function was called with `ctx`, in an asynchronous call that `cx` polls.
unsafe fn wait(ctx: *mut VmCtx, cx: &mut Context<'_>, mut awaited: Box<dyn Awaited>) -> Outcome {
    // SAFETY: the caller's promise; the frame of the runtime function's call is the published one.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        match awaited.poll(cx, (*vm).ctx.exit_fp) {
            Poll::Ready(returned) if returned.outcome == Outcome::FAILED.word() => Outcome::FAILED,
            Poll::Ready(_) => Outcome::RETURNED,
            Poll::Pending => (*vm).end(Ending::Awaiting(awaited)),
        }
    }
}

/// Is pending once, and asks to be polled again at once.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Code that yields whenever it has used up a share of its fuel.
struct Refuel {
    ctx: *mut VmCtx,
    owed: u64,
    has_yielded: bool,
}

// SAFETY: the pointer leads into the store, which moves along.
unsafe impl Send for Refuel {}

impl Awaited for Refuel {
    unsafe fn poll(&mut self, cx: &mut Context<'_>, _: *mut Slot) -> Poll<HostReturn> {
        if core::mem::replace(&mut self.has_yielded, true) {
            // SAFETY: the caller's promise.
            let store = unsafe { VmCtx::store_mut(self.ctx) };
            match store.pay(self.owed) {
                Paid::All => return Poll::Ready(RETURNED),
                Paid::Yield(owed) => self.owed = owed,
                Paid::Out(_) => {
                    store.end(Ending::Trapped(Trap::OutOfFuel));
                    return Poll::Ready(FAILED);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Code that yields at an epoch's deadline.
struct Yield {
    ctx: *mut VmCtx,
    ticks: u64,
    until: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_in_bulk: bool,
}

// SAFETY: as above.
unsafe impl Send for Yield {}

impl Awaited for Yield {
    unsafe fn poll(&mut self, cx: &mut Context<'_>, _: *mut Slot) -> Poll<HostReturn> {
        let until = &mut self.until;
        let polled = catch_unwind(AssertUnwindSafe(|| until.as_mut().poll(cx)));
        // SAFETY: the caller's promise.
        let store = unsafe { VmCtx::store_mut(self.ctx) };
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                store.set_epoch_deadline(self.ticks);
                Poll::Ready(if self.is_in_bulk { AGAIN } else { RETURNED })
            }
            Err(payload) => {
                store.end(Ending::Panicked(payload));
                Poll::Ready(FAILED)
            }
        }
    }
}
