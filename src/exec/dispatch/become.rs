//! Dispatch by explicit tail calls: nightly Rust. `rust-preserve-none` makes every register
//! available and saves none, so no handler has a prologue; the language guarantees the tail call.
//!
//! With 12 or more integer arguments the nightly of 2026-05-19 miscompiles this convention on
//! x86-64; there are seven, and the assertion below keeps it so.

use super::abi::{CtxReg, Kept, Pc, Regs, call};
use super::float::{self, FloatReg};
use crate::vm::Slot;

/// A handler.
pub type HandlerFn = unsafe extern "rust-preserve-none" fn(
    Pc,
    *mut Slot,
    *mut u8,
    u64,
    CtxReg,
    u64,
    u64,
    f64,
    f64,
    f64,
    f64,
    f64,
) -> u64;

// All that is passed but the floats are integers, of which there may be at most 11.
static_assertions::const_assert!(
    size_of::<Regs>() - size_of::<Kept>() - 4 * size_of::<FloatReg>() <= 11 * 8
);

/// Turns `handler! { name, body, doc }` into a handler that becomes the next one.
macro_rules! handler {
    ($(#[$attribute:meta])* $name:ident, $body:expr, $doc:expr) => {
        $(#[$attribute])*
        #[doc = $doc]
        // One address for each handler, and no continuation inside another function: inlined, its
        // return would keep the caller from tail-calling.
        #[inline(never)]
        pub(crate) unsafe extern "rust-preserve-none" fn $name(
            pc: Pc,
            fp: *mut Slot,
            mem: *mut u8,
            acc: u64,
            ctx_reg: CtxReg,
            l0: u64,
            l1: u64,
            fa: f64,
            fa_high: f64,
            f0: f64,
            f1: f64,
            f2: f64,
        ) -> u64 {
            let mut r = Regs {
                pc,
                op: pc,
                fp,
                mem,
                acc,
                l0,
                l1,
                fa: float::halves(fa, fa_high),
                f0: float::low_half(f0),
                f1: float::low_half(f1),
                f2: float::low_half(f2),
                ctx_reg,
                kept: NOTHING_KEPT,
            };
            // SAFETY: the handler contract in `abi`, passed on unchanged.
            unsafe {
                match $body(&mut r) {
                    Step::Next => {
                        let next = head(r.pc);
                        become call!(next, r)
                    }
                    Step::Taken => {
                        // Keeps LLVM from merging this arm with the one above.
                        core::arch::asm!("", options(nomem, nostack, preserves_flags));
                        let next = head(r.pc);
                        become call!(next, r)
                    }
                    Step::To(next) => {
                        become call!(next, r)
                    }
                    Step::Raise(code) => {
                        become call!(super::handlers::raise, r, code)
                    }
                    Step::Exit(status) => status,
                }
            }
        }
    };
}
pub(crate) use handler;

/// Keeps the next part of a fused op from changing `pc` or `fp` before a guarded access has
/// happened: both come from memory, which this pretends to change. The fault handler reads them.
/// Emits no instruction.
#[inline(always)]
pub fn settle() {
    // SAFETY: an empty template.
    unsafe { core::arch::asm!("", options(nostack, preserves_flags)) };
}

/// The same value, of which the optimiser knows nothing: it neither computes it twice nor counts a
/// loop by it in order to unroll. Emits no instruction.
#[inline(always)]
pub fn opaque(mut value: u64) -> u64 {
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// [`opaque`] for an address, which then is kept as such, not as a base and an index.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is done with it")]
pub fn opaque_ptr<T>(mut value: *mut T) -> *mut T {
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// Some value, for a register that means nothing yet. Emits no instruction.
#[inline(always)]
pub fn any() -> u64 {
    let value;
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Likewise.
#[inline(always)]
pub fn any_float() -> FloatReg {
    #[cfg(target_arch = "x86_64")]
    {
        let (low, high);
        // SAFETY: a template that is a comment.
        unsafe {
            core::arch::asm!(
                "/* {0} {1} */", out(xmm_reg) low, out(xmm_reg) high,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        float::halves(low, high)
    }
    #[cfg(not(target_arch = "x86_64"))]
    float::low_half(f64::from_bits(any()))
}

/// Runs the chain that starts at `r.pc` until it exits.
///
/// # Safety
/// The handler contract in `abi`.
// Inlined, the registers are set where they are known instead of passing through memory.
#[inline(always)]
pub unsafe fn run(r: Regs) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { call!(super::head(r.pc), r) }
}
