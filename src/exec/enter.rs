//! From native code into WebAssembly.

use super::abi::{NOTHING_KEPT, Regs, ctx_reg};
use super::{EXIT_CODE, barrier, run};
use crate::trap::Trap;
use crate::vm::frame::{CALLER_FP, HEADER_SLOTS, RET_PC};
use crate::vm::{Exit, Slot, StoreCtx, VmCtx, VmFunc};

/// First slot for the arguments of the next activation: above the frame of the host function that
/// is running, or the bottom of the value stack.
///
/// # Safety
/// `store` is live and the calling thread's.
#[inline(always)]
pub unsafe fn arg_base(store: *mut StoreCtx) -> *mut Slot {
    // SAFETY: the caller's promise.
    unsafe { (*store).exit_fp.wrapping_add(HEADER_SLOTS as usize) }
}

/// Runs `func` as a new activation. Its arguments are at `args`, and so are its results
/// afterwards. The published frame of an outer activation is kept.
///
/// # Safety
/// `store` is live and the calling thread's, `func` is one of its functions, and `args` is what
/// [`arg_base`] gives now. (There is room for max(parameters, results) slots, which fit the stack's slack.)
#[inline(never)]
pub unsafe fn enter(store: *mut StoreCtx, func: *const VmFunc, args: *mut Slot) -> Exit {
    // SAFETY: the caller's promise.
    unsafe { enter_at(store, func, args, (*func).header_offset()) }
}

/// [`enter`] for callers that know the function's type: `offset` is its
/// [`VmFunc::header_offset`].
///
/// # Safety
/// As for [`enter`].
#[inline(always)]
pub unsafe fn enter_at(
    store: *mut StoreCtx,
    func: *const VmFunc,
    args: *mut Slot,
    offset: usize,
) -> Exit {
    // SAFETY: the caller's promise.
    unsafe {
        let instance = (*func).instance;
        // A host function called by native code runs on behalf of whichever instance is current,
        // and needs none otherwise.
        let ctx = if instance.is_null() { (*store).host_ctx } else { instance };
        enter_with(store, func, args, offset, ctx)
    }
}

/// [`enter`] for a function that an instance calls as it starts: a host function sees `ctx` as its
/// caller.
///
/// # Safety
/// As for [`enter`]; `ctx` is the context of one of the store's instances.
pub unsafe fn enter_start(
    store: *mut StoreCtx,
    func: *const VmFunc,
    args: *mut Slot,
    ctx: *mut VmCtx,
) -> Exit {
    // SAFETY: the caller's promise.
    unsafe {
        let instance = (*func).instance;
        let ctx = if instance.is_null() { ctx } else { instance };
        enter_with(store, func, args, (*func).header_offset(), ctx)
    }
}

/// Runs `func` in a context.
///
/// # Safety
/// As for [`enter_at`]; `ctx` is the context that the function runs in.
#[inline(always)]
unsafe fn enter_with(
    store: *mut StoreCtx,
    func: *const VmFunc,
    args: *mut Slot,
    offset: usize,
    ctx: *mut VmCtx,
) -> Exit {
    // SAFETY: the caller's promise; the header lies within the stack or its slack.
    unsafe {
        let fp = args.add(offset);
        let before = Outer::below(args);
        before.write_to(fp);
        if fp > (*store).stack_limit {
            return refuse(store, Trap::StackOverflow);
        }
        let Some(left) = (*store).activations_left.checked_sub(1) else {
            return refuse(store, Trap::TooManyActivations);
        };
        (*store).activations_left = left;
        let exit = run::run(Regs {
            pc: (*(*func).code).load(),
            op: core::ptr::null(),
            fp,
            mem: (*(*ctx).mem0).base,
            acc: func as u64,
            l0: barrier::any(),
            l1: barrier::any(),
            fa: barrier::any_float(),
            f0: barrier::any_float(),
            f1: barrier::any_float(),
            f2: barrier::any_float(),
            ctx_reg: ctx_reg(ctx),
            kept: NOTHING_KEPT,
        });
        (*store).activations_left += 1;
        let exit = Exit::of(exit);
        if exit == Exit::Returned {
            (*store).exit_fp = before.0;
        }
        // Otherwise the caller reads the exit (backtrace, suspended frames), then calls `leave`.
        exit
    }
}

/// Ends an activation that has not begun.
///
/// # Safety
/// `store` is live and the calling thread's.
#[cold]
pub(super) unsafe fn refuse(store: *mut StoreCtx, trap: Trap) -> Exit {
    // SAFETY: the caller's promise.
    unsafe { (*store).trap = trap as u32 };
    Exit::Failed
}

/// The frame that was published before an activation began, to be published again when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Outer(*mut Slot);

// SAFETY: a place in the value stack of a store, used together with a borrow of that store only.
unsafe impl Send for Outer {}

impl Outer {
    /// What [`arg_base`] gave when this was published.
    pub fn args(self) -> *mut Slot {
        self.0.wrapping_add(HEADER_SLOTS as usize)
    }

    /// What was published when [`arg_base`] gave `args`.
    #[inline(always)]
    pub fn below(args: *mut Slot) -> Outer {
        Outer(args.wrapping_sub(HEADER_SLOTS as usize))
    }

    /// Writes the header of an entry frame: it returns to `exit`, and a stack walk goes on at the
    /// outer frame.
    ///
    /// # Safety
    /// `fp` is a frame of the value stack.
    #[inline(always)]
    pub(super) unsafe fn write_to(self, fp: *mut Slot) {
        // SAFETY: the caller's promise.
        unsafe {
            fp.offset(RET_PC).write(EXIT_CODE.pc() as u64);
            fp.offset(CALLER_FP).write(self.0 as u64);
        }
    }
}

/// What is published now.
///
/// # Safety
/// `store` is live and the calling thread's.
#[inline(always)]
pub unsafe fn outer(store: *mut StoreCtx) -> Outer {
    // SAFETY: the caller's promise.
    Outer(unsafe { (*store).exit_fp })
}

/// Ends an activation, however it ended: the outer one's frame is the published one again. Call
/// it once, after everything of interest about the exit has been read.
///
/// The header that [`enter`] wrote cannot tell: a tail call may have moved it.
///
/// # Safety
/// `store` is live and the calling thread's; `before` is what [`outer`] said before [`enter`].
#[inline(always)]
pub unsafe fn leave(store: *mut StoreCtx, before: Outer) {
    // SAFETY: the caller's promise.
    unsafe {
        (*store).exit_fp = before.0;
        (*store).exit_pc = core::ptr::null();
    }
}
