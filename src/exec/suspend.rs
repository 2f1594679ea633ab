//! Suspended activations: their frames, taken off the value stack and put back later.
//!
//! All state of an activation is in its frames: the host function that suspended returns through
//! its frame's header, as it does when it is called. Frames hold addresses of frames in one place
//! only, the callers' frame pointers, so they can be put back anywhere.

use alloc::sync::Arc;
use core::any::Any;

use super::abi::{NOTHING_KEPT, Pc, Regs, ctx_reg};
use super::enter::{arg_base, outer, refuse};
use super::float;
use super::{EXIT_CODE, THUNK_CODE, run};
use crate::prelude::*;

use crate::isa::op::CallRuntime;
use crate::trap::Trap;
use crate::vm::frame::{
    CALLER_FP, HEADER_SLOTS, OWN_CTX, OWN_RESUME, RET_PC, SAVED_F0, SAVED_L0, SAVED_L1,
};
use crate::vm::metering::Pause;
use crate::vm::{CodePlace, Exit, HostReturn, Outcome, Slot, StoreCtx, VmCtx, VmHostFunc};

/// A suspended activation. Its store keeps a weak reference to the frames, whose references are
/// roots of the collector.
#[derive(Debug)]
pub struct Frames(Arc<Saved>);

/// The frames of a suspended activation, from the entry function's arguments to the header of the
/// host function that suspended.
#[derive(Debug)]
pub struct Saved {
    slots: Box<[Slot]>,
    /// Where they were; addresses in the frames are relative to it.
    base: *mut Slot,
    /// The instance that called the host function.
    ctx: *mut VmCtx,
    host: *const VmHostFunc,
}

// SAFETY: the pointers are only followed together with the store that they lead into, which is
// exclusively borrowed then; the slots are plain data.
unsafe impl Send for Saved {}
// SAFETY: shared access reads no more than the pointers themselves.
unsafe impl Sync for Saved {}

/// Called with a frame's instance, its call in progress, and what reads its slots.
pub(super) type FrameVisitor<'a> = dyn FnMut(*const VmCtx, CodePlace, &dyn Fn(i32) -> Slot) + 'a;

impl Saved {
    /// Visits the frames of WebAssembly functions.
    ///
    /// # Safety
    /// The store that the frames were taken from is live.
    pub(super) unsafe fn visit(&self, visit: &mut FrameVisitor<'_>) {
        let mut ctx = self.ctx.cast_const();
        let mut fp = self.slots.len() - HEADER_SLOTS as usize;
        let at = |fp: usize, slot: isize| self.slots[fp.wrapping_add_signed(slot)];
        loop {
            let ret = at(fp, RET_PC) as Pc;
            if ret == EXIT_CODE.pc() {
                return;
            }
            fp = (at(fp, CALLER_FP) as usize - self.base as usize) / size_of::<Slot>();
            let mut pc = ret;
            if ret == THUNK_CODE.pc() {
                ctx = at(fp, OWN_CTX) as *const VmCtx;
                pc = at(fp, OWN_RESUME) as Pc;
            }
            visit(ctx, CodePlace::Returns(pc), &|slot| at(fp, slot as isize));
        }
    }
}

/// Notes which host function suspends, for [`Frames::take`].
///
/// # Safety
/// `store` is live, the calling thread's, and `host` is the function that it is in.
pub unsafe fn note_suspending(store: *mut StoreCtx, host: *const VmHostFunc) {
    // SAFETY: the caller's promise: the published frame is the host function's.
    unsafe { (*store).exit_fp.offset(OWN_RESUME).write(host as u64) };
}

impl Frames {
    /// Takes the frames of the activation that just suspended, whose arguments are at `args`.
    /// [`super::leave`] comes after this. `in_host` says whether it is in a host function, rather than
    /// in a runtime function.
    ///
    /// # Safety
    /// [`super::enter`] or [`Frames::resume`] just returned [`Exit::Suspended`] for this store, and
    /// `args` is what it was called with or returned.
    pub unsafe fn take(store: *const StoreCtx, args: *mut Slot, in_host: bool) -> Frames {
        // SAFETY: the caller's promise: the host function's frame is the published one, in which the
        // trampoline has noted the instance and `note_suspending` the function, and all slots
        // between are the activation's.
        unsafe {
            let fp = (*store).exit_fp;
            let len = fp.add(HEADER_SLOTS as usize).offset_from_unsigned(args);
            let saved: Arc<Saved> = Arc::new(Saved {
                slots: core::slice::from_raw_parts(args, len).into(),
                base: args,
                ctx: fp.offset(OWN_CTX).read() as *mut VmCtx,
                host: match in_host {
                    true => fp.offset(OWN_RESUME).read() as *const VmHostFunc,
                    false => core::ptr::null(),
                },
            });
            let frames: Arc<dyn Any + Send + Sync> = saved.clone();
            VmCtx::store_mut((*store).host_ctx).add_suspended(Arc::downgrade(&frames));
            Frames(saved)
        }
    }

