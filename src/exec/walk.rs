//! Walking the frames of all activations, innermost first.

use super::{EXIT_CODE, THUNK_CODE};
use crate::vm::frame::{CALLER_FP, OWN_CTX, OWN_RESUME, RET_PC};
use crate::vm::{CodePlace, Slot, StoreCtx, VmCtx};

/// A frame of a WebAssembly function met on a walk.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame {
    /// The instruction that trapped (innermost frame only), or the call that is in progress, be it
    /// of a runtime function.
    pub place: CodePlace,
    /// The frame.
    pub fp: *mut Slot,
    /// Its instance.
    pub ctx: *mut VmCtx,
}

/// Calls `visit` for each frame, native calls left out, until it returns `false`. Takes time linear in the number of
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
        let trapped = (*store).exit_pc;
        if trapped.is_null() {
            if fp < (*store).stack_base {
                return;
            }
            ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
        } else if !visit(RawFrame { place: CodePlace::Inside(trapped), fp, ctx }) {
            return;
        }
        // Here `fp` is a frame that was dealt with and `ctx` its instance: visited, or native.
        loop {
            let ret = fp.offset(RET_PC).read() as *const u8;
            fp = fp.offset(CALLER_FP).read() as *mut Slot;
            if ret == EXIT_CODE.pc() {
                // The outer activation, which is in a native call.
                if fp < (*store).stack_base {
                    return;
                }
                ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
                continue;
            }
            let pc = if ret == THUNK_CODE.pc() {
                ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
                fp.offset(OWN_RESUME).read() as *const u8
            } else {
                ret
            };
            if !visit(RawFrame { place: CodePlace::Returns(pc), fp, ctx }) {
                return;
            }
        }
    }
}
