//! Walking the frames of all activations, innermost first.

use super::{EXIT_CODE, THUNK_CODE};
use crate::vm::frame::{CALLER_FP, OWN_CTX, OWN_RESUME, RET_PC, SAVED_F0, SAVED_L0};
use crate::vm::{Slot, StoreCtx, VmCtx};

/// A frame met on a walk.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame {
    /// The instruction being executed (innermost frame of an activation that trapped or that calls
    /// a runtime function) or the one behind the call that is in progress.
    pub pc: *const u8,
    /// Whether `pc` is a return address: the instruction in question ends there.
    pub is_return: bool,
    /// The frame.
    pub fp: *mut Slot,
    /// Its instance; for a host function the instance that called it.
    pub ctx: *mut VmCtx,
}

/// Calls `visit` for each frame until it returns `false`. Takes time linear in the number of
/// frames visited.
///
/// # Safety
/// `store` is live, the calling thread's, and has published its innermost frame: it is in a host
/// or runtime function, or an activation has just failed.
pub unsafe fn walk(store: *const StoreCtx, visit: &mut dyn FnMut(RawFrame) -> bool) {
    // SAFETY: the caller's promise; headers were written by calls and `enter`.
    unsafe {
        let mut fp = (*store).exit_fp;
        let mut ctx = (*store).exit_ctx;
        let mut pc = (*store).exit_pc;
        let mut is_return = false;
        while !fp.is_null() && !ctx.is_null() {
            if !visit(RawFrame { pc, is_return, fp, ctx }) {
                return;
            }
            let ret = fp.offset(RET_PC).read() as *const u8;
            let caller = fp.offset(CALLER_FP).read() as *mut Slot;
            if ret == EXIT_CODE.pc() {
                ctx = fp.offset(SAVED_L0).read() as *mut VmCtx;
                pc = fp.offset(SAVED_F0).read() as *const u8;
                is_return = false;
                fp = caller;
                continue;
            }
            fp = caller;
            is_return = true;
            if ret == THUNK_CODE.pc() {
                ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
                pc = fp.offset(OWN_RESUME).read() as *const u8;
            } else {
                pc = ret;
            }
        }
    }
}
