//! Dispatch by sibling calls: stable Rust, optimised builds for x86-64 and AArch64. LLVM turns the
//! call that ends a handler into a jump because caller and callee have the same convention and arguments and
//! nothing lives across it; asm-check proves it for every build we ship.

/// Turns `handler! { name, body, doc }` into a handler whose last act is the next dispatch.
#[cfg(registers = "sysv64")]
macro_rules! handler {
    ($($definition:tt)*) => { handler_with! { "sysv64" $($definition)* } };
}
#[cfg(registers = "aapcs64")]
macro_rules! handler {
    ($($definition:tt)*) => { handler_with! { "C" $($definition)* } };
}
pub(crate) use handler;

macro_rules! handler_with {
    ($convention:literal $(#[$attribute:meta])* $name:ident, $body:expr, $doc:expr) => {
        $(#[$attribute])*
        #[doc = $doc]
        #[allow(improper_ctypes_definitions, reason = "see the type of handlers")]
        // One address for each handler, and no continuation inside another function: inlined, its
        // return would keep the caller from tail-calling.
        #[inline(never)]
        pub(crate) unsafe extern $convention fn $name(
            pc: Pc,
            fp: *mut Slot,
            mem: *mut u8,
            acc: u64,
            l0: u64,
            l1: u64,
            fa: FloatReg,
            f0: FloatReg,
            f1: FloatReg,
            f2: FloatReg,
            ctx_reg: CtxReg,
        ) -> u64 {
            let kept = NOTHING_KEPT;
            let mut r = Regs { pc, op: pc, fp, mem, acc, l0, l1, fa, f0, f1, f2, ctx_reg, kept };
            // SAFETY: the handler contract in `abi`, passed on unchanged.
            unsafe {
                match $body(&mut r) {
                    Step::Next => {
                        call!(head(r.pc), r)
                    }
                    Step::Taken => {
                        // Keeps LLVM from merging this arm with the one above.
                        core::arch::asm!("", options(nomem, nostack, preserves_flags));
                        #[allow(unused_mut, reason = "see below")]
                        let mut next = head(r.pc);
                        // On AArch64, at `opt-level = "s"`, it would merge the load as well, and move `pc` for both
                        // arms in front of the access that may fault.
                        #[cfg(target_arch = "aarch64")]
                        core::arch::asm!("/* {0} */", inout(reg) next, options(nomem, nostack, preserves_flags));
                        call!(next, r)
                    }
                    Step::To(next) => call!(next, r),
                    Step::Raise(code) => {
                        call!(raise, r, code)
                    }
                    Step::Exit(mut status) => {
                        // Hides the status: LLVM would let handlers call a continuation whose
                        // result it knows, and return that result, where they must jump.
                        core::arch::asm!("/* {0} */", inout(reg) status, options(nomem, nostack, preserves_flags));
                        status
                    }
                }
            }
        }
    };
}
pub(crate) use handler_with;
