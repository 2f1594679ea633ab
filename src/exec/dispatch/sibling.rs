//! Dispatch by sibling calls: stable Rust, optimised x86-64 builds. LLVM turns the call that ends
//! a handler into a jump because caller and callee have the same convention and arguments and
//! nothing lives across it; asm-check proves it for every build we ship.

use super::abi::{Pc, Regs};
use crate::vm::{Slot, VmCtx};

/// A handler. `sysv64` on every operating system: it passes all eight values in registers.
pub type HandlerFn = unsafe extern "sysv64" fn(
    Pc,
    *mut Slot,
    *mut u8,
    u64,
    u64,
    *mut VmCtx,
    f64,
    f64,
) -> u64;

/// Turns `handler! { name, body, doc }` into a handler whose last act is the next dispatch.
macro_rules! handler {
    ($name:ident, $body:expr, $doc:expr) => {
        #[doc = $doc]
        pub(crate) unsafe extern "sysv64" fn $name(
            pc: Pc,
            fp: *mut Slot,
            mem: *mut u8,
            acc: u64,
            l0: u64,
            ctx: *mut VmCtx,
            fa: f64,
            f0: f64,
        ) -> u64 {
            let mut r = Regs { pc, fp, mem, acc, l0, ctx, fa, f0 };
            // SAFETY: the handler contract in `abi`, passed on unchanged.
            unsafe {
                match $body(&mut r) {
                    Step::Next => {
                        head(r.pc)(r.pc, r.fp, r.mem, r.acc, r.l0, r.ctx, r.fa, r.f0)
                    }
                    Step::To(next) => next(r.pc, r.fp, r.mem, r.acc, r.l0, r.ctx, r.fa, r.f0),
                    Step::Exit(status) => status,
                }
            }
        }
    };
}
pub(crate) use handler;

/// Runs the chain that starts at `r.pc` until it exits.
///
/// # Safety
/// The handler contract in `abi`.
pub unsafe fn run(r: Regs) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { super::head(r.pc)(r.pc, r.fp, r.mem, r.acc, r.l0, r.ctx, r.fa, r.f0) }
}
