//! Dispatch by explicit tail calls: nightly Rust. `rust-preserve-none` makes every register
//! available and saves none, so no handler has a prologue; the language guarantees the tail call.
//!
//! With 12 or more integer arguments the nightly of 2026-05-19 miscompiles this convention on
//! x86-64; there are seven, and the assertion below keeps it so.

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
                        become call!(raise, r, code)
                    }
                    Step::Exit(status) => status,
                }
            }
        }
    };
}
pub(crate) use handler;