    /// Visits the frames of WebAssembly functions, innermost first: the instance, and the return
    /// address of the call in progress.
    ///
    /// # Safety
    /// The store that the frames were taken from is live.
    pub unsafe fn walk(&self, visit: &mut dyn FnMut(*mut VmCtx, CodePlace)) {
        // SAFETY: the caller's promise.
        unsafe { self.0.visit(&mut |ctx, place, _| visit(ctx.cast_mut(), place)) }
    }

    /// The host function that suspended; null if a runtime function did.
    pub fn host(&self) -> *const VmHostFunc {
        self.0.host
    }

    /// Puts the frames back, above the frame that is published now, and goes on as if the host
    /// function returned what `end` says, which writes its results to the slots it is given. Returns
    /// how the activation ended and where its arguments were and its results are. With `pause` it was
    /// suspended in a runtime function, for that reason, and may stay so.
    ///
    /// # Safety
    /// As for [`super::enter`]; the frames were taken from a function of this store.
    pub unsafe fn resume(
        self,
        store: *mut StoreCtx,
        pause: Option<Pause>,
        end: impl FnOnce(*mut Slot) -> Outcome,
    ) -> (Exit, *mut Slot) {
        // SAFETY: the caller's promise; what is written lies between the published frame and the
        // stack's limit and slack.
        unsafe {
            let before = outer(store);
            let args = arg_base(store);
            let fp = args.add(self.0.slots.len() - HEADER_SLOTS as usize);
            if fp > (*store).stack_limit {
                return (refuse(store, Trap::StackOverflow), args);
            }
            let Some(left) = (*store).activations_left.checked_sub(1) else {
                return (refuse(store, Trap::TooManyActivations), args);
            };
            args.copy_from_nonoverlapping(self.0.slots.as_ptr(), self.0.slots.len());
            let mut frame = fp;
            while frame.offset(RET_PC).read() as Pc != EXIT_CODE.pc() {
                let caller = frame.offset(CALLER_FP).read() as usize - self.0.base as usize;
                let caller = args.byte_add(caller);
                frame.offset(CALLER_FP).write(caller as u64);
                frame = caller;
            }
            // The entry frame: a stack walk goes on at what is published now.
            before.write_to(frame);

            // From here on the frames on the value stack are the ones that the collector looks at.
            let (host, ctx) = (self.0.host, self.0.ctx);
            drop(self);
            fp.offset(OWN_CTX).write(ctx as u64);
            (*store).exit_fp = fp;
            let mut returned = HostReturn { outcome: Outcome::RETURNED.word(), value: 0 };
            if let Some(pause) = pause {
                let Some(outcome) = super::checkpoint::unpause(store.cast(), pause) else {
                    return (Exit::Suspended, args);
                };
                returned.outcome = outcome.word();
            } else {
                // A runtime function has results for nobody to write.
                let (offset, results) = match host.is_null() {
                    true => (0, 0),
                    false => ((*host).func.header_offset(), (*host).func.result_slots),
                };
                let slots = fp.sub(offset);
                let outcome = end(slots);
                returned.outcome = outcome.word();
                if outcome == Outcome::RETURNED && results > 0 {
                    returned.value = slots.read();
                }
            }
            (*store).activations_left = left;
            let exit = go_on(fp, returned);
            (*store).activations_left += 1;
            if exit == Exit::Returned {
                super::leave(store, before);
            }
            (exit, args)
        }
    }
}

/// Goes on with an activation whose frames are on the value stack, where the native function whose
/// call has its frame at `fp` is done. Counts no activation.
///
/// # Safety
/// The store is live and the calling thread's; the frame at `fp` is the published one, as the
/// trampoline left it, and the function's results, or what else `returned` says, are in their place.
pub unsafe fn go_on(fp: *mut Slot, returned: HostReturn) -> Exit {
    // SAFETY: the caller's promise; a landing names one of the activation's frames.
    unsafe {
        let ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
        let float = |i| float::from_bits(fp.offset(SAVED_F0 + i).read());
        let mut r = Regs {
            pc: fp.offset(RET_PC).read() as Pc,
            op: core::ptr::null(),
            fp: fp.offset(CALLER_FP).read() as *mut Slot,
            mem: (*(*ctx).mem0).base,
            acc: returned.value,
            l0: fp.offset(SAVED_L0).read(),
            l1: fp.offset(SAVED_L1).read(),
            fa: float::from_bits(returned.value),
            f0: float(0),
            f1: float(1),
            f2: float(2),
            ctx_reg: ctx_reg(ctx),
            kept: NOTHING_KEPT,
        };
        if returned.outcome == Outcome::THROWN.word() {
            let landing = super::unwind::unwind(ctx);
            if landing.is_null() {
                return Exit::Failed;
            }
            let landing = &*landing;
            (r.pc, r.fp) = (landing.pc, landing.fp);
            r.mem = (*(*landing.ctx).mem0).base;
            [r.l0, r.l1] = landing.ints;
            [r.f0, r.f1, r.f2] = landing.floats.map(float::from_bits);
            r.ctx_reg = ctx_reg(landing.ctx);
        } else if returned.outcome == Outcome::AGAIN.word() {
            r.pc = r.pc.sub(crate::isa::len(CallRuntime::BODY));
        } else if returned.outcome != Outcome::RETURNED.word() {
            return Exit::Failed;
        }
        Exit::of(run::run(r))
    }
}
